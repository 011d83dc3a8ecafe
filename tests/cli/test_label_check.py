"""``maskdet label check`` and ``maskdet label --suggest``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import ModelMaker

from maskdet import images
from maskdet.cli import main
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.types import Box

RED, GREEN = (0, 0, 255), (0, 255, 0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, make_model: ModelMaker) -> str:
    """A model that takes red for a mask and green for none."""
    weights = [[4, 0, 0], [0, 4, 0], [0, 0, 4]]
    return str(make_model(tmp_path_factory.mktemp("models") / "colours", weights=weights))


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Three faces of each of two classes; one of them is in the wrong folder."""
    folder = tmp_path / "set"
    for name, colour in {
        **{f"with_mask/{number}.png": RED for number in range(3)},
        **{f"without_mask/{number}.png": GREEN for number in range(2)},
        "without_mask/wrong.png": RED,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        images.write(folder / name, np.full((40, 40, 3), colour, np.uint8))
    return folder


def run(runner: CliRunner, *arguments: str | Path) -> Result:
    return runner.invoke(main, ["label", *map(str, arguments)])


def test_the_wrong_label_is_listed(runner: CliRunner, labelled: Path, model: str) -> None:
    result = run(runner, "check", labelled, "--model", model)
    assert result.exit_code == 0, result.output
    wrong = labelled / "without_mask/wrong.png"
    assert result.stdout == f"1 without_mask 0.02 -> with_mask 0.96 - {wrong}\n"
    assert "1 of 6 labels are doubtful, 1 listed" in result.stderr


def test_json_lines_and_a_sheet(runner: CliRunner, labelled: Path, model: str) -> None:
    page = labelled.parent / "new/doubts.html"
    result = run(runner, "check", labelled, "--model", model, "--json", "--sheet", page)
    assert result.exit_code == 0, result.output
    (face,) = map(json.loads, result.stdout.splitlines())
    assert face["source"] == str(labelled / "without_mask/wrong.png")
    assert (face["label"], face["proposed"], face["box"]) == ("without_mask", "with_mask", None)
    assert face["doubt"] == pytest.approx(
        face["scores"]["with_mask"] - face["scores"]["without_mask"], abs=1e-3
    )
    assert "wrong.png" in page.read_text(encoding="utf-8")


def test_limit_and_exclude(runner: CliRunner, labelled: Path, model: str) -> None:
    (labelled / "with_mask/0.png").write_bytes((labelled / "without_mask/0.png").read_bytes())
    result = run(runner, "check", labelled, "--model", model, "--limit", "1")
    assert len(result.stdout.splitlines()) == 1
    assert "2 of 6 labels are doubtful, 1 listed" in result.stderr
    result = run(
        *(runner, "check", labelled, "--model", model),
        *("--exclude", "wrong*", "--exclude", "worng*"),
    )
    assert "patterns that leave nothing out: 1, first worng*" in result.stderr
    assert [Path(line.split()[-1]).name for line in result.stdout.splitlines()] == ["0.png"]


@pytest.mark.parametrize(
    "text", [b"\xef\xbb\xbfwrong.png\n", b"# remark\n\n\xfc\nwrong.png\r\n", b"\xfc.png\nwrong*"]
)
def test_a_list_of_what_to_exclude_may_be_of_any_editor(
    runner: CliRunner, labelled: Path, model: str, text: bytes
) -> None:
    (listed := labelled.parent / "listed.txt").write_bytes(text)
    result = run(runner, "check", labelled, "--model", model, "--exclude-from", listed)
    assert (result.exit_code, result.stdout) == (0, "")


def test_nothing_doubtful_makes_no_sheet(runner: CliRunner, labelled: Path, model: str) -> None:
    sheet = labelled.parent / "sheet.jpg"
    arguments = ("check", labelled, "--model", model, "--exclude", "wrong*", "--sheet", sheet)
    result = run(runner, *arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"there is nothing to show: {sheet} is not written" in result.stderr
    assert not sheet.exists()


def test_broken_pictures_stop_nothing(runner: CliRunner, labelled: Path, model: str) -> None:
    broken = labelled / "with_mask/broken.png"
    broken.write_bytes((labelled / "with_mask/0.png").read_bytes()[:50])
    result = run(runner, "check", labelled, "--model", model)
    assert result.exit_code == 3
    assert "wrong.png" in result.stdout
    assert str(broken) in result.stderr
    assert "problems: 1; the rest is done" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "FOLDER"),
        (["{set}", "--sheet", "a.pdf"], 2, "--sheet"),
        (["{set}/none"], 3, "not a folder"),
        (["{set}", "--model", "none"], 4, "no model"),
    ],
)
def test_what_cannot_be_done_is_said(
    runner: CliRunner, labelled: Path, arguments: list[str], code: int, message: str
) -> None:
    result = run(runner, "check", *(text.format(set=labelled) for text in arguments))
    assert result.exit_code == code
    assert message in result.stderr


def test_suggest_prints_the_pictures_in_order(
    runner: CliRunner, tmp_path: Path, astronaut: Bgr, model: str
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    face = Box(0, 0, 40, 40)
    for name, colour, label in (("a", RED, "with_mask"), ("b", RED, "without_mask")):
        images.write(photos / f"{name}.png", np.full((40, 40, 3), colour, np.uint8))
        item = voc.VocObject(0, label, face)
        voc.write(photos / f"{name}.xml", photos / f"{name}.png", 40, 40, [item])
    images.write(photos / "c.png", astronaut)
    images.write(photos / "d.png", np.zeros((40, 40, 3), np.uint8))
    result = run(
        *(runner, photos, "--class", "without_mask", "--suggest", "--propose-only"),
        *("--model", model),
    )
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line[0].isdigit()]
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4"]
    assert lines[0] == f"1 without_mask 0.02 -> with_mask 0.96 0,0,40,40 {photos / 'b.png'}"
    assert lines[1].endswith("c.png")
    assert lines[2] == f"3 with_mask 0.96 0,0,40,40 {photos / 'a.png'}"
    assert lines[3] == f"4 no face {photos / 'd.png'}"


def test_suggest_needs_no_labels(
    runner: CliRunner, tmp_path: Path, astronaut_jpg: Path, model: str
) -> None:
    (tmp_path / "raw").mkdir()
    photo = astronaut_jpg.rename(tmp_path / "raw/a.jpg")
    result = run(runner, "--data", tmp_path, "--suggest", "--crop-only", "--model", model)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("1 unlabelled -> ")
    assert not photo.with_suffix(".xml").exists()
