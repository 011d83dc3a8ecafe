"""What holds for every face detector."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet import faces
from maskdet.errors import ModelError
from maskdet.faces import yunet
from maskdet.faces.base import FaceDetector, usable
from maskdet.faces.haar import score
from maskdet.faces.ssd import SsdFaceDetector
from maskdet.images import Bgr
from maskdet.types import Box, Face

Create = Callable[..., FaceDetector]

ALL = ["ssd", "ssd at 300", "haar", pytest.param("yunet", marks=pytest.mark.corpus)]
SEES_PARTS = [name for name in ALL if name != "haar"]


@pytest.fixture(scope="module")
def create(request: pytest.FixtureRequest) -> Create:
    """Make a detector, with its file where it has none of its own."""

    def make(name: str, **options: float) -> FaceDetector:
        if name == "ssd at 300":
            return SsdFaceDetector(size=300, **options)  # type: ignore[arg-type]
        return faces.create(name, _yunet_file(request) if name == "yunet" else None, **options)  # type: ignore[arg-type]

    return make


def _yunet_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue("corpus").parent / "weights" / yunet.MODEL
    if not path.is_file():
        pytest.fail(f"{path} is missing; it comes from {yunet.ORIGIN}")
    return path


def check(found: list[Face], image: Bgr) -> None:
    """What FaceDetector promises of every answer."""
    height, width = image.shape[:2]
    for face in found:
        assert face.box == face.box.clip(width, height)
        assert min(face.box.width, face.box.height) >= 1
        assert 0 <= face.score <= 1 + 1e-6
        assert face.scores is None
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)


@pytest.mark.parametrize("name", ALL)
def test_a_face_is_found_where_it_is(name: str, create: Create, astronaut: Bgr) -> None:
    detector = create(name)
    assert detector.name == name.split()[0]
    found = detector.detect(astronaut)
    assert len(found) == 1
    assert found[0].box.iou(ASTRONAUT_FACE) > 0.5
    assert found[0].score > 0.7
    check(found, astronaut)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("scale", [0.5, 2, 8])
def test_boxes_follow_the_size_of_the_picture(
    name: str, scale: float, create: Create, astronaut: Bgr
) -> None:
    image = cv2.resize(astronaut, None, fx=scale, fy=scale)
    found = create(name).detect(image)
    check(found, image)
    box = Box(*(v / scale for v in found[0].box.to_list()))
    assert box.iou(ASTRONAUT_FACE) > 0.5


CUT = 0.3
"""Part of the face that lies beyond the border."""


@pytest.mark.parametrize("name", SEES_PARTS)
@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_at_a_border_is_found_and_its_box_clipped(
    side: str, name: str, create: Create, astronaut: Bgr
) -> None:
    box = ASTRONAUT_FACE
    dx, dy = round(box.width * CUT), round(box.height * CUT)
    x1, y1, x2, y2 = (int(v) for v in box.to_list())
    cut = np.ascontiguousarray(
        {
            "left": astronaut[:, x1 + dx :],
            "right": astronaut[:, : x2 - dx],
            "top": astronaut[y1 + dy :],
            "bottom": astronaut[: y2 - dy],
        }[side]
    )
    found = create(name).detect(cut)
    check(found, cut)
    assert found
    height, width = cut.shape[:2]
    distance = {
        "left": found[0].box.x1,
        "right": width - found[0].box.x2,
        "top": found[0].box.y1,
        "bottom": height - found[0].box.y2,
    }[side]
    assert distance < 10


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (20, 5000), (5000, 20), (300, 300)]
)
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_pictures_of_any_shape_are_borne(
    shape: tuple[int, int], fill: str, name: str, create: Create
) -> None:
    image = np.full((*shape, 3), 255 if fill == "white" else 0, np.uint8)
    if fill == "noise":
        image = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    found = create(name).detect(image)
    check(found, image)
    assert found == []


@pytest.mark.parametrize("name", ALL)
def test_min_score_and_min_face_leave_faces_out(name: str, create: Create, astronaut: Bgr) -> None:
    (face,) = create(name).detect(astronaut)
    side = min(face.box.width, face.box.height)
    assert len(create(name, min_face=side - 1).detect(astronaut)) == 1
    assert create(name, min_face=side + 1).detect(astronaut) == []
    assert len(create(name, min_score=face.score - 1e-6).detect(astronaut)) == 1
    assert create(name, min_score=face.score + 1e-6).detect(astronaut) == []
    many = create(name, min_score=0).detect(astronaut)
    check(many, astronaut)
    assert len(many) > 1


@pytest.mark.parametrize("name", ALL)
def test_one_detector_takes_pictures_of_all_sizes(
    name: str, create: Create, astronaut: Bgr
) -> None:
    detector = create(name)
    first = detector.detect(astronaut)
    detector.detect(astronaut[:100, :300].copy())
    assert detector.detect(astronaut) == first


@pytest.mark.parametrize("name", ALL)
def test_threads_may_share_a_detector(name: str, create: Create, astronaut: Bgr) -> None:
    detector = create(name)
    pictures = [astronaut, astronaut[:, ::-1].copy(), astronaut[:300, 100:].copy()]
    alone = [detector.detect(picture) for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(detector.detect, pictures * 4)) == alone * 4


def test_usable_clips_orders_and_leaves_out() -> None:
    candidates = [
        (Box(-5, 2, 8, 30), 0.6),
        (Box(10, 10, 20, 20), 0.9),
        (Box(10, 10, 20, 20), 0.4),
        (Box(18, -3, 40, 5), 0.8),
        (Box(25, 1, 30, 9), 1.0),
    ]
    assert usable(candidates, 20, 25, 0.5, 0) == [
        Face(Box(10, 10, 20, 20), 0.9),
        Face(Box(18, 0, 20, 5), 0.8),
        Face(Box(0, 2, 8, 25), 0.6),
    ]
    assert [face.score for face in usable(candidates, 20, 25, 0.5, 8)] == [0.9, 0.6]


def test_a_cascades_sum_becomes_a_score() -> None:
    scores = [score(weight) for weight in (-1e3, -3, 0, 2, 5, 1e3)]
    assert scores == sorted(scores)
    assert scores[0] == pytest.approx(0)
    assert scores[-1] == pytest.approx(1)


def test_another_cascade_may_be_given(astronaut: Bgr) -> None:
    other = Path(cv2.data.haarcascades) / "haarcascade_frontalface_alt.xml"
    found = faces.create("haar", other, min_score=0).detect(astronaut)
    assert any(face.box.iou(ASTRONAUT_FACE) > 0.4 for face in found)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no face detector 'nobody'"):
        faces.create("nobody")


def test_yunet_without_a_file_says_where_to_get_it() -> None:
    with pytest.raises(ModelError, match=r"download it from https://\S+ .*--face-model"):
        faces.create("yunet")


@pytest.mark.parametrize("name", ["haar", "yunet"])
@pytest.mark.parametrize(
    ("content", "message"), [(None, "is missing"), (b"", "is no"), (b"<a>b</a>", "is no")]
)
def test_files_that_are_no_detector_are_refused(
    content: bytes | None, message: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / "äöü.file"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        faces.create(name, path)


def test_another_network_is_no_yunet(make_model: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no YuNet"):
        faces.create("yunet", make_model(tmp_path / "mine") / "model.onnx")
