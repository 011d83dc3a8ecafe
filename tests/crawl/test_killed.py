"""A crawl that is killed (kill -9) at any moment and started again."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import ENOUGH_S, wait_until
from hostile import HostileBing, fixed, flaky, picture
from local_bing import Result

from maskdet.catalog import Catalog

PICTURES = 120
COPIES = 10
LOST = 10


@pytest.fixture
def shelf(bing: HostileBing) -> HostileBing:
    """A Bing whose one phrase finds pictures, some of them twice, and some that are gone."""
    bing.latency_s = 0.02
    found = [Result(bing.address(picture(500 + number))) for number in range(PICTURES)]
    for number in range(COPIES):
        found.append(Result(bing.serve(f"/copy/{number}.jpg", fixed(picture(500 + number)))))
    found += [Result(f"{bing.url}/lost/{number}.jpg") for number in range(LOST)]
    found.append(Result(bing.serve("/shaky.jpg", flaky(picture(499), 503))))
    random.Random(0).shuffle(found)
    bing.add("one", found)
    return bing


def start(data: Path, bing: HostileBing) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "maskdet", "crawl", "one", "--class", "mask", "--max-num"]
    command += ["500", "--data", str(data), "--endpoint", bing.endpoint, "--allow-private"]
    command += ["--delay", "0", "--per-host", "8", "--min-side", "100", "-q"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def ended(data: Path) -> dict[str, str]:
    """Return the addresses that have been dealt with, by path, after checking all files."""
    with Catalog(data) as catalog:
        for path in (data / "raw").rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                assert path.stem == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        rows = catalog.read("SELECT url, outcome FROM sources WHERE outcome != 'fetching'")
        saved = catalog.read(
            "SELECT path FROM images JOIN sources ON image_id = images.id WHERE outcome = 'saved'"
        )
        assert all(catalog.absolute(row["path"]).is_file() for row in saved)
    return {unquote(urlsplit(row["url"]).path): row["outcome"] for row in rows}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_nothing_is_lost_halved_or_fetched_twice(tmp_path: Path, shelf: HostileBing) -> None:
    moments = random.Random(1)
    dealt: dict[str, str] = {}
    hits: dict[str, int] = {}
    for _ in range(5):
        asked = len(shelf.requests) + moments.randint(2, 40)
        process = start(tmp_path, shelf)
        wait_until(lambda asked=asked: len(shelf.requests) >= asked)  # type: ignore[misc]
        process.kill()
        process.communicate()
        now = ended(tmp_path)
        assert dealt.items() <= now.items()
        assert all(shelf.hits[path] == hits[path] for path in dealt)
        dealt, hits = now, dict(shelf.hits)
    assert 0 < len(dealt) < PICTURES

    process = start(tmp_path, shelf)
    _, stderr = process.communicate(timeout=ENOUGH_S)
    assert (process.returncode, stderr) == (0, b"")
    assert all(shelf.hits[path] == hits[path] for path in dealt)
    now = ended(tmp_path)
    assert len(now) == PICTURES + COPIES + LOST + 1
    count = [list(now.values()).count(name) for name in ("saved", "same", "not_found")]
    assert count == [PICTURES + 1, COPIES, LOST]
    with Catalog(tmp_path) as catalog:
        known = {row["path"] for row in catalog.read("SELECT path FROM images")}
    files = {
        path.relative_to(tmp_path).as_posix()
        for path in (tmp_path / "raw").rglob("*")
        if path.is_file()
    }
    assert files == known
    assert len(files) == PICTURES + 1

    before = shelf.hits.total() - shelf.hits["/images/async"]
    assert start(tmp_path, shelf).wait(ENOUGH_S) == 0
    assert shelf.hits.total() - shelf.hits["/images/async"] == before
