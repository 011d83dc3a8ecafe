"""The same figures for faces of a kind: by size, light, sharpness, origin, and what was noted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.classes import CLASSES
from maskdet.evaluate.bootstrap import Bootstrap
from maskdet.evaluate.truth import SIZES, Tags

BRIGHTNESS = {"dark": (0.0, 80.0), "medium": (80.0, 140.0), "bright": (140.0, math.inf)}
"""Mean luminance of a face, 0 to 255: from, and under."""

SHARPNESS = {"blurred": (0.0, 100.0), "medium": (100.0, 500.0), "sharp": (500.0, math.inf)}
"""Variance of the Laplacian of a face at 64 x 64 pixels: from, and under."""

WITHOUT_TAG = "(none)"
SIZE = "size"


@dataclass(frozen=True, slots=True)
class Seen:
    """A true face and what became of it.

    ``picture`` is the number of its picture. ``found`` says whether the detector finds it (None
    in a crop); ``right`` whether the classifier is right about it on its true box, or, where
    there are only predictions, about it as a detection (None if it was not asked or not found).
    """

    picture: int
    name: str
    index: int
    label: str
    side: float
    source: str
    brightness: float
    sharpness: float
    found: bool | None
    right: bool | None


def slices(
    faces: Sequence[Seen], tags: Tags | None, bootstrap: Bootstrap, min_side: float
) -> list[dict[str, Any]]:
    """Return figures for each kind of face of which there is one.

    Args:
        faces: all that count.
        tags: what somebody has noted of faces, None if nobody has.
        bootstrap: over the pictures.
        min_side: whether a label is right is asked of faces of at least so many pixels only,
            but where they are told apart by size.

    Returns:
        For each kind: ``by`` and ``value``, ``faces``, ``found`` (share), ``judged`` (how many
        labels), ``right`` (share) and ``recall`` (by class, with ``faces``).
    """
    kinds: list[tuple[str, str, Callable[[Seen], bool]]] = [("all", "", lambda _: True)]
    for by, bounds, key in (
        (SIZE, SIZES, lambda face: face.side),
        ("brightness", BRIGHTNESS, lambda face: face.brightness),
        ("sharpness", SHARPNESS, lambda face: face.sharpness),
    ):
        kinds += [(by, name, _between(key, *bound)) for name, bound in bounds.items()]
    sources = sorted({face.source for face in faces})
    if len(sources) > 1:
        kinds += [("source", name, _of_source(name)) for name in sources]
    if tags is not None:
        kinds += [("tag", name, is_one) for name, is_one in _tagged(tags)]
    rows = []
    for by, value, is_one in kinds:
        own = [face for face in faces if is_one(face)]
        if own:
            least = 0.0 if by == SIZE else min_side
            rows.append({"by": by, "value": value} | _figures(own, bootstrap, least))
    return rows


def _between(key: Callable[[Seen], float], low: float, high: float) -> Callable[[Seen], bool]:
    return lambda face: low <= key(face) < high


def _of_source(name: str) -> Callable[[Seen], bool]:
    return lambda face: face.source == name


def _tagged(tags: Tags) -> Iterator[tuple[str, Callable[[Seen], bool]]]:
    def of(face: Seen) -> frozenset[str]:
        return tags.get((face.name, face.index), frozenset())

    def has(tag: str) -> Callable[[Seen], bool]:
        return lambda face: tag in of(face)

    for tag in sorted(set().union(*tags.values())):
        yield tag, has(tag)
    yield WITHOUT_TAG, lambda face: not of(face)


def _figures(faces: Sequence[Seen], bootstrap: Bootstrap, min_side: float) -> dict[str, Any]:
    def count(chosen: Sequence[Seen]) -> npt.NDArray[np.int64]:
        places = np.array([face.picture for face in chosen], np.int64)
        return np.bincount(places, minlength=bootstrap.pictures)

    def share(chosen: Sequence[Seen], hit: Callable[[Seen], bool | None]) -> dict[str, Any]:
        return {**bootstrap.share(count([face for face in chosen if hit(face)]), count(chosen))}

    sought = [face for face in faces if face.found is not None]
    judged = [face for face in faces if face.right is not None and face.side >= min_side]
    by_class = {name: [face for face in judged if face.label == name] for name in CLASSES}
    return {
        "faces": len(faces),
        "found": share(sought, lambda face: face.found),
        "judged": len(judged),
        "right": share(judged, lambda face: face.right),
        "recall": {
            name: {"faces": len(own), **share(own, lambda face: face.right)}
            for name, own in by_class.items()
        },
    }
