"""The worst mistakes: wrong labels, missed faces and false alarms to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskdet.classes import CLASSES
from maskdet.evaluate.detection import working_set
from maskdet.evaluate.observe import Observation
from maskdet.evaluate.truth import shorter_side
from maskdet.labels.match import match
from maskdet.types import Box

WRONG, MISSED, FALSE_ALARM = "wrong label", "not found", "false alarm"
KINDS = (WRONG, MISSED, FALSE_ALARM)


@dataclass(frozen=True, slots=True)
class Mistake:
    """A face, or a place that is none.

    ``kind`` is one of ``KINDS``. ``name`` is the picture's, below the data's folder. ``box`` is
    None where the picture is a crop. ``label`` is the truth and ``guess`` what was said, None
    where there is no such thing. ``weight`` says how bad it is, to be compared within a kind: by
    how much the wrong class is more probable than the right one, the shorter side of a missed
    face in pixels, the score of a false alarm. ``iou`` is a false alarm's with the true face that
    it overlaps most, 0 for none: it may lie on a face that it does not fit.
    """

    kind: str
    path: Path
    name: str
    box: Box | None
    label: str | None
    guess: str | None
    weight: float
    iou: float = 0.0


def find_mistakes(
    observations: Sequence[Observation], min_score: float, min_side: float
) -> list[Mistake]:
    """Return all mistakes, those of each kind with the worst first.

    Args:
        observations: what was seen.
        min_score: the working threshold.
        min_side: of smaller faces, in pixels, nothing is expected of the classifier.
    """
    mistakes = []
    for item in observations:
        mistakes += _wrong_labels(item, min_side)
        if not item.picture.whole:
            mistakes += _detections(item, min_score)
    return sorted(mistakes, key=lambda item: (KINDS.index(item.kind), -item.weight))


def _wrong_labels(item: Observation, min_side: float) -> list[Mistake]:
    if item.scores is None:
        return []
    found = []
    place = item.picture.path, item.picture.name
    for face, row in zip(item.picture.counted, item.scores, strict=True):
        guess = int(row.argmax())
        if CLASSES[guess] == face.label or shorter_side(face.box) < min_side:
            continue
        by = float(row[guess] - row[CLASSES.index(face.label)])
        box = None if item.picture.whole else face.box
        found.append(Mistake(WRONG, *place, box, face.label, CLASSES[guess], by))
    return found


def _detections(item: Observation, min_score: float) -> list[Mistake]:
    working, truth = working_set(item, min_score), item.picture.faces
    place = item.picture.path, item.picture.name
    matches = match(truth, [face.box for face in working])
    found = []
    for k in matches.missed:
        box, label = truth[k].box, truth[k].label
        found.append(Mistake(MISSED, *place, box, label, None, shorter_side(box)))
    for number in matches.false_alarms:
        face = working[number]
        iou = max((face.box.iou(true.box) for true in truth), default=0.0)
        score = face.detector_score
        found.append(Mistake(FALSE_ALARM, *place, face.box, None, face.label, score, iou))
    if item.scores is None:  # no classifier to ask about the true boxes
        for k, number in matches.pairs:
            face, true = working[number], truth[k]
            if face.label != true.label:
                found.append(Mistake(WRONG, *place, true.box, true.label, face.label, face.score))
    return found
