from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.faces.crop import crop_faces, region, square_around
from maskdet.types import Box

NOISE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)


@st.composite
def boxes_partly_inside(draw: st.DrawFn) -> Box:
    x1 = draw(st.floats(-200, 89))
    y1 = draw(st.floats(-200, 59))
    x2 = draw(st.floats(max(x1, 0) + 1, 400))
    y2 = draw(st.floats(max(y1, 0) + 1, 400))
    return Box(x1, y1, x2, y2)


@given(
    st.lists(boxes_partly_inside(), max_size=3),
    st.integers(1, 64),
    st.floats(0, 2),
)
def test_any_boxes_give_a_batch_of_squares(boxes: list[Box], size: int, margin: float) -> None:
    batch = crop_faces(NOISE, boxes, size, margin)
    assert batch.shape == (len(boxes), size, size, 3)
    assert batch.dtype == np.uint8


@given(st.integers(1, 60), st.data())
def test_a_square_inside_is_cut_pixel_by_pixel(side: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, 90 - side))
    y = data.draw(st.integers(0, 60 - side))
    (crop,) = crop_faces(NOISE, [Box(x, y, x + side, y + side)], side, 0)
    assert np.array_equal(crop, NOISE[y : y + side, x : x + side, ::-1])


def test_crops_are_rgb_whatever_the_size() -> None:
    image = np.empty((50, 50, 3), np.uint8)
    image[:] = (10, 100, 200)  # BGR
    for size in (5, 20, 80):
        batch = crop_faces(image, [Box(10, 10, 30, 30), Box(-10, 20, 20, 70)], size, 0.2)
        assert (batch == (200, 100, 10)).all()


@pytest.mark.parametrize(
    ("box", "margin", "square"),
    [
        (Box(10, 20, 30, 40), 0, Box(10, 20, 30, 40)),
        (Box(10, 20, 30, 60), 0, Box(0, 20, 40, 60)),
        (Box(10, 20, 50, 40), 0, Box(10, 10, 50, 50)),
        (Box(10, 20, 30, 40), 0.5, Box(0, 10, 40, 50)),
        (Box(10.4, 20.4, 30.2, 40.2), 0, Box(10, 20, 30, 40)),
        (Box(0, 0, 0.2, 0.1), 0, Box(0, 0, 1, 1)),
    ],
)
def test_the_square_lies_around_the_centre(box: Box, margin: float, square: Box) -> None:
    assert square_around(box, margin) == square


def test_beyond_the_border_its_pixels_go_on() -> None:
    (crop,) = crop_faces(NOISE, [Box(-10, -10, 10, 10)], 20, 0)
    assert np.array_equal(crop[10:, 10:], NOISE[:10, :10, ::-1])
    assert (crop[:11, :11] == NOISE[0, 0, ::-1]).all()
    (crop,) = crop_faces(NOISE, [Box(80, 50, 100, 70)], 20, 0)
    assert np.array_equal(crop[:10, :10], NOISE[50:, 80:, ::-1])
    assert (crop[9:, 9:] == NOISE[-1, -1, ::-1]).all()


def test_the_face_keeps_its_proportions() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[20:80, 40:60] = 255  # three times as high as wide
    (crop,) = crop_faces(image, [Box(40, 20, 60, 80)], 30, 0)
    assert (crop[:, 10:20] == 255).all()
    assert (crop[:, :10] == 0).all()
    assert (crop[:, 20:] == 0).all()


def test_the_picture_stays_as_it_is() -> None:
    before = NOISE.copy()
    crop_faces(NOISE, [Box(-5, -5, 95, 65), Box(3, 3, 20, 20)], 16, 0.3)
    assert np.array_equal(NOISE, before)


def test_a_face_that_fills_its_picture_gets_no_margin() -> None:
    assert region(NOISE, None, 0.3) == (Box(0, 0, 90, 60), 0)
    assert region(NOISE, Box(1, 2, 30, 40), 0.3) == (Box(1, 2, 30, 40), 0.3)
