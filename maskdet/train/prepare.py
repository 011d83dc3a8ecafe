"""From folders to faces on disk that are split and ready to train on."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet.classes import KNOWN
from maskdet.errors import InputError
from maskdet.hashing import NEAR_DUPLICATE
from maskdet.labels import dataset
from maskdet.labels.dataset import Sample
from maskdet.labels.manifest import TEST, VAL
from maskdet.labels.split import clusters, validation_mask
from maskdet.neighbours import near_links
from maskdet.progress import SILENT, Progress
from maskdet.train.faces import FaceSet, cut
from maskdet.train.options import TrainOptions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Faces with their classes and split.

    ``classes`` are those that the data holds, in the order of the network's output; ``label``
    (int64, shape (n,)) counts in it; ``validation`` and ``training`` are bool of shape (n,). In
    neither of them are extras that show what validation faces show.
    """

    faces: FaceSet
    file: Path
    classes: tuple[str, ...]
    label: npt.NDArray[np.int64]
    validation: npt.NDArray[np.bool_]
    training: npt.NDArray[np.bool_]
    cluster: npt.NDArray[np.int64]

    def targets(self) -> npt.NDArray[np.float32]:
        """Return the labels one-hot: float32, shape (n, classes)."""
        return np.eye(len(self.classes), dtype=np.float32)[self.label]

    def validated(self) -> list[str]:
        """Return the names of the pictures of the validation faces."""
        held = np.flatnonzero(self.validation).tolist()
        return sorted({self.faces.samples[place].name for place in held})

    def counts(self, part: npt.NDArray[np.bool_]) -> dict[str, int]:
        """Return the number of faces of each class in a part of the set."""
        found = np.bincount(self.label[part], minlength=len(self.classes))
        return dict(zip(self.classes, found.tolist(), strict=True))


def load(
    roots: Sequence[Path], extra: Sequence[Path], exclude: Sequence[str] = ()
) -> dataset.Dataset:
    """Read the labels of the data and of extra faces; see ``labels.dataset.load``.

    Args:
        roots: the data.
        extra: folders of faces that are trained on, but never in the validation part; what
            their manifests say of parts has no meaning then, but ``test``.
        exclude: what to leave out of either; the log warns of what leaves nothing out.

    Raises:
        InputError: nothing is usable.
    """
    data = dataset.load(roots, exclude)
    if extra:
        more = dataset.load(extra, exclude)
        data.samples += [replace(sample, extra=True) for sample in more.samples]
        data.problems += more.problems
        data.excluded |= more.excluded
        data.empty |= {path: replace(sample, extra=True) for path, sample in more.empty.items()}
    dataset.warn_of_idle(exclude, data)
    return data


def collect(
    roots: Sequence[Path], options: TrainOptions, extra: Sequence[Path] = ()
) -> dataset.Dataset:
    """Read the labels, and see whether they can be trained on before anything long starts.

    Args:
        roots, extra: see ``load``.
        options: see TrainOptions.

    Raises:
        InputError: nothing usable, a single class, or a class that cannot be split.
    """
    data = load(roots, extra, options.exclude)
    samples = usable(data, options.limit, options.seed)
    split(samples, None, options.validation, options.seed, options.limit)
    return dataset.Dataset(samples, data.problems)


def prepare(
    data: dataset.Dataset, work: Path, options: TrainOptions, progress: Progress = SILENT
) -> Prepared:
    """Cut the faces out and split them.

    Where the manifests say which part each picture is in, ``val`` is the validation part;
    else faces of one group, and of pictures whose pHash is at most 6 bits apart, are on the
    same side. Extras are for training alone, and left out where they would be on the other
    side. What cannot be used is reported to the log.

    Args:
        data: what ``collect`` returned.
        work: an existing folder for the faces (``faces.npy``).
        options: see TrainOptions.
        progress: makes the bars.

    Raises:
        InputError: a class has no picture that can be read, or cannot be split.
        OutputError: the disk is full.
    """
    file = work / "faces.npy"
    faces = cut(data.samples, file, options.image_size, options.margin, progress)
    faces = replace(faces, problems=[*data.problems, *faces.problems])
    for problem in faces.problems:
        log.warning("%s", problem)
    _same_classes(data.samples, faces.samples, "no picture of it can be read")
    cluster, validation = split(
        faces.samples,
        near_links(faces.hashes, NEAR_DUPLICATE),
        options.validation,
        options.seed,
        options.limit,
    )
    names = {sample.label for sample in faces.samples}
    classes = tuple(name for name in KNOWN if name in names)
    label = np.array([classes.index(sample.label) for sample in faces.samples], np.int64)
    shared = np.isin(cluster, cluster[validation]) & ~validation
    extra = np.array([sample.extra for sample in faces.samples])
    if np.any(shared & ~extra):
        log.warning(
            "%d training faces share a group or near-duplicates with the validation part: "
            "'maskdet split --check' lists them",
            np.sum(shared & ~extra),
        )
    prepared = Prepared(
        faces, file, classes, label, validation, ~validation & ~(shared & extra), cluster
    )
    log.info("training faces: %s", prepared.counts(prepared.training))
    log.info("validation faces: %s", prepared.counts(validation))
    if np.any(shared & extra):
        log.info("left out as like a validation face: %s", prepared.counts(shared & extra))
    return prepared


def split(
    samples: Sequence[Sample],
    pairs: npt.NDArray[np.int64] | None,
    fraction: float,
    seed: int,
    limit: int | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Split samples into training and validation, as their manifests say or at random.

    Args:
        samples: the labelled faces; extras are never in the validation part.
        pairs: near-duplicates, see ``labels.split.clusters``.
        fraction, seed: see ``labels.split.validation_mask``.
        limit: what was left of more by ``usable``.

    Returns:
        The cluster of each sample, int64, and whether it is in the validation part, bool.

    Raises:
        InputError: a class cannot be split.
    """
    cluster = clusters([sample.group for sample in samples], pairs)
    own = np.array([not sample.extra for sample in samples])
    labels = [sample.label for sample in samples if not sample.extra]
    only_extra = {sample.label for sample in samples} - set(labels)
    if only_extra:
        raise InputError(
            f"class {min(only_extra)} is among the extra faces alone, so nothing could be said of "
            "how well it is learnt: add pictures of it to the others"
        )
    validation = np.array([sample.split == VAL and not sample.extra for sample in samples])
    if not validation.any() or len(set(labels)) < 2:
        validation[own] = validation_mask(labels, cluster[own], fraction, seed)
        return cluster, validation
    for name in sorted(set(labels)):
        held = validation[own][np.array(labels) == name]
        if held.all() or not held.any():
            raise InputError(
                f"class {name} has no face in the part {'train' if held.all() else 'val'} that "
                "manifest.csv gives: add pictures of it, or 'maskdet split --anew'"
                + (", or raise --limit" if limit else "")
            )
    return cluster, validation


def _same_classes(before: Sequence[Sample], after: Sequence[Sample], why: str) -> None:
    """Refuse to train without a class that the data was meant to have."""
    lost = {sample.label for sample in before} - {sample.label for sample in after}
    if lost:
        raise InputError(f"class {min(lost)} has no usable face: {why}")


def same_parts(samples: Sequence[Sample]) -> None:
    """See that the manifests give all pictures a part, or none; extras need none.

    Raises:
        InputError: only some have one.
    """
    pictures = {sample.path: sample for sample in samples if not sample.extra}
    without = [sample.name for sample in pictures.values() if sample.split is None]
    if 0 < len(without) < len(pictures):
        # Taken for training, they might show what the test part shows.
        raise InputError(
            f"{len(without)} pictures are in none of the parts that manifest.csv gives the others, "
            f"first {without[0]}: 'maskdet split' over all these folders gives them one"
        )


def usable(data: dataset.Dataset, limit: int | None, seed: int) -> list[Sample]:
    """Return the samples to train on: none ``difficult`` or of the part ``test``.

    At most ``limit`` are drawn, see ``draw``.

    Raises:
        InputError: of a class there are only such faces, or only some of the pictures have
            a part.
    """
    clear = [sample for sample in data.samples if not sample.difficult]
    _same_classes(data.samples, clear, "every face of it is marked as difficult")
    samples = [sample for sample in clear if sample.split != TEST]
    _same_classes(clear, samples, "every face of it is in the part test")
    same_parts(clear)
    parts = [(sample.split, sample.extra) for sample in samples]
    chosen = draw([sample.label for sample in samples], parts, limit, seed)
    return [samples[place] for place in chosen]


def draw(
    labels: Sequence[str], parts: Sequence[Hashable], limit: int | None, seed: int
) -> list[int]:
    """Draw at most ``limit`` of what has these labels and is in these parts.

    They are as even over the labels as they come, and of a label from its parts in proportion,
    at least one of each.

    Returns:
        Their places, in order; all of them without a limit.
    """
    if limit is None or limit >= len(labels):
        return list(range(len(labels)))
    order = np.random.default_rng(seed).permutation(len(labels)).tolist()
    kinds = list(zip(labels, parts, strict=True))
    held, drawn = Counter(kinds), Counter[tuple[str, Hashable]]()
    share = {}
    for place in order:
        share[place] = drawn[kinds[place]] / held[kinds[place]]
        drawn[kinds[place]] += 1
    seen: Counter[str] = Counter()
    rank = {}
    for place in sorted(order, key=share.__getitem__):
        rank[place] = (seen[labels[place]], place)
        seen[labels[place]] += 1
    return sorted(sorted(rank, key=rank.__getitem__)[:limit])
