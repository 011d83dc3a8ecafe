"""Hash, size and sharpness of many pictures, kept in the ledger."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from maskdet import hashing, images
from maskdet.catalog import Catalog
from maskdet.errors import InputError
from maskdet.progress import SILENT, Progress


@dataclass(frozen=True, slots=True)
class Signatures:
    """What is known of the pictures that could be read, one row each; arrays of shape (n,).

    Attributes:
        paths: as they were given, in that order.
        hashes: uint8, shape (n, bytes).
        mirrored: the same of the pictures flipped left to right, None if not asked for.
        width: int32, of the upright picture in pixels.
        height: int32.
        sharpness: float32, see ``hashing.sharpness``.
        bytes: int64, size of the file.
        problems: a sentence for each picture that could not be read; it has no row.
    """

    paths: list[str]
    hashes: npt.NDArray[np.uint8]
    mirrored: npt.NDArray[np.uint8] | None
    width: npt.NDArray[np.int32]
    height: npt.NDArray[np.int32]
    sharpness: npt.NDArray[np.float32]
    bytes: npt.NDArray[np.int64]
    problems: list[str]


_BATCH = 512

_State = tuple[int, int]  # bytes and time of a file
_Row = tuple[list[bytes], int, int, float]  # hash (and that of the mirrored), width, height, ...


def signatures(
    paths: Sequence[str | os.PathLike[str]],
    kind: str = "phash",
    size: int = 8,
    cache: Catalog | None = None,
    mirror: bool = False,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> Signatures:
    """Hash pictures; not again those that ``cache`` knows and that have not changed since.

    Whether a file has changed is told by its size and time. What is new is written to the cache
    every few hundred pictures, so that an interrupted run has not worked in vain. Memory grows
    by some 100 bytes a picture beside its path.

    Args:
        paths: the files; with ``cache``, all below its root.
        kind: see ``hashing.KINDS``.
        size: see ``hashing.compute``.
        cache: the ledger that remembers the hashes.
        mirror: also hash the pictures flipped.
        progress: makes the bar.
        workers: threads; None: one for each core.

    Raises:
        InputError: a path does not lie below the root of ``cache``.
        OutputError: the ledger cannot be written.
        ValueError: see ``hashing.compute``.
    """
    names = [os.fspath(path) for path in paths]
    count, length = len(names), hashing.length(size)
    kinds = [f"{kind}{size}", f"{kind}{size} mirrored"][: 1 + mirror]
    hashes = np.zeros((len(kinds), count, length), np.uint8)
    width, height = np.zeros((2, count), np.int32)
    sharpness = np.zeros(count, np.float32)
    file_bytes = np.zeros(count, np.int64)
    good = np.zeros(count, np.bool_)
    problems = []
    look = partial(_look, kind=kind, size=size, mirror=mirror)
    with (
        ThreadPoolExecutor(workers or os.cpu_count()) as pool,
        progress(total=count, desc="hashes", unit="picture") as bar,
    ):
        for start in range(0, count, _BATCH):
            batch = names[start : start + _BATCH]
            states = [_state(name) for name in batch]
            keys = [_key(cache, name) for name in batch]
            rows: list[_Row | str | None] = [*_load(cache, kinds, keys, states)]
            new = [number for number, row in enumerate(rows) if row is None]
            bar.update(len(batch) - len(new))
            looks = pool.map(look, [batch[number] for number in new])
            for number, looked in zip(new, looks, strict=True):
                rows[number] = looked
                bar.update()
            _save(cache, kinds, [(keys[n], states[n], rows[n]) for n in new])
            for number, (row, state) in enumerate(zip(rows, states, strict=True), start):
                if isinstance(row, str):
                    problems.append(row)
                elif row is not None:
                    for place, value in zip(hashes, row[0], strict=True):
                        place[number] = np.frombuffer(value, np.uint8)
                    width[number], height[number], sharpness[number] = row[1:]
                    file_bytes[number] = state[0]
                    good[number] = True
    return Signatures(
        [name for name, fine in zip(names, good.tolist(), strict=True) if fine],
        hashes[0][good],
        hashes[1][good] if mirror else None,
        width[good],
        height[good],
        sharpness[good],
        file_bytes[good],
        problems,
    )


def _look(path: str, kind: str, size: int, mirror: bool) -> _Row | str:
    try:
        picture = images.read_reduced(path, hashing.SIDE, grey=True)
    except InputError as error:
        return str(error)
    grey = hashing.square(picture.pixels)
    views = [grey, grey[:, ::-1]][: 1 + mirror]
    hashes = [hashing.compute(view, kind, size).tobytes() for view in views]
    return hashes, picture.width, picture.height, hashing.sharpness(grey)


def _state(path: str) -> _State:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path takes longer than this
    except OSError:
        return -1, -1  # reading it will say why
    return status.st_size, status.st_mtime_ns


def _key(cache: Catalog | None, path: str) -> str | None:
    """Return what a file is called in the ledger, None if it cannot be kept there."""
    if cache is None:
        return None
    key = cache.relative(path)
    try:
        key.encode()
    except UnicodeEncodeError:  # a name of bytes that are no UTF-8
        return None
    return key


def _load(
    cache: Catalog | None, kinds: list[str], keys: list[str | None], states: list[_State]
) -> list[_Row | None]:
    """Return what is known of each file, None where it is new or has changed."""
    if cache is None:
        return [None] * len(keys)
    wanted = [key for key in keys if key is not None]
    query = f"SELECT * FROM hashes WHERE kind IN ({_marks(kinds)}) AND path IN ({_marks(wanted)})"
    known = {(row["path"], row["kind"]): row for row in cache.read(query, [*kinds, *wanted])}
    rows: list[_Row | None] = []
    for key, state in zip(keys, states, strict=True):
        found = [known.get((key, kind)) for kind in kinds]
        fresh = [row for row in found if row and (row["bytes"], row["mtime_ns"]) == state]
        if len(fresh) == len(kinds):
            last = fresh[-1]
            values = [row["value"] for row in fresh]
            rows.append((values, last["width"], last["height"], last["sharpness"]))
        else:
            rows.append(None)
    return rows


def _save(
    cache: Catalog | None,
    kinds: list[str],
    items: list[tuple[str | None, _State, _Row | str | None]],
) -> None:
    """Keep what was found out, all or nothing."""
    records = [
        (key, kind, *state, value, *row[1:])
        for key, state, row in items
        if key is not None and isinstance(row, tuple)
        for kind, value in zip(kinds, row[0], strict=True)
    ]
    if cache is not None and records:
        with cache.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO hashes "
                "(path, kind, bytes, mtime_ns, value, width, height, sharpness) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                records,
            )


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))
