"""Looking at every labelled picture once: what is found in it, and what is said of its faces."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskdet import images
from maskdet.classes import CLASSES
from maskdet.detect.pipeline import Pipeline
from maskdet.errors import InputError
from maskdet.evaluate.truth import Picture, shorter_side
from maskdet.faces.crop import crop_faces, picture_of, region
from maskdet.images import Bgr
from maskdet.labels.ap import LEAST_SCORE
from maskdet.models.classifier import Classifier
from maskdet.progress import SILENT, Progress
from maskdet.types import Box, Face, Prediction

MOST = 300
"""Detections of a picture that count, the surest, unless more are shown. COCO counts 100."""

_DETAIL = 64

Floats = npt.NDArray[np.float64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observation:
    """One picture with what was seen in it.

    Down to ``LEAST_SCORE`` or, if that is less, the working threshold, ``MOST`` at most, and the
    surest first, ``detected`` is what the face detector found and ``found`` what the pipeline made
    of it, background left out. Of ``picture.counted``, in this order, are ``scores`` (the
    classifier's probabilities on the true boxes, float64, shape (faces, classes in the order of
    ``CLASSES``); None if there is no classifier), ``brightness`` (mean luminance, 0 to 255) and
    ``sharpness`` (variance of the Laplacian of the face at 64 x 64 pixels; Pech-Pacheco et al.,
    2000).
    """

    picture: Picture
    detected: tuple[Face, ...]
    found: tuple[Prediction, ...]
    scores: Floats | None
    brightness: Floats
    sharpness: Floats


def observe(
    pictures: Sequence[Picture],
    pipeline: Pipeline | None,
    predictions: Mapping[str, Sequence[Prediction]],
    min_score: float,
    progress: Progress = SILENT,
) -> tuple[list[Observation], list[str]]:
    """Look at pictures.

    Args:
        pictures: the labelled pictures. In those that are faces as a whole none is looked for.
        pipeline: what is measured; its detector should find faces down to ``LEAST_SCORE``.
        predictions: detections by picture that are measured instead, if there is no pipeline.
        min_score: the working threshold: of what is as sure, there may be more than ``MOST``.
        progress: makes the bar.

    Returns:
        Observations in the order of ``pictures``, and in words the pictures that cannot be
        read; they are left out.
    """
    observations, problems = [], []
    no_faces = 0
    for picture in progress(pictures, desc="evaluate", unit="picture"):
        try:
            image = images.read(picture.path)
        except InputError as error:
            problems.append(str(error))
            continue
        height, width = image.shape[:2]
        # As maskdet's own detectors do: what lies beyond the picture counts for nobody.
        found: Sequence[Prediction] = [
            replace(face, box=face.box.clip(width, height))
            for face in predictions.get(picture.name, ())
        ]
        no_faces += sum(shorter_side(face.box) < 1 for face in found)
        found = [face for face in found if face.box.area]
        found = sorted(found, key=lambda face: -face.detector_score)
        found = found[: _most((face.detector_score for face in found), min_score)]
        detected = [Face(face.box, face.detector_score) for face in found]
        if pipeline and not picture.whole:
            detected = pipeline.detector.detect(image)
            detected = detected[: _most((face.score for face in detected), min_score)]
            found = pipeline.label(image, detected)
        classifier = pipeline.classifier if pipeline else None
        least = min(LEAST_SCORE, min_score)
        observations.append(_observation(picture, image, detected, found, classifier, least))
    if no_faces:
        log.warning(
            "predicted boxes that lie outside of their picture or have a side of less than a pixel "
            "in it: %d; boxes are to be x1, y1, x2, y2 in pixels",
            no_faces,
        )
    return observations, problems


def _most(scores: Iterable[float], min_score: float) -> int:
    return max(MOST, sum(score >= min_score for score in scores))


def _observation(
    picture: Picture,
    image: Bgr,
    detected: Sequence[Face],
    found: Sequence[Prediction],
    classifier: Classifier | None,
    least: float,
) -> Observation:
    boxes = [None if picture.whole else face.box for face in picture.counted]
    details = [_detail(image, box) for box in boxes]
    return Observation(
        picture,
        tuple(
            sorted(
                (face for face in detected if face.score >= least),
                key=lambda face: (-face.score, face.box.to_list()),
            )
        ),
        tuple(
            sorted(
                (face for face in found if face.detector_score >= least),
                key=lambda face: (-face.detector_score, face.box.to_list()),
            )
        ),
        classify(image, boxes, classifier) if classifier else None,
        np.array([grey.mean() for grey in details]),
        np.array([cv2.Laplacian(grey, cv2.CV_64F).var() for grey in details]),
    )


def classify(image: Bgr, boxes: Sequence[Box | None], classifier: Classifier) -> Floats:
    """Return the probabilities of ``CLASSES`` for labelled faces, cut as training cuts them.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        boxes: of the faces; None for one that fills the picture.
        classifier: the model. What it holds to be background is shared out over the other
            classes, and a class that it does not know has probability 0.

    Returns:
        float64, shape (len(boxes), len(CLASSES)); rows add up to 1.
    """
    info = classifier.info
    crops = [
        crop_faces(image, [place], info.image_size, margin)
        for place, margin in (region(image, box, info.margin) for box in boxes)
    ]
    scores = np.zeros((len(boxes), len(CLASSES)))
    if crops:
        rows = classifier.predict(np.concatenate(crops)).astype(np.float64)
        for column, name in enumerate(CLASSES):
            if name in info.classes:
                scores[:, column] = rows[:, info.classes.index(name)]
        scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _detail(image: Bgr, box: Box | None) -> npt.NDArray[np.uint8]:
    place, margin = region(image, box, 0.0)
    face = picture_of(image, place, _DETAIL, margin)
    return cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]
