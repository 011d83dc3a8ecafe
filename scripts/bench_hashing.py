"""How fast maskdet hashes pictures, and finds the near ones among a million hashes.

- hashing: ``maskdet.dedup.signatures`` (which also takes size and sharpness), with one thread
  and with one for each core, beside ``imagehash.phash(PIL.Image.open(path))``; and in a process
  for each core, which share nothing: what the cores can do; all take turns, what is reported are
  medians
- searching: all pairs within a distance, half of the hashes being in clusters, in a process of
  its own; a sample is checked by comparing it with all

The pictures are enlarged photographs with some grain, as JPEG files in which a pixel takes 0.17
bytes at every width: the median of the photographs from the web that maskdet is developed with.
They come from a folder (of the corpus, say), or from the one photograph that scikit-image brings
along.

    .venv/bin/python scripts/bench_hashing.py --photos ../shared/data/train_pool/scenes
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskdet import images
from maskdet.dedup.signatures import signatures
from maskdet.neighbours import near_pairs

WIDTHS = (1280, 1920, 2560, 4000)
BYTES_PER_PIXEL = 0.17
GRAIN = 1.5
OURS, OURS_ALL, PLAIN = "maskdet, 1 thread", "maskdet, all cores", "imagehash"
APART = "a process a core"

Contenders = Mapping[str, Callable[[Path], object]]
"""What hashes one picture, by name."""

PIXELS_A_TURN = 96 * 1280**2
"""Squares of widths that a contender hashes in one turn, at least: its pictures several times."""


def make_pictures(folder: Path, each: int, photos: Path | None) -> dict[int, list[Path]]:
    """Write ``each`` JPEG files of every width and return them by width.

    Args:
        folder: where to.
        each: number of files of a width.
        photos: a folder of photographs; None: the astronaut.
    """
    if photos:
        found = images.find(photos)
        sources = [images.read(path) for path in found[:: max(len(found) // each, 1)][:each]]
    else:
        from skimage import data

        sources = [cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)]
    random = np.random.default_rng(0)
    pictures: dict[int, list[Path]] = defaultdict(list)
    for width in WIDTHS:
        for number in range(each):
            photo = sources[number % len(sources)]
            scale = width / max(photo.shape[:2])
            large = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            grain = random.normal(0, GRAIN, large.shape[:2])[:, :, None]
            path = folder / f"{width}_{number}.jpg"
            _write_to_size(path, (large + grain).clip(0, 255).astype(np.uint8))
            pictures[width].append(path)
    return dict(pictures)


def _write_to_size(path: Path, image: images.Bgr) -> None:
    """Write a JPEG file in the highest quality that keeps to ``BYTES_PER_PIXEL``."""
    enough = BYTES_PER_PIXEL * image.shape[0] * image.shape[1]

    def size(quality: int) -> int:
        images.write(path, image, quality)
        return path.stat().st_size

    best = bisect.bisect_right(range(1, 98), enough, key=size)
    images.write(path, image, max(best, 1))


def plain(path: Path) -> object:
    """Hash a picture as imagehash's own documentation does."""
    with Image.open(path) as image:
        return imagehash.phash(image)


def one_thread(paths: Sequence[Path]) -> None:
    """Hash pictures with one thread."""
    signatures(paths, workers=1)


def measure_hashing(
    pictures: Mapping[int, Sequence[Path]], rounds: int, others: Contenders | None = None
) -> list[dict[str, Any]]:
    """Return, by width, the median seconds a picture of each contender.

    Args:
        pictures: by width.
        rounds: how often each contender takes its turn.
        others: further contenders, one thread each.
    """
    cores = os.cpu_count() or 1
    ways: dict[str, Callable[[Sequence[Path]], object]] = {
        OURS: one_thread,
        OURS_ALL: signatures,
        APART: lambda paths: [*pool.map(one_thread, [paths[i::cores] for i in range(cores)])],
    }
    for name, one in {PLAIN: plain, **(others or {})}.items():
        ways[name] = lambda paths, one=one: [one(path) for path in paths]  # type: ignore[misc]
    results = []
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        for width, paths in pictures.items():
            seconds: dict[str, list[float]] = defaultdict(list)
            # A turn that is over in an instant would measure how threads start.
            turn = [*paths] * max(1, round(PIXELS_A_TURN / width**2 / len(paths)))
            for number in range(rounds + 1):
                note(f"hashing, {width} px: round {number} of {rounds}")
                for name, way in ways.items():
                    start = time.perf_counter()
                    way(turn)
                    # The first time reads from the disk, and imports: not measured.
                    if number:
                        seconds[name].append((time.perf_counter() - start) / len(turn))
            pixels = sum(np.prod(images.size(path)) for path in paths)
            results.append(
                {
                    "width": width,
                    "bytes_per_pixel": sum(path.stat().st_size for path in paths) / float(pixels),
                    "seconds": {name: median(values) for name, values in seconds.items()},
                }
            )
    return results


def make_hashes(count: int) -> npt.NDArray[np.uint64]:
    """Return hashes of which half are random, the others in clusters of ten: uint64, (count,)."""
    random = np.random.default_rng(0)
    alone = random.integers(0, 2**64, count - count // 2, dtype=np.uint64)
    centres = random.integers(0, 2**64, count // 20 + 1, dtype=np.uint64)
    members = centres[np.arange(count // 2) // 10]
    for _ in range(4):  # so many bits off the centre, or fewer
        members ^= np.uint64(1) << random.integers(0, 64, len(members), dtype=np.uint64)
    return random.permutation(np.concatenate([alone, members]))


def search(count: int, distance: int, sample: int) -> dict[str, Any]:
    """Find all near pairs; run in a process of its own, whose memory is then known.

    Returns:
        ``seconds``, ``mib`` (peak memory), ``pairs``, and ``wrong``: how many of ``sample``
        hashes have other neighbours than those that a comparison with all hashes finds.
    """
    hashes = make_hashes(count)
    start = time.perf_counter()
    pairs = near_pairs(hashes, distance)
    seconds, mib = time.perf_counter() - start, peak_mib()
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    wrong = 0
    for index in np.random.default_rng(1).integers(0, count, sample).tolist():
        near = np.flatnonzero(np.bitwise_count(hashes ^ hashes[index]) <= distance)
        low, high = np.searchsorted(both[:, 0], [index, index + 1])
        wrong += not np.array_equal(near[near != index], np.sort(both[low:high, 1]))
    return {
        "count": count,
        "distance": distance,
        "seconds": seconds,
        "mib": mib,
        "pairs": len(pairs),
        "sample": sample,
        "wrong": wrong,
    }


def peak_mib() -> float:
    """Return the most memory that this process has held."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        # macOS counts in bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def measure_search(count: int, distance: int, sample: int) -> dict[str, Any]:
    """Return what ``search`` does, from a process of its own."""
    note(f"searching {count:,} hashes")
    command = [sys.executable, __file__, "--search", *map(str, (count, distance, sample))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def measure(
    each: int, rounds: int, count: int, sample: int, photos: Path | None, others: Contenders
) -> dict[str, Any]:
    """Measure everything; the figures are in seconds and MiB."""
    with tempfile.TemporaryDirectory() as folder:
        note("making pictures")
        pictures = make_pictures(Path(folder), each, photos)
        hashing = measure_hashing(pictures, rounds, others)
    return {
        "cores": os.cpu_count(),
        "each": each,
        "rounds": rounds,
        "hashing": hashing,
        "search": measure_search(count, 6, sample),
    }


def report(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown: two tables and the targets."""
    names = list(figures["hashing"][0]["seconds"])
    lines = [
        f"Pictures hashed per second, {figures['each']} JPEG files of each width, "
        f"{figures['cores']} cores, medians of {figures['rounds']} rounds:",
        "",
        f"| width | bytes a pixel | {' | '.join(names)} | 1 thread / imagehash | cores / thread | "
        "cores / processes |",
        "| ---: " * (len(names) + 5) + "|",
    ]
    for row in figures["hashing"]:
        seconds = row["seconds"]
        cells = [f"{1 / seconds[name]:.0f}" for name in names]
        cells += [f"{factor:.2f} x" for factor in _factors(row)]
        head = f"| {row['width']} | {row['bytes_per_pixel']:.2f} "
        lines.append(f"{head}| {' | '.join(cells)} |")
    found = figures["search"]
    lines += [
        "",
        f"All pairs of 64-bit hashes within a distance of {found['distance']}, half of the "
        "hashes in clusters of ten, one thread:",
        "",
        "| hashes | time | peak memory | pairs | checked against all | of them wrong |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
        f"| {found['count']:,} | {found['seconds']:.1f} s | {found['mib']:.0f} MiB | "
        f"{found['pairs']:,} | {found['sample']:,} | {found['wrong']} |",
        "",
        "| target | measured | reached |",
        "| --- | ---: | --- |",
    ]
    for text, measured, reached in targets(figures):
        lines.append(f"| {text} | {measured} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def targets(figures: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield what was to be reached, what was measured, and whether that is enough."""
    faster, _, apart = (
        min(column) for column in zip(*map(_factors, figures["hashing"]), strict=True)
    )
    yield "hashing per thread: at least 4 x imagehash", f"{faster:.1f} x", faster >= 4
    # What memory and caches leave of further cores is no fault of the threads.
    yield "all cores: at least 0.9 x a process a core", f"{apart:.2f} x", apart >= 0.9
    found = figures["search"]
    if found["count"] >= 1_000_000:
        yield "a million hashes: under 60 s", f"{found['seconds']:.1f} s", found["seconds"] < 60
        yield "... and under 2 GB", f"{found['mib']:.0f} MiB", found["mib"] < 2e9 / 2**20
    yield "every pair of the sample found, and no other", f"{found['wrong']}", not found["wrong"]


def _factors(row: dict[str, Any]) -> tuple[float, float, float]:
    seconds = row["seconds"]
    return (
        seconds[PLAIN] / seconds[OURS],
        seconds[OURS] / seconds[OURS_ALL],
        seconds[APART] / seconds[OURS_ALL],
    )


def note(text: str) -> None:
    """Say on stderr what is going on."""
    print(f"bench: {text}", file=sys.stderr)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="photographs to enlarge")
    parser.add_argument("--each", type=int, default=12, help="different pictures of each width")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    parser.add_argument("--hashes", type=int, default=1_000_000, help="to search")
    parser.add_argument("--sample", type=int, default=1000, help="hashes to check the search on")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    parser.add_argument("--search", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        print(json.dumps(search(*options.search)))
        return
    figures = measure(
        options.each, options.rounds, options.hashes, options.sample, options.photos, {}
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(report(figures))


if __name__ == "__main__":
    main()
