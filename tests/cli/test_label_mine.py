"""``maskdet label mine``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import ASTRONAUT_FACE

from maskdet.cli import main
from maskdet.labels import voc
from maskdet.types import Box


@pytest.fixture
def raw(astronaut_jpg: Path) -> Path:
    """A folder with the portrait and the box of its face."""
    folder = astronaut_jpg.parent / "raw"
    folder.mkdir()
    astronaut_jpg.rename(folder / "a.jpg")
    label(folder, ASTRONAUT_FACE)
    return folder


def label(folder: Path, *boxes: Box) -> None:
    objects = [voc.VocObject(0, "without_mask", box) for box in boxes]
    voc.write(folder / "a.xml", folder / "a.jpg", 512, 512, objects)


def run(runner: CliRunner, raw: Path, *arguments: str) -> Result:
    out = raw.with_name("mined")
    return runner.invoke(main, ["label", "mine", str(raw), "--faces", str(out), *arguments])


def test_a_face_is_cut_as_the_detector_boxes_it(runner: CliRunner, raw: Path) -> None:
    result = run(runner, raw, "--face-size", "300", "--min-score", "0.5")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"{raw.with_name('mined')}: 1 crops made; 1 of 1 faces found\n"
        "  with_mask: 0\n  without_mask: 1\n  mask_worn_incorrectly: 0\n  background: 0\n"
        "left out: 0 boxes that touch a face without matching it, 0 false alarms where the second "
        "detector sees a face\n"
    )
    assert (raw.with_name("mined") / "without_mask/a_0.jpg").is_file()


@pytest.mark.parametrize(
    ("second", "background", "seen"), [([], 1, 0), (["--second", "haar"], 0, 1)]
)
def test_a_second_detector_saves_a_face_without_a_box(
    runner: CliRunner, raw: Path, second: list[str], background: int, seen: int
) -> None:
    label(raw)
    result = run(runner, raw, "--face-size", "300", "--min-score", "0.5", *second)
    assert result.exit_code == 0, result.output
    assert f"  background: {background}\n" in result.stdout
    assert f"{seen} false alarms where the second" in result.stdout


def test_problems_are_listed(runner: CliRunner, raw: Path) -> None:
    (raw / "b.jpg").write_bytes(b"no picture")
    (raw / "b.xml").write_bytes((raw / "a.xml").read_bytes())
    (raw / "c.jpg").write_bytes((raw / "a.jpg").read_bytes())
    result = run(runner, raw)
    assert result.exit_code == 3
    assert "1 of 1 faces found" in result.stdout
    for text in (f"error: {raw / 'b.jpg'}", "1 pictures have no VOC file", "problems: 1; the rest"):
        assert text in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--second-model", "a.onnx"], 2, "--second-model is for --second"),
        (["--second", "yunet"], 2, "--second yunet needs its file: --second-model"),
        (["--detector", "yunet"], 4, "YuNet comes with a file of its own"),
        (["--faces", "{raw}/in"], 3, "lies in"),
    ],
)
def test_what_cannot_be_done_is_said(
    runner: CliRunner, raw: Path, arguments: list[str], code: int, message: str
) -> None:
    result = run(runner, raw, *(text.format(raw=raw) for text in arguments))
    assert result.exit_code == code
    assert message in result.stderr
