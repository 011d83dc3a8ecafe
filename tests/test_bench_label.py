"""The benchmark of cropping: that it runs, and its report. What it measures, it prints itself."""

from __future__ import annotations

from types import ModuleType

import pytest
from conftest import ROOT


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_label

    return bench_label


def test_a_small_run(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SIDE", 200)
    figures = bench.measure(pictures=2, rounds=1)
    assert min(figures[key] for key in ("one", "all", "small_mib", "large_mib")) > 0
    text = bench.report(figures)
    assert "2 photographs of 200 x 200 pixels" in text
    assert text.count("| yes |") + text.count("| **no** |") == 2


def test_the_report_judges(bench: ModuleType) -> None:
    machine = {"processor": "a", "cores": 2, "python": "3", "packages": {"numpy": "2"}}
    figures = {"machine": machine, "pictures": 100, "rounds": 3, "kilobytes": 390.0}
    text = bench.report(figures | {"one": 2.0, "all": 1.0, "small_mib": 100.0, "large_mib": 150.0})
    assert "| 1 | 50.0 | 200.0 |" in text
    assert "| 2 | 100.0 | 400.0 |" in text
    assert "| 2.00 x | yes |" in text
    assert "| 1.50 x (100 and 150 MiB) | **no** |" in text
