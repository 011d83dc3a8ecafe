"""The input pipeline of training: augmented batches, made in worker processes."""

from __future__ import annotations

import math
import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from maskdet.train.workers import augmented_batch


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches that depend on nothing but the seed, the epoch and their number.

    Args:
        count: items an epoch.
        batch_size: items a batch.
        seed: of all that is drawn.
        epoch: number of the first epoch, so that a resumed run goes on as it would have.
    """

    def __init__(self, count: int, batch_size: int, seed: int, epoch: int = 0) -> None:
        # Keras' own threads only wait for the pool, two batches for each of its processes.
        waiting = 2 * (os.cpu_count() or 1)
        super().__init__(workers=waiting, use_multiprocessing=False, max_queue_size=waiting)
        self.count = count
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self._draw()

    def draw(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the items of an epoch: int64, shape (count, ...)."""
        raise NotImplementedError

    def make(self, chosen: npt.NDArray[np.int64], seed: tuple[int, ...]) -> tuple[Any, Any]:
        """Make a batch of some of the items that ``draw`` drew: input and target."""
        raise NotImplementedError

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return self.make(chosen, (self.seed, self.epoch, number))

    def on_epoch_end(self) -> None:
        """Go on to the next epoch; Keras calls this."""
        self.epoch += 1
        self._draw()

    def _draw(self) -> None:
        self.order = self.draw(np.random.default_rng((self.seed, self.epoch)))


class AugmentedFaces(Batches):
    """Batches of augmented faces with one-hot labels, in a new order each epoch.

    Batches are ``(uint8 (n, size, size, 3) RGB, float32 (n, classes))``.

    Args:
        pool: what ``workers.start`` gave.
        indices: which faces of the file to use.
        targets: float32, shape (len(indices), classes).
        batch_size, seed, epoch: see ``Batches``.
    """

    def __init__(
        self,
        pool: ProcessPoolExecutor,
        indices: npt.NDArray[np.int64],
        targets: npt.NDArray[np.float32],
        batch_size: int,
        seed: int,
        epoch: int = 0,
    ) -> None:
        self.pool = pool
        self.indices = indices
        self.targets = targets
        super().__init__(len(indices), batch_size, seed, epoch)

    def draw(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw an order of the faces."""
        return random.permutation(self.count)

    def make(
        self, chosen: npt.NDArray[np.int64], seed: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Augment faces in a worker."""
        batch = self.pool.submit(augmented_batch, self.indices[chosen], seed).result()
        return batch, self.targets[chosen]
