"""Pieces of pictures, without a face, to lay before a mouth."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from maskdet import images
from maskdet.classes import BACKGROUND
from maskdet.errors import InputError
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.dataset import Sample
from maskdet.layout import voc_path
from maskdet.types import Box

_TRIES = 20
"""How often a piece without a face is looked for in a picture."""
_WHITE = 240.0
"""How bright the brightest of a well-lit photograph is."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A picture that pieces are cut out of: where it lies, and the boxes of its faces."""

    path: Path
    image: Bgr
    faces: Sequence[Box]

    def piece(self, rng: np.random.Generator) -> Bgr | None:
        """Cut out a piece that shows no face, as bright as in good light; None if none is found."""
        height, width = self.image.shape[:2]
        for _ in range(_TRIES):
            side = max(1, round(rng.uniform(0.2, 0.4) * min(height, width)))
            x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
            cut = Box(x, y, x + side, y + side)
            if not any(face.intersection(cut) for face in self.faces):
                return self._well_lit(self.image[y : y + side, x : x + side])
        return None

    def _well_lit(self, piece: Bgr) -> Bgr:
        few = np.ascontiguousarray(self.image[::4, ::4])
        white = float(np.percentile(cv2.cvtColor(few, cv2.COLOR_BGR2GRAY), 97))
        return cv2.convertScaleAbs(piece, alpha=float(np.clip(_WHITE / max(white, 1), 1, 5)))  # type: ignore[return-value]


def first(samples: Sequence[Sample], detector: FaceDetector) -> Source | None:
    """Return the first picture that a piece without a face can be cut out of, None if none can.

    What cannot be read is left out, with a message to the log.
    """
    for sample in samples:
        try:
            source = _source(sample, detector)
        except InputError as error:
            _LOG.info("no piece is cut out of %s: %s", sample.path, error)
            continue
        if source.piece(np.random.default_rng(0)) is not None:
            return source
    return None


def _source(sample: Sample, detector: FaceDetector) -> Source:
    image = images.read(sample.path)
    height, width = image.shape[:2]
    # Not every face in the background has a label.
    faces = [face.box for face in detector.detect(image)]
    if sample.box:
        faces += [item.box for item in voc.read(voc_path(sample.path), width, height).objects]
    elif sample.label != BACKGROUND and not faces:
        faces = [Box(0, 0, width, height)]
    return Source(sample.path, image, faces)
