from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet.classes import CLASSES, COLOURS
from maskdet.detect.draw import annotate, blur_faces, put_lines
from maskdet.faces.ssd import SsdFaceDetector
from maskdet.images import Bgr
from maskdet.types import Box, ImageResult, Prediction

Corners = tuple[int, int, int, int]


def grey(height: int, width: int) -> Bgr:
    return np.full((height, width, 3), 128, np.uint8)


def result(image: Bgr, boxes: Sequence[Box], label: str = "without_mask") -> ImageResult:
    height, width = image.shape[:2]
    faces = tuple(Prediction(box, 0.9, label, 0.987, {label: 0.987}) for box in boxes)
    return ImageResult("a.jpg", "a.jpg", width, height, faces)


def drawn(image: Bgr, boxes: Sequence[Box], label: str = "without_mask") -> np.ndarray:
    """Return where the picture has changed: bool, shape (height, width)."""
    changed: np.ndarray = (annotate(image, result(image, boxes, label)) != image).any(axis=2)
    return changed


def outside(changed: np.ndarray, box: Box) -> Corners:
    """Return left, top, right, bottom of what was drawn outside the box: its label."""
    rest = changed.copy()
    rest[int(box.y1) : math.ceil(box.y2), int(box.x1) : math.ceil(box.x2)] = False
    ys, xs = np.nonzero(rest)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


@pytest.mark.parametrize("label", CLASSES)
def test_every_class_has_its_colour(label: str) -> None:
    image = grey(300, 400)
    annotated = annotate(image, result(image, [Box(100, 100, 200, 220)], label))
    assert annotated.shape == image.shape
    assert (image == 128).all()
    assert tuple(annotated[219, 150].tolist()) == COLOURS[label]
    assert tuple(annotated[150, 100].tolist()) == COLOURS[label]
    assert (annotated[120:200, 120:180] == 128).all()


@pytest.mark.parametrize("side", [200, 400, 1000, 6000])
def test_labels_and_lines_grow_with_the_picture(side: int) -> None:
    box = Box(side * 0.4, side * 0.4, side * 0.6, side * 0.7)
    changed = drawn(grey(side, side), [box])
    left, top, right, bottom = outside(changed, box)
    assert max(11, side / 60) <= bottom - top <= max(20, side / 12)
    assert bottom <= box.y1 + 1
    assert right - left < side / 2
    line = changed[int((box.y1 + box.y2) / 2), : side // 2].sum()
    assert max(1, side / 500) <= line <= max(2, side / 200)


WIDTH, HEIGHT = 320, 240


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, 40, 50),
        Box(WIDTH - 40, 0, WIDTH, 50),
        Box(0, HEIGHT - 50, 40, HEIGHT),
        Box(WIDTH - 40, HEIGHT - 50, WIDTH, HEIGHT),
        Box(140, 0, 180, HEIGHT),
        Box(0, 100, WIDTH, 140),
        Box(150.5, 100.4, 190.2, 150.9),
    ],
)
def test_a_label_stays_in_the_picture_and_off_the_face(box: Box) -> None:
    far = outside(drawn(grey(HEIGHT, WIDTH), [Box(120, 100, 160, 150)]), Box(120, 100, 160, 150))
    changed = drawn(grey(HEIGHT, WIDTH), [box])
    near = outside(changed, box)
    if box.width < 100:
        # Nothing of it is cut off.
        assert abs((near[2] - near[0]) - (far[2] - far[0])) <= 2
        assert abs((near[3] - near[1]) - (far[3] - far[1])) <= 2
    inner = changed[int(box.y1) + 3 : int(box.y2) - 3, int(box.x1) + 3 : int(box.x2) - 3]
    assert not inner.any()


def test_a_label_keeps_off_other_faces_and_labels() -> None:
    above, below = Box(100, 60, 150, 120), Box(100, 121, 150, 180)
    image = grey(HEIGHT, WIDTH)
    alone = drawn(image, [above])
    both = drawn(image, [above, below])
    assert not both[64:116, 104:146].any()
    assert not both[125:176, 104:146].any()
    # The first label is where it was, and the second is not on it.
    assert both[alone].all()
    assert both.sum() > 1.8 * alone.sum()


def test_a_face_that_fills_the_picture_is_labelled_all_the_same() -> None:
    box = Box(0, 0, WIDTH, HEIGHT)
    changed = drawn(grey(HEIGHT, WIDTH), [box])
    assert changed[10:40, 10:-10].sum() + changed[-40:-10, 10:-10].sum() > 100
    assert not changed[60:-60, 10:-10].any()


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (5, 400), (400, 5), (60, 60)])
def test_pictures_of_any_shape_are_borne(shape: tuple[int, int]) -> None:
    image = grey(*shape)
    boxes = [Box(0, 0, shape[1], shape[0]), Box(0, 0, 1, 1)]
    assert annotate(image, result(image, boxes)).shape == image.shape
    assert annotate(image, result(image, boxes), blur=True).shape == image.shape
    assert np.array_equal(annotate(image, result(image, [])), image)
    put_lines(image, ["12.3 fps"])


def noise(height: int = 200, width: int = 300) -> Bgr:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("box", "most"),
    [
        (Box(100, 50, 180, 160), 36),
        (Box(0, 0, 60, 60), 36),
        (Box(250, 150, 300, 200), 36),
        (Box(20, 20, 30, 31), 1),
        (Box(0, 0, 300, 200), 36),
    ],
)
def test_of_a_hidden_face_a_few_colours_remain(box: Box, most: int) -> None:
    image = noise()
    hidden = blur_faces(image, [box])
    face = hidden[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)]
    assert 1 <= len(np.unique(face.reshape(-1, 3), axis=0)) <= most
    assert np.array_equal(image, noise())
    assert hidden.shape == image.shape


def test_a_little_more_than_the_face_is_hidden_and_the_rest_is_not() -> None:
    image, box = noise(), Box(100, 50, 160, 150)
    changed = (blur_faces(image, [box]) != image).any(axis=2)
    ys, xs = np.nonzero(changed)
    assert 85 <= xs.min() <= 95
    assert 165 <= xs.max() <= 175
    assert 30 <= ys.min() <= 40
    assert 160 <= ys.max() <= 170


def test_what_is_hidden_cannot_be_got_back() -> None:
    """Pictures that differ only within the blocks look the same afterwards."""
    image, box = noise(), Box(100, 50, 160, 150)
    other = image.copy()
    other[60:140, 105:155] = 255 - other[60:140, 105:155]
    difference = np.abs(blur_faces(image, [box]).astype(int) - blur_faces(other, [box]))
    assert difference.max() < 40
    assert np.abs(image.astype(int) - other).max() == 255


def test_a_hidden_face_is_no_face_any_more(astronaut: Bgr) -> None:
    detector = SsdFaceDetector()
    assert detector.detect(astronaut)
    assert detector.detect(blur_faces(astronaut, [ASTRONAUT_FACE])) == []


def test_hidden_faces_are_annotated_too(astronaut: Bgr) -> None:
    annotated = annotate(astronaut, result(astronaut, [ASTRONAUT_FACE]), blur=True)
    clear = annotate(astronaut, result(astronaut, [ASTRONAUT_FACE]))
    assert tuple(annotated[130, 175].tolist()) == COLOURS["without_mask"]
    assert not np.array_equal(annotated[100:180, 190:260], clear[100:180, 190:260])
    assert np.array_equal(annotated[300:], astronaut[300:])


def test_lines_stand_in_the_corner() -> None:
    image = grey(HEIGHT, WIDTH)
    put_lines(image, ["25.0 fps"])
    one = (image != 128).any(axis=2)
    put_lines(image, ["25.0 fps", "mask 3  no mask 1"])
    two = (image != 128).any(axis=2)
    assert one[: HEIGHT // 3, : WIDTH // 2].sum() == one.sum() > 100
    assert two.sum() > 2 * one.sum()
