"""The processes of ``bench_crawl.py``: the server, and each of the contenders.

bench_crawl_workers.py serve FOLDER LATENCY        prints the endpoint, serves until stdin ends
bench_crawl_workers.py pictures FOLDER NUMBER      draws the pictures
bench_crawl_workers.py maskdet|icrawler ENDPOINT FOLDER NUMBER THREADS
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

PHRASE = "faces"


def draw(folder: Path, number: int) -> None:
    """Write JPEG files of about 100 kB, 800 x 600 pixels: patches of colour, and noise.

    The same ones each time; no two are alike.
    """
    import cv2
    import numpy as np

    from maskdet import images

    for i in range(number):
        random = np.random.default_rng(i)
        patches = random.integers(0, 256, (12, 16, 3), np.uint8)
        smooth = cv2.resize(patches, (800, 600), interpolation=cv2.INTER_CUBIC)
        noisy = smooth + random.normal(0, 5, (600, 800, 1))
        images.write(folder / f"{i:06d}.jpg", noisy.clip(0, 255).astype(np.uint8), quality=85)


def serve(folder: Path, latency_s: float) -> None:
    """Serve the pictures to whatever phrase, out of memory."""
    from local_bing import ANY, LocalBing

    pictures = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
    # icrawler's parser takes addresses with .jpg alone.
    with LocalBing({}, latency_s) as bing:
        bing.add(ANY, [_result(bing, i, data) for i, data in enumerate(pictures)])
        print(bing.endpoint, flush=True)
        sys.stdin.read()


def _result(bing: Any, number: int, data: bytes) -> Any:
    from local_bing import Result

    address = bing.serve(f"/{number:06d}.jpg", lambda asked: asked.send(data, "image/jpeg"))
    return Result(address, f"{bing.url}/{number:06d}.html", f"Picture {number}")


class Stopwatch:
    """Knows when the last picture was saved, and how many were."""

    def __init__(self) -> None:
        self.saved = 0
        self.last = self.start = time.perf_counter()

    def tick(self) -> None:
        self.saved += 1
        self.last = time.perf_counter()

    def report(self) -> dict[str, float]:
        """Return pictures, seconds to the last of them and to the end, peak memory in MiB."""
        end = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {
            "saved": self.saved,
            "seconds": self.last - self.start,
            "until_end": end - self.start,
            # Linux counts in KiB, macOS in bytes.
            "mib": peak / (1024**2 if sys.platform == "darwin" else 1024),
        }


def run_maskdet(endpoint: str, folder: Path, number: int, threads: int) -> dict[str, float]:
    """Crawl with all checks and the ledger, but without limits for a single host."""
    from tqdm import tqdm

    from maskdet.crawl.options import CrawlOptions
    from maskdet.crawl.queries import query
    from maskdet.crawl.run import crawl

    options = CrawlOptions(
        max_num=number,
        endpoint=endpoint,
        threads=threads,
        per_host=threads,
        delay_s=0,
        allow_private=True,
    )
    watch = Stopwatch()

    class Bar(tqdm):  # type: ignore[misc]
        def update(self, n: float | None = 1) -> bool | None:
            watch.tick()
            return None

    def progress(**about: Any) -> Bar:
        return Bar(disable=True, **about)

    crawl(folder, [query(PHRASE)], options, progress)
    return watch.report()


def run_icrawler(endpoint: str, folder: Path, number: int, threads: int) -> dict[str, float]:
    """Crawl with icrawler's own Bing parser and image downloader, as they come."""
    from icrawler import ImageDownloader
    from icrawler.builtin.bing import BingImageCrawler, BingParser
    from icrawler.feeder import Feeder
    from icrawler.storage.filesystem import FileSystem

    class LocalFeeder(Feeder):  # type: ignore[misc]
        """Its own asks www.bing.com, for pages that overlap."""

        def feed(self, keyword: str, offset: int, max_num: int, **_: object) -> None:
            for first in range(offset + 1, offset + max_num + 1, 35):
                self.out_queue.put(f"{endpoint}?q={keyword}&first={first}&count=35")

    watch = Stopwatch()

    class Timed(FileSystem):  # type: ignore[misc]
        def write(self, id: str, data: bytes) -> None:
            super().write(id, data)
            watch.tick()

    crawler = BingImageCrawler(
        LocalFeeder,
        BingParser,
        ImageDownloader,
        downloader_threads=threads,
        storage=Timed(str(folder)),
        log_level=logging.CRITICAL,
    )
    crawler.crawl(PHRASE, max_num=number)
    return watch.report()


CONTENDERS = {"maskdet": run_maskdet, "icrawler": run_icrawler}


def main() -> None:
    """Do what the arguments say."""
    role, *rest = sys.argv[1:]
    if role == "pictures":
        draw(Path(rest[0]), int(rest[1]))
    elif role == "serve":
        serve(Path(rest[0]), float(rest[1]))
    else:
        endpoint, folder, number, threads = rest
        print(json.dumps(CONTENDERS[role](endpoint, Path(folder), int(number), int(threads))))


if __name__ == "__main__":
    main()
