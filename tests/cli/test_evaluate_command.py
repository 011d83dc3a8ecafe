"""``maskdet evaluate``."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import ASTRONAUT_FACE, ModelMaker

from maskdet import images
from maskdet.cli import main
from maskdet.faces.ssd import DEFAULT_MIN_SCORE
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.voc import VocObject


@pytest.fixture
def scenes(tmp_path: Path, astronaut: Bgr) -> Path:
    """A photograph of a bare face, and a grey one that is said to have a face, too."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name, image in (("a", astronaut), ("b<b>", np.full_like(astronaut, 128))):
        images.write(folder / f"{name}.png", image)
        face = VocObject(0, "without_mask", ASTRONAUT_FACE)
        voc.write(folder / f"{name}.xml", f"{name}.png", 512, 512, [face])
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_model: ModelMaker) -> str:
    """A model that sees masks everywhere."""
    return str(make_model(tmp_path_factory.mktemp("models") / "masks", bias=[9, 0, 0]))


def run(runner: CliRunner, *arguments: str | Path) -> Result:
    return runner.invoke(main, ["evaluate", "--resamples", "10", *map(str, arguments)])


def test_tables(runner: CliRunner, scenes: Path, model: str) -> None:
    result = run(runner, "--data", scenes, "--model", model, "--detector", "ssd")
    assert result.exit_code == 0, result.output
    first, *_ = result.stdout.splitlines()
    assert first == (
        "masks, ssd on scenes: 2 pictures, 2 faces "
        "(0 with_mask, 2 without_mask, 0 mask_worn_incorrectly)"
    )
    assert f"1 of 2 faces found, 0 false alarms at score {DEFAULT_MIN_SCORE}" in result.stdout
    nothing = r"0\.000 \(0\.000–0\.000\)"
    # Of a single class, there is no ROC and no curve of precision and recall.
    assert re.search(rf"^without_mask( +{nothing}){{3}} +- +-$", result.stdout, re.MULTILINE)
    assert re.search(r"^with_mask( +-){5}$", result.stdout, re.MULTILINE)
    assert re.search(r"^bare, or worn wrongly +2 +0 +1 +1$", result.stdout, re.MULTILINE)
    assert not result.stderr


def test_the_working_threshold(runner: CliRunner, scenes: Path, model: str) -> None:
    given = ["--data", scenes, "--model", model, "--detector", "ssd", "--min-score", "1"]
    result = run(runner, *given, "--json")
    metrics = json.loads(result.stdout)
    assert metrics["min_score"] == 1
    assert metrics["face_detector"]["found"] == 0
    assert metrics["face_detector"]["average_precision"]["value"] == 0.5


class Page(HTMLParser):
    """Gathers what a page loads, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("b", "script", "link")
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report(runner: CliRunner, scenes: Path, model: str, tmp_path: Path) -> None:
    out = tmp_path / "new" / "report"
    result = run(runner, "--data", scenes, "--model", model, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads((out / "metrics.json").read_text()) == json.loads(result.stdout)
    assert f"wrote {out / 'report.html'}" in result.stderr
    page = Page()
    page.feed((out / "report.html").read_text())
    # Confusion, ROC and PR of the classifier, reliability, detections; and two kinds of mistakes.
    # Of a single class, there is no ROC of masked and bare.
    kinds = [source.split(";")[0] for source in page.loaded]
    assert kinds == ["data:image/svg+xml"] * 5 + ["data:image/jpeg"] * 2
    assert "wrong label: 2" in page.text
    assert "not found: 1" in page.text
    assert "b<b>.png" in page.text


def test_what_detect_prints_can_be_measured(
    runner: CliRunner, scenes: Path, model: str, tmp_path: Path
) -> None:
    said = tmp_path / "said.jsonl"
    chosen = ["--model", model, "--detector", "ssd", "--json"]
    detect = ["detect", "--image", str(scenes), *chosen, "--min-score", "0.05"]
    said.write_text(runner.invoke(main, detect).stdout)
    own = run(runner, "--data", scenes, *chosen)
    usual = str(DEFAULT_MIN_SCORE)
    read = run(runner, "--data", scenes, "--predictions", said, "--min-score", usual, "--json")
    assert read.exit_code == 0, read.output
    for part in ("pipeline", "face_detector"):
        assert json.loads(read.stdout)[part] == json.loads(own.stdout)[part]
    given = ["--data", str(scenes), "--predictions", "-", "--min-score", usual]
    piped = runner.invoke(main, ["evaluate", *given], input=said.read_text())
    assert piped.stdout.startswith("stdin on scenes: 2 pictures, 2 faces"), piped.output


def test_problems_are_listed_and_the_rest_is_measured(
    runner: CliRunner, scenes: Path, model: str
) -> None:
    (scenes / "b<b>.xml").write_text("<annotation>")
    result = run(runner, "--data", scenes, "--model", model)
    assert result.exit_code == 3
    assert "1 pictures, 1 faces" in result.stdout
    assert "error: " in result.stderr
    assert "problems: 1; the rest is measured" in result.stderr


def test_crops_need_a_classifier(runner: CliRunner, astronaut: Bgr, tmp_path: Path) -> None:
    crop = tmp_path / "crops" / "without_mask" / "a.png"
    crop.parent.mkdir(parents=True)
    images.write(crop, astronaut)
    result = run(runner, "--data", tmp_path / "crops")
    assert result.exit_code == 3
    assert "mask_detector is none: name one, --model mask_mobilenetv2" in result.stderr
    result = run(runner, "--data", tmp_path / "crops", "--model", "mask_mobilenetv2")
    assert result.exit_code == 0
    assert result.stdout.startswith("mask_mobilenetv2 on crops: 1 pictures")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing option '--data'"),
        (["--data", "none"], 3, "none is not a folder"),
        (["--data", "{scenes}", "--model", "none"], 4, "no model 'none'"),
        (["--data", "{scenes}", "--predictions", "{empty}"], 3, "has no predictions for any"),
        (["--data", "{scenes}", "--tags", "{empty}"], 3, "has no column file, object, tags"),
        (
            ["--data", "{scenes}", "--predictions", "{empty}", "--detector", "ssd"],
            2,
            "--predictions and --detector exclude each other",
        ),
        (
            ["--data", "{scenes}", "--predictions", "{empty}", "--classifier", "none"],
            2,
            "--predictions and --classifier exclude each other",
        ),
    ],
)
def test_errors(
    runner: CliRunner, scenes: Path, arguments: list[str], code: int, message: str
) -> None:
    empty = scenes.parent / "empty"
    empty.touch()
    given = [text.format(scenes=scenes, empty=empty) for text in arguments]
    result = run(runner, *given)
    assert result.exit_code == code
    assert message in result.stderr
