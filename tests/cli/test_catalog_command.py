"""``maskdet catalog``, as a user calls it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from collected import Collected, collect

from maskdet.cli import main


@pytest.fixture
def collected(tmp_path: Path) -> Collected:
    return collect(tmp_path / "data")


def call(collected: Collected, name: str, *arguments: str, **more: str) -> Result:
    environment = {"MASKDET_DATA": str(collected.data)}
    return CliRunner().invoke(main, ["catalog", name, *arguments], env=environment, **more)


def test_the_summary_is_a_table_or_json(collected: Collected) -> None:
    shown = call(collected, "summary")
    assert (shown.exit_code, shown.stderr) == (0, "")
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert ["pictures", "kept", "duplicate", "forgotten"] in lines
    assert ["with_mask", "2", "1", "0"] in lines
    assert ["saved", "4"] in lines
    assert ["5", "3", "127.0.0.1"] in lines
    assert ["5", "3", "masks", "(with_mask)"] in lines

    collected.paths["park"].unlink()
    summary = call(collected, "summary", "--json")
    assert len(json.loads(summary.stdout)["missing"]) == 1
    shorter = call(collected, "summary", "--top", "1")
    assert "1 files are not there any more" in shorter.stderr
    assert shorter.stdout.count("and 1 more") == 2


def test_a_table_goes_to_stdout_or_a_file(collected: Collected, tmp_path: Path) -> None:
    shown = call(collected, "export", "--what", "crops")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [row["label"] for row in rows] == ["with_mask", "with_mask", "without_mask"]
    out = tmp_path / "new/crops.jsonl"
    written = call(collected, "export", "--what", "crops", "--out", str(out))
    assert (written.exit_code, written.output) == (0, "")
    paths = [json.loads(line)["path"] for line in out.read_text().splitlines()]
    assert paths == [row["path"] for row in rows]


def test_where_tells_the_way_of_a_file(collected: Collected) -> None:
    street = collected.paths["street"]
    crop = collected.data / f"faces/with_mask/{street.stem}_0.jpg"
    copy = str(collected.paths["street_again"])
    shown = call(collected, "where", str(crop), copy, str(collected.paths["door"]))
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert f"face 0 (with_mask, 0,10,30,50) of raw/with_mask/{street.name}" in shown.stdout
    assert f"a duplicate of raw/with_mask/{street.name}" in shown.stdout
    for name in ("street", "street_copy", "street_again", "door"):
        assert f"from {collected.urls[name]} (" in shown.stdout

    some = call(collected, "where", "--json", "unknown.jpg", str(crop))
    assert some.exit_code == 3
    assert "unknown.jpg is not in" in some.stderr
    assert json.loads(some.stdout)["picture"] == f"raw/with_mask/{street.name}"


@pytest.mark.parametrize(
    ("flags", "answer", "code", "gone"),
    [
        (["--dry-run"], "", 0, False),
        ([], "n\n", 130, False),
        ([], "", 130, False),
        ([], "y\n", 0, True),
        (["--yes"], "", 0, True),
    ],
)
def test_forget_shows_and_asks_first(
    collected: Collected, flags: list[str], answer: str, code: int, gone: bool
) -> None:
    door = collected.paths["door"]
    shown = call(collected, "forget", "127.0.0.2", *flags, input=answer)
    assert shown.exit_code == code
    assert ("maskdet: not confirmed" in shown.stderr) == (code == 130)
    assert shown.stdout.splitlines() == [
        f"raw/without_mask/{door.name} and 2 files with it ({collected.urls['door']})",
        "never again: domain 127.0.0.2",
    ]
    assert door.exists() != gone
    assert ("1 pictures forgotten, 3 files removed" in shown.stderr) == gone
    if gone:
        again = call(collected, "forget", "127.0.0.2", "--yes")
        assert (again.exit_code, again.stdout) == (0, "never again: domain 127.0.0.2\n")
        counts = json.loads(call(collected, "summary", "--json").stdout)
        assert counts["pictures"]["without_mask"] == {"forgotten": 1}
        assert counts["forgotten"] == {"domain": 1, "sha256": 1}


def test_what_is_unclear_removes_nothing(collected: Collected) -> None:
    shown = call(collected, "forget", collected.urls["door"], "holiday.jpg", "--yes")
    assert shown.exit_code == 3
    assert "maskdet: error: holiday.jpg is nothing that can be forgotten" in shown.stderr
    assert collected.paths["door"].exists()


@pytest.mark.parametrize("name", [["summary"], ["export"], ["where", "a"], ["forget", "a.org"]])
def test_without_a_catalog_none_is_made(tmp_path: Path, runner: CliRunner, name: list[str]) -> None:
    result = runner.invoke(main, ["catalog", *name, "--data", str(tmp_path)])
    assert result.exit_code == 3
    assert "has no catalog: 'maskdet crawl' makes one" in result.stderr
    assert list(tmp_path.iterdir()) == []
