"""Hash, size and sharpness of many pictures, kept in the ledger."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from maskdet import hashing, images
from maskdet.catalog import Catalog
from maskdet.dedup.cache import Row, remembered
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

    See ``cache.remembered``. Memory grows by some 100 bytes a picture beside its path.

    Args:
        paths: the files.
        kind: see ``hashing.KINDS``.
        size: see ``hashing.compute``.
        cache: the ledger that remembers the hashes of the files below its root.
        mirror: also hash the pictures flipped.
        progress: makes the bar.
        workers: threads; None: one for each core.

    Raises:
        OutputError: the ledger cannot be written.
        ValueError: see ``hashing.compute``.
    """
    names = [os.fspath(path) for path in paths]
    count, length = len(names), hashing.length(size)
    name = f"{kind}{size} of {hashing.SIDE} px"
    kinds = [name, f"{name} mirrored"][: 1 + mirror]
    hashes = np.zeros((len(kinds), count, length), np.uint8)
    width, height = np.zeros((2, count), np.int32)
    sharpness = np.zeros(count, np.float32)
    file_bytes = np.zeros(count, np.int64)
    good = np.zeros(count, np.bool_)
    problems = []
    look = partial(_look, kind=kind, size=size, mirror=mirror)
    rows = remembered(names, kinds, look, cache, "hashes", progress, workers)
    for number, (_, size_in_bytes, row) in enumerate(rows):
        if isinstance(row, str):
            problems.append(row)
            continue
        for place, value in zip(hashes, row.values, strict=True):
            place[number] = np.frombuffer(value, np.uint8)
        width[number], height[number] = row.width, row.height
        sharpness[number] = row.sharpness
        file_bytes[number] = size_in_bytes
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


def joined(a: Signatures, b: Signatures) -> Signatures:
    """Return what is known of two sets of pictures as if they were one."""
    mirrored = None
    if a.mirrored is not None and b.mirrored is not None:
        mirrored = np.concatenate([a.mirrored, b.mirrored])
    return Signatures(
        a.paths + b.paths,
        np.concatenate([a.hashes, b.hashes]),
        mirrored,
        np.concatenate([a.width, b.width]),
        np.concatenate([a.height, b.height]),
        np.concatenate([a.sharpness, b.sharpness]),
        np.concatenate([a.bytes, b.bytes]),
        a.problems + b.problems,
    )


def _look(path: str, kind: str, size: int, mirror: bool) -> Row | str:
    try:
        picture = images.read_reduced(path, hashing.SIDE, grey=True)
    except InputError as error:
        return str(error)
    grey = hashing.square(picture.pixels)
    views = [grey, grey[:, ::-1]][: 1 + mirror]
    hashes = [hashing.compute(view, kind, size).tobytes() for view in views]
    return Row(hashes, picture.width, picture.height, hashing.sharpness(grey))
