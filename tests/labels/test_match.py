from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.labels.match import Matches, match
from maskdet.labels.voc import VocObject
from maskdet.types import Box

A, B = Box(0, 0, 10, 10), Box(20, 0, 30, 10)
NEAR_A = Box(1, 0, 11, 10)
INSIDE_A = Box(0, 0, 5, 5)


def face(box: Box, difficult: bool = False) -> VocObject:
    return VocObject(0, "with_mask", box, difficult)


@pytest.mark.parametrize(
    ("truth", "detections", "expected"),
    [
        ([], [], Matches([], [], [])),
        ([face(A)], [], Matches([], [0], [])),
        ([], [A], Matches([], [], [0])),
        ([face(A), face(B)], [B, NEAR_A], Matches([(1, 0), (0, 1)], [], [])),
        ([face(A)], [NEAR_A, A], Matches([(0, 0)], [], [1])),
        ([face(A)], [INSIDE_A], Matches([], [0], [0])),
        ([face(A, True)], [INSIDE_A], Matches([], [], [])),
        ([face(A, True)], [B], Matches([], [], [0])),
        ([face(A, True), face(NEAR_A)], [A], Matches([(1, 0)], [], [])),
    ],
)
def test_matching(truth: list[VocObject], detections: list[Box], expected: Matches) -> None:
    assert match(truth, detections) == expected


BOXES = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h),
    *[st.integers(0, 20)] * 2,
    *[st.integers(1, 20)] * 2,
)


@given(st.lists(st.builds(face, BOXES, st.booleans()), max_size=8), st.lists(BOXES, max_size=8))
def test_every_face_and_detection_is_used_at_most_once(
    truth: list[VocObject], detections: list[Box]
) -> None:
    found = match(truth, detections)
    faces = [place for place, _ in found.pairs] + found.missed
    assert sorted(faces) == [k for k, item in enumerate(truth) if not item.difficult]
    used = [number for _, number in found.pairs] + found.false_alarms
    assert len(used) == len(set(used))


@given(st.lists(BOXES, max_size=8, unique=True))
def test_the_truth_itself_matches_in_full(boxes: list[Box]) -> None:
    found = match([face(box) for box in boxes], boxes)
    assert sorted(found.pairs) == [(k, k) for k in range(len(boxes))]
    assert not found.missed
    assert not found.false_alarms
