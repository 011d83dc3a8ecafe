"""The same figures for faces of a kind: by size, light, sharpness, origin, and what was noted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from maskdet.classes import CLASSES, WITH_MASK, WITHOUT_MASK
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
    in a crop); ``guess`` is what the classifier says of its true box, or, where there is none, the
    label of the detection (None if it was not asked or not found).
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
    guess: str | None

    @property
    def right(self) -> bool:
        """Whether the guess is the truth."""
        return self.guess == self.label


@dataclass(frozen=True, slots=True)
class Complaint:
    """What users of such programs complain of: something that happens to faces with a ``tag``.

    It can happen to those of ``label``; it does where the ``guess`` is this one, or, if that is
    None, where the face is not found.
    """

    text: str
    tag: str
    label: str
    guess: str | None


COMPLAINTS = (
    Complaint("a hand before the mouth counts as a mask", "hand", WITHOUT_MASK, WITH_MASK),
    Complaint("a face with a black mask is not found", "black", WITH_MASK, None),
    Complaint("a side face with a mask is called bare", "profile", WITH_MASK, WITHOUT_MASK),
)


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


def complaints(
    faces: Sequence[Seen], tags: Tags, bootstrap: Bootstrap, min_side: float
) -> list[dict[str, Any]]:
    """Return how often what users complain of happens.

    Args:
        faces, bootstrap, min_side: as of ``slices``.
        tags: what somebody has noted of faces.

    Returns:
        For each of ``COMPLAINTS`` whose tag is in use, ``complaint`` and ``tag``, and of the
        faces with the tag and of ``all`` that are of the same class: ``faces`` and ``happens``
        (share).
    """

    def share(complaint: Complaint, chosen: Sequence[Seen]) -> dict[str, Any]:
        if complaint.guess is None:
            asked = [face for face in chosen if face.found is not None]
            happens = [face for face in asked if not face.found]
        else:
            asked = [face for face in chosen if face.guess and face.side >= min_side]
            happens = [face for face in asked if face.guess == complaint.guess]
        places = bootstrap.counts([face.picture for face in happens])
        whole = bootstrap.counts([face.picture for face in asked])
        return {"faces": len(asked), "happens": bootstrap.share(places, whole)}

    rows = []
    for complaint in COMPLAINTS:
        every = [face for face in faces if face.label == complaint.label]
        own = [face for face in every if complaint.tag in _tags(tags, face)]
        if own:
            about = {"complaint": complaint.text, "tag": complaint.tag}
            rows.append(about | share(complaint, own) | {"all": share(complaint, every)})
    return rows


def _tags(tags: Tags, face: Seen) -> frozenset[str]:
    return tags.get((face.name, face.index), frozenset())


def _between(key: Callable[[Seen], float], low: float, high: float) -> Callable[[Seen], bool]:
    return lambda face: low <= key(face) < high


def _of_source(name: str) -> Callable[[Seen], bool]:
    return lambda face: face.source == name


def _tagged(tags: Tags) -> Iterator[tuple[str, Callable[[Seen], bool]]]:
    def has(tag: str) -> Callable[[Seen], bool]:
        return lambda face: tag in _tags(tags, face)

    for tag in sorted(set().union(*tags.values())):
        yield tag, has(tag)
    yield WITHOUT_TAG, lambda face: not _tags(tags, face)


def _figures(faces: Sequence[Seen], bootstrap: Bootstrap, min_side: float) -> dict[str, Any]:
    def share(chosen: Sequence[Seen], hit: Callable[[Seen], bool | None]) -> dict[str, Any]:
        hits = bootstrap.counts([face.picture for face in chosen if hit(face)])
        return {**bootstrap.share(hits, bootstrap.counts([face.picture for face in chosen]))}

    sought = [face for face in faces if face.found is not None]
    judged = [face for face in faces if face.guess and face.side >= min_side]
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
