from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskdet.faces.own import BORDER
from maskdet.train.augment import seed_all
from maskdet.train.detector.augment import augment, augmenter
from maskdet.train.detector.zoom import SEEN, SMALLEST, VISIBLE, Scene, keep_visible, mosaic, zoom

NONE = np.empty((0, 4), np.float32)


def scene(width: int, height: int, boxes: list[list[float]]) -> Scene:
    """A picture whose faces are white on black: what a box should hold can be seen."""
    image = np.zeros((height, width, 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[round(y1) : round(y2), round(x1) : round(x2)] = 255
    array = np.array(boxes, np.float32).reshape(-1, 4)
    return Scene(image, array, np.arange(len(boxes)), NONE)


@st.composite
def pictures(draw: st.DrawFn) -> Scene:
    width, height = draw(st.integers(1, 400)), draw(st.integers(1, 400))
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    face = [x, y, draw(st.integers(x + 1, width)), draw(st.integers(y + 1, height))]
    return scene(width, height, [face])


@settings(max_examples=150)
@given(picture=pictures(), seed=st.integers(0, 1000), width=st.sampled_from([64, 96, 128]))
def test_the_chosen_face_is_in_the_crop_with_all_of_it(
    picture: Scene, seed: int, width: int
) -> None:
    crop = zoom(picture, width, 96, np.random.default_rng(seed), 0)
    assert crop.image.shape == (96, width, 3)
    both = np.concatenate([crop.boxes, crop.ignored])
    assert len(both) == 1
    x1, y1, x2, y2 = both[0]
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= 96
    # Never cut: its proportions are those that it had, up to rounding to whole pixels.
    before = picture.boxes[0]
    longer = max(before[2] - before[0], before[3] - before[1])
    scale = max(x2 - x1, y2 - y1) / longer
    for low, high, side in ((x1, x2, 0), (y1, y2, 1)):
        assert high - low == pytest.approx((before[side + 2] - before[side]) * scale, abs=4)
    assert len(crop.boxes) == 0 or max(x2 - x1, y2 - y1) >= SEEN
    if min(before[2] - before[0], before[3] - before[1]) >= 8 <= min(x2 - x1, y2 - y1):
        white = np.argwhere(crop.image[..., 0] > 190)
        assert white.min(axis=0) == pytest.approx([y1, x1], abs=2)
        assert white.max(axis=0) + 1 == pytest.approx([y2, x2], abs=2)


def test_sizes_are_drawn_from_the_smallest_to_the_whole_crop() -> None:
    picture = scene(600, 400, [[200, 100, 300, 220]])
    sizes, random = [], np.random.default_rng(0)
    for _ in range(400):
        crop = zoom(picture, 320, 320, random, 0, least_share=0)
        x1, y1, x2, y2 = crop.boxes[0]
        sizes.append(max(x2 - x1, y2 - y1))
    assert min(sizes) == pytest.approx(SMALLEST, abs=2)
    assert max(sizes) == pytest.approx(320, rel=0.05)
    middle = float(np.exp((np.log(SMALLEST) + np.log(320)) / 2))
    assert np.median(sizes) == pytest.approx(middle, rel=0.2)


def test_a_picture_smaller_than_the_crop_is_all_in_it_with_a_border() -> None:
    picture = Scene(
        np.zeros((20, 40, 3), np.uint8), np.array([[5, 5, 15, 15]], "f4"), np.zeros(1, int), NONE
    )
    crop = zoom(picture, 320, 320, np.random.default_rng(0), 0)
    inside = crop.image[..., 0] == 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(2, rel=0.1)
    assert (crop.image[~inside] == BORDER).all()


def test_faces_that_are_cut_off_or_too_small_are_ignored() -> None:
    boxes = np.array(
        [[10, 10, 40, 40], [-25, 10, 5, 40], [-12, 50, 18, 80], [60, 60, 64, 65]], "f4"
    )
    kept = keep_visible(Scene(np.zeros((96, 96, 3), np.uint8), boxes, np.arange(4), NONE))
    assert kept.labels.tolist() == [0, 2]  # a sixth of 1 is there, three fifths of 2
    assert VISIBLE == 0.4
    assert kept.boxes[1].tolist() == [0, 50, 18, 80]
    assert kept.ignored.tolist() == [[0, 10, 5, 40], [60, 60, 64, 65]]


def test_without_a_face_any_part_is_cut() -> None:
    crop = zoom(scene(500, 300, []), 128, 96, np.random.default_rng(0))
    assert crop.image.shape == (96, 128, 3)
    assert len(crop.boxes) == len(crop.ignored) == 0


def test_a_mosaic_keeps_every_face_where_it_went() -> None:
    parts = [
        scene(width, height, [[2, 3, 12, 11]])
        for width, height in ((40, 30), (60, 30), (40, 70), (60, 70))
    ]
    whole = mosaic(parts, 100, 100)
    corners = [(0, 0), (40, 0), (0, 30), (40, 30)]
    expected = [[x + 2, y + 3, x + 12, y + 11] for x, y in corners]
    assert whole.boxes.tolist() == expected
    for x1, y1, x2, y2 in expected:
        assert (whole.image[y1:y2, x1:x2] == 255).all()
    assert whole.image.any(axis=2).sum() == 4 * 80


def test_boxes_move_with_the_picture_and_a_seed_says_how() -> None:
    picture = scene(160, 160, [[50, 40, 90, 100]])
    picture.image[:] = 0
    y, x = np.mgrid[:160, :160]
    picture.image[((x - 70) / 20) ** 2 + ((y - 70) / 30) ** 2 <= 1] = 255
    augmented = augmenter()
    for number in range(12):
        seed_all(augmented, (7, number))
        turned = augment(augmented, picture)
        seed_all(augmented, (7, number))
        again = augment(augmented, picture)
        assert np.array_equal(turned.image, again.image)
        assert np.array_equal(turned.boxes, again.boxes)
        grey = turned.image.mean(axis=2)
        bright = np.argwhere(grey > (float(grey.max()) + float(np.median(grey))) / 2)
        x1, y1, x2, y2 = turned.boxes[0]
        assert np.percentile(bright, 1, axis=0) == pytest.approx([y1, x1], abs=6)
        assert np.percentile(bright, 99, axis=0) == pytest.approx([y2, x2], abs=6)
