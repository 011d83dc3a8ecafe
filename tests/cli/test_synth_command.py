from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskdet import images
from maskdet.cli import main
from maskdet.images import Bgr


@pytest.fixture
def faces(tmp_path: Path, astronaut: Bgr) -> Path:
    folder = tmp_path / "faces"
    (folder / "without_mask").mkdir(parents=True)
    images.write(folder / "without_mask" / "face.png", astronaut[50:195, 165:285])
    return folder


def test_it_counts_what_was_made_and_skipped(
    runner: CliRunner, faces: Path, tmp_path: Path
) -> None:
    noise = images.read(faces / "without_mask" / "face.png")[:50]
    images.write(faces / "without_mask" / "hair.png", noise)
    out, sheet = tmp_path / "out", tmp_path / "new/sheet.png"
    arguments = ["synth", str(faces), "--out", str(out), "--style", "chin", "--style", "under_nose"]
    result = runner.invoke(main, [*arguments, "--count", "2", "--sheet", str(sheet)])
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        f"{out}: 2 pictures, 2 faces made",
        "  mask_worn_incorrectly: 2",
        "skipped: 1",
        "  no face found: 1",
    ]
    assert len(list((out / "mask_worn_incorrectly").glob("face_0_*-[12].jpg"))) == 2
    height, width = images.read(sheet).shape[:2]
    assert width == 2 * 192 < 2 * height


def test_all_is_well_without_a_style_and_the_rest_is_done_despite_a_broken_file(
    runner: CliRunner, faces: Path, tmp_path: Path
) -> None:
    (faces / "without_mask" / "empty.jpg").touch()
    result = runner.invoke(main, ["synth", str(faces), "--out", str(tmp_path / "out")])
    assert result.exit_code == 3
    assert "1 pictures, 1 faces made" in result.stdout
    assert "empty.jpg is empty" in result.stderr
    assert "1 files or labels could not be used" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{faces}"], 2, "--out"),
        (["{faces}", "--out", "{out}", "--style", "forehead"], 2, "forehead"),
        (["{faces}", "--out", "{out}", "--count", "0"], 2, "--count"),
        (["{faces}", "--out", "{out}", "--sheet", "{out}.gif"], 2, "is no picture"),
        (["{faces}/none", "--out", "{out}"], 2, "does not exist"),
        (["{faces}", "--out", "{faces}/more"], 3, "lies in"),
        (["{faces}", "--out", "{out}", "--templates", "{faces}"], 3, "no PNG picture of a mask"),
    ],
)
def test_what_is_wrong_is_said(
    runner: CliRunner, faces: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    places = {"faces": faces, "out": tmp_path / "out"}
    result = runner.invoke(main, ["synth", *(item.format(**places) for item in arguments)])
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert not list(tmp_path.rglob("*-1.jpg"))


def test_what_was_made_is_told_before_the_sheet(
    runner: CliRunner, faces: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    sheet = ["--sheet", str(tmp_path / "file" / "sheet.png")]
    result = runner.invoke(main, ["synth", str(faces), "--out", str(tmp_path / "out"), *sheet])
    assert result.exit_code == 3
    assert "1 pictures, 1 faces made" in result.stdout
    assert "cannot create the folder" in result.stderr


def test_the_missing_extra_is_named(
    runner: CliRunner, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    result = runner.invoke(main, ["synth", str(faces), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "pip install 'maskdet[synth]'" in result.stderr
