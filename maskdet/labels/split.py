"""Splitting a labelled set so that no photograph or person is on both sides."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskdet.errors import InputError


def clusters(
    groups: Sequence[str], near: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.int64]:
    """Number the sets of samples that must stay together.

    Args:
        groups: the group of each sample.
        near: int64, shape (pairs, 2): pairs of samples that are near-duplicates.

    Returns:
        int64, shape (samples,): samples with the same number are linked by a common group
        or by a chain of near-duplicates.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    links = np.empty((0, 2), np.int64) if near is None else group[near]
    graph = coo_array((np.ones(len(links)), links.T), shape=(len(names), len(names)))
    _, component = connected_components(graph, directed=False)
    return np.asarray(component[group], np.int64)


def validation_mask(
    labels: Sequence[str], cluster: npt.NDArray[np.int64], fraction: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Choose the validation part: stratified by class, clusters undivided (scikit-learn).

    Args:
        labels: the class of each sample.
        cluster: the cluster of each sample, see ``clusters``.
        fraction: about how much goes to validation, 0 to 0.5.
        seed: of the choice.

    Returns:
        bool, shape (samples,): True for validation. Every class is on both sides.

    Raises:
        InputError: there is one class only, or one whose samples cannot be divided.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # of the extra train

    names = sorted(set(labels))
    label = np.asarray(labels)
    if len(names) < 2:
        raise InputError(f"only one class ({names[0]}): at least two are needed to train")
    for name in names:
        if len(np.unique(cluster[label == name])) < 2:
            raise InputError(
                f"class {name} cannot be split: its {np.sum(label == name)} faces belong to one "
                "group (the same photo, person or near-duplicates). Add other pictures of it"
            )
    most = max(len(np.unique(cluster[label == name])) for name in names)
    folds = min(max(2, round(1 / fraction)), most)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    share = np.array([np.mean(label == name) for name in names])
    best: npt.NDArray[np.bool_] | None = None
    least = np.inf
    with warnings.catch_warnings():
        # Of a class with fewer faces than folds; whether a fold has every class is seen below.
        warnings.simplefilter("ignore", UserWarning)
        parts = list(splitter.split(label, label, cluster))
    for _, chosen in parts:
        mask = np.zeros(len(label), bool)
        mask[chosen] = True
        counts = np.array([np.sum(label[mask] == name) for name in names])
        left = np.array([np.sum(label[~mask] == name) for name in names])
        if counts.all() and left.all():
            distance = float(np.abs(counts / len(label) - share / folds).sum())
            if distance < least:
                best, least = mask, distance
    if best is None:
        raise InputError(
            "the groups are too few or too uneven to have every class in training and validation: "
            "add pictures of other people and places"
        )
    return best


def divide(
    counts: npt.NDArray[np.int64],
    cluster: npt.NDArray[np.int64],
    fixed: npt.NDArray[np.int64],
    fractions: Sequence[float],
    seed: int,
) -> npt.NDArray[np.int64]:
    """Divide pictures into parts: stratified by class, clusters undivided.

    As in scikit-learn's StratifiedGroupKFold, clusters are dealt out one by one, the largest
    first, each to the part that is then least full of what it holds; but the parts may be of
    any size, and may hold something already. Before that, every class is given to every part
    as far as it has clusters enough, in the order of the parts: a large one to the largest part,
    small ones to the others.

    Args:
        counts: int64, shape (pictures, classes): the faces of each class.
        cluster: int64, shape (pictures,): see ``clusters``.
        fixed: int64, shape (pictures,): the part that a picture is in already, or -1. A cluster
            in several goes to the last one of them as a whole.
        fractions: about how much each part shall hold, together 1.
        seed: of the order among clusters of one size.

    Returns:
        int64, shape (pictures,): the part of each picture.
    """
    # Pictures count like one more class, so that those without a face are spread, too.
    columns = np.hstack([counts, np.ones((len(counts), 1), np.int64)])
    held = np.zeros((cluster.max(initial=-1) + 1, columns.shape[1]))
    np.add.at(held, cluster, columns)
    part = np.full(len(held), -1, np.int64)
    np.maximum.at(part, cluster, fixed)

    total = np.maximum(held.sum(axis=0), 1)
    target = np.outer(fractions, total)
    have = np.zeros_like(target)
    np.add.at(have, part[part >= 0], held[part >= 0])
    order = np.random.default_rng(seed).permutation(len(held))
    order = order[np.argsort(-(held / total)[order].sum(axis=1), kind="stable")]
    wanted = [to for to, fraction in enumerate(fractions) if fraction > 0]

    def give(number: int, to: int) -> None:
        part[number] = to
        have[to] += held[number]

    classes = np.arange(counts.shape[1])
    for name in classes[np.argsort((held[:, classes] > 0).sum(axis=0), kind="stable")]:
        for to in wanted:
            free = order[(part[order] < 0) & (held[order, name] > 0)]
            if not have[to, name] and len(free):
                give(free[0] if fractions[to] == max(fractions) else free[-1], to)
    for number in order[part[order] < 0].tolist():
        # How full the parts would be, of what the cluster holds.
        full = ((have + held[number])[wanted] / target[wanted]) @ (held[number] / total)
        give(number, wanted[int(np.argmin(full))])
    return np.asarray(part[cluster], np.int64)
