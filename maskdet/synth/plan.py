"""What is to be made of which faces: decided before the first picture is read."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from maskdet import images
from maskdet.classes import WITHOUT_MASK
from maskdet.labels import voc
from maskdet.labels.dataset import Sample
from maskdet.labels.records import Names
from maskdet.layout import voc_path
from maskdet.synth.styles import LABELS, MASK_STYLES, SHARES

SMALL = "too small"
"""Why a face is left out; the other reasons show when it is looked at (``worker``)."""


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
class Target:
    """A face to be treated, and its place in the VOC file from 0 (0 of a whole picture)."""

    sample: Sample
    index: int


@dataclass(frozen=True)
class Job:
    """One picture to make.

    ``targets`` are faces of one picture; ``number`` counts the pictures made of them from 1;
    ``seed`` is this picture's own; ``stem`` is its path, without what all names end with, below
    the output's folder (of whole pictures: below the folder of their class); ``other`` is a
    picture to take pieces from.
    """

    targets: tuple[Target, ...]
    style: str
    number: int
    seed: tuple[int, ...]
    stem: str
    other: Path

    @property
    def label(self) -> str:
        return LABELS[self.style]

    def file(self, index: int) -> str:
        """Return the name of the picture of which the first treated face is ``index``."""
        folder = self.label if self.targets[0].sample.box is None else ""
        return str(PurePosixPath(folder, f"{self.stem}_{index}_{self.style}-{self.number}.jpg"))


def plan(
    root: Path, samples: Sequence[Sample], options: SynthOptions
) -> tuple[list[Job], Counter[str]]:
    """Return what is to be made, in a stable order, and how many faces are left out, and why.

    Args:
        root: the folder that the samples lie in.
        samples: all of it, as ``dataset.load`` returns them.
        options: see SynthOptions.

    Raises:
        InputError: a VOC file can no longer be read.
    """
    targets, skipped = [], Counter[str]()
    for target in _targets(samples):
        box = target.sample.box
        if box and min(box.width, box.height) < options.min_face:
            skipped[SMALL] += 1
        else:
            targets.append(target)
    if options.limit is not None and options.limit < len(targets):
        chosen = np.random.default_rng(options.seed).permutation(len(targets))[: options.limit]
        targets = [targets[index] for index in sorted(chosen)]
    by_picture: dict[Path, list[Target]] = {}
    for target in targets:
        by_picture.setdefault(target.sample.path, []).append(target)
    names = Names(by_stem=True)
    parts = {sample.path: sample.split for sample in samples}
    # Nothing of a picture that is to be tested with comes into one that is to be trained on.
    others = {part: [p for p, of in parts.items() if of == part] for part in set(parts.values())}
    jobs: list[Job] = []
    for some in by_picture.values():
        stem = names.take(_name(root, some[0].sample))
        jobs += _jobs(some, stem, others[some[0].sample.split], options)
    return jobs, skipped


def read_voc(picture: Path) -> tuple[voc.VocObject, ...]:
    """Return the labelled faces of a photograph.

    Raises:
        InputError: its VOC file or the head of the photograph cannot be read.
    """
    return voc.read(voc_path(picture), *images.size(picture)).objects


def _targets(samples: Sequence[Sample]) -> Iterator[Target]:
    """Yield the bare faces, each with its place in its picture's VOC file."""
    by_picture: dict[Path, list[Sample]] = {}
    for sample in samples:
        if sample.label == WITHOUT_MASK and not sample.difficult:
            by_picture.setdefault(sample.path, []).append(sample)
    for path, some in by_picture.items():
        if some[0].box is None:
            yield Target(some[0], 0)
            continue
        places = {item.box: item.index for item in read_voc(path) if item.label == WITHOUT_MASK}
        yield from (Target(sample, places[sample.box]) for sample in some if sample.box)


def _name(root: Path, sample: Sample) -> str:
    """Return the path of what is made of a sample, but for how it ends."""
    path = sample.path.relative_to(root)
    return path.name if sample.box is None else path.as_posix()


def _jobs(
    targets: Sequence[Target], name: str, others: Sequence[Path], options: SynthOptions
) -> Iterator[Job]:
    shares = np.array([SHARES[style] for style in options.styles])
    sample = targets[0].sample
    digest = hashlib.sha256(os.fsencode(sample.name)).digest()
    for number in range(1, options.count + 1):
        seed = (options.seed, int.from_bytes(digest[:8]), number)
        rng = np.random.default_rng((*seed, 0))
        style = str(rng.choice(list(options.styles), p=shares / shares.sum()))
        other = others[int(rng.integers(len(others)))]
        stem = str(PurePosixPath(name).with_suffix(""))
        yield Job(tuple(targets), style, number, seed, stem, other)
