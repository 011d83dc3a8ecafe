"""The labelled pictures that something is measured on."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskdet import files, images
from maskdet.classes import CLASSES
from maskdet.errors import InputError
from maskdet.labels import dataset
from maskdet.labels.dataset import Sample
from maskdet.labels.manifest import Manifest, part
from maskdet.labels.voc import VocObject
from maskdet.types import Box

Tags = Mapping[tuple[str, int], frozenset[str]]
"""By a picture's name and a face's ``index``, what somebody has noted of it."""

SIZES = {
    "under 24 px": (0.0, 24.0),
    "24 to 48 px": (24.0, 48.0),
    "48 to 96 px": (48.0, 96.0),
    "from 96 px": (96.0, math.inf),
}
"""Sizes of a face, by the shorter side of its box: from, and under."""

MIN_SIDE = 24
"""Of a face in pixels, below which nobody can ask much of a classifier."""


def shorter_side(box: Box) -> float:
    """Return the shorter side of a box in pixels."""
    return min(box.width, box.height)


@dataclass(frozen=True, slots=True)
class Picture:
    """A labelled picture.

    ``name`` is its path below the data's folder, with ``/``. ``faces`` are the true faces;
    if the picture is ``whole``, it is a crop, and its one face fills it. ``source`` is what the
    manifest says of where it comes from.
    """

    path: Path
    name: str
    faces: tuple[VocObject, ...]
    whole: bool = False
    source: str = ""

    @property
    def counted(self) -> list[VocObject]:
        """The faces that are not difficult."""
        return [face for face in self.faces if not face.difficult]


@dataclass(slots=True)
class Truth:
    """Pictures in the order of their names, and in words what could not be used."""

    root: Path
    pictures: list[Picture]
    problems: list[str] = field(default_factory=list)


def load(root: Path, split: str | None = None, exclude: Sequence[str] = ()) -> Truth:
    """Read the labels of a folder: photographs with VOC files, or folders of crops.

    Args:
        root: see ``labels.dataset.load``.
        split: only pictures that the manifest puts in this part, one of ``manifest.PARTS``.
        exclude: see ``labels.dataset.load``; the log warns of what leaves nothing out.

    Raises:
        InputError: nothing there is labelled, or nothing of this part.
    """
    data = dataset.load([root], exclude)
    dataset.warn_of_idle(exclude, data)
    manifest = Manifest(root)
    labelled: dict[Path, list[Sample]] = {path: [] for path in data.empty}
    for sample in data.samples:
        labelled.setdefault(sample.path, []).append(sample)
    truth = Truth(root, [], data.problems)
    for path, samples in sorted(labelled.items()):
        name = path.relative_to(root).as_posix()
        row = manifest.get(name)
        if split and part(row.get("split") or "") != split:
            continue
        whole = any(sample.box is None for sample in samples)
        try:
            # What is labelled as background is no face.
            shown = tuple(_face(sample) for sample in samples if sample.label in CLASSES)
        except InputError as error:
            truth.problems.append(str(error))
            continue
        truth.pictures.append(Picture(path, name, shown, whole, row.get("source") or ""))
    if not any(picture.counted for picture in truth.pictures):
        raise InputError(
            f"no face to measure on in {root}"
            + (f", part {split}: 'maskdet split' gives each picture its part" if split else "")
        )
    return truth


def _face(sample: Sample) -> VocObject:
    box = sample.box or Box(0, 0, *images.size(sample.path))
    return VocObject(sample.index, sample.label, box, sample.difficult)


def read_tags(path: Path, truth: Truth) -> tuple[Tags, list[str]]:
    """Read what is noted of faces.

    Args:
        path: a CSV file with the columns ``file`` (below the data's folder), ``object`` (the
            face's place in its VOC file, from 0) and ``tags`` (divided by ``;`` or spaces).
        truth: the pictures.

    Returns:
        The tags of faces, and in words the rows that name none.

    Raises:
        InputError: the file cannot be read or lacks a column.
    """
    rows = csv.DictReader(io.StringIO(files.read_text(path)))
    try:
        columns = rows.fieldnames or ()
        numbered = [(rows.line_num, row) for row in rows]
    except csv.Error as error:
        line = rows.reader.line_num  # its own is that of the last good row
        raise InputError(f"cannot read {path}: line {line}: {error}") from error
    missing = {"file", "object", "tags"} - set(columns)
    if missing:
        header = ",".join(columns)
        raise InputError(
            f"{path} has no column {', '.join(sorted(missing))}: its first line is {header!r}"
        )
    known = {picture.name: {face.index for face in picture.faces} for picture in truth.pictures}
    listed = {path.relative_to(truth.root).as_posix() for path in images.find(truth.root)}
    tags: dict[tuple[str, int], frozenset[str]] = {}
    problems, elsewhere = [], []
    for line, row in numbered:
        name, number = row["file"], row["object"] or ""
        if name in known and number.isdecimal() and int(number) in known[name]:
            place = (name, int(number))
            words = frozenset(filter(None, re.split(r"[;\s]+", row["tags"] or "")))
            tags[place] = tags.get(place, frozenset()) | words
        elif name in known:
            problems.append(f"{path}: line {line}: no face {number} in {name}")
        elif name not in listed:  # else of a picture that is left out
            elsewhere.append(name)
    if elsewhere:
        problems.append(f"{path}: {len(elsewhere)} rows name no picture, first {elsewhere[0]}")
    return tags, problems
