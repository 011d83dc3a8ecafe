"""The records that travel between the parts of maskdet, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Box:
    """A bounding box in pixels of the upright image.

    Origin top left; ``x2`` and ``y2`` are exclusive, so width is ``x2 - x1``.
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return max(0.0, self.x2 - self.x1)

    @property
    def height(self) -> float:
        return max(0.0, self.y2 - self.y1)

    @property
    def area(self) -> float:
        return self.width * self.height

    def clip(self, width: float, height: float) -> Box:
        """Return the part of the box inside an image of ``width`` x ``height`` pixels."""
        return Box(
            min(max(self.x1, 0.0), width),
            min(max(self.y1, 0.0), height),
            min(max(self.x2, 0.0), width),
            min(max(self.y2, 0.0), height),
        )

    def intersection(self, other: Box) -> float:
        """Return the area in square pixels that both boxes cover."""
        width = min(self.x2, other.x2) - max(self.x1, other.x1)
        height = min(self.y2, other.y2) - max(self.y1, other.y1)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: Box) -> float:
        """Return the intersection over union, 0 to 1 (0 for two empty boxes)."""
        inter = self.intersection(other)
        union = self.area + other.area - inter
        return inter / union if union > 0 else 0.0

    def to_list(self, digits: int = 1) -> list[float]:
        """Return ``[x1, y1, x2, y2]`` rounded to ``digits`` decimals."""
        return [round(float(v), digits) for v in (self.x1, self.y1, self.x2, self.y2)]


@dataclass(frozen=True, slots=True)
class Face:
    """A face as a detector found it.

    ``score`` is the detector's own confidence, 0 to 1. ``scores`` holds class
    probabilities where the detector brings them along (one-stage detectors), else None.
    """

    box: Box
    score: float
    scores: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A face with its class: ``scores`` are probabilities by class, ``score`` the label's."""

    box: Box
    detector_score: float
    label: str
    score: float
    scores: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the face as ``maskdet detect --json`` prints it."""
        return {
            "box": self.box.to_list(),
            "detector_score": round(self.detector_score, 4),
            "label": self.label,
            "score": round(self.score, 4),
            "scores": {name: round(value, 4) for name, value in self.scores.items()},
        }


@dataclass(frozen=True, slots=True)
class ImageResult:
    """All that is known about one image or frame.

    ``source`` is what the user named or what was found in it (a path, a URL, a camera),
    ``image`` its last part. ``frame`` counts from 0 and ``time_s`` is in seconds, both
    None for a still picture. ``error`` says why there are no faces, else None.
    """

    source: str
    image: str
    width: int
    height: int
    faces: tuple[Prediction, ...] = ()
    frame: int | None = None
    time_s: float | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as ``maskdet detect --json`` prints it, one object a line."""
        return {
            "source": self.source,
            "image": self.image,
            "frame": self.frame,
            "time_s": None if self.time_s is None else round(self.time_s, 3),
            "width": self.width,
            "height": self.height,
            "faces": [face.to_dict() for face in self.faces],
            "error": self.error,
        }
