"""Real, small training runs, on a few real faces."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from conftest import ENOUGH_S

from maskdet import files, images
from maskdet.errors import InputError, ModelError, OutputError
from maskdet.models import store
from maskdet.models.classifier import Classifier
from maskdet.train import export, fit, onnx_file, run
from maskdet.train.options import TrainOptions

SMALL = TrainOptions(
    image_size=64, alpha=0.35, weights="none", epochs=1, head_epochs=2, batch_size=16
)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders of drawn pictures, no two alike: blue below or skin-coloured below."""
    root = tmp_path_factory.mktemp("drawn")
    random = np.random.default_rng(0)
    for label, colour in (("with_mask", (200, 120, 40)), ("without_mask", (120, 160, 220))):
        (root / label).mkdir()
        for number in range(16):
            small = random.integers(0, 256, (6, 6, 3), np.uint8)
            picture = cv2.resize(small, (80, 80), interpolation=cv2.INTER_CUBIC)
            picture[45:] = picture[45:] // 8 + np.array(colour, np.uint8) // 8 * 7
            images.write(root / label / f"{number}.png", picture)
    (root / "with_mask" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    return root


@pytest.fixture(scope="module")
def trained(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> fit.TrainResult:
    return fit.train([drawn], tmp_path_factory.mktemp("model") / "small", SMALL)


@pytest.mark.train
def test_a_run_leaves_a_whole_model(trained: fit.TrainResult, drawn: Path) -> None:
    assert {path.name for path in trained.folder.iterdir()} == {
        "model.keras",
        "model.onnx",
        "model.json",
        "history.json",
        "split.csv",
        "curves.png",
        "confusion.png",
    }
    info = store.load_info(trained.folder)
    assert info.classes == ("with_mask", "without_mask")
    assert set(info.files) == {"model.keras", "model.onnx"}
    for name in info.files:
        store.verified_bytes(trained.folder, info, name)
    rows = list(csv.DictReader((trained.folder / "split.csv").open()))
    assert len(rows) == 32
    assert {row["subset"] for row in rows} == {"training", "validation"}
    assert str(drawn) not in (trained.folder / "split.csv").read_text()
    assert str(drawn) not in (trained.folder / "model.json").read_text()
    assert np.array(trained.outcome.confusion).sum() == sum(
        row["subset"] == "validation" for row in rows
    )
    for name in ("curves.png", "confusion.png"):
        assert images.read(trained.folder / name).std() > 5
    assert len(trained.problems) == 1
    assert "broken.jpg" in trained.problems[0]


@pytest.mark.train
def test_the_model_runs_and_the_check_of_the_export_can_fail(trained: fit.TrainResult) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    scores = Classifier(trained.folder).predict(faces)
    assert export.check_export(trained.folder, faces, scores) == 0
    with pytest.raises(ModelError, match="differs from Keras"):
        export.check_export(trained.folder, faces, scores[::-1] + np.float32(0.002))


@pytest.mark.train
def test_another_process_writes_the_onnx_file(
    trained: fit.TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, path = trained.folder / store.KERAS, tmp_path / store.ONNX
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    onnx_file.export(None, saved, path)
    info = store.load_info(trained.folder)
    store.save_info(tmp_path, replace(info, files={store.ONNX: files.sha256(path)}))
    faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    np.testing.assert_allclose(
        Classifier(tmp_path).predict(faces), Classifier(trained.folder).predict(faces), atol=1e-5
    )
    with pytest.raises(ModelError, match="cannot write the ONNX file"):
        onnx_file.export(None, tmp_path / "nothing.keras", path)


@pytest.mark.train
def test_a_model_is_not_overwritten_unasked(trained: fit.TrainResult, drawn: Path) -> None:
    with pytest.raises(OutputError, match="holds a model already"):
        fit.train([drawn], trained.folder, SMALL)


@pytest.mark.parametrize(
    ("power", "expected"),
    [(0, [1, 1]), (1, [0.625, 2.5]), (0.5, [10 / 12, 10 / 6])],
)
def test_class_weights(power: float, expected: list[float]) -> None:
    label = np.array([0] * 8 + [1] * 2)
    weights = fit.class_weights(label, power)
    assert list(weights.values()) == pytest.approx(expected)
    assert sum(weights[k] for k in label.tolist()) == pytest.approx(len(label))


def test_an_unfinished_run_is_not_begun_anew_unasked(drawn: Path, tmp_path: Path) -> None:
    work = tmp_path / "m" / run.WORK
    work.mkdir(parents=True)
    (work / run.RECORD).write_text("{}")
    (work / "best.weights.h5").write_bytes(b"hours of work")
    with pytest.raises(OutputError, match="--resume goes on with it"):
        fit.train([drawn], tmp_path / "m", SMALL)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no labelled face"):
        fit.train([empty], tmp_path / "m", SMALL, overwrite=True)
    assert (work / "best.weights.h5").read_bytes() == b"hours of work"


def test_resume_needs_a_run_the_same_options_and_the_same_faces(
    drawn: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="no run to resume"):
        fit.train([drawn], tmp_path / "m", SMALL, resume=True)
    work = tmp_path / "m" / run.WORK
    work.mkdir(parents=True)
    begun = {"faces": "of another time", "options": asdict(replace(SMALL, batch_size=8))}
    (work / run.RECORD).write_text(json.dumps(begun))
    with pytest.raises(InputError, match="--batch-size was 8"):
        fit.train([drawn], tmp_path / "m", SMALL, resume=True)
    with pytest.raises(InputError, match="faces were added, removed or changed"):
        fit.train([drawn], tmp_path / "m", replace(SMALL, batch_size=8), resume=True)


def test_resume_needs_the_same_split(tmp_path: Path) -> None:
    parts = np.array([[True, True, False], [False, False, True]])
    run.keep_record(tmp_path, "of the data", parts, asdict(SMALL), resume=False)
    run.keep_record(tmp_path, "of the data", parts, asdict(SMALL), resume=True)
    with pytest.raises(InputError, match="faces were added, removed or changed"):
        run.keep_record(tmp_path, "of the data", parts[:, ::-1], asdict(SMALL), resume=True)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["with_mask"], "only one class"),
        (["with_mask", "without_mask"], "without_mask cannot be split"),
    ],
)
def test_unusable_data_stops_before_anything_long(
    drawn: Path, tmp_path: Path, labels: Sequence[str], message: str
) -> None:
    for label in labels:
        (tmp_path / "data" / label).mkdir(parents=True)
    for number in range(8):
        source = drawn / "with_mask" / f"{number}.png"
        (tmp_path / "data/with_mask" / source.name).write_bytes(source.read_bytes())
    if "without_mask" in labels:
        (tmp_path / "data/without_mask" / "one.png").write_bytes(
            (drawn / "without_mask/1.png").read_bytes()
        )
    with pytest.raises(InputError, match=message):
        fit.train([tmp_path / "data"], tmp_path / "m", SMALL)
    assert not (tmp_path / "m" / store.DESCRIPTION).exists()


def test_a_class_that_cannot_be_read_stops_and_leaves_nothing(drawn: Path, tmp_path: Path) -> None:
    data = shutil.copytree(drawn, tmp_path / "data")
    for path in (data / "without_mask").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="class without_mask has no usable face"):
        fit.train([data], tmp_path / "m", SMALL)
    assert not (tmp_path / "m" / run.WORK).exists()


def command(drawn: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "maskdet", "train", str(drawn), "--out", str(out), "-v"),
        *("--image-size", "64", "--alpha", "0.35", "--weights", "none", "--head-epochs", "1"),
        *("--epochs", "200", "--patience", "200", "--batch-size", "8", *more),
    ]


def start_and_signal(
    drawn: Path, out: Path, number: signal.Signals, after_epochs: int
) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own, and signal it after some epochs."""
    process = subprocess.Popen(command(drawn, out), start_new_session=True)
    history = out / run.WORK / "history.json"
    while process.poll() is None:
        # The best epoch's weights are written after the history's line.
        if history.is_file() and len(json.loads(history.read_text())) > after_epochs:
            os.killpg(process.pid, number)
            break
        time.sleep(0.05)
    process.wait(ENOUGH_S)
    return process


@pytest.mark.train
def test_killed_then_interrupted_and_resumed(drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    start_and_signal(drawn, out, signal.SIGKILL, after_epochs=2)
    before = json.loads((out / run.WORK / "history.json").read_text())
    assert not (out / store.DESCRIPTION).exists()

    process = subprocess.Popen(command(drawn, out, "--resume"), stderr=subprocess.PIPE, text=True)
    history = out / run.WORK / "history.json"
    while process.poll() is None and len(json.loads(history.read_text())) < len(before) + 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=3 * ENOUGH_S)
    assert process.returncode == 130, stderr
    assert "the best epoch so far is kept" in stderr
    assert "oneDNN" not in stderr
    after = json.loads(history.read_text())
    assert [line["epoch"] for line in after] == list(range(len(after)))
    assert after[: len(before) - 1] == before[:-1]
    store.verified_bytes(out, store.load_info(out), store.ONNX)
    best = store.load_info(out).training["validation"]
    assert best["macro_f1"] == pytest.approx(max(line["val_macro_f1"] for line in after), abs=2e-3)


@pytest.mark.train
@pytest.mark.parametrize(("figures", "ended"), [([0.9, 0.5], True), ([0.5, 0.9], False)])
def test_a_run_that_has_ended_by_itself_is_resumed_without_another_epoch(
    drawn: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    figures: Sequence[float],
    ended: bool,
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    options = replace(SMALL, epochs=2, head_epochs=1, patience=1)
    with monkeypatch.context() as patch:
        patch.setattr(fit, "write_model", stop)
        with pytest.raises(KeyboardInterrupt):
            fit.train([drawn], tmp_path / "m", options)
    # As if it had been killed after the first epoch, which brought this.
    work = tmp_path / "m" / run.WORK
    history = json.loads((work / "history.json").read_text())[:2]
    for line, value in zip(history, figures, strict=True):
        line["val_macro_f1"] = value
    (work / "history.json").write_text(json.dumps(history))
    for path in work.glob("epoch-*"):
        path.unlink()
    fit.train([drawn], tmp_path / "m", options, resume=True)
    after = json.loads((tmp_path / "m" / "history.json").read_text())
    assert (after == history) == ended
    assert len(after) >= 2


@pytest.mark.corpus
@pytest.mark.train
def test_it_learns_from_real_faces(corpus: Path, tmp_path: Path) -> None:
    weights = next((corpus.parent / "weights").glob("mobilenet_v2*_0.35_*.h5"))
    options = TrainOptions(
        image_size=96,
        alpha=0.35,
        weights=str(weights),
        epochs=2,
        limit=400,
        validation=0.25,
        exclude=("kind=photo",),
    )
    pool = corpus / "train_pool"
    result = fit.train([pool / "crops", pool / "scenes"], tmp_path / "m", options)
    assert set(result.outcome.recall) == {"with_mask", "without_mask", "mask_worn_incorrectly"}
    assert result.outcome.macro_f1 > 0.5
