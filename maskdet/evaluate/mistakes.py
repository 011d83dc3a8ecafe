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

    ``kind`` is one of ``KINDS``. ``box`` is None where the picture is a crop. ``label`` is the
    truth and ``guess`` what was said, None where there is no such thing. ``weight`` says how bad
    it is, to be compared within a kind: by how much the wrong class is more probable than the
    right one, the shorter side of a missed face in pixels, the score of a false alarm.
    """

    kind: str
    path: Path
    box: Box | None
    label: str | None
    guess: str | None
    weight: float


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
    for face, row in zip(item.picture.counted, item.scores, strict=True):
        guess = int(row.argmax())
        if CLASSES[guess] == face.label or shorter_side(face.box) < min_side:
            continue
        by = float(row[guess] - row[CLASSES.index(face.label)])
        box = None if item.picture.whole else face.box
        found.append(Mistake(WRONG, item.picture.path, box, face.label, CLASSES[guess], by))
    return found


def _detections(item: Observation, min_score: float) -> list[Mistake]:
    working, truth, path = working_set(item, min_score), item.picture.faces, item.picture.path
    matches = match(truth, [face.box for face in working])
    found = [
        Mistake(MISSED, path, truth[k].box, truth[k].label, None, shorter_side(truth[k].box))
        for k in matches.missed
    ]
    for number in matches.false_alarms:
        face = working[number]
        found.append(Mistake(FALSE_ALARM, path, face.box, None, face.label, face.detector_score))
    if item.scores is None:  # no classifier to ask about the true boxes
        for k, number in matches.pairs:
            face = working[number]
            if face.label != truth[k].label:
                found.append(
                    Mistake(WRONG, path, truth[k].box, truth[k].label, face.label, face.score)
                )
    return found
