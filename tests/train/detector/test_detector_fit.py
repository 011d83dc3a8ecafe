"""A real, small training of the detector: on the astronaut's face, of various sizes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ENOUGH_S

from maskdet import files, images
from maskdet.cli import main
from maskdet.detect.pipeline import load_pipeline
from maskdet.errors import InputError, ModelError
from maskdet.faces import yunet
from maskdet.faces.own import OwnFaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.models import store
from maskdet.train import run
from maskdet.train.detector import export, fit
from maskdet.train.detector.options import DetectorOptions
from maskdet.types import Box

SIDE = 160
MASK = (190, 150, 60)
"""BGR of a drawn mask."""


def photograph(astronaut: Bgr, random: np.random.Generator, masked: bool) -> tuple[Bgr, Box]:
    """The astronaut's head somewhere on noise, large or small, perhaps with a mask."""
    x1, y1, x2, y2 = (round(v) for v in ASTRONAUT_FACE.to_list())
    head = astronaut[y1 - 30 : y2 + 10, x1 - 25 : x2 + 25].copy()
    if masked:
        cv2.rectangle(head, (30, 100), (120, 165), MASK, -1)
    scale = float(random.uniform(0.25, 0.8))
    head = cv2.resize(head, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    noise = random.integers(0, 256, (8, 8, 3), np.uint8)
    canvas = cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    rows, columns = head.shape[:2]
    x, y = (int(random.integers(0, SIDE - side + 1)) for side in (columns, rows))
    canvas[y : y + rows, x : x + columns] = head
    box = Box(x + 25 * scale, y + 30 * scale, x + 125 * scale, y + 170 * scale)
    return canvas, box.clip(SIDE, SIDE)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: Bgr) -> Path:
    root = tmp_path_factory.mktemp("data") / "photos"
    root.mkdir()
    random = np.random.default_rng(0)
    for number in range(24):
        masked = number % 2 == 0
        image, box = photograph(astronaut, random, masked)
        images.write(root / f"{number:02}.png", image)
        label = "with_mask" if masked else "without_mask"
        voc.write(
            root / f"{number:02}.xml", f"{number:02}.png", SIDE, SIDE, [VocObject(0, label, box)]
        )
    return root


@pytest.fixture(scope="module")
def options(corpus: Path) -> DetectorOptions:
    weights = next((corpus.parent / "weights").glob("mobilenet_v2*_0.35_*.h5"))
    return DetectorOptions(
        image_size=SIDE,
        crop_size=SIDE,
        alpha=0.35,
        weights=str(weights),
        fine_tune_from=0,
        epochs=6,
        crops=128,
        batch_size=8,
        learning_rate=3e-3,
        mosaic=0.1,
        validation=0.25,
        ignore_model=str(corpus.parent / "weights" / yunet.MODEL),
    )


@pytest.fixture(scope="module")
def trained(
    photos: Path, options: DetectorOptions, tmp_path_factory: pytest.TempPathFactory
) -> fit.DetectorResult:
    return fit.train([photos], tmp_path_factory.mktemp("model") / "own", options)


@pytest.mark.corpus
@pytest.mark.train
def test_a_run_learns_and_leaves_a_whole_model(
    trained: fit.DetectorResult,
    options: DetectorOptions,
    photos: Path,
    astronaut: Bgr,
    runner: CliRunner,
) -> None:
    assert {path.name for path in trained.folder.iterdir()} == {
        "model.keras",
        "model.onnx",
        "model.json",
        "history.json",
        "split.csv",
        "curves.png",
    }
    info = store.load_info(trained.folder)
    assert (info.task, info.classes) == ("detection", ("with_mask", "without_mask"))
    said = info.training["options"]
    assert (said["weights"], said["ignore_model"]) == (Path(options.weights).name, yunet.MODEL)
    assert str(photos) not in (trained.folder / "model.json").read_text()
    history = json.loads((trained.folder / "history.json").read_text())
    losses = [line["loss"] for line in history[1:]]
    assert losses[-1] < 0.6 * losses[0]
    assert trained.outcome.face_ap > 0.7
    assert trained.outcome.map == pytest.approx(max(line["val_map"] for line in history), abs=0.02)

    image, box = photograph(astronaut, np.random.default_rng(99), masked=True)
    best = max(OwnFaceDetector(trained.folder, min_score=0.05).detect(image), key=lambda f: f.score)
    assert best.box.iou(box) > 0.5
    pipeline = load_pipeline(detector="maskdet", face_model=trained.folder, min_score=0.05)
    assert pipeline.classifier is None
    found = pipeline(image).faces[0]
    assert found.box == best.box
    assert set(found.scores) == {"with_mask", "without_mask"}

    path = photos.parent / "new.png"
    images.write(path, image)
    said = ["--detector", "maskdet", "--face-model", str(trained.folder), "--min-score", "0.05"]
    done = runner.invoke(main, ["detect", "--image", str(path), "--json", *said])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["faces"][0]["box"] == best.box.to_list()


@pytest.mark.corpus
@pytest.mark.train
def test_the_check_of_the_export_can_fail(
    trained: fit.DetectorResult, photos: Path, options: DetectorOptions, tmp_path: Path
) -> None:
    import keras

    from maskdet.train.detector import network
    from maskdet.train.detector.prepare import collect

    model = keras.models.load_model(trained.folder / "model.keras")
    some = collect([photos], options)[0][:2]
    assert export.check_export(trained.folder, network.with_scores(model, 2), some) < 1e-3
    (quality,) = (layer for layer in model.layers if layer.name == "head_quality")
    quality.set_weights([weight + 0.1 for weight in quality.get_weights()])
    with pytest.raises(ModelError, match="differs from Keras"):
        export.check_export(trained.folder, network.with_scores(model, 2), some)


@pytest.mark.corpus
@pytest.mark.train
def test_interrupted_and_resumed(photos: Path, options: DetectorOptions, tmp_path: Path) -> None:
    out = tmp_path / "own"
    command = [
        *(sys.executable, "-m", "maskdet", "train", "--task", "detection", str(photos)),
        *("--out", str(out), "--weights", options.weights, "--alpha", "0.35", "--crop-size", "64"),
        *("--image-size", "96", "--epochs", "100", "--patience", "100", "--crops", "8"),
        *("--batch-size", "8", "--mosaic", "0", "--validation", "0.25"),
    ]
    process = subprocess.Popen(command, start_new_session=True)
    history = out / run.WORK / "history.json"
    while process.poll() is None:
        if history.is_file() and len(json.loads(history.read_text())) > 2:
            os.killpg(process.pid, signal.SIGINT)
            break
        time.sleep(0.05)
    assert process.wait(3 * ENOUGH_S) == 130
    assert store.load_info(out).task == "detection"
    before = json.loads(history.read_text())
    chosen = replace(
        options,
        crop_size=64,
        image_size=96,
        epochs=100,
        patience=1,
        crops=8,
        batch_size=8,
        mosaic=0,
        learning_rate=DetectorOptions().learning_rate,
        ignore_model=None,
        fine_tune_from=DetectorOptions().fine_tune_from,
    )
    other = replace(chosen, ignore_model=options.ignore_model)
    with pytest.raises(InputError, match="--patience was 100, --ignore-model was None"):
        fit.train([photos], out, other, resume=True)
    record = json.loads((out / run.WORK / run.RECORD).read_text())
    record["options"]["patience"] = 1
    (out / run.WORK / run.RECORD).write_text(json.dumps(record))
    result = fit.train([photos], out, chosen, resume=True)
    after = json.loads((out / "history.json").read_text())
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) > len(before) - 1
    assert not (out / run.WORK).exists()
    assert result.outcome.epochs == len(after) - 1


@pytest.mark.train
def test_a_model_that_could_not_be_written_is_written_later_without_more_training(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = DetectorOptions(
        image_size=96,
        crop_size=64,
        alpha=0.35,
        weights="none",
        epochs=1,
        crops=16,
        batch_size=8,
        validation=0.25,
    )
    out = tmp_path / "own"
    with monkeypatch.context() as patch:
        patch.setattr(fit, "write_model", Mock(side_effect=ModelError("no TensorFlow")))
        with pytest.raises(ModelError, match="no TensorFlow"):
            fit.train([photos], out, small)
    before = (out / run.WORK / "history.json").read_bytes()
    # The state of the optimizer is the largest of what is carried to another machine.
    (backup,) = (out / run.WORK).glob("epoch-*")
    backup.write_bytes(b"")
    result = fit.train([photos], out, small, resume=True)
    assert (out / "history.json").read_bytes() == before
    assert result.outcome.epochs == 1
    assert not (out / run.WORK).exists()


@pytest.mark.train
def test_weights_are_swapped_with_their_averages_and_back() -> None:
    import keras

    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Dense(2)(given))
    model.compile(fit.optimizer(DetectorOptions(epochs=40), 4), loss="mse")
    random = np.random.default_rng(0)
    seen: list[list[np.ndarray]] = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    swap = fit.SwapAverages()
    x, y = random.normal(size=(32, 3)), random.normal(size=(32, 2))
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[look, swap, look, swap, look])
    for plain, averaged, back in (seen[:3], seen[3:]):
        assert not np.allclose(plain[0], averaged[0], atol=1e-6)
        assert all(np.array_equal(*pair) for pair in zip(plain, back, strict=True))


@pytest.mark.corpus
@pytest.mark.train
def test_another_process_writes_the_same_onnx_file(
    trained: fit.DetectorResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    from maskdet.train.detector import onnx_file

    saved, path = trained.folder / store.KERAS, tmp_path / store.ONNX
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    onnx_file.export(None, saved, 2, path)
    batch = np.random.default_rng(0).integers(0, 256, (1, 96, 160, 3), np.uint8)
    info = store.load_info(trained.folder)
    store.save_info(tmp_path, replace(info, files={store.ONNX: files.sha256(path)}))
    for got, expected in zip(
        OwnFaceDetector(tmp_path).run(batch),
        OwnFaceDetector(trained.folder).run(batch),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, atol=1e-4)
