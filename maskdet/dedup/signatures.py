"""Hash, size and sharpness of many pictures, kept in the ledger."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True)
class _Row:
    value: bytes
    mirrored: bytes
    width: int
    height: int
    sharpness: float
    bytes: int
    mtime_ns: int


def signatures(
    paths: Sequence[str | os.PathLike[str]],
    kind: str = "phash",
    size: int = 8,
    cache: Catalog | None = None,
    mirror: bool = False,
    progress: Progress = SILENT,
) -> Signatures:
    """Hash pictures, on all cores; those that ``cache`` knows and that have not changed not again.

    Args:
        paths: the files; with ``cache``, all below its root.
        kind: see ``hashing.KINDS``.
        size: see ``hashing.compute``.
        cache: the ledger that remembers the hashes.
        mirror: also hash the pictures flipped.
        progress: makes the bar.

    Raises:
        InputError: a path does not lie below the root of ``cache``.
        OutputError: the ledger cannot be written.
    """

    def one(path: str | os.PathLike[str]) -> _Row | str:
        try:
            status = Path(path).stat()
            picture = images.read_reduced(path, hashing.SIDE, grey=True)
        except OSError as error:
            return f"cannot read {path}: {error.strerror or error}"
        except InputError as error:
            return str(error)
        flipped = hashing.compute(picture.pixels[:, ::-1], kind, size) if mirror else None
        return _Row(
            hashing.compute(picture.pixels, kind, size).tobytes(),
            b"" if flipped is None else flipped.tobytes(),
            picture.width,
            picture.height,
            hashing.sharpness(picture.pixels),
            status.st_size,
            status.st_mtime_ns,
        )

    rows: list[_Row] = []
    good, problems = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = progress(pool.map(one, paths), total=len(paths), desc="hashes", unit="picture")
        for path, row in zip(paths, done, strict=True):
            if isinstance(row, str):
                problems.append(row)
            else:
                good.append(os.fspath(path))
                rows.append(row)
    return Signatures(
        good,
        _stack([row.value for row in rows], size),
        _stack([row.mirrored for row in rows], size) if mirror else None,
        np.array([row.width for row in rows], np.int32),
        np.array([row.height for row in rows], np.int32),
        np.array([row.sharpness for row in rows], np.float32),
        np.array([row.bytes for row in rows], np.int64),
        problems,
    )


def _stack(values: list[bytes], size: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -(-size * size // 8))
