"""Processes that augment faces. They never import Keras, so they start fast and stay small."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet import processes
from maskdet.train import augment

_worker: dict[str, Any] = {}


def start(path: Path, size: int, count: int) -> ProcessPoolExecutor:
    """Start processes that augment the faces of the ``.npy`` file ``path``."""
    return processes.pool(count, _open, str(path), size)


def _open(path: str, size: int) -> None:
    _worker["faces"] = np.load(path, mmap_mode="r")
    _worker["augmenter"] = augment.augmenter(size)


def augmented_batch(indices: npt.NDArray[np.int64], seed: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Run in a worker: augment the faces of these numbers, see ``augment.augment``."""
    return augment.augment(_worker["augmenter"], _worker["faces"][indices], seed)
