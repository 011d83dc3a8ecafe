"""The benchmark of crawling: small, from end to end, and how it judges."""

from __future__ import annotations

import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

from maskdet import images


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_crawl

    return bench_crawl


def test_both_save_all_pictures_of_the_server() -> None:
    command = [sys.executable, str(ROOT / "scripts/bench_crawl.py"), "--latency", "0.001"]
    done = subprocess.run(
        [*command, "--pictures", "40", "--few", "4", "--rounds", "1", "--threads", "2"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in ("maskdet", "icrawler"):
        row = re.search(
            rf"^\| {name} \| (\d+) \| ([\d.]+) \| .* MiB \|$", done.stdout, re.MULTILINE
        )
        assert row is not None
        assert int(row[1]) == 40
        assert float(row[2]) > 0
    assert "| every picture saved | 40 | yes |" in done.stdout


def test_the_pictures_are_all_different_and_of_the_size_said(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import bench_crawl_workers

    bench_crawl_workers.draw(tmp_path, 4)
    found = [path.read_bytes() for path in images.find(tmp_path)]
    assert len(set(found)) == 4
    assert all(80_000 < len(data) < 120_000 for data in found)


def test_a_contender_that_fails_says_why(bench: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"icrawler failed:\n(.*\n)*ValueError"):
        bench.run("icrawler", "http://127.0.0.1:1", "many", 1)


def runs(seconds: float, mib: float, saved: float = 100) -> list[dict[str, float]]:
    return [{"saved": saved, "seconds": seconds, "until_end": seconds + 1, "mib": mib}]


@pytest.mark.parametrize(
    ("ours", "saved", "mib", "expected"),
    [
        (1.25, 100, 110, [("100", True), ("0.80 x", True), ("1.10 x", True)]),
        (1.3, 99, 111, [("99", False), ("0.76 x", False), ("1.11 x", False)]),
    ],
)
def test_the_report_compares_and_judges(
    bench: ModuleType, ours: float, saved: float, mib: float, expected: list[tuple[str, bool]]
) -> None:
    measured = {
        "machine": {"processor": "a", "cores": 2, "python": "3", "icrawler": "0"},
        "setting": {"pictures": 100, "few": 25, "rounds": 1, "threads": 8, "latency_s": 0.05},
        "many": {"maskdet": runs(ours, mib, saved), "icrawler": runs(1.0, 50)},
        "few": {"maskdet": runs(0.5, 100, 25), "icrawler": runs(0.4, 50, 25)},
    }
    assert [(value, reached) for _, value, reached in bench.targets(measured)] == expected
    assert (
        f"| maskdet | {saved} | {saved / ours:.1f} | {ours + 1:.1f} s | 100 MiB | {mib} MiB |"
        in (bench.report(measured))
    )
