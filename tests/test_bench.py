"""The benchmark: its frames, one of its workers, its report. What it measures, it prints itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

from maskdet import images
from maskdet.faces import create as create_detector


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_detect

    return bench_detect


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_report

    return bench_report


@pytest.mark.parametrize("name", ["maskdet", "ssd"])
def test_the_detector_finds_every_face_of_the_frames(
    name: str, bench: ModuleType, tmp_path: Path
) -> None:
    detector = create_detector(name)
    with bench.frames_folder(bench.environment(tmp_path)) as folder:
        for faces in bench.FACES:
            frame = images.read(folder / f"{faces}.png")
            assert frame.shape == (480, 640, 3)
            assert len(detector.detect(frame)) == faces


def test_a_worker_labels_frames_and_must_find_every_face(bench: ModuleType, tmp_path: Path) -> None:
    environment = bench.environment(tmp_path)
    with bench.frames_folder(environment) as folder:
        (folder / "1.png").write_bytes((folder / "4.png").read_bytes())
        worker = bench.Worker("maskdet", folder, 1, environment)
        try:
            assert worker.seconds(4) > 0
            with pytest.raises(SystemExit, match="found 4 faces of 1"):
                worker.seconds(1)
        finally:
            worker.close()


def test_a_worker_that_fails_says_why(bench: ModuleType, tmp_path: Path) -> None:
    worker = bench.Worker("maskdet", tmp_path, 1, bench.environment(tmp_path))
    try:
        with pytest.raises(SystemExit, match=r"maskdet failed:\n(.*\n)*.*1\.png"):
            worker.seconds(1)
    finally:
        worker.close()


def test_the_peak_memory_of_a_process_is_measured(bench: ModuleType) -> None:
    # Measured from a process as small as the benchmark's own: a child's peak is never below
    # what its parent holds, and pytest holds a lot.
    code = (
        "import sys; from pathlib import Path; from bench_detect import run_process, environment\n"
        "for size in (50 * 2**20, 250 * 2**20):\n"
        "    command = [sys.executable, '-c', f'b\"x\" * {size}']\n"
        "    print(run_process(command, environment(Path('.')))[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "scripts", check=True, capture_output=True
    )
    small, large = map(float, done.stdout.split())
    assert large - small == pytest.approx(200, abs=15)


def test_a_process_that_fails_says_why(bench: ModuleType) -> None:
    with pytest.raises(SystemExit, match="failed:\noh"):
        bench.run_process([sys.executable, "-c", "raise SystemExit('oh')"], dict(os.environ))


def figures(ours: float, blueprint: float) -> dict[str, Any]:
    """Return what one run could have measured: seconds a frame of two contenders are given."""
    return {
        "machine": {"processor": "a", "cores": 2, "python": "3", "packages": {"click": "8"}},
        "rounds": {"frames": 1, "processes": 1, "starts": 1},
        "frames": [
            {"threads": 1, "faces": faces, "maskdet": ours, "blueprint": blueprint, "rival": 0.3}
            | {"two networks": 0.06, "ssd": 0.04, "own_small": 0.02}
            for faces in (1, 16)
        ],
        "processes": {
            "maskdet detect": {"seconds": 1.0, "mib": 200.0},
            "the rival": {"seconds": 8.0, "mib": 500.0},
        },
        "starts": {
            "maskdet --help": {"seconds": 0.08, "mib": 19.0},
            "import click": {"seconds": 0.064, "mib": 19.0},
        },
        "profile": [
            {"pipeline": "two networks", "faces": 1, "networks": 0.09, "all": 0.1}
            | {"drawing": 0.001}
        ],
    }


def test_the_report_compares_and_judges(report: ModuleType) -> None:
    measured = figures(ours=0.05, blueprint=0.2)
    assert [(value, reached) for _, value, reached in report.targets(measured)] == [
        ("4.0 x", True),
        ("4.0 x", False),
        ("1.25 x", False),
        ("4.0 x", False),
        ("0.50 x", False),
        ("10.0 x", False),
        ("8.0 x", True),
        ("0.40", False),
        ("1.25 x", True),
        ("10.0 %", True),
    ]
    text = report.report(measured)
    assert "| threads | faces | maskdet | own_small | two networks | ssd | blueprint" in text
    assert "| 1 | 16 | 20.0 | 50.0 | 16.7 | 25.0 | 5.0 | 3.3 |" in text
    assert "| two networks | 1 | 90.0 ms (90.0 %) | 10.0 ms (10.0 %) | 1.0 ms (1.0 %) |" in text
