"""YOLO's label files, as ultralytics reads and writes them: a line ``class cx cy w h`` a face.

The format: https://docs.ultralytics.com/datasets/detect/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.labels.manifest import PARTS
from maskdet.labels.voc import VocObject, inside
from maskdet.types import Box

CONFIG = "data.yaml"

DIGITS = 9
"""Decimals of a coordinate: a box of whole pixels comes back as such, however large the picture."""

_NAMES = {"train": "train", "val": "val", "valid": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class Config:
    """A data set's ``data.yaml``: the name of each class number, and where its parts lie.

    ``parts`` has a list of folders or of text files with paths for each of ``manifest.PARTS``,
    which lie in the folder ``path``: an absolute one, or from the file's own on. ``pose`` is True
    where key points follow each box.
    """

    names: Mapping[int, str]
    parts: Mapping[str, Sequence[str]]
    path: str = ""
    pose: bool = False


def parse_config(text: str) -> Config:
    """Read a ``data.yaml``.

    Raises:
        InputError: it is no YAML, or has no ``names``.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"no readable YAML: {error}") from error
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(key).isdecimal() for key in names):
        raise InputError("no list 'names' of classes")
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for key, part in _NAMES.items():
        if not document.get(key):
            continue
        value = document.get(key)
        parts[part] += [str(item) for item in (value if isinstance(value, list) else [value])]
    path, pose = str(document.get("path") or ""), bool(document.get("kpt_shape"))
    return Config({int(key): str(name) for key, name in names.items()}, parts, path, pose)


def format_config(names: Sequence[str], parts: Mapping[str, str]) -> str:
    """Return the text of a ``data.yaml`` with these classes and parts."""
    text: str = yaml.safe_dump({**parts, "names": dict(enumerate(names))}, sort_keys=False)
    return text


def parse(
    text: str, names: Mapping[int, str], width: int, height: int, pose: bool = False
) -> tuple[list[VocObject], list[str], int]:
    """Read the lines of one picture.

    Args:
        text: of the label file; an empty one is a picture without a face.
        names: of the classes.
        width: of the picture in pixels.
        height: of the picture in pixels.
        pose: key points follow each box, see ``Config``.

    Returns:
        The faces, their boxes clipped to the picture; a sentence for each line that could not
        be used; and how many lines had an outline, of which only the box around it is kept, or
        key points.
    """
    objects: list[VocObject] = []
    problems: list[str] = []
    outlines = 0
    for index, line in enumerate(text.splitlines()):
        values = line.split()
        if not values:
            continue
        try:
            label, box = _line(values[:5] if pose else values, names, width, height)
        except ValueError as error:
            problems.append(f"line {index + 1}: {error}")
            continue
        objects.append(VocObject(len(objects), label, box))
        outlines += len(values) > 6
    return objects, problems, outlines


def _line(
    values: Sequence[str], names: Mapping[int, str], width: int, height: int
) -> tuple[str, Box]:
    numbers = [float(value) for value in values]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{' '.join(values)} are not all numbers")
    name = names.get(int(numbers[0]))
    if name is None or numbers[0] != int(numbers[0]):
        raise ValueError(f"class number {values[0]} has no name")
    label = canonical(name)
    if label is None:
        raise ValueError(f"unknown class {name!r}")
    if len(numbers) in (5, 6):  # the sixth is how sure a detector was
        cx, cy, w, h = numbers[1:5]
        corners = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
    elif len(numbers) >= 7 and len(numbers) % 2:
        xs, ys = numbers[1::2], numbers[2::2]
        corners = (min(xs), min(ys), max(xs), max(ys))
    else:
        raise ValueError(f"{len(numbers)} numbers are neither a box nor an outline")
    x1, x2 = (round(corners[k] * width, 4) for k in (0, 2))
    y1, y2 = (round(corners[k] * height, 4) for k in (1, 3))
    if not (x1 < x2 and y1 < y2):
        raise ValueError("the box is empty")
    try:
        return label, inside(Box(x1, y1, x2, y2), width, height)
    except ValueError as error:
        raise ValueError(f"{error}, 0 to 1: {' '.join(values[1:])}") from error


def format_lines(
    objects: Sequence[VocObject], names: Sequence[str], width: int, height: int
) -> str:
    """Return the label file of one picture: a line a face, empty where there is none."""
    lines = []
    for item in objects:
        box = item.box
        centre = ((box.x1 + box.x2) / 2 / width, (box.y1 + box.y2) / 2 / height)
        values = (*centre, box.width / width, box.height / height)
        lines.append(f"{names.index(item.label)} {' '.join(f'{v:.{DIGITS}f}' for v in values)}\n")
    return "".join(lines)
