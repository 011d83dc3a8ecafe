from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskdet import images
from maskdet.cli import main
from maskdet.labels.manifest import Manifest


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    folder = tmp_path / "faces"
    random = np.random.default_rng(0)
    for label in ("with_mask", "without_mask"):
        (folder / label).mkdir(parents=True)
        for number in range(10):
            noise = random.integers(0, 256, (24, 24, 3), np.uint8)
            images.write(folder / label / f"{number}.png", noise)
    return folder


def test_a_split_is_printed_and_holds(runner: CliRunner, faces: Path) -> None:
    result = runner.invoke(main, ["split", str(faces)])
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["faces", "train", "val", "test", "all"],
        ["with_mask", "8", "1", "1", "10"],
        ["without_mask", "8", "1", "1", "10"],
        ["pictures", "16", "2", "2", "20"],
    ]
    assert result.stderr == ""
    checked = runner.invoke(main, ["split", "--check", str(faces)])
    assert checked.exit_code == 0
    assert checked.stdout == result.stdout


def test_pictures_that_keep_their_part_are_told(runner: CliRunner, faces: Path) -> None:
    runner.invoke(main, ["split", str(faces)])
    other = ["--train", "0.5", "--val", "0.5", "--test", "0"]
    result = runner.invoke(main, ["split", str(faces), *other])
    assert result.stdout.splitlines()[-1].split() == ["pictures", "16", "2", "2", "20"]
    assert (
        result.stderr
        == "maskdet: 20 pictures keep the part that they had: --anew splits all again\n"
    )
    result = runner.invoke(main, ["split", str(faces), *other, "--anew"])
    assert result.stdout.splitlines()[-1].split() == ["pictures", "10", "10", "20"]
    assert "keep" not in result.stderr


def test_a_leak_is_listed(runner: CliRunner, faces: Path) -> None:
    runner.invoke(main, ["split", str(faces)])
    names = {row["split"]: row["file"] for row in Manifest(faces).rows}
    (faces / names["train"]).write_bytes((faces / names["test"]).read_bytes())
    result = runner.invoke(main, ["split", "--check", str(faces)])
    assert result.exit_code == 3
    first = result.stdout.splitlines()[0]
    assert re.match(r"same bytes: (train|test): .* \| (train|test): ", first)
    assert str(faces / names["test"]) in first
    assert "1 leaks between parts" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{faces}", "--train", "0.9"], 2, "1.1 together, not 1"),
        (["{faces}/none"], 2, "does not exist"),
        (["{faces}", "--check"], 3, "only one part"),
        (["{faces}", "--out", "{faces}"], 3, "which would then hold every picture twice"),
    ],
)
def test_bad_calls(
    runner: CliRunner, faces: Path, arguments: list[str], code: int, message: str
) -> None:
    result = runner.invoke(main, ["split", *(item.format(faces=faces) for item in arguments)])
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert not (faces / "manifest.csv").exists()


def test_no_extra_is_needed(faces: Path) -> None:
    code = "import sys; sys.modules['sklearn'] = sys.modules['tensorflow'] = None; "
    code += "from maskdet.cli import main; main()"
    call = [sys.executable, "-c", code, "split", str(faces)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
