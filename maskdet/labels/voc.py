"""Pascal VOC files: the truth about boxes and classes (Everingham et al., 2010)."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.types import Box


@dataclass(frozen=True, slots=True)
class VocObject:
    """One labelled face; ``label`` is one of ``classes.KNOWN``, ``index`` its place in the file."""

    index: int
    label: str
    box: Box
    difficult: bool = False


@dataclass(frozen=True, slots=True)
class VocFile:
    """A VOC file's objects, and the problems of those that had to be left out."""

    objects: tuple[VocObject, ...]
    problems: tuple[str, ...]


def read(path: str | os.PathLike[str], width: int, height: int) -> VocFile:
    """Read the boxes of one picture.

    Args:
        path: the XML file, as labelImg, CVAT or Kaggle's data sets write it.
        width, height: of the picture in pixels; what a file says of it itself is often wrong.

    Returns:
        The objects with their boxes clipped to the picture. An object without a box or
        class, with a class that means nothing here, turned round or outside the picture is
        left out and named in ``problems``.

    Raises:
        InputError: the file is missing or no VOC file at all.
    """
    try:
        root = parse(Path(path)).getroot()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise InputError(f"{path} is not readable XML: {error}") from error
    if root is None or root.tag != "annotation":
        raise InputError(f"{path} is XML, but not a Pascal VOC file (no <annotation>)")
    objects, problems = [], []
    for index, node in enumerate(root.iter("object")):
        try:
            objects.append(_object(index, node, width, height))
        except ValueError as error:
            problems.append(f"{path}: object {index}: {error}")
    return VocFile(tuple(objects), tuple(problems))


def _object(index: int, node: Element, width: int, height: int) -> VocObject:
    name = (node.findtext("name") or "").strip()
    label = canonical(name)
    if label is None:
        raise ValueError(f"unknown class {name!r}")
    corners = [_number(node, key) for key in ("xmin", "ymin", "xmax", "ymax")]
    box = Box(*corners)
    if not (box.x1 < box.x2 and box.y1 < box.y2):
        raise ValueError(f"the box {box.to_list()} is empty or turned round")
    clipped = box.clip(width, height)
    if not clipped.area:
        raise ValueError(f"the box {box.to_list()} lies outside the {width} x {height} picture")
    return VocObject(index, label, clipped, (node.findtext("difficult") or "0").strip() == "1")


def _number(node: Element, key: str) -> float:
    text = node.findtext(f"bndbox/{key}")
    if text is None:
        raise ValueError(f"no {key}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{key} is {text}")
    return value
