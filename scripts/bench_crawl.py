"""How fast maskdet crawls, beside plain icrawler with as many threads, in one run.

A server on the loopback, in a process of its own, has 1,000 drawn pictures of about 100 kB
each and answers after 50 ms. maskdet saves them with all checks and the ledger on, but without
its limits for a single host; icrawler with its own Bing parser and image downloader. Each run
is a process of its own, and the contenders take turns, so that whatever else the machine does
hits both alike. The clock runs from the start of the search to the last picture saved:
icrawler waits for some seconds after that.

    .venv/bin/python scripts/bench_crawl.py
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench_detect import note, processor

WORKERS = Path(__file__).resolve().parent / "bench_crawl_workers.py"
CONTENDERS = ("maskdet", "icrawler")
LEAST_RATIO = 0.8
MOST_GROWTH = 1.1

Runs = dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class Setting:
    """What is measured: ``few`` pictures are for the comparison of memory."""

    pictures: int
    few: int
    rounds: int
    threads: int
    latency_s: float


@contextmanager
def server(setting: Setting) -> Iterator[str]:
    """Draw the pictures, serve them, and yield the endpoint."""
    with tempfile.TemporaryDirectory() as folder:
        note(f"drawing {setting.pictures} pictures")
        command = [sys.executable, str(WORKERS)]
        subprocess.run([*command, "pictures", folder, str(setting.pictures)], check=True)
        process = subprocess.Popen(
            [*command, "serve", folder, str(setting.latency_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate()


def run(name: str, endpoint: str, pictures: int, threads: int) -> dict[str, float]:
    """Let a contender save pictures in a process of its own, and return what it measured."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [name, endpoint, folder, str(pictures), str(threads)]
        done = subprocess.run(
            [sys.executable, str(WORKERS), *arguments], capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr}")
        result: dict[str, float] = json.loads(done.stdout)
        there = sum(path.suffix == ".jpg" for path in Path(folder).rglob("*"))
    if result["saved"] != there:
        sys.exit(f"{name} says that it saved {result['saved']} pictures; there are {there}")
    return result


def measure(setting: Setting) -> dict[str, Any]:
    """Return all runs of both contenders, with many pictures and with few."""
    many: Runs = {name: [] for name in CONTENDERS}
    few: Runs = {name: [] for name in CONTENDERS}
    with server(setting) as endpoint:
        for number in range(setting.rounds):
            for runs, pictures in ((many, setting.pictures), (few, setting.few)):
                note(f"{pictures} pictures: round {number + 1} of {setting.rounds}")
                for name in CONTENDERS:
                    runs[name].append(run(name, endpoint, pictures, setting.threads))
    return {
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "icrawler": importlib.metadata.version("icrawler"),
        },
        "setting": vars(setting),
        "many": many,
        "few": few,
    }


def rate(runs: list[dict[str, float]]) -> float:
    """Return the median of pictures a second."""
    return median(item["saved"] / item["seconds"] for item in runs)


def report(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown: a table and the targets."""
    machine, setting = figures["machine"], figures["setting"]
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, icrawler "
        f"{machine['icrawler']}. {setting['pictures']} pictures, {setting['threads']} threads, "
        f"{1000 * setting['latency_s']:.0f} ms latency; medians of {setting['rounds']} rounds, the "
        "contenders taking turns.",
        "",
        f"| | pictures | pictures/s | until it ended | peak memory, {setting['few']} pictures | "
        f"{setting['pictures']} pictures |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in CONTENDERS:
        many, few = figures["many"][name], figures["few"][name]
        lines.append(
            f"| {name} | {median(item['saved'] for item in many):.0f} | {rate(many):.1f} | "
            f"{median(item['until_end'] for item in many):.1f} s | {_peak(few):.0f} MiB | "
            f"{_peak(many):.0f} MiB |"
        )
    lines += ["", "| target | measured | reached |", "| --- | ---: | --- |"]
    for text, measured, reached in targets(figures):
        lines.append(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def targets(figures: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield what was to be reached, what was measured, and whether that is enough."""
    setting, many = figures["setting"], figures["many"]
    fewest = min(item["saved"] for item in many["maskdet"])
    yield "every picture saved", f"{fewest:.0f}", fewest == setting["pictures"]
    ratio = rate(many["maskdet"]) / rate(many["icrawler"])
    text = f"pictures per second: at least {LEAST_RATIO} x icrawler's"
    yield text, f"{ratio:.2f} x", ratio >= LEAST_RATIO
    growth = _peak(many["maskdet"]) / _peak(figures["few"]["maskdet"])
    text = (
        f"memory flat: peak at {setting['pictures']} pictures at most {MOST_GROWTH} x that at "
        f"{setting['few']}"
    )
    yield text, f"{growth:.2f} x", growth <= MOST_GROWTH


def _peak(runs: list[dict[str, float]]) -> float:
    return median(item["mib"] for item in runs)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--few", type=int, help="pictures to compare the memory with [a quarter]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--latency", type=float, default=0.05, metavar="S")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    given = parser.parse_args()
    few = given.few or max(given.pictures // 4, 1)
    setting = Setting(given.pictures, few, given.rounds, given.threads, given.latency)
    figures = measure(setting)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(report(figures))


if __name__ == "__main__":
    main()
