from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from maskdet import hashing, images
from maskdet.catalog import Catalog
from maskdet.dedup import cache as module
from maskdet.dedup.signatures import Signatures, signatures
from maskdet.images import Bgr

NAMES = ["a.jpg", "b.png", "broken.jpg", "gone.jpg", "turned.jpg"]


@pytest.fixture
def folder(tmp_path: Path, astronaut: Bgr) -> Path:
    images.write(tmp_path / "a.jpg", astronaut)
    images.write(tmp_path / "b.png", astronaut[100:, :300])
    images.write(tmp_path / "turned.jpg", astronaut[:, ::-1])
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:9000])
    return tmp_path


@pytest.fixture
def paths(folder: Path) -> list[Path]:
    return [folder / name for name in NAMES]


@pytest.fixture
def cache(folder: Path) -> Iterator[Catalog]:
    with Catalog(folder) as catalog:
        yield catalog


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    read = images.read_reduced

    def note(path: str, side: int, grey: bool) -> images.Reduced:
        names.append(os.path.basename(path))  # noqa: PTH119
        return read(path, side, grey)

    monkeypatch.setattr(images, "read_reduced", note)
    return names


def same(one: Signatures, other: Signatures) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in one.__slots__)


def test_what_is_known_of_pictures(folder: Path, paths: list[Path], astronaut: Bgr) -> None:
    found = signatures(paths, mirror=True)
    assert found.paths == [str(folder / name) for name in ("a.jpg", "b.png", "turned.jpg")]
    assert found.width.tolist() == [512, 300, 512]
    assert found.height.tolist() == [512, 412, 512]
    assert found.bytes.tolist() == [Path(path).stat().st_size for path in found.paths]
    assert (found.sharpness > 1).all()
    assert len(found.problems) == 2
    assert "broken.jpg is broken" in found.problems[0]
    assert "gone.jpg: No such file" in found.problems[1]
    grey = images.read_reduced(folder / "a.jpg", hashing.SIDE, grey=True).pixels
    assert np.array_equal(found.hashes[0], hashing.compute(grey))
    assert found.mirrored is not None
    assert np.bitwise_count(found.mirrored[0] ^ found.hashes[2]).sum() <= 2
    assert np.bitwise_count(found.hashes[0] ^ found.hashes[2]).sum() > 10


@pytest.mark.parametrize("kind", hashing.KINDS)
@pytest.mark.parametrize("size", [4, 8, 32])
def test_every_kind_of_hash(paths: list[Path], cache: Catalog, kind: str, size: int) -> None:
    first = signatures(paths, kind, size, cache)
    assert first.hashes.shape == (3, size * size // 8)
    assert same(signatures(paths, kind, size, cache), first)


@pytest.mark.parametrize("mirror", [False, True])
def test_nothing_is_hashed_twice(
    paths: list[Path], cache: Catalog, looked: list[str], mirror: bool
) -> None:
    first = signatures(paths, cache=cache, mirror=mirror)
    assert sorted(looked) == sorted(NAMES)
    looked.clear()
    second = signatures(paths, cache=cache, mirror=mirror)
    assert sorted(looked) == ["broken.jpg", "gone.jpg"]
    assert same(first, second)


def test_only_what_is_new_or_has_changed_is_hashed(
    folder: Path, paths: list[Path], cache: Catalog, looked: list[str]
) -> None:
    signatures(paths[:1], cache=cache)
    signatures(paths[1:2], "dhash", cache=cache)
    looked.clear()
    signatures([folder / "a.jpg", folder / "b.png"], cache=cache)
    assert looked == ["b.png"]
    looked.clear()
    shutil.copyfile(folder / "turned.jpg", folder / "a.jpg")
    os.utime(folder / "b.png", ns=(1, 1))
    changed = signatures([folder / "a.jpg", folder / "b.png"], cache=cache)
    assert sorted(looked) == ["a.jpg", "b.png"]
    assert np.array_equal(changed.hashes, signatures([folder / "a.jpg", folder / "b.png"]).hashes)
    looked.clear()
    signatures([folder / "a.jpg"], cache=cache, mirror=True)
    assert looked == ["a.jpg"]


def test_an_interrupted_run_has_not_worked_in_vain(
    folder: Path, cache: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [folder / f"{number}.jpg" for number in range(10)]
    for path in paths:
        shutil.copyfile(folder / "a.jpg", path)
    monkeypatch.setattr(module, "_BATCH", 4)
    read = images.read_reduced

    def interrupted(path: str, side: int, grey: bool) -> images.Reduced:
        if path.endswith("6.jpg"):
            raise KeyboardInterrupt
        return read(path, side, grey)

    monkeypatch.setattr(images, "read_reduced", interrupted)
    with pytest.raises(KeyboardInterrupt):
        signatures(paths, cache=cache)
    kept = [row["path"] for row in cache.read("SELECT path FROM hashes ORDER BY path")]
    assert kept == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]


def test_a_name_that_is_no_text_is_hashed_but_not_kept(folder: Path, cache: Catalog) -> None:
    path = os.fsdecode(os.fsencode(folder) + b"/\xff.jpg")
    shutil.copyfile(folder / "a.jpg", path)
    assert signatures([path], cache=cache).paths == [path]
    assert cache.read("SELECT * FROM hashes") == []


def test_no_pictures(cache: Catalog) -> None:
    found = signatures([], cache=cache, mirror=True)
    assert found.hashes.shape == (0, 8)
    assert found.paths == found.problems == []


def test_what_lies_elsewhere_is_hashed_and_not_kept(
    cache: Catalog, paths: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other") / paths[0].name
    other.write_bytes(paths[0].read_bytes())
    found = signatures([other, paths[0]], cache=cache)
    assert (found.hashes[0] == found.hashes[1]).all()
    assert [row["path"] for row in cache.read("SELECT path FROM hashes")] == [paths[0].name]


@pytest.mark.parametrize(("kind", "size"), [("whash", 12), ("phash", 1), ("phash", 64), ("x", 8)])
def test_there_is_no_such_hash(paths: list[Path], kind: str, size: int) -> None:
    with pytest.raises(ValueError, match=f"no {kind} of size {size}"):
        signatures(paths[:1], kind, size)
