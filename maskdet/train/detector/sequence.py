"""The input pipeline of the detector's training: crops drawn anew each epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import numpy.typing as npt

from maskdet.faces.own import MULTIPLE
from maskdet.train.detector import workers
from maskdet.train.detector.photos import Photo
from maskdet.train.detector.targets import Floats
from maskdet.train.detector.workers import Choice
from maskdet.train.sequence import Batches

FACELESS = 0.1
"""Part of the crops that show a photograph without a face, at most as many as there are."""


LARGE_EVERY = 4
LARGE = 1.5
"""Every so many batches show half as many crops, of a side about so many times as long: a webcam's
faces are larger than the crops that can be learnt from quickly."""


class Crops(Batches):
    """Batches of crops with their targets; each crop's face is drawn at random.

    Batches are what ``CropMaker.batch`` returns, and depend on nothing but the seed, the epoch
    and their number.

    Args:
        pool: what ``workers.start`` gave, of the same photographs.
        photos: the training photographs.
        count: crops an epoch, if all were of the usual size.
        side: of a usual crop in pixels, a multiple of 32.
        power: how far rare classes are drawn more often: 1 in full, 0 not at all.
        batch_size: crops a batch.
        seed: of choice and augmentation.
        epoch: number of the first epoch, so that a resumed run goes on as it would have.
    """

    def __init__(
        self,
        pool: ProcessPoolExecutor,
        photos: Sequence[Photo],
        count: int,
        side: int,
        power: float,
        batch_size: int,
        seed: int,
        epoch: int = 0,
    ) -> None:
        self.pool = pool
        self.side = side
        self.choices, self.chances = chances(photos, power)
        super().__init__(count, batch_size, seed, epoch)

    def draw(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Draw the places in ``choices`` of an epoch's crops, and of what may lie beside them."""
        return random.choice(len(self.choices), (self.count, 4), p=self.chances)

    def make(
        self, chosen: npt.NDArray[np.int64], seed: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.uint8], Floats]:
        """Make a batch in a worker."""
        side = self.side
        # The first of an epoch, too: Keras takes what the first two have in common for fixed.
        if seed[-1] % LARGE_EVERY == 0 and len(self) > 1:
            side = round(LARGE * side / MULTIPLE) * MULTIPLE
            chosen = chosen[: -(-len(chosen) // 2)]
        first = [self.choices[place] for place in chosen[:, 0]]
        others = [self.choices[place] for place in chosen[:, 1:].ravel()]
        return self.pool.submit(workers.batch, side, first, others, seed).result()


def chances(photos: Sequence[Photo], power: float) -> tuple[list[Choice], Floats]:
    """Return what a crop may be of, and how probable each is.

    Every class is drawn in proportion to its faces to the power of 1 - ``power``, and within a
    class every face of a photograph of ``n`` faces in proportion to 1 / sqrt(n): a crowd comes
    often, but not in every second crop.
    """
    total = Counter(face.label for photo in photos for face in photo.clear)
    choices: list[Choice] = []
    weights: list[float] = []
    labels: list[str | None] = []
    for number, photo in enumerate(photos):
        for face, item in enumerate(photo.clear):
            choices.append((number, face))
            weights.append(len(photo.clear) ** -0.5)
            labels.append(item.label)
        if not photo.clear:
            choices.append((number, -1))
            weights.append(1.0)
            labels.append(None)
    weight, label = np.array(weights), np.array([name or "" for name in labels])
    shares = {name: count ** (1 - power) for name, count in total.items()}
    bare = min(FACELESS, float(np.mean([not photo.clear for photo in photos])))
    for name in {*label.tolist()}:
        own = label == name
        share = bare if name == "" else (1 - bare) * shares[name] / sum(shares.values())
        weight[own] *= share / weight[own].sum()
    return choices, weight / weight.sum()
