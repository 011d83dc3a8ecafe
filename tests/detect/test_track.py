from __future__ import annotations

from itertools import pairwise

import pytest

from maskdet.detect.track import Tracker
from maskdet.types import Box, ImageResult, Prediction

NAMES = {"A": "with_mask", "B": "without_mask", "C": "mask_worn_incorrectly"}


def face(letter: str, x: float = 100, y: float = 100, sure: float = 0.9) -> Prediction:
    """A face of 60 x 80 pixels whose label is ``letter``'s, with probability ``sure``."""
    rest = (1 - sure) / 2
    scores = {name: sure if key == letter else rest for key, name in NAMES.items()}
    return Prediction(Box(x, y, x + 60, y + 80), 0.99, NAMES[letter], sure, scores)


def frame(time_s: float, *faces: Prediction) -> ImageResult:
    return ImageResult("film", "film", 640, 480, faces, frame=0, time_s=time_s)


def labels(letters: str, fps: float, sure: float = 0.9) -> str:
    """Return the smoothed letters of a face whose raw labels are ``letters``; ``.`` is no face."""
    tracker = Tracker()
    back = {name: letter for letter, name in NAMES.items()}
    found = ""
    for number, letter in enumerate(letters):
        result = tracker(frame(number / fps, *([] if letter == "." else [face(letter, sure=sure)])))
        found += back[result.faces[0].label] if result.faces else "."
    return found


@pytest.mark.parametrize("fps", [2, 5, 25])
@pytest.mark.parametrize(
    ("raw", "smooth"),
    [
        ("A", "A"),
        ("AABA", "AAAA"),
        ("AB", "AA"),
        ("AAABAAAC", "AAAAAAAA"),
        ("AAAAABAAAAABAAAAA", "A" * 17),
        ("AAA.AA", "AAA.AA"),
        ("AAAAAA.BAA", "AAAAAA.AAA"),
    ],
)
def test_a_single_wrong_frame_changes_no_label(raw: str, smooth: str, fps: float) -> None:
    assert labels(raw, fps) == smooth


@pytest.mark.parametrize("fps", [25, 10])
def test_a_label_does_not_flicker_between_two_classes(fps: float) -> None:
    found = labels("AAAAA" + "BA" * 50, fps, sure=0.6)
    assert sum(a != b for a, b in pairwise(found)) == 0


@pytest.mark.parametrize("fps", [3, 5, 15, 25, 60])
@pytest.mark.parametrize("sure", [0.6, 0.99])
def test_a_real_change_is_followed_within_a_second(fps: int, sure: float) -> None:
    found = labels("A" * 4 * fps + "B" * 2 * fps, fps, sure)
    changed = found.index("B") - 4 * fps
    assert changed / fps <= 1
    assert set(found[4 * fps + changed :]) == {"B"}


def test_scores_are_smoothed_and_boxes_are_not() -> None:
    tracker = Tracker()
    tracker(frame(0, face("A")))
    seen = tracker(frame(0.04, face("B", x=104))).faces[0]
    assert seen.box == face("B", x=104).box
    assert seen.scores["with_mask"] == pytest.approx((0.9 + 0.05) / 2)
    assert sum(seen.scores.values()) == pytest.approx(1)
    assert seen.score == seen.scores[seen.label]


def test_what_was_given_stays_as_it_was() -> None:
    tracker = Tracker()
    given = face("A")
    tracker(frame(0, given))
    tracker(frame(0.04, face("B")))
    assert given == face("A")


def moving(x: float, speed: float, seconds: float, fps: int) -> list[float]:
    return [x + speed * n / fps for n in range(int(seconds * fps))]


@pytest.mark.parametrize(
    ("ways", "fps"),
    [
        # Two faces walk past each other in front of the camera, one a little higher.
        ((moving(50, 150, 2, 25), moving(350, -150, 2, 25)), 25),
        ((moving(50, 150, 2, 10), moving(350, -150, 2, 10)), 10),
        # One walks past one that stands still.
        ((moving(50, 200, 2, 25), moving(250, 0, 2, 25)), 25),
    ],
)
def test_crossing_faces_keep_their_labels(ways: tuple[list[float], list[float]], fps: int) -> None:
    tracker = Tracker()
    for number, (left, right) in enumerate(zip(*ways, strict=True)):
        result = tracker(frame(number / fps, face("A", left, 100), face("B", right, 120)))
        assert [found.label for found in result.faces] == [NAMES["A"], NAMES["B"]]
        # A track that had taken up the other face would have mixed the scores.
        assert result.faces[0].scores[NAMES["A"]] == pytest.approx(0.9)
        assert result.faces[1].scores[NAMES["B"]] == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("away_s", "remembered"), [(0.2, True), (0.9, True), (1.2, False), (60, False)]
)
def test_a_face_that_vanishes_is_remembered_for_a_while(away_s: float, remembered: bool) -> None:
    tracker = Tracker()
    for number in range(25):
        tracker(frame(number / 25, face("A")))
    back = tracker(frame(24 / 25 + away_s, face("B", x=110))).faces[0]
    assert (back.label == NAMES["A"]) is remembered


def test_a_face_that_walks_on_while_it_is_hidden_is_met_again() -> None:
    tracker = Tracker()
    for number in range(25):
        tracker(frame(number / 25, face("A", x=100 + 8 * number)))
    back = tracker(frame(31 / 25, face("B", x=100 + 8 * 31))).faces[0]
    assert back.label == NAMES["A"]


def test_a_face_that_stops_while_it_is_hidden_is_met_again() -> None:
    tracker = Tracker()
    for number in range(25):
        tracker(frame(number / 25, face("A", x=100 + 8 * number)))
    back = tracker(frame(24 / 25 + 0.8, face("B", x=100 + 8 * 28))).faces[0]
    assert back.label == NAMES["A"]


def test_a_face_elsewhere_is_another_face() -> None:
    tracker = Tracker()
    tracker(frame(0, face("A", x=0)))
    result = tracker(frame(0.04, face("B", x=200), face("A", x=2)))
    assert [found.label for found in result.faces] == [NAMES["B"], NAMES["A"]]


def test_one_track_takes_one_face_the_nearest() -> None:
    tracker = Tracker()
    for number in range(10):
        tracker(frame(number / 25, face("A", x=100)))
    result = tracker(frame(0.4, face("B", x=125), face("A", x=101)))
    assert result.faces[0].scores == face("B").scores
    assert result.faces[1].label == NAMES["A"]


def test_nothing_piles_up() -> None:
    tracker = Tracker()
    for number in range(500):
        tracker(frame(number * 0.1, face("A", x=(number * 97) % 580, y=(number * 61) % 400)))
    assert len(tracker._tracks) <= 11
