from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maskdet import files
from maskdet.errors import ModelError, OutputError
from maskdet.models import store

GOOD: dict[str, Any] = {
    "name": "tiny",
    "schema": 1,
    "classes": ["with_mask", "without_mask"],
    "image_size": 32,
    "margin": 0.1,
    "files": {"model.onnx": "00"},
}


def write(folder: Path, description: object = GOOD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / store.DESCRIPTION).write_text(
        description if isinstance(description, str) else json.dumps(description)
    )
    return folder


@pytest.mark.parametrize("end", ["", "model.json", "model.onnx", "model.keras"])
def test_a_model_is_found_by_its_path(end: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "some where" / "tiny")
    assert store.find(folder / end) == folder
    assert store.find(str(folder / end)) == folder


def test_a_model_is_found_by_name_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "model" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert store.find("tiny") == folder
    assert store.find("model/tiny") == Path("model/tiny")


def test_the_environment_comes_before_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "model" / "tiny")
    other = write(tmp_path / "elsewhere" / "tiny")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDET_MODEL_DIR", str(tmp_path / "elsewhere"))
    assert store.find("tiny") == other


def test_the_default_model_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = store.find(store.CLASSIFIER)
    info = store.load_info(folder)
    assert info.task == "classification"
    assert store.verified_bytes(folder, info, store.ONNX)


def test_a_missing_model_is_told_with_the_places_that_were_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKDET_MODEL_DIR", str(tmp_path))
    with pytest.raises(ModelError, match="no model 'nothing'") as raised:
        store.find("nothing")
    assert str(tmp_path) in str(raised.value)
    with pytest.raises(ModelError, match="no model"):
        store.find(tmp_path / "not" / "there")
    other = tmp_path / "yunet.onnx"
    other.touch()
    with pytest.raises(ModelError, match="is a file, and a model is a folder"):
        store.find(other)


@pytest.mark.parametrize("name", ["a.pkl", "a.PICKLE", "b/a.pt", "a.pth", "a.joblib", "a.h5"])
def test_what_may_run_code_is_refused_even_if_it_is_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(ModelError, match="refused"):
        store.find(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "newer maskdet"),
        ({"schema": "1"}, "not a model description"),
        ({"classes": ["with_mask", "dog"]}, "its classes are"),
        ({"classes": ["with_mask"]}, "its classes are"),
        ({"classes": ["with_mask", "with_mask"]}, "its classes are"),
        ({"classes": []}, "its classes are"),
        ({"classes": None}, "not a model description"),
        ({"image_size": 0}, "image_size"),
        ({"image_size": "32"}, "image_size"),
        ({"image_size": True}, "image_size"),
        ({"margin": -1}, "margin"),
        ({"margin": float("nan")}, "margin"),
        ({"margin": "0.1"}, "not a model description"),
        ({"files": None}, "not a model description"),
        ({"thresholds": {"ssd": 2}}, "thresholds"),
        ({"thresholds": {"ssd": "0.5"}}, "not a model description"),
        ({"thresholds": [0.5]}, "not a model description"),
    ],
)
def test_a_wrong_description_is_told(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny", {**GOOD, **change})
    with pytest.raises(ModelError, match=message) as raised:
        store.load_info(folder)
    assert str(folder) in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", "{}", '{"schema": 1}', "\x00"])
def test_a_broken_description_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model description"):
        store.load_info(write(tmp_path / "tiny", text))


def test_a_missing_description_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        store.load_info(tmp_path)


def test_a_description_is_read_as_it_was_written(tmp_path: Path) -> None:
    info = store.ModelInfo(
        name="tiny",
        classes=("with_mask", "without_mask", "background"),
        image_size=96,
        margin=0.25,
        files={"model.onnx": "ab"},
        thresholds={"ssd": 0.4},
        training={"note": "é"},
    )
    store.save_info(tmp_path, info)
    assert store.load_info(tmp_path) == info


def test_what_a_later_version_may_add_is_no_hindrance(tmp_path: Path) -> None:
    info = store.load_info(write(tmp_path / "tiny", {**GOOD, "colour": "blue"}))
    assert info.classes == ("with_mask", "without_mask")


def test_a_description_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    info = store.load_info(write(tmp_path / "tiny"))
    with pytest.raises(OutputError, match="cannot write"):
        store.save_info(tmp_path / "missing", info)


def test_files_are_verified(tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny")
    data = bytes(range(256)) * 10
    (folder / store.ONNX).write_bytes(data)
    info = store.ModelInfo(**{**GOOD, "files": {store.ONNX: files.sha256(folder / store.ONNX)}})
    assert store.verified_bytes(folder, info, store.ONNX) == data

    altered = bytearray(data)
    altered[100] ^= 1
    for content in (bytes(altered), data[:-1], b""):
        (folder / store.ONNX).write_bytes(content)
        with pytest.raises(ModelError, match="altered or cut off"):
            store.verified_bytes(folder, info, store.ONNX)


@pytest.mark.parametrize(
    ("name", "message"), [("model.onnx", "cannot read"), ("extra", "altered or cut off")]
)
def test_missing_and_undescribed_files_are_told(name: str, message: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "tiny")
    (folder / "extra").touch()
    with pytest.raises(ModelError, match=message):
        store.verified_bytes(folder, store.load_info(folder), name)
