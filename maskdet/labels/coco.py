"""COCO's JSON of pictures and boxes (Lin et al., 2014; https://cocodataset.org/#format-data).

COCO has no faces that are too hard to judge; annotations carry them as ``"difficult": 1``, a
field of our own, and others' ``"iscrowd": 1`` is read as the same. ``"truncated"`` and ``"pose"``
are fields of our own, too.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.labels.records import LabelledPicture
from maskdet.labels.voc import UNSPECIFIED, VocObject, check_size, inside
from maskdet.types import Box

FILE = "annotations.json"


@dataclass(slots=True)
class CocoPicture:
    """A picture as a COCO file names it, its annotations not looked at yet.

    ``size`` are width and height as the file says, 0 where it says nothing; ``proposal`` as in
    ``voc.VocFile``: the file has, in a field of our own, a digest of the annotations.
    """

    file: str
    size: tuple[int, int] = (0, 0)
    annotations: list[Any] = field(default_factory=list)
    proposal: bool = False


@dataclass(slots=True)
class Document:
    """A COCO file: its pictures, the name of each class by its id, and what is wrong with it."""

    pictures: list[CocoPicture]
    names: dict[Any, str]
    problems: list[str]


def parse(text: str) -> Document:
    """Read a COCO file.

    Pictures without a name and annotations without a picture are left out and named in
    ``problems``.

    Raises:
        InputError: it is no JSON, or not of COCO's form.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no readable JSON: {error}") from error
    if not is_coco(document):
        raise InputError("JSON, but not COCO's: no lists 'images' and 'annotations'")
    problems = []
    pictures: dict[Any, CocoPicture] = {}
    marks: dict[Any, Any] = {}
    for index, item in enumerate(document["images"]):
        if not (isinstance(item, dict) and isinstance(item.get("file_name"), str)):
            problems.append(f"image {index} has no file_name")
        elif not item["file_name"] or _key(item.get("id")) in pictures:
            problems.append(f"image {index} has no file_name or the id of another")
        else:
            width, height = (
                value if isinstance(value, int) else 0
                for value in (item.get("width"), item.get("height"))
            )
            pictures[_key(item.get("id"))] = CocoPicture(item["file_name"], (width, height))
            marks[_key(item.get("id"))] = item.get("proposal")
    for index, item in enumerate(document["annotations"]):
        picture = pictures.get(_key(item.get("image_id"))) if isinstance(item, dict) else None
        if picture is None:
            problems.append(f"annotation {index} belongs to no image")
        else:
            picture.annotations.append(item)
    categories = document.get("categories")
    names = {
        _key(item.get("id")): str(item.get("name"))
        for item in (categories if isinstance(categories, list) else [])
        if isinstance(item, dict)
    }
    for key, picture in pictures.items():
        if marks[key]:
            picture.proposal = marks[key] == _digest(picture.annotations, names)
    return Document(list(pictures.values()), names, problems)


def is_coco(document: Any) -> bool:
    """Tell whether parsed JSON has COCO's form."""
    return isinstance(document, dict) and all(
        isinstance(document.get(key), list) for key in ("images", "annotations")
    )


def objects(
    picture: CocoPicture, names: dict[Any, str], width: int, height: int
) -> tuple[list[VocObject], list[str], int]:
    """Return the faces of one picture.

    Args:
        picture: of a ``Document``.
        names: the document's.
        width, height: of the upright picture in pixels.

    Returns:
        The faces, their boxes clipped to the picture; a sentence for each annotation that could
        not be used; and how many had an outline, of which only the box is kept.

    Raises:
        InputError: the document is for a picture of another size.
    """
    try:
        check_size(picture.size, width, height)
    except ValueError as error:
        raise InputError(f"{picture.file}: {error}") from error
    found: list[VocObject] = []
    problems: list[str] = []
    outlines = 0
    for index, item in enumerate(picture.annotations):
        try:
            label, box = _annotation(item, names, width, height)
        except (ValueError, OverflowError) as error:
            problems.append(f"annotation {item.get('id', index)}: {error}")
            continue
        difficult = item.get("difficult", item.get("iscrowd")) in (1, True)
        truncated, pose = item.get("truncated") in (1, True), item.get("pose")
        pose = pose if isinstance(pose, str) else UNSPECIFIED
        found.append(VocObject(len(found), label, box, difficult, truncated, pose))
        outlines += bool(item.get("segmentation"))
    return found, problems, outlines


def _annotation(item: Any, names: dict[Any, str], width: int, height: int) -> tuple[str, Box]:
    name = names.get(_key(item.get("category_id")))
    label = canonical(name or "")
    if label is None:
        raise ValueError(f"unknown class {name or item.get('category_id')!r}")
    values = item.get("bbox")
    if not (
        isinstance(values, list)
        and len(values) == 4
        and all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    ):
        raise ValueError(f"bbox is {values!r}, not four numbers")
    x, y, w, h = values
    if w <= 0 or h <= 0:
        raise ValueError(f"the box {values} is empty")
    return label, inside(Box(x, y, x + w, y + h), width, height)


def format_document(
    pictures: Iterable[tuple[str, LabelledPicture]], names: Sequence[str]
) -> dict[str, Any]:
    """Return a COCO document, ready for ``json``.

    Args:
        pictures: each with its ``file_name``.
        names: of the classes; their ids count from 1.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for file, picture in pictures:
        image = {"id": len(images) + 1, "file_name": file}
        size = {"width": picture.width, "height": picture.height}
        images.append({**image, **size})
        first = len(annotations)
        for item in picture.objects:
            box = item.box
            bbox = [_number(v) for v in (box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1)]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": len(images),
                    "category_id": names.index(item.label) + 1,
                    "bbox": bbox,
                    "area": _number(bbox[2] * bbox[3]),
                    "iscrowd": 0,
                    "segmentation": [],
                    "difficult": int(item.difficult),
                    "truncated": int(item.truncated),
                    "pose": item.pose,
                }
            )
        if picture.proposal:
            known = dict(enumerate(names, 1))
            images[-1]["proposal"] = _digest(annotations[first:], known)
    categories = [
        {"id": number, "name": name, "supercategory": "face"}
        for number, name in enumerate(names, 1)
    ]
    return {
        "info": {"description": "face masks"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }


def _digest(annotations: Iterable[Any], names: Mapping[Any, str]) -> str:
    """Return a short sha256 of what a picture's annotations say, as for a VOC file."""
    said = [
        (names.get(_key(item.get("category_id"))), item.get("bbox"), item.get("difficult"))
        for item in annotations
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _number(value: float) -> float:
    """Return a number of pixels, whole ones as int, without the noise of binary fractions."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def _key(value: Any) -> Any:
    """Return an id as it can be looked up: a list, say, cannot."""
    return value if isinstance(value, int | str) else repr(value)
