"""Faces and classifier together: from an image to its result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import cv2

from maskdet import faces
from maskdet.classes import BACKGROUND
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.types import Face, ImageResult, Prediction


class Pipeline:
    """Finds the faces of an image and says of each how its mask sits.

    All faces of an image go through the classifier in one batch, except those whose
    detector has class scores of its own. What is taken for background (a false alarm of
    the detector) is left out.
    """

    def __init__(self, detector: FaceDetector, classifier: Classifier) -> None:
        self.detector = detector
        self.classifier = classifier

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that can appear in a result."""
        return tuple(name for name in self.classifier.info.classes if name != BACKGROUND)

    def __call__(
        self,
        image: Bgr,
        source: str = "",
        frame: int | None = None,
        time_s: float | None = None,
    ) -> ImageResult:
        """Process one image.

        Args:
            image: uint8, shape (height, width, 3), BGR.
            source: what the result is to say of where the image comes from.
            frame, time_s: its number, from 0, and time in seconds, in a film or stream.

        Returns:
            The result, faces in the order of the detector's confidence.
        """
        height, width = image.shape[:2]
        found = self.detector.detect(image)
        unlabelled = [face.box for face in found if face.scores is None]
        rows = iter(self.classifier.classify(image, unlabelled).tolist())
        names = self.classifier.info.classes
        scores = [
            dict(zip(names, next(rows), strict=True)) if face.scores is None else face.scores
            for face in found
        ]
        predictions = map(_prediction, found, scores)
        return ImageResult(
            source=source,
            image=Path(source).name or source,
            width=width,
            height=height,
            faces=tuple(face for face in predictions if face is not None),
            frame=frame,
            time_s=time_s,
        )


def _prediction(face: Face, scores: Mapping[str, float]) -> Prediction | None:
    """Return the face with the best class, None for background; scores then add up to 1."""
    shown = {name: value for name, value in scores.items() if name != BACKGROUND}
    label = max(shown, key=shown.__getitem__)
    if scores.get(BACKGROUND, 0) > shown[label]:
        return None
    total = sum(shown.values())
    shown = {name: value / total for name, value in shown.items()}
    return Prediction(face.box, face.score, label, shown[label], shown)


def load_pipeline(
    model: str | os.PathLike[str] = store.DEFAULT,
    detector: str = faces.DETECTORS[0],
    face_model: Path | None = None,
    min_score: float | None = None,
    min_face: float = 0,
    threads: int = 0,
    face_size: int | None = None,
) -> Pipeline:
    """Load a face detector and a classifier.

    Args:
        model: the classifier's name or folder.
        detector: the face detector's name, one of ``faces.DETECTORS``.
        face_model: the face detector's file, None for the one that is installed.
        min_score: least confidence of a face, 0 to 1; None takes the threshold that the
            model's description gives for this detector, else the detector's default.
        min_face: least shorter side of a face in pixels.
        threads: cores to use, for OpenCV (in the whole process) and ONNX Runtime; 0 leaves
            it to them.
        face_size: the SSD's input in pixels, None for its own; larger finds smaller faces.

    Raises:
        ModelError: one of the two is missing, altered or of a refused kind.
    """
    if threads:
        cv2.setNumThreads(threads)
    classifier = Classifier(model, threads)
    if min_score is None:
        min_score = classifier.info.thresholds.get(detector)
    return Pipeline(faces.create(detector, face_model, min_score, min_face, face_size), classifier)
