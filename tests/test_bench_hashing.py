"""The benchmark of hashing and searching, made small."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

from maskdet import images


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_hashing

    return bench_hashing


def test_a_small_run(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "WIDTHS", (1280,))
    monkeypatch.setattr(bench, "PIXELS_A_TURN", 2 * 1280**2)
    hashed: list[Path] = []
    figures = bench.measure(1, 1, 20_000, 50, None, {"noted": hashed.append})
    assert len(hashed) == 2 * 2  # once before it counts
    row = figures["hashing"][0]
    assert set(row["seconds"]) == {bench.OURS, bench.OURS_ALL, bench.APART, bench.PLAIN, "noted"}
    assert figures["search"]["pairs"] > 5_000
    assert figures["search"]["mib"] > 20
    text = bench.report(figures)
    assert "| 20,000 |" in text
    assert "| every pair of the sample found, and no other | 0 | yes |" in text


def test_the_pictures_are_as_large_as_they_are_said_to_be(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "WIDTHS", (1280, 1300))
    made = bench.make_pictures(tmp_path, 2, None)
    assert {width: [images.size(path) for path in paths] for width, paths in made.items()} == {
        1280: [(1280, 1280)] * 2,
        1300: [(1300, 1300)] * 2,
    }


def test_the_check_notices_a_search_that_misses_a_pair(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def misses(hashes: Any, distance: int) -> Any:
        return found(hashes, distance)[1::2]

    found = bench.near_pairs
    assert bench.search(2000, 6, 500)["wrong"] == 0
    monkeypatch.setattr(bench, "near_pairs", misses)
    assert bench.search(2000, 6, 500)["wrong"] > 100


def test_the_targets(bench: ModuleType) -> None:
    seconds = {bench.OURS: 0.002, bench.OURS_ALL: 0.00125, bench.APART: 0.00120}
    seconds[bench.PLAIN] = 0.0081
    row = {"width": 1280, "bytes_per_pixel": 0.1, "seconds": seconds}
    search = {"count": 10**6, "distance": 6, "seconds": 61.0, "mib": 1900.0, "wrong": 0}
    figures = {"cores": 2, "hashing": [row], "search": search}
    reached = [reached for _, _, reached in bench.targets(figures)]
    assert reached == [True, True, False, True, True]
    assert np.isclose(bench._factors(row), (4.05, 1.6, 0.96)).all()
