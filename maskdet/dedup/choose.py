"""Which of several copies stays."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet import files
from maskdet.dedup.signatures import Signatures
from maskdet.errors import InputError
from maskdet.layout import voc_path


def order(pictures: Signatures) -> list[int]:
    """Return the pictures' indices, the one that should stay first.

    One with a VOC file comes first, for a person may have drawn its boxes; then the one with the
    most pixels, the sharper one, the larger file, and the one whose path is shorter.
    """
    sharpness = _steps(pictures.sharpness)

    def key(index: int) -> tuple[float | str, ...]:
        path = pictures.paths[index]
        return (
            not _labelled(path),
            -int(pictures.width[index]) * int(pictures.height[index]),
            -int(sharpness[index]),
            -int(pictures.bytes[index]),
            len(path),
            path,
        )

    return sorted(range(len(pictures.paths)), key=key)


def because(pictures: Signatures, better: int, worse: int) -> str:
    """Return in words why one picture comes before another one."""
    for what, values in (
        ("labelled", {index: _labelled(pictures.paths[index]) for index in (better, worse)}),
        ("more pixels", pictures.width.astype(np.int64) * pictures.height),
        ("sharper", _steps(pictures.sharpness)),
        ("larger file", pictures.bytes),
    ):
        if values[better] != values[worse]:
            return what if values[better] > values[worse] else "it was to stay"
    return "no difference"


def _labelled(path: str) -> bool:
    return voc_path(Path(path)).is_file()


def _steps(sharpness: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return sharpness in half octaves: compression adds a little that is none.

    Now and then a step lies between two pictures all the same.
    """
    return np.asarray(np.rint(np.log2(np.maximum(sharpness, 1)) * 2), np.int64)


def same_bytes(paths: Sequence[str], sizes: npt.NDArray[np.int64]) -> dict[int, str]:
    """Return the sha256 of each file that has as many bytes as another one, by index.

    Files that cannot be read any more are left out: whoever wants them next says so.
    """
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for index, size in enumerate(sizes.tolist()):
        by_size[size].append(index)
    found = {}
    for index in chain(*(members for members in by_size.values() if len(members) > 1)):
        with contextlib.suppress(InputError):
            found[index] = files.sha256(paths[index])
    return found
