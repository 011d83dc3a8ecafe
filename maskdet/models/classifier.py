"""Runs a trained mask classifier in ONNX Runtime."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskdet.errors import ModelError
from maskdet.faces.crop import crop_faces
from maskdet.images import Bgr
from maskdet.models import session, store
from maskdet.types import Box

BATCH = 32
"""The most faces that go through the network at once: bounds the memory of a crowd."""


class Classifier:
    """A mask classifier on the CPU.

    Args:
        name_or_path: a model's name or folder, see ``store.find``.
        threads: cores that one prediction may use; 0 leaves it to ONNX Runtime.

    Raises:
        ModelError: the model is missing, altered, no classifier, or cannot be run.
    """

    def __init__(
        self, name_or_path: str | os.PathLike[str] = store.CLASSIFIER, threads: int = 0
    ) -> None:
        self.folder: Path = store.find(name_or_path)
        self.info, self._session = session.load(self.folder, "classification", threads)
        self._input = self._session.get_inputs()[0].name
        self._check_shapes()

    def _check_shapes(self) -> None:
        given, answered = self._session.get_inputs()[0], self._session.get_outputs()[0]
        side, classes = self.info.image_size, len(self.info.classes)
        network = (given.type, given.shape[1:], answered.shape[1:])
        if network != ("tensor(uint8)", [side, side, 3], [classes]):
            raise ModelError(
                f"{self.folder / store.ONNX} does not fit its {store.DESCRIPTION}: it takes "
                f"{given.type} {given.shape} and answers {answered.shape}, not pictures of "
                f"{side} x {side} and {classes} classes"
            )

    def predict(self, batch: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Classify faces that ``crop_faces`` has cut.

        Args:
            batch: uint8, shape (n, size, size, 3), RGB, size being ``info.image_size``.

        Returns:
            float32, shape (n, classes): probabilities in the order of ``info.classes``.
        """
        if len(batch) == 0:
            return np.empty((0, len(self.info.classes)), np.float32)
        parts = [
            self._session.run(None, {self._input: batch[start : start + BATCH]})[0]
            for start in range(0, len(batch), BATCH)
        ]
        return np.concatenate(parts)

    def classify(self, image: Bgr, boxes: list[Box]) -> npt.NDArray[np.float32]:
        """Cut ``boxes`` out of a BGR image as this model needs them, and classify them.

        Returns:
            float32, shape (len(boxes), classes), as ``predict``.
        """
        return self.predict(crop_faces(image, boxes, self.info.image_size, self.info.margin))
