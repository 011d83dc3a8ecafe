"""Measuring a model, a detector or somebody's predictions on labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from maskdet import __version__
from maskdet.classes import CLASSES
from maskdet.detect.pipeline import Pipeline
from maskdet.errors import InputError
from maskdet.evaluate import predictions as others
from maskdet.evaluate import truth as labelled
from maskdet.evaluate.bootstrap import RESAMPLES, Bootstrap, Figure, nested
from maskdet.evaluate.detection import Detection, working_set
from maskdet.evaluate.metrics import Faces, bins, classification, reliability
from maskdet.evaluate.mistakes import Mistake, find_mistakes
from maskdet.evaluate.observe import Observation, observe
from maskdet.evaluate.slices import Seen, complaints, slices
from maskdet.evaluate.truth import MIN_SIDE, shorter_side
from maskdet.faces.base import LabellingDetector, SizedDetector
from maskdet.labels.ap import LEAST_SCORE
from maskdet.models import store
from maskdet.progress import SILENT, Progress

SCHEMA = 1


@dataclass(slots=True)
class Evaluation:
    """What was measured.

    ``metrics`` is what ``metrics.json`` holds. ``faces`` are those that the classifier was
    measured on, None if there was none; ``detection`` is None if there was no photograph.
    ``mistakes`` are the worst first. ``notes`` say in words what there is to know of the
    figures, and ``problems`` what could not be used.
    """

    metrics: dict[str, Any]
    faces: Faces | None
    detection: Detection | None
    mistakes: list[Mistake]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def evaluate(
    data: Path,
    measured: Pipeline | Path,
    min_score: float = 0.0,
    *,
    split: str | None = None,
    exclude: Sequence[str] = (),
    tags: Path | None = None,
    min_side: float = MIN_SIDE,
    resamples: int = RESAMPLES,
    progress: Progress = SILENT,
) -> Evaluation:
    """Measure on labelled pictures.

    Args:
        data: photographs with VOC files, or folders of crops; see ``labels.dataset.load``.
        measured: a pipeline, whose detector finds faces down to ``labels.ap.LEAST_SCORE``; or a
            file of predictions, see ``predictions.load``.
        min_score: the working threshold: the detector's score from which a face is shown.
        split: measure on this part only, see ``truth.load``.
        exclude: what to leave out, see ``labels.dataset.load``.
        tags: a file that says more of faces, see ``truth.read_tags``.
        min_side: least shorter side in pixels of a face that the classifier is measured on.
        resamples: of the bootstrap; 0 for no intervals.
        progress: makes the bars.

    Raises:
        InputError: nothing can be measured.
    """
    truth = labelled.load(data, split, exclude)
    said, noted = None, None
    pipeline = measured if isinstance(measured, Pipeline) else None
    problems = truth.problems
    if tags:
        noted, wrong = labelled.read_tags(tags, truth)
        problems = problems + wrong
    if not isinstance(measured, Pipeline):
        scenes = [picture for picture in truth.pictures if not picture.whole]
        if not scenes:
            raise InputError(f"predictions are of photographs with VOC files; {data} has none")
        truth.pictures = scenes
        said = others.load(measured, scenes)
        problems = problems + said.problems
    classifier = pipeline.classifier if pipeline else None
    if pipeline and not classifier and all(picture.whole for picture in truth.pictures):
        raise InputError(
            f"{data} has crops of faces, which a classifier labels, and {pipeline.model} is none: "
            f"name one, --model {store.CLASSIFIER} or your own"
        )
    observations, unreadable = observe(
        truth.pictures, pipeline, said.faces if said else {}, min_score, progress
    )
    problems = problems + unreadable
    if not any(item.picture.counted for item in observations):
        raise InputError(f"no face to measure on: no picture of {data} can be read")
    result: dict[str, Any] = {
        "schema": SCHEMA,
        "maskdet": __version__,
        "data": truth.root.resolve().name,
        "split": split,
        "pictures": len(observations),
        "faces": _count(observations),
        "model": pipeline.model if pipeline else None,
        "classes": list(pipeline.classes) if pipeline else None,
        "detector": pipeline.detector.name if pipeline else None,
        "face_model": _face_model(pipeline) if pipeline else None,
        "face_size": _face_size(pipeline) if pipeline else None,
        "predictions": None,
        "min_score": min_score,
        "least_score": LEAST_SCORE,
        "resamples": resamples,
    }
    # Only where given: files of plain runs are alike.
    given = {
        "exclude": list(exclude),
        "min_face": pipeline.detector.min_face if pipeline else 0,
        "tags": tags.name if tags else None,
    }
    result |= {name: value for name, value in given.items() if value}
    if min_side != MIN_SIDE:
        result["min_side"] = min_side
    if said:
        result["predictions"] = {
            "file": said.file,
            "pictures_without": len(said.missing),
            "lines_elsewhere": said.elsewhere,
        }
    faces = _true_boxes(observations, min_side) if classifier else None
    if classifier and faces is not None and len(faces.truth):
        result["true_boxes"] = _classification(faces, min_side, resamples, progress)
        result["true_boxes"]["classifier"] = classifier.info.name
    scenes_seen = [item for item in observations if not item.picture.whole]
    detection = Detection(scenes_seen, min_score) if scenes_seen else None
    if detection:
        result |= _detection(detection, resamples, progress)
    seen = _seen(observations, min_score, detection)
    bootstrap = Bootstrap(len(observations), resamples)
    result["slices"] = slices(seen, noted, bootstrap, min_side)
    if noted is not None:
        result["complaints"] = complaints(seen, noted, bootstrap, min_side)
    mistakes = find_mistakes(observations, min_score, min_side)
    unasked = sum(item.picture.whole for item in observations) if pipeline and not classifier else 0
    notes = said.notes() if said else []
    if unasked:
        notes.append(f"crops not measured: {unasked}; that takes a classifier as --model")
    return Evaluation(result, faces, detection, mistakes, notes, problems)


def _face_model(pipeline: Pipeline) -> str | None:
    detector = pipeline.detector
    return detector.model if isinstance(detector, LabellingDetector) else None


def _face_size(pipeline: Pipeline) -> int | None:
    detector = pipeline.detector
    return detector.size if isinstance(detector, SizedDetector) else None


def _count(observations: Sequence[Observation]) -> dict[str, int]:
    labels = [face.label for item in observations for face in item.picture.counted]
    return {name: labels.count(name) for name in CLASSES}


def _true_boxes(observations: Sequence[Observation], min_side: float) -> Faces:
    """Gather the faces that are large enough; pictures without one are not numbered."""
    truth, scores, picture = [], [], []
    for place, item in enumerate(observations):
        if item.scores is None:
            continue
        for face, row in zip(item.picture.counted, item.scores, strict=True):
            if shorter_side(face.box) >= min_side:
                truth.append(CLASSES.index(face.label))
                scores.append(row)
                picture.append(place)
    number = np.unique(np.array(picture, np.int64), return_inverse=True)[1]
    return Faces(np.array(truth, np.int64), np.array(scores).reshape(-1, len(CLASSES)), number)


def _classification(
    faces: Faces, min_side: float, resamples: int, progress: Progress
) -> dict[str, Any]:
    bootstrap = Bootstrap(int(faces.picture.max()) + 1, resamples)
    figures = bootstrap.figures(lambda weights: classification(faces, weights), progress)
    return {
        "min_side": min_side,
        "faces": len(faces.truth),
        "pictures": bootstrap.pictures,
        **nested(figures),
        "confusion": faces.counts(),
        "reliability": _reliability(faces, bootstrap),
    }


def _reliability(faces: Faces, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    place, right = bins(faces.scores), faces.guess == faces.truth

    def accuracy(number: int) -> Figure:
        own = place == number
        hits = bootstrap.counts(faces.picture[own & right])
        return bootstrap.share(hits, bootstrap.counts(faces.picture[own]))

    return [
        {
            "from": round(item.low, 4),
            "to": round(item.high, 4),
            "faces": int(item.faces),
            "confidence": round(item.confidence, 4) if item.faces else None,
            "accuracy": accuracy(number),
        }
        for number, item in enumerate(reliability(faces.truth, faces.scores))
    ]


def _detection(detection: Detection, resamples: int, progress: Progress) -> dict[str, Any]:
    pictures = len(detection.observations)
    bootstrap = Bootstrap(pictures, resamples)
    found = bootstrap.figures(detection.detector, progress)
    whole = bootstrap.figures(detection.pipeline, progress)
    once = np.ones(pictures)
    detector = nested(found)
    for name, figures in detector["by_size"].items():
        figures["faces"] = int(detection.rankings[f"size/{name}"].faces.sum())
    return {
        "face_detector": {
            "faces": int(detection.faces.sum()),
            "found": int(detection.detected.sum()),
            "false_alarms": int(detection.detected_falsely.sum()),
            **detector,
        },
        "pipeline": {
            "found": int(detection.found.sum()),
            "false_alarms": int(detection.false_alarms.sum()),
            **nested(whole),
            "table": {
                name: {key: int(value) for key, value in row.items()}
                for name, row in detection.table(once).items()
            },
        },
    }


def _seen(
    observations: Sequence[Observation], min_score: float, detection: Detection | None
) -> list[Seen]:
    matches = iter(detection.matches if detection else ())
    faces = []
    for place, item in enumerate(observations):
        pairs = None if item.picture.whole else dict(next(matches).pairs)
        working = working_set(item, min_score)
        rank = 0
        for index, face in enumerate(item.picture.faces):
            if face.difficult:
                continue
            guess: str | None = None
            if item.scores is not None:
                guess = CLASSES[item.scores[rank].argmax()]
            elif pairs and index in pairs:
                guess = working[pairs[index]].label
            faces.append(
                Seen(
                    picture=place,
                    name=item.picture.name,
                    index=face.index,
                    label=face.label,
                    side=shorter_side(face.box),
                    source=item.picture.source,
                    brightness=float(item.brightness[rank]),
                    sharpness=float(item.sharpness[rank]),
                    found=None if pairs is None else index in pairs,
                    guess=guess,
                )
            )
            rank += 1
    return faces
