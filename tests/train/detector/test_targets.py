from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from maskdet.train.detector import network
from maskdet.train.detector.losses import detection_loss, overlap
from maskdet.train.detector.targets import STRIDES, assign, level_strides, places
from maskdet.types import Box

SIDE = 320
CLASSES = 3
NONE = np.empty((0, 4), np.float32)

coordinate = st.floats(0, SIDE - 2, width=32)


@st.composite
def some_boxes(draw: st.DrawFn, most: int = 12) -> np.ndarray:
    """Boxes in the picture, of all sizes."""
    boxes = []
    for _ in range(draw(st.integers(1, most))):
        x, y = draw(coordinate), draw(coordinate)
        width, height = (draw(st.floats(2, SIDE, width=32)) for _ in range(2))
        boxes.append([x, y, min(x + width, SIDE), min(y + height, SIDE)])
    return np.array(boxes, np.float32)


def assigned(boxes: np.ndarray, ignored: np.ndarray = NONE) -> np.ndarray:
    labels = np.arange(len(boxes)) % CLASSES
    return assign(boxes, labels, ignored, SIDE, SIDE, CLASSES)


def test_places_are_the_middles_of_the_cells_of_each_level() -> None:
    spots = places(96, 160)  # a level of stride 64 that is not divided evenly
    counts = [12 * 20, 6 * 10, 3 * 5, 2 * 3]
    assert [int(np.sum(spots[:, 2] == stride)) for stride in STRIDES] == counts
    assert spots[0].tolist() == [4, 4, 8]
    assert spots[-1].tolist() == [160, 96, 64]


@pytest.mark.parametrize(
    ("longer", "stride"), [(5, 8), (40, 8), (41, 16), (96, 16), (97, 32), (192, 32), (320, 64)]
)
def test_each_size_has_its_level(longer: float, stride: int) -> None:
    assert level_strides(np.array([[10, 10, 10 + longer, 14]], np.float32)).tolist() == [stride]


@settings(max_examples=60)
@given(boxes=some_boxes())
def test_places_see_one_of_the_faces_of_their_level_near_its_centre(boxes: np.ndarray) -> None:
    target, spots = assigned(boxes), places(SIDE, SIDE)
    positive = target[:, CLASSES + 4] > 0
    assert set(np.unique(target[:, :CLASSES].sum(axis=1))) <= {0, 1}
    assert np.array_equal(target[:, :CLASSES].sum(axis=1) > 0, positive)
    assert not target[~positive, CLASSES : CLASSES + 4].any()
    assert (target[:, CLASSES + 5] == 1).all()
    for row, (x, y, stride) in zip(target[positive], spots[positive], strict=True):
        (number,) = np.flatnonzero((boxes == row[CLASSES : CLASSES + 4]).all(axis=1))[:1]
        assert level_strides(boxes[number : number + 1])[0] == stride
        centre = (boxes[number, :2] + boxes[number, 2:]) / 2
        assert np.abs(centre - (x, y)).max() <= 1.5 * stride + 1e-3


@settings(max_examples=60)
@given(boxes=some_boxes(most=1))
def test_a_face_that_is_alone_is_always_seen(boxes: np.ndarray) -> None:
    target = assigned(boxes)
    assert target[:, CLASSES + 4].sum() >= 1


def test_of_two_faces_the_smaller_has_the_places_but_one() -> None:
    boxes = np.array([[100, 100, 139, 139], [104, 104, 135, 135]], np.float32)
    seen = assigned(boxes)[:, CLASSES : CLASSES + 4]
    # Both are of one level, with one centre, and can be seen at the same nine places.
    assert (seen == boxes[1]).all(axis=1).sum() == 8
    assert (seen == boxes[0]).all(axis=1).sum() == 1


def test_nothing_counts_in_ignored_regions_but_faces() -> None:
    face = np.array([[20, 20, 50, 50]], np.float32)
    region = np.array([[0, 0, 160, 320]], np.float32)
    target, spots = assigned(face, region), places(SIDE, SIDE)
    counts = target[:, CLASSES + 5] > 0
    assert counts[target[:, CLASSES + 4] > 0].all()
    others = target[:, CLASSES + 4] == 0
    assert np.array_equal(counts[others], spots[others, 0] >= 160)


@pytest.mark.train
@settings(max_examples=20)
@given(boxes=some_boxes())
def test_decoding_gives_back_the_box_that_a_place_sees(boxes: np.ndarray) -> None:
    target, spots = assigned(boxes), places(SIDE, SIDE)
    positive = target[:, CLASSES + 4] > 0
    wanted = target[:, CLASSES : CLASSES + 4]
    for stride in STRIDES:
        level = spots[:, 2] == stride
        side = -(-SIDE // stride)
        x, y = spots[level, 0], spots[level, 1]
        x1, y1, x2, y2 = wanted[level].T
        distances = np.stack([x - x1, y - y1, x2 - x, y2 - y], axis=1) / stride
        # A place beyond a tiny box cannot say so: distances are positive.
        able = positive[level] & (distances > 0.01).all(axis=1)
        encoded = np.log(np.where(able[:, None], distances, 1.0))
        decoded = network.decode(
            ops.convert_to_tensor(encoded.reshape(1, side, side, 4).astype(np.float32)), stride
        )
        decoded = ops.convert_to_numpy(decoded).reshape(-1, 4)
        np.testing.assert_allclose(decoded[able], wanted[level][able], atol=0.01, rtol=1e-4)


@pytest.mark.train
@settings(max_examples=30)
@given(first=some_boxes(), second=some_boxes())
def test_overlap_is_what_plain_arithmetic_says(first: np.ndarray, second: np.ndarray) -> None:
    count = min(len(first), len(second))
    got = [ops.convert_to_numpy(v) for v in overlap(first[:count], second[:count])]
    for number in range(count):
        a, b = (Box(*boxes[number].tolist()) for boxes in (first, second))
        hull = Box(min(a.x1, b.x1), min(a.y1, b.y1), max(a.x2, b.x2), max(a.y2, b.y2))
        union = a.area + b.area - a.intersection(b)
        assert got[0][number] == pytest.approx(a.iou(b), abs=1e-4)
        expected = a.iou(b) - (hull.area - union) / hull.area
        assert got[1][number] == pytest.approx(expected, abs=1e-4)


def said(target: np.ndarray, sure: float) -> np.ndarray:
    """What the network would say if it were right, logits ``sure`` from 0."""
    classes = np.where(target[:, :CLASSES] > 0, sure, -sure)
    quality = np.full((len(target), 1), sure)
    boxes = target[:, CLASSES : CLASSES + 4]
    return np.hstack([classes, quality, boxes])[None].astype(np.float32)


@pytest.mark.train
def test_the_loss_is_small_for_the_truth_and_grows_with_every_fault() -> None:
    boxes = np.array([[30, 30, 62, 66], [100, 40, 280, 250]], np.float32)
    region = np.array([[300, 300, 320, 320]], np.float32)
    target = assigned(boxes, region)
    positive = target[:, CLASSES + 4] > 0
    loss = detection_loss(CLASSES)

    def value(values: np.ndarray) -> float:
        return float(ops.convert_to_numpy(loss(target[None], values)))

    right = said(target, 12.0)
    assert value(right) < 1e-3
    for column, place in ((0, 0), (CLASSES, None), (CLASSES + 1, None)):
        wrong = right.copy()
        if place is None:
            wrong[0, positive, column] -= 24 if column == CLASSES else 10
        else:
            wrong[0, place, column] = 12  # a face where there is none
        assert value(wrong) > value(right) + 0.05
    ignored = right.copy()
    ignored[0, target[:, CLASSES + 5] == 0, 0] = 12
    assert value(ignored) == pytest.approx(value(right))


@pytest.mark.train
def test_a_picture_without_a_face_has_a_loss_too() -> None:
    target = assign(NONE, np.empty(0, np.int64), NONE, 64, 64, CLASSES)[None]
    values = np.zeros((1, target.shape[1], CLASSES + 5), np.float32)
    loss = float(ops.convert_to_numpy(detection_loss(CLASSES)(target, values)))
    assert np.isfinite(loss)
    assert loss > 1


@pytest.mark.train
def test_the_network_answers_at_every_place_of_any_input() -> None:
    model = network.build(("with_mask", "without_mask"), 0.35, "none")
    scored = network.with_scores(model, 2)
    for height, width in ((64, 64), (96, 160), (32, 224)):
        answer = scored.predict_on_batch(np.zeros((1, height, width, 3), np.uint8))
        spots = places(height, width)
        assert answer["scores"].shape == (1, len(spots), 2)
        boxes = answer["boxes"][0]
        assert (boxes[:, :2] < spots[:, :2]).all()
        assert (boxes[:, 2:] > spots[:, :2]).all()
        assert answer["scores"].max() < 0.2  # untrained, it holds nothing to be a face
    assert isinstance(keras.Model.from_config(model.get_config()), keras.Model)
