"""The scripts of set-up and the demo."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from maskdet import images
from maskdet.faces import create as create_detector
from maskdet.images import Bgr

SHELL = ("scripts/demo", "scripts/test", "scripts/walkthrough", ".ci/run")

# A project that needs no index to be installed, in place of maskdet.
TINY_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "maskdet"
version = "1"
optional-dependencies = { demo = [], dev = [] }
"""
TINY_BACKEND = r"""
from zipfile import ZipFile

def build_editable(folder, config_settings=None, metadata_directory=None):
    about = "Metadata-Version: 2.1\nName: maskdet\nVersion: 1\n"
    extras = "Provides-Extra: demo\nProvides-Extra: dev\n"
    with ZipFile(f"{folder}/maskdet-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("maskdet-1.dist-info/METADATA", about + extras)
        wheel.writestr("maskdet-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        wheel.writestr("maskdet-1.dist-info/RECORD", "")
    return "maskdet-1-py3-none-any.whl"
"""


@pytest.mark.parametrize("name", SHELL)
def test_scripts_can_be_run_and_stop_at_the_first_failure(name: str) -> None:
    script = ROOT / name
    assert os.access(script, os.X_OK)
    assert "\nset -euo pipefail\n" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)


class Clone:
    """A folder with the shell scripts and a project that is installed in a moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "scripts").mkdir(parents=True)
        shutil.copy(ROOT / "scripts/_venv.sh", folder / "scripts")
        (folder / "pyproject.toml").write_text(TINY_PROJECT, encoding="utf-8")
        (folder / "backend.py").write_text(TINY_BACKEND, encoding="utf-8")
        self.pin("numpy==1")

    def pin(self, line: str) -> None:
        (self.folder / "constraints.txt").write_text(line + "\n", encoding="utf-8")

    def ensure(self, extra: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        lines = f"set -euo pipefail; . scripts/_venv.sh; ensure_venv {extra} 14 'a note'"
        return subprocess.run(
            ["bash", "-c", lines],
            cwd=self.folder,
            env=os.environ | {"PYTHON": python, "PIP_NO_INDEX": "1"},
            capture_output=True,
            text=True,
            check=False,
        )


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "a clone")
    installs = "installing maskdet[{}] into .venv (a note)"

    clone.pin("this is no constraint")
    failed = clone.ensure("demo")
    assert failed.returncode != 0
    assert "making a virtual environment" in failed.stdout

    clone.pin("numpy==1")
    first = clone.ensure("demo")
    assert first.returncode == 0, first.stderr
    assert "making a virtual environment" not in first.stdout
    assert installs.format("demo") in first.stdout

    assert clone.ensure("demo").stdout == "== using .venv, which has all that is needed\n"

    (copy,) = (path / "maskdet" for path in clone.folder.glob(".venv/lib/python*/site-packages"))
    copy.mkdir()
    assert installs.format("demo") in clone.ensure("demo").stdout, "it was installed as a copy"
    copy.rmdir()

    assert installs.format("dev") in clone.ensure("dev").stdout
    assert "using .venv" in clone.ensure("demo").stdout, "dev holds demo"

    clone.pin("numpy==2")
    assert installs.format("demo") in clone.ensure("demo").stdout
    assert installs.format("dev") in clone.ensure("dev").stdout


def test_a_python_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    done = Clone(tmp_path).ensure("demo", python="false")
    assert done.returncode == 1
    assert "PYTHON=false is no Python from 3.11 to 3.14" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_demo_labels_both_pictures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/demo.py"), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answers = dict(
        line.split()[:2] for line in done.stdout.splitlines() if line.startswith("astronaut")
    )
    assert answers.keys() == {"astronaut.png:", "astronaut_with_mask.png:"}
    assert answers["astronaut.png:"] == "without_mask"
    assert str(tmp_path) in done.stdout.splitlines()[-1]
    for name in ("astronaut", "astronaut_with_mask"):
        assert images.read(tmp_path / f"{name}.maskdet.png").shape == (512, 512, 3)


def test_a_drawn_mask_covers_the_lower_face_alone(
    astronaut: Bgr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from drawn_mask import draw_mask

    detector = create_detector("ssd")
    (face,) = detector.detect(astronaut)
    before = astronaut.copy()
    masked = draw_mask(astronaut, face.box)
    assert np.array_equal(astronaut, before)

    changed = (masked != astronaut).any(axis=2)
    rows, columns = np.nonzero(changed)
    box = face.box
    assert box.y1 + 0.4 * box.height < rows.min() < rows.max() < box.y2 + 0.2 * box.height
    assert box.x1 - 0.2 * box.width < columns.min() < columns.max() < box.x2 + 0.2 * box.width
    assert changed[int(box.y1 + 0.7 * box.height), int((box.x1 + box.x2) / 2)]

    (found,) = detector.detect(masked)
    assert found.box.iou(face.box) > 0.8
