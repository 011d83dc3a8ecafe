"""How fast ``maskdet label`` cuts the faces of a folder out, with one worker and with one a core,
and whether its memory grows with the folder (the peak of its largest process).

Photographs of about 2 megapixels with four labelled faces each are made on the spot, from a
public-domain portrait. Each run is a process of its own that cuts all faces into an empty
folder; what is timed is the library's function from the first file to the last, manifest
included. The two numbers of workers take turns; what is reported are medians.

Needs the extra dev:

    .venv/bin/python scripts/bench_label.py
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from bench_detect import note, processor, run_process

PACKAGES = ("opencv-python", "pillow", "numpy")
SIDE = 1440
FACES = 4
DIFFERENT = 20
GROWTH = 4

CROP = """
import sys, time
from pathlib import Path
from maskdet.labels.crop import crop
root, faces, workers, wanted, out = sys.argv[1:]
start = time.perf_counter()
done = crop(Path(root), Path(faces), workers=int(workers))
Path(out).write_text(str(time.perf_counter() - start))
if done.problems or done.made != int(wanted):
    sys.exit(f"{done.made} crops of {wanted}: {done.problems}")
"""


def make_photographs(folder: Path, count: int) -> None:
    """Write ``count`` JPEG files (DIFFERENT ones, the others are links) with VOC files."""
    import cv2
    import numpy as np
    from skimage import data

    from maskdet import images
    from maskdet.labels import voc
    from maskdet.types import Box

    portrait = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    large = cv2.resize(portrait, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noise = np.random.default_rng(0).normal(0, 4, large.shape).astype(np.int16)
    side = SIDE // 5
    corners = [(side, side), (3 * side, side), (side, 3 * side), (3 * side, 3 * side)]
    boxes = [Box(x, y, x + side, y + side) for x, y in corners]
    objects = [voc.VocObject(index, "with_mask", box) for index, box in enumerate(boxes[:FACES])]
    folder.mkdir(parents=True)
    for number in range(count):
        path = folder / f"{number:06d}.jpg"
        if number < DIFFERENT:
            picture = np.roll(large, 37 * number, axis=1) + noise
            images.write(path, picture.clip(0, 255).astype(np.uint8), quality=90)
        else:
            path.hardlink_to(folder / f"{number % DIFFERENT:06d}.jpg")
        voc.write(path.with_suffix(".xml"), path, SIDE, SIDE, objects)


def crop(folder: Path, count: int, workers: int) -> tuple[float, float]:
    """Cut a folder's faces out in a new process; return seconds and the peak memory in MiB."""
    with tempfile.TemporaryDirectory() as empty:
        faces, seconds = Path(empty, "faces"), Path(empty, "seconds")
        arguments = [str(folder), str(faces), str(workers), str(FACES * count), str(seconds)]
        _, mib = run_process([sys.executable, "-c", CROP, *arguments], dict(os.environ))
        return float(seconds.read_text()), mib


def measure(pictures: int, rounds: int) -> dict[str, Any]:
    """Measure everything; the figures are in seconds and MiB."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place, "small/raw"), Path(place, "large/raw")
        note("making photographs")
        make_photographs(small, pictures)
        make_photographs(large, GROWTH * pictures)
        crop(small, pictures, cores)  # the first time reads from the disk: not measured
        seconds, mib = defaultdict(list), defaultdict(list)
        for number in range(rounds):
            note(f"round {number + 1} of {rounds}")
            for workers in (1, cores):
                seconds[workers].append(crop(small, pictures, workers)[0])
            for name, folder, count in (
                ("small", small, pictures),
                ("large", large, GROWTH * pictures),
            ):
                mib[name].append(crop(folder, count, cores)[1])
        size = sum(path.stat().st_size for path in small.glob("*.jpg")) / pictures / 1000
    return {
        "machine": {
            "processor": processor(),
            "cores": cores,
            "python": platform.python_version(),
            "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        },
        "pictures": pictures,
        "rounds": rounds,
        "kilobytes": size,
        "one": median(seconds[1]),
        "all": median(seconds[cores]),
        "small_mib": median(mib["small"]),
        "large_mib": median(mib["large"]),
    }


def report(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown: a table and the targets."""
    machine, pictures = figures["machine"], figures["pictures"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {packages}."
        f" {pictures} photographs of {SIDE} x {SIDE} pixels and {figures['kilobytes']:.0f} kB, "
        f"{FACES} faces each; medians of {figures['rounds']} rounds.",
        "",
        "| workers | pictures per second | crops per second |",
        "| ---: | ---: | ---: |",
    ]
    for workers, key in ((1, "one"), (machine["cores"], "all")):
        rate = pictures / figures[key]
        lines.append(f"| {workers} | {rate:.1f} | {FACES * rate:.1f} |")
    lines += ["", "| target | measured | reached |", "| --- | ---: | --- |"]
    faster = figures["one"] / figures["all"]
    growth = figures["large_mib"] / figures["small_mib"]
    for text, value, reached in (
        (f"{machine['cores']} workers: at least 1.7 x one", f"{faster:.2f} x", faster >= 1.7),
        (
            f"peak memory of {GROWTH} x the pictures: at most 1.1 x",
            f"{growth:.2f} x ({figures['small_mib']:.0f} and {figures['large_mib']:.0f} MiB)",
            growth <= 1.1,
        ),
    ):
        lines.append(f"| {text} | {value} | {'yes' if reached else '**no**'} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=600, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    options = parser.parse_args()
    print(report(measure(options.pictures, options.rounds)))


if __name__ == "__main__":
    main()
