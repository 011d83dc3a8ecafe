"""scripts/measure_accuracy.py, as its users call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ASTRONAUT_FACE, ROOT, ModelMaker

from maskdet import images
from maskdet.images import Bgr


@pytest.fixture
def scenes(tmp_path: Path, astronaut: Bgr) -> Path:
    """Two photographs of one bare face each, the second also with a difficult one."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    corners = zip(("xmin", "ymin", "xmax", "ymax"), ASTRONAUT_FACE.to_list(), strict=True)
    box = "".join(f"<{key}>{value}</{key}>" for key, value in corners)
    face = f"<object><name>without_mask</name><bndbox>{box}</bndbox>%s</object>"
    hard = "<difficult>1</difficult>"
    for name, objects in (("a", face % ""), ("b", face % "" + face % hard)):
        images.write(folder / f"{name}.png", astronaut)
        (folder / f"{name}.xml").write_text(f"<annotation>{objects}</annotation>")
    return folder


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "measure_accuracy.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("bias", "accuracy"), [([0, 9, 0], 1.0), ([9, 0, 0], 0.0), ([0, 0, 9], 0.0)]
)
def test_the_figures(
    tmp_path: Path, scenes: Path, make_model: ModelMaker, bias: list[float], accuracy: float
) -> None:
    model = make_model(tmp_path / "model", bias=bias)
    done = run("--model", model, "--scenes", scenes, "--write")
    assert done.returncode == 0, done.stderr
    assert "2 photographs, 2 faces; ssd finds 2, 0 false alarms" in done.stdout
    metrics = json.loads((model / "metrics.json").read_text())
    assert metrics["true_boxes"]["faces"] == 2
    assert metrics["true_boxes"]["accuracy"] == {
        "value": accuracy,
        "low": accuracy,
        "high": accuracy,
    }
    # Worn incorrectly counts as without a mask where there are two classes.
    right = 0.0 if bias[0] else 1.0
    assert metrics["pipeline"]["two_class_accuracy"]["value"] == right


def test_missing_photographs(tmp_path: Path) -> None:
    done = run("--scenes", tmp_path / "none")
    assert done.returncode == 1
    assert "is missing" in done.stderr
