from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from maskdet.cli import main
from maskdet.labels import voc

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def label(runner: CliRunner) -> Run:
    """Calls ``maskdet label`` in this process."""
    return lambda *arguments: runner.invoke(main, ["label", *arguments], prog_name="maskdet")


@pytest.fixture
def raw(astronaut_jpg: Path) -> Path:
    """``data/raw/without_mask`` with the portrait in it."""
    folder = Path("data/raw/without_mask")
    folder.mkdir(parents=True)
    astronaut_jpg.rename(folder / "a.jpg")
    return folder


def test_the_plain_call_proposes_and_crops(label: Run, raw: Path) -> None:
    result = label()
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "proposed: 1 faces in 1 pictures (0 without a face); 0 files that were there stay as "
        "they are\n"
        "data/faces: 1 crops made, 0 removed, 0 unchanged; 0 difficult faces left out\n"
        "  with_mask: 0\n  without_mask: 1\n  mask_worn_incorrectly: 0\n"
    )
    assert result.stderr == ""
    assert Path("data/faces/without_mask/a_0.jpg").is_file()
    assert voc.read(raw / "a.xml", 512, 512).proposal


def test_another_root_and_another_place_for_the_crops(label: Run, raw: Path) -> None:
    Path("data").rename("set")
    assert label("--data", "set").exit_code == 0
    assert Path("set/faces/without_mask/a_0.jpg").is_file()
    result = label("set/raw", "--class", "with_mask", "--faces", "elsewhere")
    assert result.exit_code == 0
    assert Path("elsewhere/with_mask/a_0.jpg").is_file()


def test_the_two_halves(label: Run, raw: Path) -> None:
    assert "pictures have no VOC file" in label("--crop-only").stderr
    result = label("--propose-only")
    assert "proposed: 1 faces" in result.stdout
    assert not list(Path("data/faces").rglob("*.jpg"))
    result = label("--crop-only")
    assert "proposed" not in result.stdout
    assert "1 crops made" in result.stdout


def test_the_class_from_a_model(label: Run, raw: Path, make_model: Callable[..., Path]) -> None:
    model = make_model(Path("masked"), bias=[4, 0, 0])
    result = label("--class-from", "model", "--model", str(model))
    assert result.exit_code == 0
    assert "with_mask: 1" in result.stdout


def test_a_person_s_work_is_kept_unless_forced(label: Run, raw: Path) -> None:
    voc.write(raw / "a.xml", raw / "a.jpg", 512, 512, [])
    assert "1 files that were there stay" in label().stdout
    assert "1 crops made" in label("--force").stdout


def test_problems_are_listed_and_counted(label: Run, raw: Path) -> None:
    (raw / "b.jpg").write_bytes(b"no picture")
    (raw / "c.jpg").write_bytes((raw / "a.jpg").read_bytes())
    (raw / "c.xml").write_text("<annotation>")
    result = label()
    assert result.exit_code == 3
    assert "1 crops made" in result.stdout
    *errors, note, last = result.stderr.splitlines()
    assert note == "maskdet: 1 pictures have no VOC file"
    assert last == "maskdet: problems: 2; the rest is done"
    assert all(line.startswith("maskdet: error: ") for line in errors)
    assert ["b.jpg" in errors[0], "c.xml" in errors[1], len(errors)] == [True, True, 2]


def test_what_failed_is_named_even_if_the_next_step_fails_as_a_whole(label: Run, raw: Path) -> None:
    (raw / "b.jpg").write_bytes(b"no picture")
    Path("taken").write_text("a file")
    result = label("--faces", "taken/faces")
    assert result.exit_code == 3
    assert "b.jpg is not an image" in result.stderr
    assert "cannot create the folder taken/faces" in result.stderr


def test_proposing_alone_needs_no_place_for_crops(label: Run, raw: Path) -> None:
    assert label(".", "--propose-only").exit_code == 0
    Path("data/faces").mkdir()
    assert "--faces" in label(".", "--propose-only").stderr


def test_a_folder_without_a_class_says_what_to_do(label: Run, raw: Path) -> None:
    raw.rename("photos")
    result = label("photos")
    assert result.exit_code == 3
    assert "give --class NAME or --class-from model" in " ".join(result.stderr.split())
    assert label("photos", "--class", "with_mask").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none"], 3, "none is not a folder"),
        ([], 3, "data/raw is not a folder: name another, or the data set with --data"),
        (["data", "--crop-only"], 3, "lies in data"),
        (["raw", "--propose-only", "--crop-only"], 2, "exclude each other"),
        (["raw", "--crop-only", "--class", "with_mask"], 2, "are for proposing"),
        (["raw", "--class-from", "model", "--class", "with_mask"], 2, "exclude each other"),
        (["raw", "--model", "none"], 4, "no model 'none'"),
        (["raw", "more"], 2, "unexpected extra argument"),
        (["--edit", "paint"], 2, "--edit"),
    ],
)
def test_bad_calls(label: Run, arguments: list[str], code: int, message: str) -> None:
    result = label(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr


def test_a_folder_with_the_name_of_a_subcommand(label: Run, raw: Path) -> None:
    raw.rename("check")
    assert label("./check", "--class", "with_mask").exit_code == 0
    assert Path("check/a.xml").is_file()


def test_options_may_stand_before_and_after_the_folder(label: Run, raw: Path) -> None:
    result = label("--class", "with_mask", "data/raw", "--faces", "f")
    assert result.exit_code == 0
    assert Path("f/with_mask/a_0.jpg").is_file()


def test_the_help_shows_both_ways(label: Run) -> None:
    text = label("-h").stdout
    assert text.startswith("Usage: maskdet label [OPTIONS] [DIR]\n")
    assert "\nCommands:\n  check " in text
    assert label("check", "-h").stdout.startswith("Usage: maskdet label check [OPTIONS]")


def test_without_pictures_there_is_nothing_to_edit(
    label: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskdet.display.has_display", lambda: True)
    Path("empty").mkdir()
    result = label("empty", "--crop-only", "--edit", "window")
    assert result.exit_code == 3
    assert "no picture to label" in result.stderr
