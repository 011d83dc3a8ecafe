"""Pascal VOC files: the truth about boxes and classes (Everingham et al., 2010)."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, SubElement, indent, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse

from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.files import write_bytes
from maskdet.types import Box

PROPOSAL = "maskdet proposal "
"""What a file's <source><annotation> starts with as long as no person has looked at it."""

UNSPECIFIED = "Unspecified"
"""The pose of a face of which nobody has said more."""


@dataclass(frozen=True, slots=True)
class VocObject:
    """One labelled face; ``label`` is one of ``classes.KNOWN``, ``index`` its place in the file.

    ``truncated`` (by the picture's border) and ``pose`` mean nothing here and are kept for
    other programs.
    """

    index: int
    label: str
    box: Box
    difficult: bool = False
    truncated: bool = False
    pose: str = UNSPECIFIED


@dataclass(frozen=True, slots=True)
class VocFile:
    """A VOC file's objects, and the problems of those that had to be left out.

    ``proposal`` is True where maskdet wrote the file by itself and nobody has changed an
    object since, in whatever program. ``root`` is all that the file says.
    """

    objects: tuple[VocObject, ...]
    problems: tuple[str, ...]
    proposal: bool = False
    root: Element | None = field(default=None, compare=False, repr=False)


def read(path: str | os.PathLike[str], width: int, height: int) -> VocFile:
    """Read the boxes of one picture.

    Args:
        path: the XML file, as labelImg, CVAT or Kaggle's data sets write it.
        width, height: of the upright picture in pixels.

    Returns:
        The objects with their boxes clipped to the picture. An object without a box or
        class, with a class that means nothing here, turned round or not inside the picture
        (see ``inside``) is left out and named in ``problems``.

    Raises:
        InputError: the file is missing or no VOC file at all, or is for a picture of another
            size.
    """
    root = _root(path)
    said = [_whole_number(root.findtext(f"size/{key}")) for key in ("width", "height")]
    try:
        check_size(said, width, height)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    objects, problems = [], []
    for index, node in enumerate(root.iter("object")):
        try:
            objects.append(_object(index, node, width, height))
        except ValueError as error:
            problems.append(f"{path}: object {index}: {error}")
    return VocFile(tuple(objects), tuple(problems), _is_marked(root), root)


def check_size(said: Sequence[int], width: int, height: int) -> None:
    """See that boxes are for a picture of ``width`` x ``height`` pixels, upright or as stored.

    Some programs write width and height as they are before the EXIF orientation is applied.

    Args:
        said: width and height as the boxes' file says; 0 where it says nothing.
        width, height: of the upright picture.

    Raises:
        ValueError: they are for another one, as when a picture was resized after labelling.
    """
    if all(said) and sorted(said) != sorted((width, height)):
        raise ValueError(
            f"its boxes are for {said[0]} x {said[1]} pixels, and the picture has "
            f"{width} x {height}"
        )


def inside(box: Box, width: int, height: int) -> Box:
    """Return a box clipped to a picture of ``width`` x ``height`` pixels.

    It may reach out of the picture by what rounding comes to: 2 pixels, or 2 % of the longer side.

    Raises:
        ValueError: it lies outside, or reaches out further.
    """
    clipped = box.clip(width, height)
    if not clipped.area:
        raise ValueError(f"the box {box.to_list()} lies outside the {width} x {height} picture")
    out = max(abs(a - b) for a, b in zip(box.to_list(), clipped.to_list(), strict=True))
    if out > max(2, 0.02 * max(width, height)):
        raise ValueError(f"the box {box.to_list()} reaches out of the {width} x {height} picture")
    return clipped


def is_proposal(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is a ``proposal`` (see ``VocFile``), whatever its picture's size.

    Raises:
        InputError: the file is missing or no VOC file at all.
    """
    return _is_marked(_root(path))


def _root(path: str | os.PathLike[str]) -> Element:
    try:
        root: Element | None = parse(Path(path)).getroot()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        # LookupError: it names an encoding that Python does not know.
        raise InputError(f"{path} is not readable XML: {error}") from error
    if root is None or root.tag != "annotation":
        raise InputError(f"{path} is XML, but not a Pascal VOC file (no <annotation>)")
    return root


def _is_marked(root: Element) -> bool:
    return root.findtext("source/annotation") == PROPOSAL + _digest(root)


def write(
    path: str | os.PathLike[str],
    picture: str | os.PathLike[str],
    width: int,
    height: int,
    objects: Sequence[VocObject],
    proposal: bool = False,
    earlier: Element | None = None,
) -> None:
    """Write the boxes of one picture, as labelImg does.

    Corners are rounded to whole pixels, as other programs expect; a box keeps at least one
    pixel each way.

    Args:
        path: the XML file; it appears whole or not at all.
        picture: the picture's path; the file names its last part.
        width, height: of the upright picture in pixels.
        objects: written in this order, whatever their ``index``.
        proposal: mark the file as one that no person has looked at, see ``VocFile``.
        earlier: the ``VocFile.root`` of a file without problems. What other programs have
            written there is kept: of the file, and of each object that has its ``index`` from
            there, with the corners of a box that is still the same.

    Raises:
        OutputError: the file cannot be written.
    """
    root = Element("annotation")
    known: list[Element] = []
    if earlier is not None:
        known = list(earlier.iter("object"))
        root.attrib.update(earlier.attrib)
        root.extend(deepcopy(node) for node in earlier if not [*node.iter("object")])
    _put(root, "folder", _legal(Path(picture).parent.name))
    _put(root, "filename", _legal(Path(picture).name))
    source = _child(root, "source")
    _put(source, "database", source.findtext("database") or "Unknown")
    if (source.findtext("annotation") or "").startswith(PROPOSAL):
        source.remove(_child(source, "annotation"))
    size = _child(root, "size")
    for key, value in (("width", width), ("height", height), ("depth", 3)):
        _put(size, key, str(value))
    _put(root, "segmented", root.findtext("segmented") or "0")
    for item in objects:
        old = known[item.index] if item.index < len(known) else None
        node = Element("object") if old is None else deepcopy(old)
        root.append(node)
        _put(node, "name", item.label)
        _put(node, "pose", _legal(item.pose))
        _put(node, "truncated", str(int(item.truncated)))
        _put(node, "difficult", str(int(item.difficult)))
        if old is None or _box(old, width, height) != item.box:
            corners = _child(node, "bndbox")
            for key, value in zip(_CORNERS, _whole(item.box, width, height), strict=True):
                _put(corners, key, str(value))
    if proposal:
        _put(source, "annotation", PROPOSAL + _digest(root))
    indent(root)
    write_bytes(path, tostring(root, encoding="utf-8"))


def _child(node: Element, key: str) -> Element:
    """Return the first child of that name, which is made where there is none."""
    found = node.find(key)
    return SubElement(node, key) if found is None else found


def _put(node: Element, key: str, text: str) -> None:
    _child(node, key).text = text


def _legal(name: str) -> str:
    """Return a name without what XML cannot hold: control characters, bytes of no text."""
    return re.sub("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", name)


def _whole(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    x1, y1 = min(round(box.x1), width - 1), min(round(box.y1), height - 1)
    return x1, y1, max(round(box.x2), x1 + 1), max(round(box.y2), y1 + 1)


def _digest(root: Element) -> str:
    """Return a short sha256 of what the objects say, whatever the layout of the file."""
    objects = [
        [(node.findtext(key) or "").strip() for key in _SAID] for node in root.iter("object")
    ]
    return hashlib.sha256(repr(objects).encode()).hexdigest()[:16]


_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_SAID = ("name", "difficult", *(f"bndbox/{key}" for key in _CORNERS))


def _object(index: int, node: Element, width: int, height: int) -> VocObject:
    name = (node.findtext("name") or "").strip()
    label = canonical(name)
    if label is None:
        raise ValueError(f"unknown class {name!r}")
    box = _box(node, width, height)
    difficult, truncated, pose = (
        (node.findtext(key) or "").strip() for key in ("difficult", "truncated", "pose")
    )
    return VocObject(index, label, box, difficult == "1", truncated == "1", pose or UNSPECIFIED)


def _box(node: Element, width: int, height: int) -> Box:
    box = Box(*(_number(node, key) for key in _CORNERS))
    if not (box.x1 < box.x2 and box.y1 < box.y2):
        raise ValueError(f"the box {box.to_list()} is empty or turned round")
    return inside(box, width, height)


def _whole_number(text: str | None) -> int:
    """Return the number that a text is, 0 where it is none."""
    text = (text or "").strip()
    return int(text) if text.isdecimal() else 0


def _number(node: Element, key: str) -> float:
    text = node.findtext(f"bndbox/{key}")
    if text is None:
        raise ValueError(f"no {key}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{key} is {text}")
    return value
