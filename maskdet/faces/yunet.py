"""YuNet, run by ``cv2.FaceDetectorYN``; the model file is the user's.

Wu, Peng and Yu: YuNet: A Tiny Millisecond-level Face Detector, 2023; weights of the OpenCV Zoo.
"""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from maskdet.errors import ModelError
from maskdet.faces.base import usable
from maskdet.images import Bgr
from maskdet.types import Box, Face

MODEL = "face_detection_yunet_2023mar.onnx"
ORIGIN = f"https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet ({MODEL})"
DEFAULT_MIN_SCORE = 0.7
LONGEST_SIDE = 1280
"""Larger pictures are made smaller, to this many pixels: time and memory grow with the area, and
the network knows faces from about 10 to 300 pixels."""

_NMS_IOU = 0.3
_MOST = 5000

_LEAST_FACE = 10
"""Side in pixels of the smallest faces that YuNet was trained on (its authors' figure)."""


class YunetFaceDetector:
    """YuNet at the picture's own size, up to ``LONGEST_SIDE``.

    Args:
        weights: the ONNX file, or the folder that it lies in under its name ``MODEL``.
        min_score: faces below this confidence are left out, 0 to 1.
        min_face: faces whose shorter side is under this many pixels are left out.

    Raises:
        ModelError: the file is missing, or is no YuNet.
    """

    name = "yunet"

    def __init__(
        self,
        weights: Path | None = None,
        min_score: float = DEFAULT_MIN_SCORE,
        min_face: float = 0,
    ) -> None:
        if weights is None:
            raise ModelError(
                "YuNet comes with a file of its own, which is not installed: download it from "
                f"{ORIGIN}, and give it with --face-model"
            )
        path = weights / MODEL if weights.is_dir() else weights
        if not path.is_file():
            raise ModelError(f"YuNet's file {path} is missing; it comes from {ORIGIN}")
        try:
            data = np.fromfile(path, np.uint8)
            self._net = cv2.FaceDetectorYN.create(
                "onnx", data, np.empty(0, np.uint8), (32, 32), min_score, _NMS_IOU, _MOST
            )
            # Networks of another kind load, and fail when they are used.
            self._net.detect(np.zeros((32, 32, 3), np.uint8))
        except (OSError, cv2.error) as error:
            raise ModelError(f"{path} is no YuNet; that comes from {ORIGIN}: {error}") from error
        self._lock = threading.Lock()
        self.min_score = min_score
        self.min_face = min_face

    def detect(self, image: Bgr) -> list[Face]:
        """Find faces in a BGR uint8 image of shape (height, width, 3); see FaceDetector."""
        height, width = image.shape[:2]
        scale = min(1.0, LONGEST_SIDE / max(width, height))
        size = round(width * scale), round(height * scale)
        if min(size) < _LEAST_FACE:
            # Of such strips OpenCV's YuNet returns whatever lay in memory.
            return []
        if size != (width, height):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        with self._lock:  # the network keeps the size of the picture that it is at
            self._net.setInputSize(size)
            # Rows of x, y, width, height, five landmarks (ten numbers), score; None for no face.
            _, rows = self._net.detect(image)
        if rows is None:
            return []
        rows = rows[np.isfinite(rows).all(axis=1)]  # of flat pictures, not all are numbers
        unit = np.divide((width, height) * 2, size * 2)
        corners = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]]) * unit
        candidates = (
            (Box(*box), score)
            for box, score in zip(corners.tolist(), rows[:, 14].tolist(), strict=True)
        )
        return usable(candidates, width, height, self.min_score, self.min_face)
