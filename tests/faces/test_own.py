"""maskdet's own detector around its network: what it looks at, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import ModelMaker
from hypothesis import given
from hypothesis import strategies as st
from squares import SIDE, make_detector

from maskdet import faces
from maskdet.errors import ModelError
from maskdet.faces.base import LabellingDetector
from maskdet.faces.own import (
    LEAST_FACE,
    Floats,
    Look,
    OwnFaceDetector,
    as_faces,
    letterbox,
    looks,
    scale_for,
)
from maskdet.images import Bgr
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.types import Box, Face

RED, BLUE = (0, 0, 255), (255, 0, 0)  # BGR


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_detector(tmp_path_factory.mktemp("models") / "squares")


def picture(
    width: int, height: int, squares: list[tuple[float, float]], side: int, colour: tuple[int, ...]
) -> Bgr:
    """Squares of ``side`` on black, named by their top left corners; they may be cut off."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in squares:
        image[max(0, round(y)) : round(y) + side, max(0, round(x)) : round(x) + side] = colour
    return image


def check(found: list[Face], squares: list[tuple[float, float]], side: int, image: Bgr) -> None:
    """Every square is found once, where it is, and nothing else."""
    height, width = image.shape[:2]
    assert len(found) == len(squares)
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)
    for x, y in squares:
        truth = Box(x, y, x + side, y + side).clip(width, height)
        best = max(found, key=lambda face: face.box.iou(truth))
        assert best.box.iou(truth) > 0.6, (x, y)
        assert best.box == best.box.clip(width, height)


def test_it_is_a_detector_with_labels(model: Path) -> None:
    detector = faces.create("maskdet", model)
    assert isinstance(detector, LabellingDetector)
    assert not isinstance(faces.create("ssd"), LabellingDetector)
    assert (detector.name, detector.min_score) == ("maskdet", 0.3)
    assert (detector.classes, detector.model) == (("with_mask", "without_mask"), "squares")
    assert faces.create("maskdet", model, min_score=0.9).min_score == 0.9


@pytest.mark.parametrize(("colour", "label"), [(RED, "with_mask"), (BLUE, "without_mask")])
def test_a_face_comes_with_its_class(model: Path, colour: tuple[int, ...], label: str) -> None:
    image = picture(640, 480, [(200, 100)], SIDE, colour)
    (face,) = OwnFaceDetector(model).detect(image)
    assert face.box.iou(Box(200, 100, 216, 116)) > 0.99
    assert face.scores
    assert max(face.scores, key=face.scores.__getitem__) == label
    assert sum(face.scores.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (480, 640), (640, 640), (3200, 200), (200, 3200), (120, 90)]
)
def test_faces_at_each_border_and_corner_of_every_shape(
    model: Path, width: int, height: int
) -> None:
    scale = scale_for(width, height, 640)
    side = round(SIDE / scale)
    right, low = width - side, height - side
    corners: list[tuple[float, float]] = [(0, 0), (right, 0), (0, low), (right, low)]
    middles: list[tuple[float, float]] = [
        (right / 2, 0),
        (right / 2, low),
        (0, low / 2),
        (right, low / 2),
    ]
    squares = [*corners, *middles] if min(width, height) > 4 * side else corners
    image = picture(width, height, squares, side, RED)
    check(OwnFaceDetector(model).detect(image), squares, side, image)


def test_hundreds_and_none(model: Path) -> None:
    squares: list[tuple[float, float]] = [
        (x, y) for y in range(4, 460, 24) for x in range(4, 620, 24)
    ]
    image = picture(640, 480, squares, SIDE, BLUE)
    assert len(squares) > 400
    check(OwnFaceDetector(model).detect(image), squares, SIDE, image)
    assert OwnFaceDetector(model).detect(np.full((480, 640, 3), 90, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (2, 3)])
def test_pictures_without_room_for_a_face(model: Path, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 90, np.uint8)
    for min_face in (0, 4):
        assert OwnFaceDetector(model, min_face=min_face).detect(image) == []
    found = OwnFaceDetector(model, min_score=0).detect(np.zeros((1, 1, 3), np.uint8))
    assert all(face.box == Box(0, 0, 1, 1) for face in found)


def test_small_faces_are_found_in_tiles_once_each(model: Path) -> None:
    # At 640 pixels these would be 4 pixels wide; in the tiles they are what the network knows.
    squares: list[tuple[float, float]] = [
        (x, y) for y in (0, 700, 1180, 1784) for x in (0, 630, 655, 1300, 2384)
    ]
    image = picture(2400, 1800, squares, SIDE, RED)
    assert OwnFaceDetector(model).detect(image) == []
    check(OwnFaceDetector(model, min_face=12).detect(image), squares, SIDE, image)
    large = [(100.0, 100.0), (1500.0, 900.0)]
    image = picture(2400, 1800, large, 60, BLUE)
    whole = [
        face for face in OwnFaceDetector(model, min_face=12).detect(image) if face.box.width > 40
    ]
    check(whole, large, 60, image)


def test_what_is_too_small_is_left_out(model: Path) -> None:
    image = picture(640, 480, [(200, 100)], SIDE, RED)
    for min_face, count in ((0, 1), (16, 1), (17, 0)):
        assert len(OwnFaceDetector(model, min_face=min_face).detect(image)) == count


@pytest.mark.parametrize(
    ("shape", "count", "scale"),
    [
        ((1920, 1440), 0, 0),
        ((1921, 1440), 4, 0.642),
        ((4000, 3000), 4, 0.309),
        ((3000, 4000), 4, 0.309),
        ((4000, 1000), 2, 0.312),
        ((640, 480), 0, 0),
    ],
)
def test_large_pictures_are_looked_at_in_quarters(
    shape: tuple[int, int], count: int, scale: float
) -> None:
    first, *quarters = looks(*shape, 640, closer=1920)
    assert [first] == looks(*shape, 640)
    assert len(quarters) == count
    assert all(part.scale == pytest.approx(scale, abs=1e-3) for part in quarters)
    wide = {(part.x1, part.x2) for part in quarters}
    if count:
        (_, left), (right, end) = sorted(wide)[0], sorted(wide)[-1]
        assert (left - right) * first.scale >= 2 * LEAST_FACE - 2
        assert end == shape[0]


def test_small_faces_of_a_large_picture_are_found_in_its_quarters(model: Path) -> None:
    squares: list[tuple[float, float]] = [(100, 100), (1190, 890), (2300, 1700)]
    image = picture(2400, 1800, squares, 2 * SIDE, RED)
    assert OwnFaceDetector(model, size=640, moving=True).detect(image) == []
    check(OwnFaceDetector(model).detect(image), squares, 2 * SIDE, image)


@pytest.mark.parametrize(
    ("size", "moving", "seen"),
    [(None, False, 640), (None, True, 544), (960, False, 960), (960, True, 960), (500, True, 512)],
)
def test_the_network_sees_what_moves_smaller_unless_told_otherwise(
    model: Path, size: int | None, moving: bool, seen: int
) -> None:
    shapes = []

    def run(batch: np.ndarray[Any, Any]) -> tuple[Floats, Floats]:
        shapes.append(batch.shape[1:3])
        return np.zeros((1, 1, 4), np.float32), np.zeros((1, 1, 2), np.float32)

    detector = OwnFaceDetector(model, size=size, moving=moving)
    detector.run = run  # type: ignore[method-assign]
    detector.detect(np.zeros((1000, 1000, 3), np.uint8))
    assert shapes == [(seen, seen)]


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_larger_the_size_the_closer_the_looks(width: int, height: int) -> None:
    seen = [looks(width, height, size, closer=1920) for size in (300, 544, 640, 960, 1600)]
    finest = [max(look.scale for look in some) for some in seen]
    assert finest == sorted(finest)
    assert [some[0].scale for some in seen] == sorted(some[0].scale for some in seen)


@pytest.mark.parametrize(("side", "count"), [(20, 5), (60, 1)])
def test_quarters_may_show_a_piece_of_what_is_large(model: Path, side: int, count: int) -> None:
    def run(batch: object) -> tuple[Floats, Floats]:
        box = [100, 100, 100 + side, 100 + side]
        return np.array([[box]], np.float32), np.array([[[1, 0]]], np.float32)

    detector = OwnFaceDetector(model)
    detector.run = run  # type: ignore[method-assign]
    assert len(detector.detect(np.zeros((1800, 2400, 3), np.uint8))) == count


@pytest.mark.parametrize("size", [320, 640])
@pytest.mark.parametrize("min_face", [0, 5, 12, 30, 200])
@pytest.mark.parametrize("shape", [(640, 480), (4000, 3000), (1, 1), (9000, 300), (300, 9000)])
def test_looks_cover_the_picture_and_faces_fit(
    shape: tuple[int, int], min_face: float, size: int
) -> None:
    width, height = shape
    first, *tiles = looks(width, height, size, min_face)
    assert first == Look(0, 0, width, height, scale_for(width, height, size))
    if not tiles:
        assert not min_face or min_face * first.scale >= LEAST_FACE or first.scale == 2
        return
    seen = np.zeros((height // 5 + 1, width // 5 + 1), bool)
    for tile in tiles:
        assert 0 <= tile.x1 < tile.x2 <= width
        assert 0 <= tile.y1 < tile.y2 <= height
        assert max(tile.x2 - tile.x1, tile.y2 - tile.y1) * tile.scale <= size + 2
        assert min_face * tile.scale >= LEAST_FACE * 0.99 or tile.scale == 2
        seen[tile.y1 // 5 : tile.y2 // 5 + 1, tile.x1 // 5 : tile.x2 // 5 + 1] = True
    assert seen.all()


def test_the_input_keeps_the_proportions_and_is_grey_beyond() -> None:
    image = np.zeros((100, 300, 3), np.uint8)
    image[..., 2] = 200  # red
    canvas = letterbox(image, 0.5)
    assert canvas.shape == (64, 160, 3)
    assert (canvas[:50, :150] == (200, 0, 0)).all()
    assert (canvas[50:] == 114).all()
    assert (canvas[:, 150:] == 114).all()
    assert letterbox(image, 0.5, least=320).shape == (320, 320, 3)


@pytest.mark.parametrize(
    ("scale", "interpolation"),
    [(0.5, cv2.INTER_AREA), (0.74, cv2.INTER_AREA), (0.8, cv2.INTER_LINEAR), (2, cv2.INTER_LINEAR)],
)
def test_what_shrinks_much_is_averaged(scale: float, interpolation: int, astronaut: Bgr) -> None:
    side = round(512 * scale)
    expected = cv2.resize(astronaut, (side, side), interpolation=interpolation)[:, :, ::-1]
    assert np.array_equal(letterbox(astronaut, scale)[:side, :side], expected)


def test_classes_are_in_the_proportion_of_the_squared_scores() -> None:
    boxes, scores = np.zeros((1, 4), np.float32), np.array([[0.8, 0.4]], np.float32)
    (face,) = as_faces(boxes, scores, ("a", "b"))
    assert face.score == pytest.approx(0.8)
    assert face.scores == pytest.approx({"a": 0.8, "b": 0.2})
    (cooler,) = as_faces(boxes, scores, ("a", "b"), temperature=2)
    assert cooler.scores == pytest.approx({"a": 2 / 3, "b": 1 / 3})


def test_a_missing_or_wrong_model_is_told(
    tmp_path: Path, make_model: ModelMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(store, "search_folders", list)
        with pytest.raises(ModelError, match="no model 'mask_detector"):
            OwnFaceDetector()
    with pytest.raises(ModelError, match="no model 'nothing'"):
        OwnFaceDetector(Path("nothing"))
    with pytest.raises(ModelError, match="is a classifier, not a detector"):
        OwnFaceDetector(make_model(tmp_path / "classifier"))
    with pytest.raises(ModelError, match="is a detector, not a classifier"):
        Classifier(make_detector(tmp_path / "detector"))
    wrong = make_detector(tmp_path / "wrong", classes=("with_mask", "without_mask", "background"))
    with pytest.raises(ModelError, match="does not fit its"):
        OwnFaceDetector(wrong)
    with pytest.raises(ModelError, match="temperature"):
        OwnFaceDetector(make_detector(tmp_path / "hot", temperature=0))


def test_the_default_model_is_found_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_detector(tmp_path / "mask_detector")
    monkeypatch.setenv("MASKDET_MODEL_DIR", str(tmp_path))
    assert OwnFaceDetector().model == "mask_detector"
    make_detector(tmp_path / "another")
    assert OwnFaceDetector(Path("another")).model == "another"
