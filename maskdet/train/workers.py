"""Processes that augment faces. They never import Keras, so they start fast and stay small."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.train import augment

_worker: dict[str, Any] = {}


def start(path: Path, size: int, count: int) -> ProcessPoolExecutor:
    """Start processes that augment the faces of the ``.npy`` file ``path``.

    They are spawned, not forked: a fork of a process in which TensorFlow runs threads can
    hang.
    """
    return ProcessPoolExecutor(
        count, multiprocessing.get_context("spawn"), _open, (str(path), size)
    )


def _open(path: str, size: int) -> None:
    # Ctrl-C reaches every process of the terminal; only the parent decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["faces"] = np.load(path, mmap_mode="r")
    _worker["augmenter"] = augment.augmenter(size)


def _end_with_parent() -> None:
    """Leave no process behind when the run is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def augmented_batch(indices: npt.NDArray[np.int64], seed: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Run in a worker: augment the faces of these numbers, see ``augment.augment``."""
    return augment.augment(_worker["augmenter"], _worker["faces"][indices], seed)
