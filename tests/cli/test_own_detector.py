"""``--detector maskdet`` in every command that takes a detector."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ModelMaker
from squares import make_detector

from maskdet import images
from maskdet.cli import main
from maskdet.labels import voc
from maskdet.labels.voc import VocObject
from maskdet.types import Box

RED, BLUE = Box(200, 100, 216, 116), Box(400, 300, 416, 316)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A picture with a red and a blue square."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[100:116, 200:216, 2] = 255
    image[300:316, 400:416, 0] = 255
    folder = tmp_path / "photos"
    folder.mkdir()
    images.write(folder / "a.png", image)
    return folder


@pytest.fixture
def chosen(tmp_path: Path) -> list[str]:
    return ["--detector", "maskdet", "--face-model", str(make_detector(tmp_path / "squares"))]


def test_detect_says_what_the_detector_says(
    runner: CliRunner,
    photos: Path,
    chosen: list[str],
    tmp_path: Path,
    make_model: ModelMaker,
) -> None:
    crops = tmp_path / "crops"
    given = ["detect", "--image", str(photos / "a.png"), "--json", *chosen]
    result = runner.invoke(main, [*given, "--save-crops", str(crops)])
    assert result.exit_code == 0, result.output
    faces = json.loads(result.stdout)["faces"]
    labels = {tuple(face["box"]): face["label"] for face in faces}
    assert labels == {
        tuple(RED.to_list()): "with_mask",
        tuple(BLUE.to_list()): "without_mask",
    }
    assert len(list(crops.rglob("*.*"))) == 2
    other = str(make_model(tmp_path / "other", bias=[0, 2, 1]))
    both = runner.invoke(main, [*given, "--classifier", "both", "--model", other])
    named = runner.invoke(main, [*given, "--classifier", other])
    assert both.exit_code == named.exit_code == 0, both.output + named.output
    scores = [json.loads(done.stdout)["faces"][0]["scores"] for done in (result, both, named)]
    means = {name: (scores[0].get(name, 0) + scores[2].get(name, 0)) / 2 for name in scores[1]}
    assert scores[1] == pytest.approx(means, abs=1e-3)


def test_label_proposes_boxes_with_classes(
    runner: CliRunner, photos: Path, chosen: list[str]
) -> None:
    given = ["label", str(photos), "--propose-only", *chosen]
    assert runner.invoke(main, given).exit_code == 0
    objects = voc.read(photos / "a.xml", 640, 480).objects
    assert {(item.label, item.box) for item in objects} == {
        ("with_mask", RED),
        ("without_mask", BLUE),
    }
    assert runner.invoke(main, [*given, "--class", "mask_worn_incorrectly"]).exit_code == 0
    objects = voc.read(photos / "a.xml", 640, 480).objects
    assert {item.label for item in objects} == {"mask_worn_incorrectly"}
    result = runner.invoke(main, [*given, "--suggest"])
    assert result.exit_code == 2
    assert "name one with --model" in result.stderr


@pytest.mark.parametrize("classifier", [None, "both"])
def test_evaluate_measures_it(
    runner: CliRunner, photos: Path, chosen: list[str], classifier: str | None
) -> None:
    truth = [VocObject(0, "with_mask", RED), VocObject(1, "without_mask", BLUE)]
    voc.write(photos / "a.xml", "a.png", 640, 480, truth)
    given = ["evaluate", "--data", str(photos), "--resamples", "0", "--json", *chosen]
    more = ["--classifier", classifier] if classifier else []
    result = runner.invoke(main, [*given, "--min-side", "1", *more])
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert metrics["detector"] == "maskdet"
    assert metrics["model"] == ("squares + mask_mobilenetv2" if classifier else "squares")
    assert ("true_boxes" in metrics) == (classifier is not None)
    assert metrics["face_detector"]["average_precision"]["value"] == 1
    if not classifier:
        assert metrics["pipeline"]["map"]["value"] == 1


@pytest.mark.parametrize("command", ["detect --image a.jpg", "label", "evaluate --data a"])
def test_only_it_is_joined_with_a_classifier(runner: CliRunner, command: str) -> None:
    given = [*command.split(), "--detector", "ssd", "--classifier", "none"]
    result = runner.invoke(main, given)
    assert result.exit_code == 2
    assert "--classifier is for --detector maskdet" in result.stderr


@pytest.mark.parametrize(
    ("more", "said"),
    [([], "squares"), (["--classifier", "other"], "other"), (["--model", "other"], "other")],
)
def test_a_model_finds_faces_or_labels_them(
    runner: CliRunner,
    photos: Path,
    chosen: list[str],
    more: list[str],
    said: str,
    tmp_path: Path,
    make_model: ModelMaker,
) -> None:
    voc.write(photos / "a.xml", "a.png", 640, 480, [VocObject(0, "with_mask", RED)])
    make_model(tmp_path / "other")
    given = ["evaluate", "--data", str(photos), "--resamples", "0", "--json", "--min-side", "1"]
    named = chosen if "--model" in more else ["--model", "squares"]
    environment = {"MASKDET_MODEL_DIR": str(tmp_path)}
    result = runner.invoke(main, [*given, *named, *more], env=environment)
    assert result.exit_code == 0, result.output
    metrics = json.loads(result.stdout)
    assert (metrics["model"], metrics["detector"]) == (said, "maskdet")
    assert metrics["face_detector"]["recall"]["value"] == 1


def test_the_shipped_model_is_the_default(
    runner: CliRunner, astronaut_jpg: Path, tmp_path: Path
) -> None:
    given = ["detect", "--image", str(astronaut_jpg), "--json"]
    result = runner.invoke(main, given)
    assert result.exit_code == 0, result.output
    (face,) = json.loads(result.stdout)["faces"]
    assert face["label"] == "without_mask"
    assert Box(*face["box"]).iou(ASTRONAUT_FACE) > 0.5
