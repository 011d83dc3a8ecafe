from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.types import Box, ImageResult, Prediction

numbers = st.floats(-1e4, 1e4)
boxes = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    numbers,
    numbers,
    st.floats(0, 1e4),
    st.floats(0, 1e4),
)
sides = st.integers(1, 10_000)


@given(boxes, sides, sides)
def test_a_clipped_box_lies_inside_and_stays_so(box: Box, width: int, height: int) -> None:
    clipped = box.clip(width, height)
    assert 0 <= clipped.x1 <= clipped.x2 <= width
    assert 0 <= clipped.y1 <= clipped.y2 <= height
    assert clipped.clip(width, height) == clipped
    assert clipped.area == pytest.approx(box.intersection(Box(0, 0, width, height)), abs=1e-6)


@given(boxes, boxes)
def test_iou_is_symmetric_and_between_0_and_1(one: Box, other: Box) -> None:
    assert one.iou(other) == pytest.approx(other.iou(one))
    assert 0 <= one.iou(other) <= 1 + 1e-9


@given(boxes)
def test_a_box_is_like_itself_and_unlike_what_it_does_not_touch(box: Box) -> None:
    beside = Box(box.x2, box.y1, box.x2 + 5, box.y2)
    assert box.iou(box) == (pytest.approx(1) if box.area else 0)
    assert box.iou(beside) == 0


@pytest.mark.parametrize(
    ("box", "width", "height", "area"),
    [
        (Box(1, 2, 4, 7), 3, 5, 15),
        (Box(4, 7, 1, 2), 0, 0, 0),
        (Box(1, 2, 1, 7), 0, 5, 0),
    ],
)
def test_sides_and_area(box: Box, width: float, height: float, area: float) -> None:
    assert (box.width, box.height, box.area) == (width, height, area)


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (Box(0, 0, 10, 10), 1),
        (Box(0, 0, 10, 5), 0.5),
        (Box(5, 0, 15, 10), 1 / 3),
        (Box(2, 2, 4, 4), 0.04),
        (Box(10, 0, 20, 10), 0),
        (Box(3, 3, 3, 3), 0),
    ],
)
def test_iou(other: Box, iou: float) -> None:
    assert Box(0, 0, 10, 10).iou(other) == pytest.approx(iou)


def test_a_result_is_the_json_that_is_promised() -> None:
    face = Prediction(Box(1.26, 2, 3, 4), 0.98765, "with_mask", 0.91239, {"with_mask": 0.91239})
    result = ImageResult("b/a.jpg", "a.jpg", 640, 480, (face,), frame=3, time_s=0.12345)
    assert json.loads(json.dumps(result.to_dict())) == {
        "source": "b/a.jpg",
        "image": "a.jpg",
        "frame": 3,
        "time_s": 0.123,
        "width": 640,
        "height": 480,
        "faces": [
            {
                "box": [1.3, 2.0, 3.0, 4.0],
                "detector_score": 0.9877,
                "label": "with_mask",
                "score": 0.9124,
                "scores": {"with_mask": 0.9124},
            }
        ],
        "error": None,
    }
