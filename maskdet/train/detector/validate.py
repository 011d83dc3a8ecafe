"""How good the detector is on whole photographs, by the measures of ``labels.ap``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt

from maskdet import images
from maskdet.faces import own
from maskdet.faces.base import usable_faces
from maskdet.labels import ap
from maskdet.labels.ap import LEAST_SCORE
from maskdet.labels.match import match
from maskdet.train.calibrate import fit_temperature
from maskdet.train.detector.photos import Photo
from maskdet.types import Face

_BATCH = 4

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """A photograph and what the detector found in it, down to ``LEAST_SCORE``, the best first."""

    photo: Photo
    found: list[Face]


@dataclass(frozen=True, slots=True)
class Shown:
    """A photograph, its sides in pixels, and what they are multiplied by to be looked at."""

    photo: Photo
    width: int
    height: int
    scale: float


Views = tuple[list[Shown], npt.NDArray[np.uint8]]
"""Photographs and the input that shows them: uint8 (n, height, width, 3), RGB; n may be more."""


def look(network: keras.Model, views: Iterable[Views], classes: tuple[str, ...]) -> list[Seen]:
    """Look at whole photographs as ``faces.own`` does.

    Args:
        network: made by ``network.with_scores``.
        views: the photographs, made ready by ``batches``.
        classes: in the order of the network's output.
    """
    result = []
    for some, canvases in views:
        answer = network.predict_on_batch(canvases)
        for place, shown in enumerate(some):
            boxes, scores = answer["boxes"][place], answer["scores"][place]
            kept = own.distinct(boxes, scores.max(axis=1), LEAST_SCORE)
            faces = own.as_faces(boxes[kept] / np.float32(shown.scale), scores[kept], classes)
            found = usable_faces(faces, shown.width, shown.height, LEAST_SCORE, 0)
            result.append(Seen(shown.photo, found))
    return result


def batches(photos: Sequence[Photo], size: int) -> Iterator[Views]:
    """Yield photographs with their inputs, always as many in one and, but for strips, square.

    The network is compiled anew for each shape.

    Args:
        photos: all of them can be read.
        size: longer side in pixels of what the network sees.
    """
    some: list[Shown] = []
    canvases: list[npt.NDArray[np.uint8]] = []
    for photo in photos:
        image = images.read(photo.path)
        height, width = image.shape[:2]
        shown = Shown(photo, width, height, own.scale_for(width, height, size))
        canvas = own.letterbox(image, shown.scale, least=size)
        if canvas.shape[:2] != (size, size):
            yield [shown], canvas[None]
            continue
        some, canvases = [*some, shown], [*canvases, canvas]
        if len(some) == _BATCH:
            yield some, np.stack(canvases)
            some, canvases = [], []
    if some:
        empty = [np.zeros_like(canvases[0])] * (_BATCH - len(some))
        yield some, np.stack([*canvases, *empty])


def figures(seen: Sequence[Seen], classes: Sequence[str]) -> dict[str, float]:
    """Measure: ``map``, the mean of the average precisions of the classes, and each of them.

    ``face_ap`` is that of faces of whatever class. A detection is for the class that is most
    probable, and is ranked by its score times that probability, as ``maskdet evaluate`` does.
    All 0 to 1; nan for a class of which there is no face.
    """
    by_class = {name: _ranking(seen, name).average_precision() for name in classes}
    return {
        "map": ap.mean(by_class.values()),
        "face_ap": _ranking(seen).average_precision(),
        **{f"ap_{name}": value for name, value in by_class.items()},
    }


def _ranking(seen: Sequence[Seen], label: str | None = None) -> ap.Ranking:
    judged = []
    for item in seen:
        found = [face for face in item.found if label is None or best(face) == label]
        scores = [face.score * (probabilities(face)[label] if label else 1.0) for face in found]
        judged.append(ap.judge(item.photo.faces, [face.box for face in found], scores, label))
    return ap.Ranking(judged)


def probabilities(face: Face) -> dict[str, float]:
    """Return the probabilities of a face's classes; every face of the detector has some."""
    return dict(face.scores or {})


def best(face: Face) -> str:
    """Return the most probable class of a face."""
    scores = probabilities(face)
    return max(scores, key=scores.__getitem__)


def threshold(seen: Sequence[Seen]) -> float:
    """Return the score from which the F1 of finding faces is the best; 0.5 if none is found."""
    recall, precision, scores = _ranking(seen).curve()
    total = recall + precision
    f1 = np.divide(2 * recall * precision, total, out=np.zeros(len(total)), where=total > 0)
    return round(float(scores[f1.argmax()]), 3) if f1.any() else 0.5


def temperature(seen: Sequence[Seen], classes: Sequence[str], least: float) -> float:
    """Return the temperature under which the labels of the faces that are found are most likely.

    Args:
        seen: of the validation part.
        classes: in the order of the network's output.
        least: score of the faces that count.
    """
    rows, labels = [], []
    for item in seen:
        found = [face for face in item.found if face.score >= least]
        for place, number in match(item.photo.faces, [face.box for face in found]).pairs:
            scores = probabilities(found[number])
            rows.append([scores[name] for name in classes])
            labels.append(list(classes).index(item.photo.faces[place].label))
    if not rows:
        return 1.0
    return round(fit_temperature(np.array(rows), np.array(labels, np.int64)), 4)
