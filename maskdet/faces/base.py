"""What a face detector is to the rest of maskdet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from maskdet.types import Box, Face

if TYPE_CHECKING:  # the command line reads the detectors' names, and needs no OpenCV for that
    from maskdet.images import Bgr


class FaceDetector(Protocol):
    """Finds faces in one image.

    Several threads may share a detector; one that can see to one image only lets them wait.

    A detector that also knows how a mask sits fills ``Face.scores``; nothing around it
    has to change then.
    """

    name: str
    """What ``--detector`` calls it."""

    min_score: float
    """Faces that it is less sure of are left out, 0 to 1."""

    min_face: float
    """Faces whose shorter side has fewer pixels are left out."""

    def detect(self, image: Bgr) -> list[Face]:
        """Return the faces, best first, boxes clipped to ``image`` and never empty."""
        ...


@runtime_checkable
class LabellingDetector(FaceDetector, Protocol):
    """A face detector that fills ``Face.scores``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it tells apart."""
        ...

    @property
    def model(self) -> str:
        """The name of the model that it runs."""
        ...


@runtime_checkable
class SizedDetector(FaceDetector, Protocol):
    """A face detector whose input has a size that can be chosen, in pixels."""

    size: int


def usable(
    candidates: Iterable[tuple[Box, float]],
    width: int,
    height: int,
    min_score: float,
    min_face: float,
) -> list[Face]:
    """Turn what a network found into what ``FaceDetector.detect`` returns.

    Args:
        candidates: boxes in pixels, perhaps beyond the image, each with its confidence.
        width, height: of the image in pixels.
        min_score: least confidence.
        min_face: least shorter side in pixels, of the part inside the image; at least 1.
    """
    faces = (Face(box, score) for box, score in candidates)
    return usable_faces(faces, width, height, min_score, min_face)


def usable_faces(
    faces: Iterable[Face], width: int, height: int, min_score: float, min_face: float
) -> list[Face]:
    """Do what ``usable`` does with faces that may have scores of their own."""
    clipped = [
        replace(face, box=face.box.clip(width, height)) for face in faces if face.score >= min_score
    ]
    found = [face for face in clipped if min(face.box.width, face.box.height) >= max(min_face, 1)]
    return sorted(found, key=lambda face: -face.score)


def distinct(candidates: Iterable[tuple[Box, float]], iou: float) -> list[tuple[Box, float]]:
    """Leave out what overlaps a better candidate by ``iou`` or more (non-maximum suppression)."""
    kept: list[tuple[Box, float]] = []
    for box, score in sorted(candidates, key=lambda candidate: -candidate[1]):
        if all(box.iou(other) < iou for other, _ in kept):
            kept.append((box, score))
    return kept
