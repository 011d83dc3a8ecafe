"""The cascade of Haar features that OpenCV brings along: fast to have, weak on masks.

Viola and Jones: Rapid Object Detection using a Boosted Cascade of Simple Features, 2001; Lienhart
and Maydt, 2002; ``haarcascade_frontalface_default.xml`` of the package opencv-python.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path

import cv2

from maskdet.errors import ModelError
from maskdet.faces.base import usable
from maskdet.images import Bgr
from maskdet.types import Box, Face

CASCADE = "haarcascade_frontalface_default.xml"
DEFAULT_MIN_SCORE = 0.5
LONGEST_SIDE = 1280
"""Larger pictures are made smaller, to this many pixels."""

_SCALE_STEP = 1.1
_NEIGHBOURS = 1
_MIDDLE, _WIDTH = 3.0, 2.4


class HaarFaceDetector:
    """OpenCV's frontal face cascade.

    A face's score is ``1 / (1 + exp((3 - w) / 2.4))`` of ``w``, the sum that the cascade's last
    stage came to: a logistic curve, fitted to how often a find of that sum was a face.

    Args:
        weights: another cascade, in OpenCV's XML; None takes OpenCV's own.
        min_score: faces below this confidence are left out, 0 to 1.
        min_face: faces whose shorter side is under this many pixels are left out.

    Raises:
        ModelError: the file is missing, or is no cascade.
    """

    name = "haar"

    def __init__(
        self,
        weights: Path | None = None,
        min_score: float = DEFAULT_MIN_SCORE,
        min_face: float = 0,
    ) -> None:
        path = weights or Path(cv2.data.haarcascades) / CASCADE  # type: ignore[attr-defined]
        if not path.is_file():
            raise ModelError(f"the Haar cascade's file {path} is missing")
        try:
            self._cascade = cv2.CascadeClassifier(str(path))
        except (cv2.error, SystemError) as error:  # OpenCV's bindings raise the latter here
            raise ModelError(f"{path} is no cascade that OpenCV can read") from error
        self._lock = threading.Lock()
        self.min_score = min_score
        self.min_face = min_face

    def detect(self, image: Bgr) -> list[Face]:
        """Find faces in a BGR uint8 image of shape (height, width, 3); see FaceDetector."""
        height, width = image.shape[:2]
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        scale = min(1.0, LONGEST_SIDE / max(width, height))
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        # Without the levels there are no weights; all that come back have passed every stage.
        with self._lock:  # the cascade keeps the picture that it is at
            squares, _, weights = self._cascade.detectMultiScale3(
                grey, _SCALE_STEP, _NEIGHBOURS, outputRejectLevels=True
            )
        candidates = (
            (Box(x / scale, y / scale, (x + w) / scale, (y + h) / scale), score(float(weight)))
            for (x, y, w, h), weight in zip(squares, weights, strict=True)
        )
        return usable(candidates, width, height, self.min_score, self.min_face)


def score(weight: float) -> float:
    """Return the confidence, 0 to 1, that belongs to a sum of the cascade's last stage."""
    return 0.5 + 0.5 * math.tanh((weight - _MIDDLE) / (2 * _WIDTH))  # the logistic curve, at ease
