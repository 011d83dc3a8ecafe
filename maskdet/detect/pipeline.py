"""Faces and classifier together: from an image to its result."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from maskdet import faces
from maskdet.classes import BACKGROUND
from maskdet.faces.base import FaceDetector, LabellingDetector
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.types import Face, ImageResult, Prediction

Opinion = Literal["detector", "classifier", "both"]
"""Who says how a mask sits where the detector, too, has an opinion; ``both`` is the mean."""

NO_CLASSIFIER = "none"
BOTH = "both"
"""What ``classifier`` may be in ``choose``, but for a model's name or folder."""

Name = str | os.PathLike[str]
"""Of a model; or its folder."""

_MARGIN = 0.1
"""Around a face that is shown by itself, where there is no classifier to say."""


class Pipeline:
    """Finds the faces of an image and says of each how its mask sits.

    All faces of an image go through the classifier in one batch. What is taken for background
    (a false alarm of the detector) is left out. Several threads may share a pipeline.

    Args:
        detector: finds the faces.
        classifier: None where the detector has labels of its own, and these are to stand.
        opinion: whose labels stand where the detector has some of its own. Both have
            probabilities that are calibrated; where they count alike, their mean is taken.

    Raises:
        ValueError: there is nobody who labels.
    """

    def __init__(
        self,
        detector: FaceDetector,
        classifier: Classifier | None,
        opinion: Opinion = "detector",
    ) -> None:
        if classifier is None and (
            opinion != "detector" or not isinstance(detector, LabellingDetector)
        ):
            raise ValueError("without a classifier, the detector needs labels of its own")
        self.detector = detector
        self.classifier = classifier
        self.opinion = opinion

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that can appear in a result."""
        names = list(self.classifier.info.classes) if self.classifier else []
        if self.opinion != "classifier" and isinstance(self.detector, LabellingDetector):
            names += [name for name in self.detector.classes if name not in names]
        return tuple(name for name in names if name != BACKGROUND)

    @property
    def model(self) -> str:
        """The name of the model that says how the masks sit; of two, both names."""
        names = [self.classifier.info.name] if self.classifier else []
        if self.opinion != "classifier" and isinstance(self.detector, LabellingDetector):
            names.insert(0, self.detector.model)
        return " + ".join(names)

    @property
    def margin(self) -> float:
        """What is cut out around a face, as in ``faces.crop.crop_faces``."""
        return self.classifier.info.margin if self.classifier else _MARGIN

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

        Raises:
            TypeError: it is no such array: a path, say, or one of floats.
            ValueError: it has another shape, or no pixel.
        """
        _check(image)
        height, width = image.shape[:2]
        return ImageResult(
            source=source,
            image=Path(source).name or source,
            width=width,
            height=height,
            faces=self.label(image, self.detector.detect(image)),
            frame=frame,
            time_s=time_s,
        )

    def label(self, image: Bgr, found: Sequence[Face]) -> tuple[Prediction, ...]:
        """Say how the masks of faces sit that the detector has found.

        Args:
            image: uint8, shape (height, width, 3), BGR.
            found: what ``detector`` found in it.

        Returns:
            The faces in their order, without those that are taken for background.
        """
        asked = [
            place
            for place, face in enumerate(found)
            if face.scores is None or self.opinion != "detector"
        ]
        scores = [face.scores or {} for face in found]
        if asked and self.classifier:
            rows = self.classifier.classify(image, [found[place].box for place in asked])
            for place, row in zip(asked, rows.tolist(), strict=True):
                said = dict(zip(self.classifier.info.classes, row, strict=True))
                both = self.opinion == "both" and found[place].scores is not None
                scores[place] = _mean(scores[place], said) if both else said
        predictions = map(_prediction, found, scores)
        return tuple(face for face in predictions if face is not None)


def _check(image: object) -> None:
    """Refuse what only looks like an image: of floats, no network would see a face."""
    wanted = "an image is an array of uint8, shape (height, width, 3), BGR, as read_image returns"
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{wanted}: this is {type(image).__name__}")
    if image.dtype != np.uint8:
        raise TypeError(f"{wanted}: this one is of {image.dtype}")
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"{wanted}, and not empty: the shape of this one is {image.shape}")


def _mean(first: Mapping[str, float], second: Mapping[str, float]) -> dict[str, float]:
    """Return the mean of two opinions; what one does not know has no probability there."""
    names = [*second, *(name for name in first if name not in second)]
    return {name: (first.get(name, 0) + second.get(name, 0)) / 2 for name in names}


def _prediction(face: Face, scores: Mapping[str, float]) -> Prediction | None:
    """Return the face with the best class, None for background; scores then add up to 1."""
    shown = {name: value for name, value in scores.items() if name != BACKGROUND}
    label = max(shown, key=shown.__getitem__)
    if scores.get(BACKGROUND, 0) > shown[label]:
        return None
    total = sum(shown.values())
    shown = {name: value / total for name, value in shown.items()}
    return Prediction(face.box, face.score, label, shown[label], shown)


@dataclass(frozen=True, slots=True)
class Networks:
    """What is to be loaded: ``face_model`` and ``classifier`` None for the detector's own."""

    detector: str
    face_model: Path | None
    classifier: Name | None
    opinion: Opinion


def is_detector(model: Name) -> bool:
    """Tell whether a model finds faces; see ``models.store`` for the ModelErrors."""
    return store.load_info(store.find(model)).task == "detection"


def choose(
    model: Name | None = None,
    detector: str | None = None,
    face_model: Path | None = None,
    classifier: Name | None = None,
) -> Networks:
    """Say what is to be loaded; the arguments are those of ``load_pipeline``.

    Raises:
        ModelError: ``model`` is missing, or its description is broken.
        ValueError: they do not fit together.
    """
    if detector not in (None, *faces.DETECTORS):
        raise ValueError(f"no face detector {detector!r}, only {', '.join(faces.DETECTORS)}")
    if model is not None and is_detector(model):
        if detector not in (None, *faces.LABELLING):
            raise ValueError(
                f"the model {model} finds the faces itself, and {detector} has nothing to do"
            )
        if face_model is not None:
            raise ValueError(
                f"the model {model} and the face model {face_model} are both detectors"
            )
        face_model, model = Path(model), None
    detector = detector or faces.LABELLING[0]
    if detector not in faces.LABELLING:
        if classifier is not None:
            raise ValueError(
                f"a classifier beside the model is for the detector maskdet; behind {detector}, "
                "the model is the classifier"
            )
        return Networks(detector, face_model, model or store.CLASSIFIER, "classifier")
    if classifier == BOTH:
        return Networks(detector, face_model, model or store.CLASSIFIER, "both")
    if model is not None and classifier not in (None, model):
        raise ValueError(f"the model {model} is a classifier, but the classifier is {classifier}")
    if classifier == NO_CLASSIFIER:
        classifier = None
    labels = classifier or model
    return Networks(detector, face_model, labels, "classifier" if labels else "detector")


def load_pipeline(
    model: Name | None = None,
    detector: str | None = None,
    face_model: str | os.PathLike[str] | None = None,
    min_score: float | None = None,
    min_face: float = 0,
    threads: int = 0,
    face_size: int | None = None,
    classifier: Name | None = None,
    moving: bool = False,
) -> Pipeline:
    """Load what finds faces and what labels them; several threads may share it.

    Args:
        model: name or folder of what says how the masks sit: a detector of maskdet's, which
            finds the faces, too, or a classifier of the faces that ``detector`` finds. None for
            the shipped ``store.DETECTOR``; behind another detector, ``store.CLASSIFIER``.
        detector: the face detector's name, one of ``faces.DETECTORS``; None for ``maskdet``.
        face_model: the face detector's file, of ``maskdet`` its model's name or folder; None for
            the one that is installed.
        min_score: least confidence of a face, 0 to 1; None takes the threshold that the
            model's description gives for this detector, else the detector's default.
        min_face: least shorter side of a face in pixels.
        threads: cores to use, for OpenCV (in the whole process) and ONNX Runtime; 0 leaves
            it to them.
        face_size: how large the detector sees a picture, see ``faces.create``; None for what
            suits, less for what is ``moving``.
        classifier: who labels the faces of a detector that has labels of its own: ``none``,
            nobody else; a classifier's name or folder, this one alone; ``both``, the mean of
            the detector and a classifier, ``model`` or ``store.CLASSIFIER``. None leaves it to
            ``model``.
        moving: the pictures are of a film or camera, which leaves no time for a closer look,
            and shows a face that was missed once more.

    Raises:
        ModelError: a model is missing, altered or of a refused kind.
        ValueError: the choices do not fit together.
    """
    chosen = choose(model, detector, Path(face_model) if face_model else None, classifier)
    if threads:
        cv2.setNumThreads(threads)
    labels = Classifier(chosen.classifier, threads) if chosen.classifier else None
    if min_score is None and labels and chosen.detector not in faces.LABELLING:
        min_score = labels.info.thresholds.get(chosen.detector)
    found = faces.create(
        chosen.detector,
        chosen.face_model,
        min_score,
        min_face,
        size=face_size,
        threads=threads,
        moving=moving,
    )
    return Pipeline(found, labels, chosen.opinion)
