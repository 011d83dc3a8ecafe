from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import ENOUGH_S

from maskdet import images
from maskdet.catalog import Catalog, pictures
from maskdet.cli import main
from maskdet.images import Bgr


@pytest.fixture
def data(tmp_path: Path, astronaut: Bgr) -> Path:
    """A data set: three copies in one class, one of them in another class, too."""
    root = tmp_path / "data"
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    for name, image in {
        "with_mask/a.png": astronaut,
        "with_mask/b.jpg": small,
        "with_mask/c.jpg": astronaut[60:470, 40:450],
        "without_mask/d.jpg": small[:, ::-1],
        "without_mask/e.jpg": cv2.resize(astronaut, (400, 400), interpolation=cv2.INTER_AREA),
    }.items():
        path = root / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        images.write(path, np.ascontiguousarray(image))
    for name in "ab":
        (root / f"raw/with_mask/{name}.xml").write_text("<annotation/>")
    return root


def run(*arguments: object, text: str | None = None) -> tuple[int, list[list[str]], str]:
    """Return exit code, the lines of stdout cut at the tabs, with file names alone, and stderr."""
    result = CliRunner().invoke(main, ["dedup", *map(str, arguments)], input=text)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    return result.exit_code, [[kind, *map(short, rest)] for kind, *rest in lines], result.stderr


def short(path: str) -> str:
    return Path(path).name


LINES = [
    ["conflict", "e.jpg", "a.png"],
    ["near", "b.jpg", "a.png"],
    ["crop", "c.jpg", "a.png"],
]


def tree(root: Path) -> set[str]:
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {name for name in names if "sqlite" not in name}


def test_a_data_set_is_freed_of_copies_and_gets_them_back(data: Path) -> None:
    before = tree(data)
    code, lines, errors = run("--data", data)
    assert code == 0, errors
    assert lines == LINES
    assert "5 pictures, " in errors
    assert "2 duplicates, 1 conflicts" in errors
    assert f"moved to {data / 'duplicates'}: 2" in errors
    assert tree(data) == {
        *("raw/with_mask/a.png", "raw/with_mask/a.xml"),
        *("raw/without_mask/d.jpg", "raw/without_mask/e.jpg"),
        *("duplicates/with_mask/b.jpg", "duplicates/with_mask/b.xml", "duplicates/with_mask/c.jpg"),
        "duplicates/report.html",
    }
    with Catalog(data) as catalog:
        gone = pictures.by_path(catalog, "duplicates/with_mask/b.jpg")
        assert gone is not None
        assert gone.status == "duplicate"
    code, lines, _ = run("--data", data)
    assert (code, lines) == (0, [LINES[0]])
    code, lines, errors = run("--data", data, "--undo")
    assert (code, lines) == (0, [])
    assert "put back 2 pictures" in errors
    assert tree(data) == before | {"duplicates/report.html"}


def test_what_a_bare_folder_lost_comes_back_when_it_lies_in_a_data_set(data: Path) -> None:
    folder = data / "raw" / "with_mask"
    before = tree(folder)
    assert run(folder)[1] == LINES[1:]
    assert run("--data", data, "--undo")[0] == 0
    assert not (data / "catalog.sqlite").exists()
    Catalog(data).close()
    code, _, errors = run(folder, "--undo")
    assert (code, tree(folder)) == (0, before)
    assert f"put back 2 pictures in {data}" in errors


def test_what_was_set_aside_within_the_folder_is_not_looked_at_again(data: Path) -> None:
    folder = data / "raw" / "with_mask"
    assert run(folder, "--aside", folder / "copies")[1] == LINES[1:]
    code, lines, errors = run(folder)
    assert (code, lines) == (0, [])
    assert "1 pictures, " in errors
    assert "put back 2 pictures" in run(folder, "--undo")[2]
    assert run(folder, "--dry-run")[1] == LINES[1:]


@pytest.mark.parametrize("options", [["--dry-run"], ["--action", "report"]])
def test_nothing_is_touched_that_is_only_looked_at(
    data: Path, tmp_path: Path, options: list[str]
) -> None:
    before = tree(data)
    report = tmp_path / "page.html"
    code, lines, errors = run("--data", data, *options, "--report", report)
    assert (code, lines) == (0, LINES)
    assert tree(data) == before
    assert report.is_file()
    assert f"wrote {report}" in errors


def test_a_bare_folder_has_its_own_ledger_and_duplicates_beside_it(data: Path) -> None:
    folder = data / "raw" / "with_mask"
    code, lines, _ = run(folder, "-q")
    assert (code, lines) == (0, LINES[1:])
    assert tree(data / "raw") == {
        *("with_mask/a.png", "with_mask/a.xml", "without_mask/d.jpg", "without_mask/e.jpg"),
        *(f"with_mask-duplicates/{name}" for name in ("b.jpg", "b.xml", "c.jpg", "report.html")),
    }
    assert (folder / ".maskdet.sqlite").is_file()
    assert run(folder, "--undo")[0] == 0
    assert (folder / "b.xml").is_file()


def test_a_folder_that_cannot_be_written_can_be_looked_at(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", full)
    folder = data / "raw" / "with_mask"
    assert run(folder, "--dry-run")[:2] == (0, LINES[1:])
    code, lines, errors = run(folder)
    assert (code, lines) == (3, [])
    assert "cannot open" in errors


@pytest.mark.parametrize(
    ("options", "text", "code", "gone"),
    [
        ([], "n\n", 130, set()),
        ([], "y\n", 0, {"b.jpg", "b.xml", "c.jpg"}),
        (["--yes"], None, 0, {"b.jpg", "b.xml", "c.jpg"}),
    ],
)
def test_deleting_asks_first(
    data: Path, options: list[str], text: str | None, code: int, gone: set[str]
) -> None:
    before = {Path(name).name for name in tree(data)}
    assert run("--data", data, "--action", "delete", *options, text=text)[0] == code
    assert before - {Path(name).name for name in tree(data)} == gone
    assert run("--data", data, "--undo")[0] == (3 if gone else 0)


def test_what_leaks_into_another_set_is_set_aside_and_that_set_is_left_alone(
    data: Path, tmp_path: Path
) -> None:
    train, test = data / "raw" / "with_mask", data / "raw" / "without_mask"
    before = tree(test)
    code, lines, errors = run(train, "--against", test, "--mirror", "--aside", tmp_path / "aside")
    assert code == 0
    assert {name for _, name, _ in lines} == {"a.png", "b.jpg", "c.jpg"}
    assert "3 leaks" in errors
    assert tree(test) == before
    assert {"a.png", "b.jpg", "b.xml", "c.jpg"} <= tree(tmp_path / "aside")


def test_json_lines(data: Path) -> None:
    result = CliRunner().invoke(main, ["dedup", "--data", str(data), "--dry-run", "--json"])
    first, second, _ = map(json.loads, result.stdout.splitlines())
    raw = data / "raw"
    assert first["conflict"]
    assert second | {"similarity": 1, "distance": 0} == {
        "path": str(raw / "with_mask/b.jpg"),
        "kept": str(raw / "with_mask/a.png"),
        "kind": "near",
        "because": "more pixels",
        "distance": 0,
        "similarity": 1,
        "overlap": second["overlap"],
        "conflict": False,
    }


def test_broken_files_are_listed_and_the_rest_is_done(data: Path) -> None:
    (data / "raw/with_mask/x.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much")
    code, lines, errors = run("--data", data)
    assert (code, lines) == (3, LINES)
    assert "x.jpg" in errors
    assert "problems: 1; the rest is done" in errors
    assert not (data / "raw/with_mask/b.jpg").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing"], 3, "there is no folder"),
        (["--hash", "whash", "--hash-size", "6"], 2, "a power of 2"),
        (["--hash-size", "33"], 2, "2<=x<=32"),
        (["--undo", "--dry-run"], 2, "--undo has no --dry-run"),
        (["--against", "missing"], 3, "there is no folder missing"),
        (["--action", "burn"], 2, "burn"),
    ],
)
def test_wrong_usage(data: Path, arguments: list[str], code: int, message: str) -> None:
    got, _, errors = run("--data", data, *arguments)
    assert (got, message in errors) == (code, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_and_started_again_it_goes_on(data: Path, astronaut: Bgr) -> None:
    for number in range(200):
        (data / f"raw/with_mask/z{number}.png").write_bytes(
            (data / "raw/with_mask/a.png").read_bytes()
        )
    before = tree(data)
    command = [sys.executable, "-m", "maskdet", "dedup", "--data", str(data), "-q"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    aside, start = data / "duplicates" / "with_mask", time.monotonic()
    while not aside.is_dir() or len(os.listdir(aside)) < 20:  # noqa: PTH208
        assert process.poll() is None, "it was done before it was killed"
        assert time.monotonic() - start < ENOUGH_S
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = tree(data) - {"duplicates/report.html"}
    assert {Path(name).name for name in left} == {Path(name).name for name in before}
    assert len(list((data / "raw/with_mask").iterdir())) - 1 > 0
    assert run("--data", data)[0] == 0
    assert len(list(aside.iterdir())) == 203
    assert run("--data", data, "--undo")[0] == 0
    assert tree(data) == before | {"duplicates/report.html"}
