"""Faces and classifier together: from an image to its result."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from maskdet import faces
from maskdet.classes import BACKGROUND
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.types import Face, ImageResult, Prediction


class Pipeline:
    """Finds the faces of an image and says of each how its mask sits.

    All faces of an image go through the classifier in one batch. A face that the
    classifier takes for background (a false alarm of the detector) is left out.
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
        probabilities = self.classifier.classify(image, [face.box for face in found])
        predictions = (
            self._prediction(face, dict(zip(self.classifier.info.classes, row, strict=True)))
            for face, row in zip(found, np.asarray(probabilities).tolist(), strict=True)
        )
        return ImageResult(
            source=source,
            image=Path(source).name or source,
            width=width,
            height=height,
            faces=tuple(face for face in predictions if face is not None),
            frame=frame,
            time_s=time_s,
        )

    def _prediction(self, face: Face, scores: dict[str, float]) -> Prediction | None:
        background = scores.pop(BACKGROUND, 0.0)
        label = max(scores, key=scores.__getitem__)
        if background > scores[label]:
            return None
        total = sum(scores.values())
        scores = {name: value / total for name, value in scores.items()}
        return Prediction(face.box, face.score, label, scores[label], scores)


def load_pipeline(
    model: str | os.PathLike[str] = store.DEFAULT,
    detector: str = faces.DETECTORS[0],
    face_model: Path | None = None,
    min_score: float | None = None,
    min_face: float = 0,
    threads: int = 0,
) -> Pipeline:
    """Load a face detector and a classifier.

    Args:
        model: the classifier's name or folder.
        detector: the face detector's name, one of ``faces.DETECTORS``.
        face_model: the face detector's file, None for the one that is installed.
        min_score: least confidence of a face, 0 to 1; None takes the threshold that the
            model's description gives for this detector, else the detector's default.
        min_face: least shorter side of a face in pixels.
        threads: cores that the classifier may use, 0 for ONNX Runtime's choice.

    Raises:
        ModelError: one of the two is missing, altered or of a refused kind.
    """
    classifier = Classifier(model, threads)
    if min_score is None:
        min_score = classifier.info.thresholds.get(detector)
    return Pipeline(faces.create(detector, face_model, min_score, min_face), classifier)
