"""The script that measures face detectors, on a photograph whose face is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ROOT
from squares import make_detector

from maskdet.labels import voc


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "scripts" / "measure_detectors.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(path.parent))
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def scenes(astronaut_jpg: Path) -> Path:
    """A folder with the portrait and the box of its face."""
    face = voc.VocObject(0, "without_mask", ASTRONAUT_FACE)
    voc.write(astronaut_jpg.with_suffix(".xml"), astronaut_jpg, 512, 512, [face])
    return astronaut_jpg.parent


def table(script: ModuleType, runner: CliRunner, *arguments: str) -> list[list[str]]:
    """Run the script; return the cells of the table below its head."""
    result = runner.invoke(script.main, arguments)
    assert result.exit_code == 0, result.output
    first, *rows = [line for line in result.stdout.splitlines() if line]
    assert first.endswith(": 1 photographs, 1 faces")
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_a_row_for_each_detector(
    script: ModuleType, scenes: Path, runner: CliRunner, tmp_path: Path
) -> None:
    own = str(make_detector(tmp_path / "squares"))
    cells = table(script, runner, "--scenes", str(scenes), "--own", own)
    assert [row[0] for row in cells] == ["ssd, 300", "ssd, 450", "haar", own]
    # Every detector is surest of the true face, so that nothing else counts against it; but for
    # one that looks for squares.
    assert [row[1] for row in cells] == [*["1.000"] * 3, "0.000"]


def test_a_photograph_without_a_label_is_an_error(
    script: ModuleType, scenes: Path, runner: CliRunner, astronaut_jpg: Path
) -> None:
    astronaut_jpg.with_suffix(".xml").unlink()
    result = runner.invoke(script.main, ["--scenes", str(scenes), "--size", "300", "--curve"])
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: cannot read")


def test_the_curve_has_what_each_threshold_gives(
    script: ModuleType, scenes: Path, runner: CliRunner
) -> None:
    cells = table(script, runner, "--scenes", str(scenes), "--curve", "--size", "450")
    assert {row[0] for row in cells} == {"ssd, 450"}
    assert [row[1] for row in cells][:3] == ["0.20", "0.25", "0.30"]
    assert {row[2] for row in cells} == {"1.000"}  # the face is found at every threshold
    assert cells[-1][3:] == ["1.000", "1.000"]
