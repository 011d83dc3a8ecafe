"""The input pipeline of training: augmented batches, made in worker processes."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np
import numpy.typing as npt

from maskdet.train.workers import augmented_batch


class AugmentedFaces(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of augmented faces with one-hot labels, in a new order each epoch.

    Batches are ``(uint8 (n, size, size, 3) RGB, float32 (n, classes))``; they depend on
    nothing but the seed, the epoch and their number.

    Args:
        pool: what ``workers.start`` gave.
        indices: which faces of the file to use.
        targets: float32, shape (len(indices), classes).
        batch_size: faces a batch.
        seed: of order and augmentation.
        epoch: number of the first epoch, so that a resumed run goes on as it would have.
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
        # Keras' own threads only wait for the pool, two batches for each of its processes.
        super().__init__(workers=4, use_multiprocessing=False, max_queue_size=8)
        self.pool = pool
        self.indices = indices
        self.targets = targets
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self._shuffle()

    def __len__(self) -> int:
        return math.ceil(len(self.indices) / self.batch_size)

    def __getitem__(self, number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        seed = (self.seed, self.epoch, number)
        batch = self.pool.submit(augmented_batch, self.indices[chosen], seed).result()
        return batch, self.targets[chosen]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch; Keras calls this."""
        self.epoch += 1
        self._shuffle()

    def _shuffle(self) -> None:
        self.order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self.indices))
