"""Which detection belongs to which true face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maskdet.labels.voc import VocObject
from maskdet.types import Box

IOU = 0.5
"""A detection belongs to a true face from this intersection over union on (Pascal VOC)."""

_INSIDE = 0.5


@dataclass(frozen=True, slots=True)
class Matches:
    """``pairs`` of (place in ``truth``, place in ``detections``), and what is left of both.

    Difficult faces are in neither ``pairs`` nor ``missed``, and detections in them are not
    among ``false_alarms``.
    """

    pairs: list[tuple[int, int]]
    missed: list[int]
    false_alarms: list[int]


def match(truth: Sequence[VocObject], detections: Sequence[Box], iou: float = IOU) -> Matches:
    """Match detections to the true faces of one picture.

    In the order of ``detections`` (best first), each takes the free face that it overlaps
    most, if their IoU reaches ``iou``. What is left over is a false alarm, unless half of it
    lies in a difficult face. Classes play no part.
    """
    counted = [place for place, face in enumerate(truth) if not face.difficult]
    free = set(counted)
    pairs, false_alarms = [], []
    for number, box in enumerate(detections):
        best = max(free, key=lambda place: truth[place].box.iou(box), default=None)
        if best is not None and truth[best].box.iou(box) >= iou:
            free.remove(best)
            pairs.append((best, number))
        elif not any(
            face.difficult and face.box.intersection(box) >= _INSIDE * box.area for face in truth
        ):
            false_alarms.append(number)
    return Matches(pairs, [place for place in counted if place in free], false_alarms)
