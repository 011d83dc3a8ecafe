"""What is found out about files, kept in the ledger until they change."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from maskdet.catalog import Catalog
from maskdet.errors import InputError
from maskdet.progress import SILENT, Progress

_BATCH = 512
_SHARE = 16

_State = tuple[int, int]  # bytes and time of a file


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a picture: a value of each kind, the picture's size, its sharpness."""

    values: list[bytes]
    width: int
    height: int
    sharpness: float


def remembered(
    names: Sequence[str],
    kinds: Sequence[str],
    look: Callable[[str], Row | str],
    cache: Catalog | None,
    title: str,
    progress: Progress = SILENT,
    workers: int | None = None,
) -> Iterator[tuple[str, int, Row | str]]:
    """Yield each file's name, its bytes, and what ``look`` finds out about it, or what ails it.

    Only what ``cache`` does not know is looked at. Whether a file has changed is told by its
    size and time. What is new is written to the cache every few hundred pictures, so that an
    interrupted run has not worked in vain.

    Args:
        names: paths; of those outside the root of ``cache`` nothing is kept.
        kinds: what the values are called in the cache.
        look: finds out about a file; is called from several threads.
        cache: the ledger that remembers.
        title: of the bar.
        progress: makes the bar.
        workers: threads; None: one for each core.

    Raises:
        OutputError: the ledger cannot be written.
    """

    def look_at(part: Sequence[str]) -> list[Row | str]:
        return [look(name) for name in part]

    threads = workers or os.cpu_count() or 1
    with (
        ThreadPoolExecutor(threads) as pool,
        progress(total=len(names), desc=title, unit="picture") as bar,
    ):
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            states = [_state(name) for name in batch]
            keys = [_key(cache, name) for name in batch]
            rows: list[Row | str | None] = [*_load(cache, kinds, keys, states)]
            new = [number for number, row in enumerate(rows) if row is None]
            bar.update(len(batch) - len(new))
            # Several at a time: waking this thread takes as long as a tenth of a picture.
            share = min(max(len(new) // (4 * threads), 1), _SHARE)
            shares = [new[first : first + share] for first in range(0, len(new), share)]
            looks = pool.map(look_at, [[batch[number] for number in part] for part in shares])
            for part, looked in zip(shares, looks, strict=True):
                for number, found in zip(part, looked, strict=True):
                    rows[number] = found
                bar.update(len(part))
            _save(cache, kinds, [(keys[n], states[n], rows[n]) for n in new])
            for name, state, row in zip(batch, states, rows, strict=True):
                assert row is not None
                yield name, state[0], row


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
    try:
        key = cache.relative(path)
        key.encode()
    except (InputError, UnicodeEncodeError):  # elsewhere; a name of bytes that are no UTF-8
        return None
    return key


def _load(
    cache: Catalog | None, kinds: Sequence[str], keys: list[str | None], states: list[_State]
) -> list[Row | None]:
    """Return what is known of each file, None where it is new or has changed."""
    if cache is None:
        return [None] * len(keys)
    wanted = [key for key in keys if key is not None]
    query = f"SELECT * FROM hashes WHERE kind IN ({_marks(kinds)}) AND path IN ({_marks(wanted)})"
    known = {(row["path"], row["kind"]): row for row in cache.read(query, [*kinds, *wanted])}
    rows: list[Row | None] = []
    for key, state in zip(keys, states, strict=True):
        found = [known.get((key, kind)) for kind in kinds]
        fresh = [row for row in found if row and (row["bytes"], row["mtime_ns"]) == state]
        if len(fresh) == len(kinds):
            last = fresh[-1]
            values = [row["value"] for row in fresh]
            rows.append(Row(values, last["width"], last["height"], last["sharpness"]))
        else:
            rows.append(None)
    return rows


def _save(
    cache: Catalog | None,
    kinds: Sequence[str],
    items: list[tuple[str | None, _State, Row | str | None]],
) -> None:
    """Keep what was found out, all or nothing."""
    records = [
        (key, kind, *state, value, row.width, row.height, row.sharpness)
        for key, state, row in items
        if key is not None and isinstance(row, Row)
        for kind, value in zip(kinds, row.values, strict=True)
    ]
    if cache is not None and records:
        with cache.write() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO hashes "
                "(path, kind, bytes, mtime_ns, value, width, height, sharpness) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                records,
            )


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
