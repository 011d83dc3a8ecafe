"""Average precision: how good detections are over all thresholds at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from maskdet.labels.match import IOU, match
from maskdet.labels.voc import VocObject
from maskdet.types import Box

LEAST_SCORE = 0.05
"""Detections down to this score count, for all alike."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """The detections of one picture: who they are for, and what became of them.

    ``scores`` and ``hits`` (is it a true face?) are of equal length, the best score first;
    detections in difficult faces are in neither. ``faces`` counts the true faces.
    """

    scores: tuple[float, ...]
    hits: tuple[bool, ...]
    faces: int


def judge(
    truth: Sequence[VocObject],
    boxes: Sequence[Box],
    scores: Sequence[float],
    label: str | None = None,
    iou: float = IOU,
    within: Callable[[Box], bool] | None = None,
) -> Judged:
    """Match the detections of one picture as ``match`` does, the best score first.

    Args:
        truth: the true faces. Difficult ones are neither counted nor held against a detection
            of which half lies in them, whatever their class.
        boxes: the detections, in any order.
        scores: how sure each one is, in any unit.
        label: the class that the detections are of: only true faces of it count. None for
            faces of whatever class.
        iou: least intersection over union with a true face.
        within: says of a box whether it is of those that are measured (by its size, say):
            other faces are taken for difficult, and other false alarms left out, as COCO does.
    """
    faces = [face for face in truth if face.difficult or label is None or face.label == label]
    if within:
        faces = [replace(face, difficult=face.difficult or not within(face.box)) for face in faces]
    # Equal scores in the order of the boxes: the result must not depend on that of a file.
    order = sorted(
        range(len(boxes)), key=lambda number: (-scores[number], boxes[number].to_list(6))
    )
    matches = match(faces, [boxes[number] for number in order], iou)
    hit = {number for _, number in matches.pairs}
    wrong = {
        number for number in matches.false_alarms if not within or within(boxes[order[number]])
    }
    counted = sorted(hit | wrong)
    return Judged(
        tuple(float(scores[order[number]]) for number in counted),
        tuple(number in hit for number in counted),
        len(matches.pairs) + len(matches.missed),
    )


def ratio(part: float, whole: float) -> float:
    """Return a share, nan of nothing."""
    return float(part / whole) if whole else math.nan


class Ranking:
    """The detections of many pictures in one order, from the surest to the least sure.

    ``faces`` is how many true faces each picture has: int64, shape (pictures,).
    """

    def __init__(self, pictures: Iterable[Judged]) -> None:
        judged = list(pictures)
        self.faces = np.array([item.faces for item in judged], np.int64)
        scores = np.array([score for item in judged for score in item.scores], np.float64)
        hits = np.array([hit for item in judged for hit in item.hits], np.float64)
        picture = np.repeat(np.arange(len(judged)), [len(item.scores) for item in judged])
        order = np.argsort(-scores, kind="stable")
        self._scores, self._hits, self._picture = scores[order], hits[order], picture[order]

    def curve(self, weights: npt.ArrayLike | None = None) -> tuple[Floats, Floats, Floats]:
        """Return recall, precision and threshold, from the highest threshold down.

        Detections of equal score enter together, so the curve does not depend on their order.

        Args:
            weights: how often each picture counts, shape (pictures,); None for once.

        Returns:
            Three float64 arrays of one length, a value for each score. Without a true face
            (or any weight on one) the recall is nan.
        """
        weight = np.ones(len(self.faces)) if weights is None else np.asarray(weights, np.float64)
        counted = weight[self._picture]
        last = np.flatnonzero(np.diff(self._scores, append=-np.inf))
        hits = np.cumsum(self._hits * counted)[last]
        shown = np.cumsum(counted)[last]
        faces = float(weight @ self.faces)
        recall = hits / faces if faces else np.full(len(last), np.nan)
        precision = np.divide(hits, shown, out=np.zeros(len(last)), where=shown > 0)
        return recall, precision, self._scores[last]

    def at(self, threshold: float, weights: npt.ArrayLike | None = None) -> tuple[float, float]:
        """Return recall and precision of the detections that score ``threshold`` or more.

        Args:
            threshold: the least score.
            weights: as in ``curve``.

        Returns:
            Each 0 to 1; nan where there is no true face, or no detection.
        """
        weight = np.ones(len(self.faces)) if weights is None else np.asarray(weights, np.float64)
        shown = np.searchsorted(-self._scores, -threshold, side="right")
        counted = weight[self._picture[:shown]]
        hits = float(counted @ self._hits[:shown])
        return ratio(hits, float(weight @ self.faces)), ratio(hits, float(counted.sum()))

    def average_precision(self, weights: npt.ArrayLike | None = None) -> float:
        """Return the area under the precision envelope, over all points (Pascal VOC 2010).

        Args:
            weights: as in ``curve``.

        Returns:
            0 to 1; nan where there is no true face.
        """
        recall, precision, _ = self.curve(weights)
        faces = self.faces.sum() if weights is None else np.asarray(weights) @ self.faces
        if not faces:
            return float("nan")
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.diff(recall, prepend=0.0) @ envelope)


def average_precision(pictures: Iterable[Judged]) -> float:
    """Return the average precision over pictures, see ``Ranking.average_precision``."""
    return Ranking(pictures).average_precision()


def mean(values: Iterable[float]) -> float:
    """Return the mean over classes of those that have a value; nan if none has."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
