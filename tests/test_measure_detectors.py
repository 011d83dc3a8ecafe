"""The script that measures face detectors, on a photograph whose face is known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from conftest import ASTRONAUT_FACE, ROOT

from maskdet.labels import voc


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = ROOT / "scripts" / "measure_detectors.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_for_each_detector(
    script: ModuleType, astronaut_jpg: Path, runner: CliRunner
) -> None:
    face = voc.VocObject(0, "without_mask", ASTRONAUT_FACE)
    voc.write(astronaut_jpg.with_suffix(".xml"), astronaut_jpg, 512, 512, [face])
    result = runner.invoke(script.main, ["--scenes", str(astronaut_jpg.parent)])
    assert result.exit_code == 0, result.output
    first, *rows = [line for line in result.stdout.splitlines() if line]
    assert first.endswith(": 1 photographs, 1 faces")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]
    assert [row[0] for row in cells] == ["ssd, 300", "ssd, 450", "haar"]
    # Every detector is surest of the true face, so that nothing else counts against it.
    assert [row[1] for row in cells] == ["1.000"] * 3
