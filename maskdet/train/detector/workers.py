"""Processes that make crops and their targets. They never import Keras."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskdet import images, processes
from maskdet.train.augment import seed_all
from maskdet.train.detector.augment import augment, augmenter
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.photos import Photo
from maskdet.train.detector.targets import BEYOND_CLASSES, Floats, assign, places
from maskdet.train.detector.zoom import Scene, mosaic, zoom

_SIDE = 720
"""Larger photographs are reduced by a whole number, down to this shorter side at the least."""

_SPLIT = (0.3, 0.7)
"""Where the four pictures of a mosaic meet, as a part of its side."""

Choice = tuple[int, int]
"""Which photograph, and which of its clear faces; -1 where it has none."""

_worker: dict[str, Any] = {}


def start(
    photos: Sequence[Photo], classes: tuple[str, ...], options: DetectorOptions, count: int
) -> ProcessPoolExecutor:
    """Start processes that make crops of photographs."""
    return processes.pool(count, _open, list(photos), classes, options)


def _open(photos: list[Photo], classes: tuple[str, ...], options: DetectorOptions) -> None:
    cv2.setNumThreads(1)
    _worker["maker"] = CropMaker(photos, classes, options)


def batch(
    side: int, choices: Sequence[Choice], others: Sequence[Choice], seed: tuple[int, ...]
) -> tuple[npt.NDArray[np.uint8], Floats]:
    """Run in a worker, see ``CropMaker.batch``."""
    maker: CropMaker = _worker["maker"]
    return maker.batch(side, choices, others, seed)


class CropMaker:
    """Makes the crops of a batch with what the network should say of them.

    Args:
        photos: those to choose from.
        classes: in the order of the network's output.
        options: see DetectorOptions.
    """

    def __init__(
        self, photos: Sequence[Photo], classes: tuple[str, ...], options: DetectorOptions
    ) -> None:
        self.photos = photos
        self.classes = classes
        self.options = options
        self._augmenter = augmenter()
        self._random = np.random.default_rng()

    def batch(
        self, side: int, choices: Sequence[Choice], others: Sequence[Choice], seed: tuple[int, ...]
    ) -> tuple[npt.NDArray[np.uint8], Floats]:
        """Make a batch, the same one for the same arguments.

        Args:
            side: of the crops in pixels.
            choices: a face for each crop.
            others: three more for each, for mosaics.
            seed: any integers.

        Returns:
            uint8 (n, side, side, 3), RGB, and float32 (n, places, classes + 6), see
            ``targets.assign``.
        """
        crops = np.empty((len(choices), side, side, 3), np.uint8)
        count = len(self.classes)
        wanted = np.empty((len(choices), len(places(side, side)), count + BEYOND_CLASSES), "f4")
        self.begin(seed)
        for number, choice in enumerate(choices):
            scene = self.crop(side, choice, others[3 * number : 3 * number + 3])
            crops[number] = scene.image
            wanted[number] = assign(scene.boxes, scene.labels, scene.ignored, side, side, count)
        return crops, wanted

    def begin(self, seed: tuple[int, ...]) -> None:
        """Make the crops that follow depend on nothing but some integers."""
        seed_all(self._augmenter, seed)
        # NumPy takes zeros at the end for nothing: this is no generator that drew the choices.
        self._random = np.random.default_rng((*seed, 1))

    def crop(self, side: int, choice: Choice, others: Sequence[Choice]) -> Scene:
        """Make one crop, RGB, with its faces; see ``batch`` and ``begin``."""
        random = self._random
        if random.random() >= self.options.mosaic:
            scene = self._zoomed(choice, side, side)
        else:
            x, y = (round(side * part) for part in random.uniform(*_SPLIT, 2))
            sizes = [(x, y), (side - x, y), (x, side - y), (side - x, side - y)]
            parts = [
                self._zoomed(one, *size) for one, size in zip((choice, *others), sizes, strict=True)
            ]
            scene = mosaic(parts, side, side)
        return augment(self._augmenter, scene)

    def _zoomed(self, choice: Choice, width: int, height: int) -> Scene:
        number, face = choice
        cut = zoom(self._scene(number), width, height, self._random, None if face < 0 else face)
        rgb = cv2.cvtColor(cut.image, cv2.COLOR_BGR2RGB)
        return Scene(rgb, cut.boxes, cut.labels, cut.ignored)  # type: ignore[arg-type]

    def _scene(self, number: int) -> Scene:
        photo = self.photos[number]
        picture = images.read_reduced(photo.path, _SIDE)
        rows, columns = picture.pixels.shape[:2]
        unit = np.array([columns / picture.width, rows / picture.height] * 2)
        boxes = [face.box.to_list(3) for face in photo.clear]
        ignored = [box.to_list(3) for box in photo.ignored]
        return Scene(
            picture.pixels,
            (np.array(boxes).reshape(-1, 4) * unit).astype(np.float32),
            np.array([self.classes.index(face.label) for face in photo.clear], np.int64),
            (np.array(ignored).reshape(-1, 4) * unit).astype(np.float32),
        )
