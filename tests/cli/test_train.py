from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskdet import images
from maskdet.cli import main
from maskdet.cli.train import command
from maskdet.drawing import class_colour
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.options import TrainOptions
from maskdet.types import Box


def test_the_defaults_are_those_of_the_library() -> None:
    defaults = asdict(TrainOptions())
    options = {option.name: option for option in command.params if option.name in defaults}
    assert set(options) == set(defaults)
    for name, option in options.items():
        assert option.default == defaults[name] or not defaults[name], name


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument"),
        (["{tmp}/data"], 2, "Missing option '--out'"),
        (["{tmp}/none", "--out", "{tmp}/m"], 2, "does not exist"),
        (["{tmp}/data", "--out", "{tmp}/m"], 3, "no labelled face"),
        (["{tmp}/data", "--out", "{tmp}/data"], 3, "elsewhere for --out"),
        (["{tmp}/data", "--out", "{tmp}/data/m"], 3, "elsewhere for --out"),
        (["{tmp}/m", "--extra", "{tmp}/data", "--out", "{tmp}/data/m"], 3, "elsewhere for --out"),
        (["{tmp}/data", "--out", "{tmp}/m", "--resume"], 3, "no run to resume"),
        (["{tmp}/data", "--out", "{tmp}/m", "--validation", "0.9"], 2, "--validation"),
        (["{tmp}/data", "--out", "{tmp}/m", "--image-size", "100"], 2, "not a multiple of 32"),
        (["{tmp}/data", "--out", "{tmp}/m", "--seed", "-1"], 2, "--seed"),
        (["{tmp}/data", "--out", "{tmp}/m", "--weights", "nowhere.h5"], 4, "are missing"),
    ],
)
def test_bad_calls(
    runner: CliRunner, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    for name in ("data", "m"):
        (tmp_path / name).mkdir()
    result = runner.invoke(
        main, ["train", *(argument.format(tmp=tmp_path) for argument in arguments)]
    )
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert not (tmp_path / "m" / "model.json").exists()


def test_preview_shows_faces_and_their_augmented_forms(
    runner: CliRunner, tmp_path: Path, astronaut: Bgr
) -> None:
    for label, box in (("with_mask", np.s_[100:160, 200:260]), ("no_mask", np.s_[50:210, 150:300])):
        (tmp_path / label).mkdir()
        images.write(tmp_path / label / "a.png", astronaut[box])
    sheet = tmp_path / "new/sheet.png"
    result = runner.invoke(main, ["train", str(tmp_path), "--preview", str(sheet)])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(sheet)
    # Two faces, each with five augmented forms, in one row of twelve.
    assert images.read(sheet).shape[1] == 12 * TrainOptions().image_size
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("missing", ["imgaug", "tensorflow"])
def test_a_missing_extra_is_named(tmp_path: Path, astronaut: Bgr, missing: str) -> None:
    for label in ("with_mask", "without_mask"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            picture = np.roll(astronaut[:200, 100:300], 60 * number, axis=1)
            images.write(tmp_path / "data" / label / f"{number}.png", picture)
    code = f"import sys; sys.modules[{missing!r}] = None; from maskdet.cli import main; main()"
    goal = ["--preview", "a.png"] if missing == "imgaug" else ["--out", "m"]
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "data", *goal],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"{missing}" in done.stderr
    assert "pip install 'maskdet[train]'" in done.stderr


def test_the_defaults_of_the_detector_are_those_of_the_library(runner: CliRunner) -> None:
    defaults = asdict(DetectorOptions())
    options = {option.name: option for option in command.params if option.name in defaults}
    assert set(options) == set(defaults)
    shared = set(asdict(TrainOptions()))
    text = " ".join(runner.invoke(main, ["train", "-h"]).stdout.split())
    for name, value in defaults.items():
        if name not in shared:
            assert options[name].default == value, name
        elif value != asdict(TrainOptions())[name]:
            assert f"[detection: {value}]" in text, name


@pytest.mark.parametrize(
    ("task", "arguments", "message"),
    [
        ("detection", ["--margin", "0.1"], "--margin is for --task classification"),
        ("detection", ["--head-epochs", "3"], "--head-epochs is for --task classification"),
        ("detection", ["--label-smoothing", "0"], "--label-smoothing is for"),
        ("detection", ["--crop-size", "100"], "not a multiple of 32"),
        ("detection", ["--epochs", "0"], "a detector needs at least one"),
        ("classification", ["--crop-size", "320"], "--crop-size is for --task detection"),
        ("classification", ["--crops", "320"], "--crops is for --task detection"),
        ("classification", ["--mosaic", "0"], "--mosaic is for --task detection"),
        ("classification", ["--ignore-model", "a"], "--ignore-model is for --task detection"),
        ("classification", ["--image-size", "640"], "640 is more than 512"),
        ("segmentation", [], "'segmentation' is not one of"),
    ],
)
def test_options_of_the_other_task_are_refused(
    runner: CliRunner, tmp_path: Path, task: str, arguments: list[str], message: str
) -> None:
    (data := tmp_path / "data").mkdir()
    given = ["train", "--task", task, str(data), "--out", str(tmp_path / "m"), *arguments]
    result = runner.invoke(main, given)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("task", "setting"),
    [("classification", "MASKDET_TRAIN_CROPS"), ("detection", "MASKDET_TRAIN_HEAD_EPOCHS")],
)
def test_settings_of_the_environment_may_be_for_the_other_task(
    runner: CliRunner, tmp_path: Path, task: str, setting: str
) -> None:
    (data := tmp_path / "data").mkdir()
    given = ["train", "--task", task, str(data), "--out", str(tmp_path / "m")]
    result = runner.invoke(main, given, env={setting: "100"})
    assert result.exit_code == 3
    assert "no labelled face" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--out", "{tmp}/m", "--weights", "nowhere.h5"], 4, "are missing"),
        (["--out", "{tmp}/m", "--weights", "none"], 3, "no labelled face"),
        (["--out", "{tmp}/m", "--weights", "none", "--resume"], 3, "no run to resume"),
        (["--out", "{tmp}/data/m", "--weights", "none"], 3, "elsewhere for --out"),
        ([], 2, "Missing option '--out'"),
    ],
)
def test_bad_calls_for_a_detector(
    runner: CliRunner, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (data := tmp_path / "data").mkdir()
    given = [argument.format(tmp=tmp_path) for argument in arguments]
    result = runner.invoke(main, ["train", "--task", "detection", str(data), *given])
    assert result.exit_code == code, result.output
    assert message in result.stderr


@pytest.mark.parametrize("broken", [0, 1, 6])
def test_preview_shows_crops_with_their_boxes(
    runner: CliRunner, tmp_path: Path, astronaut: Bgr, broken: int
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, label in enumerate(("with_mask", "without_mask") * 3):
        picture = np.roll(astronaut, 200 * number, axis=1)
        images.write(photos / f"{number}.jpg", picture)
        box = Box(0, 60, 100, 200)
        objects = [VocObject(0, label, box), VocObject(1, label, Box(300, 0, 400, 90), True)]
        voc.write(photos / f"{number}.xml", f"{number}.jpg", 512, 512, objects)
        if number < broken:
            path = photos / f"{number}.jpg"
            path.write_bytes(path.read_bytes()[:9000])
    sheet = tmp_path / "new/sheet.png"
    given = ["--task", "detection", "--preview", str(sheet), "--crop-size", "128"]
    result = runner.invoke(main, ["train", str(photos), *given, "--seed", "1"])
    if broken == 6:
        assert result.exit_code == 3
        assert "not one picture can be read" in result.stderr
        return
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(sheet)
    shown = images.read(sheet)
    assert shown.shape[1] == 6 * 128
    for name in ("with_mask", "without_mask"):
        assert (shown == class_colour(name)).all(axis=2).sum() > 200
    assert not (tmp_path / "m").exists()
