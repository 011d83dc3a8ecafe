"""What is to be made of which faces: decided before the first picture is read."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from maskdet.classes import WITHOUT_MASK
from maskdet.labels.dataset import Sample
from maskdet.labels.records import Names
from maskdet.synth.styles import LABELS, MASK_STYLES, OCCLUDED, SHARES

SMALL = "too small"
"""Why a face is left out; the other reasons show when it is looked at (``worker``)."""

_OTHERS = 3
"""Pictures that are looked through for a piece without a face."""


@dataclass(frozen=True)
class SynthOptions:
    """What is made of which faces.

    ``styles`` are of ``styles.STYLES``; ``count`` is of pictures for each face; ``limit`` the
    most faces that are taken, drawn by ``seed``; ``templates`` a folder, None to draw all masks,
    of which ``drawn`` is the part that is drawn nevertheless; ``min_face`` in pixels, ``max_yaw``
    in degrees; ``exclude`` as for ``dataset.load``; ``overwrite`` allows for files that are there;
    ``workers`` is how many processes share the work, None for one a core.
    """

    styles: Sequence[str] = MASK_STYLES
    count: int = 1
    limit: int | None = None
    templates: Path | None = None
    drawn: float = 0.0
    seed: int = 0
    min_face: float = 40.0
    max_yaw: float = 35.0
    exclude: Sequence[str] = ()
    overwrite: bool = False
    workers: int | None = None


@dataclass(frozen=True)
class Variant:
    """One picture to make: ``number`` counts those of an original from 1, ``seed`` is its own."""

    number: int
    style: str
    seed: tuple[int, ...]

    @property
    def label(self) -> str:
        return LABELS[self.style]


@dataclass(frozen=True)
class Job:
    """What is to be made of one picture.

    ``targets`` are its faces; ``variants`` are made of all of them; ``stem`` is their path,
    without what all names end with, below the output's folder (of whole pictures: below the folder
    of their class); ``difficult`` are the places in the VOC file of all faces that are, be it for
    what was to be excluded; ``others`` are of other pictures, to cut a piece out of one of them.
    """

    targets: tuple[Sample, ...]
    variants: tuple[Variant, ...]
    stem: str
    difficult: frozenset[int]
    others: tuple[Sample, ...] = ()

    def file(self, index: int, variant: Variant) -> str:
        """Return the name of a picture of which the first treated face is ``index``."""
        folder = variant.label if self.targets[0].box is None else ""
        name = f"{self.stem}_{index}_{variant.style}-{variant.number}.jpg"
        return str(PurePosixPath(folder, name))


def plan(
    root: Path, samples: Sequence[Sample], options: SynthOptions
) -> tuple[list[Job], Counter[str]]:
    """Return what is to be made, in a stable order, and how many faces are left out, and why.

    Args:
        root: the folder that the samples lie in.
        samples: all of it, as ``dataset.load`` returns them, pictures without a face included.
        options: see SynthOptions.
    """
    bare = [item for item in samples if item.label == WITHOUT_MASK and not item.difficult]
    targets = [
        item
        for item in bare
        if not item.box or min(item.box.width, item.box.height) >= options.min_face
    ]
    skipped = Counter([SMALL] * (len(bare) - len(targets)))
    if options.limit is not None and options.limit < len(targets):
        chosen = np.random.default_rng(options.seed).permutation(len(targets))[: options.limit]
        targets = [targets[index] for index in sorted(chosen)]
    by_picture: dict[Path, list[Sample]] = {}
    for target in targets:
        by_picture.setdefault(target.path, []).append(target)
    difficult: defaultdict[Path, set[int]] = defaultdict(set)
    for item in samples:
        if item.difficult:
            difficult[item.path].add(item.index)
    pictures = list({item.path: item for item in samples}.values())
    names = Names(by_stem=True)
    jobs: list[Job] = []
    for path, some in by_picture.items():
        stem = str(PurePosixPath(names.take(_name(root, some[0]))).with_suffix(""))
        variants = tuple(_variants(some[0].name, options))
        hidden = any(variant.style == OCCLUDED for variant in variants)
        others = tuple(_others(some[0], pictures, options.seed)) if hidden else ()
        jobs.append(Job(tuple(some), variants, stem, frozenset(difficult[path]), others))
    return jobs, skipped


def _others(sample: Sample, pictures: Sequence[Sample], seed: int) -> list[Sample]:
    """Choose pictures that show something else; none of another split, or parts would mix."""
    rng = np.random.default_rng((seed, _digest(sample.name), 0))
    drawn = rng.choice(len(pictures), min(len(pictures), 8 * _OTHERS), replace=False)
    found = [pictures[index] for index in drawn]
    return [item for item in found if item.group != sample.group and item.split == sample.split][
        :_OTHERS
    ]


def _name(root: Path, sample: Sample) -> str:
    """Return the path of what is made of a sample, but for how it ends."""
    path = sample.path.relative_to(root)
    return path.name if sample.box is None else path.as_posix()


def _variants(name: str, options: SynthOptions) -> Iterator[Variant]:
    shares = np.array([SHARES[style] for style in options.styles])
    for number in range(1, options.count + 1):
        seed = (options.seed, _digest(name), number)
        rng = np.random.default_rng((*seed, 0))
        style = str(rng.choice(list(options.styles), p=shares / shares.sum()))
        yield Variant(number, style, seed)


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8])
