"""maskdet's own detector, which says at once how the mask sits; run in ONNX Runtime.

``train/detector`` has the network and where it comes from; ``maskdet train --task detection``
makes the models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.errors import ModelError
from maskdet.faces.base import usable_faces
from maskdet.images import Bgr
from maskdet.models import session, store
from maskdet.types import Box, Face

DEFAULT_MIN_SCORE = 0.4
"""Where the model's description says nothing."""

MULTIPLE = 32
BORDER = 114
"""Grey, 0 to 255, of what lies beyond a picture in the network's input."""

LEAST_FACE = 12.0
"""Pixels of the smallest faces that the network is trained on."""

AVERAGED_BELOW = 0.75
"""Pictures that become smaller than so many times their size are averaged over areas; up to there,
interpolation shows the same in much less time."""

LARGEST_SCALE = 2.0
"""Pictures are enlarged at most so much."""

MOVING_SCALE = 0.85
"""Films and cameras are looked at so much smaller than pictures: their time is short, and a face
that was missed is seen again."""

CLOSER = 3
"""Pictures of more than so many times the pixels that the network usually sees, each way, hide
faces."""

NMS_IOU = 0.5
"""Boxes that overlap so much show the same face."""

_MOST = 1500
"""Boxes of a look that count, the best: of thousands a network is always sure a little."""

_EDGE = 2.0
"""Pixels of the input: what comes so near to a tile's border may be cut off by it."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Look:
    """A part of a picture, in whole pixels of it, and how much it is enlarged to be looked at.

    Of faces whose longer side is over ``largest`` pixels of the picture, it may show a piece only.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    scale: float
    largest: float = math.inf


class OwnFaceDetector:
    """maskdet's own detector.

    A picture is looked at as a whole, and a large one also in four quarters that overlap. Where
    faces of ``min_face`` pixels would be too small to be seen as a whole, it is instead also looked
    at in tiles, in which they are not.

    Args:
        weights: the model's name or folder, see ``models.store``; None for ``mask_detector``.
        min_score: faces below this confidence are left out, 0 to 1; None takes what the model's
            description says.
        min_face: faces whose shorter side is under this many pixels are left out.
        threads: cores that one run may use; 0 leaves it to ONNX Runtime.
        size: longer side in pixels of what the network sees of a picture as a whole: the larger,
            the smaller are the faces that it finds, and the longer it takes; None for what the
            model's description says, or ``MOVING_SCALE`` times as much for what moves.
        moving: the pictures are of a film or camera; large ones are not looked at in quarters.

    Raises:
        ModelError: the model is missing, altered, no detector, or cannot be run.
    """

    name = "maskdet"

    def __init__(
        self,
        weights: Path | None = None,
        min_score: float | None = None,
        min_face: float = 0,
        threads: int = 0,
        size: int | None = None,
        moving: bool = False,
    ) -> None:
        self.folder = store.find(weights or store.DETECTOR)
        self.info, self._session = session.load(self.folder, "detection", threads)
        self._check_shapes()
        if min_score is None:
            min_score = self.info.thresholds.get(self.name, DEFAULT_MIN_SCORE)
        self.min_score: float = min_score
        self.min_face = min_face
        usual = self.info.image_size
        self.size = size or (round(MOVING_SCALE * usual / MULTIPLE) * MULTIPLE if moving else usual)
        self.closer = math.inf if moving else CLOSER * usual

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that it tells apart."""
        return self.info.classes

    @property
    def model(self) -> str:
        """The model's name."""
        return self.info.name

    def _check_shapes(self) -> None:
        given = [(item.name, item.type, item.shape[3:]) for item in self._session.get_inputs()]
        answered = {item.name: item.shape[2:] for item in self._session.get_outputs()}
        wanted = {"boxes": [4], "scores": [len(self.info.classes)]}
        if given != [("image", "tensor(uint8)", [3])] or answered != wanted:
            raise ModelError(
                f"{self.folder / store.ONNX} does not fit its {store.DESCRIPTION}: it takes "
                f"{given} and answers {answered}, not {wanted}"
            )

    def run(self, batch: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Run the network.

        Args:
            batch: uint8, shape (n, height, width, 3), RGB, both sides multiples of 32.

        Returns:
            Boxes, float32 (n, places, 4), in pixels of the input, and scores of the classes in
            the order of ``info.classes``, float32 (n, places, classes).
        """
        boxes, scores = self._session.run(["boxes", "scores"], {"image": batch})
        return boxes, scores

    def detect(self, image: Bgr) -> list[Face]:
        """Find faces in a BGR uint8 image of shape (height, width, 3); see FaceDetector."""
        height, width = image.shape[:2]
        parts = looks(width, height, self.size, self.min_face, self.closer)
        found = [self._look(image, part) for part in parts]
        boxes, scores = (np.concatenate(each) for each in zip(*found, strict=True))
        kept = distinct(boxes, scores.max(axis=1), self.min_score, len(parts))
        faces = as_faces(boxes[kept], scores[kept], self.info.classes, self.info.temperature)
        return usable_faces(faces, width, height, self.min_score, self.min_face)

    def _look(self, image: Bgr, look: Look) -> tuple[Floats, Floats]:
        part = image[look.y1 : look.y2, look.x1 : look.x2]
        boxes, scores = (values[0] for values in self.run(letterbox(part, look.scale)[None]))
        good = scores.max(axis=1) >= self.min_score
        boxes, scores = boxes[good], scores[good]
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        whole = ~_cut_off(boxes, look, image.shape[1], image.shape[0])
        whole &= sides <= look.largest * look.scale
        corner = np.array([look.x1, look.y1] * 2, np.float32)
        return boxes[whole] / np.float32(look.scale) + corner, scores[whole]


def scale_for(width: int, height: int, size: int) -> float:
    """Return how much a picture is enlarged to be looked at as a whole.

    Its longer side becomes ``size`` pixels, or more if it has then fewer than size² / 2.
    """
    return min(max(size / max(width, height), size / math.sqrt(2 * width * height)), LARGEST_SCALE)


def looks(
    width: int, height: int, size: int, min_face: float = 0, closer: float = math.inf
) -> list[Look]:
    """Return the parts of a picture that are looked at, the whole first.

    Args:
        width, height: of the picture in pixels.
        size: longer side in pixels of what the network sees.
        min_face: faces of so many pixels should be seen; 0 for those that are seen anyway.
        closer: where there is no ``min_face``, look also at the quarters of a picture whose longer
            side has more pixels than this.
    """
    scale = scale_for(width, height, size)
    result = [Look(0, 0, width, height, scale)]
    # Faces twice as large as the smallest that the whole look can see are in one tile whole.
    shared = 2 * LEAST_FACE / scale
    finer, side = 0.0, size
    if min_face:
        finer = min(LEAST_FACE / min_face, LARGEST_SCALE)
        side = round(size / finer)
    elif max(width, height) > closer:
        side = math.ceil((max(width, height) + shared) / 2)
        finer = size / side
    if finer > scale:
        shared = min(shared, side / 2)
        largest = max(shared, LEAST_FACE / scale)
        result += [
            Look(x, y, min(x + side, width), min(y + side, height), finer, largest)
            for y in _starts(height, side, shared)
            for x in _starts(width, side, shared)
        ]
    return result


def _starts(full: int, side: int, shared: float) -> list[int]:
    """Return where tiles of ``side`` begin that cover ``full`` and overlap by ``shared``."""
    if full <= side:
        return [0]
    count = math.ceil((full - shared) / (side - shared))
    return [round(value) for value in np.linspace(0, full - side, count)]


def _cut_off(boxes: Floats, look: Look, width: int, height: int) -> npt.NDArray[np.bool_]:
    """Return which boxes reach a border of a look that is no border of the picture."""
    sides = np.array([look.x2 - look.x1, look.y2 - look.y1]) * look.scale
    inner = np.array([look.x1 > 0, look.y1 > 0, look.x2 < width, look.y2 < height])
    near = np.hstack([boxes[:, :2] < _EDGE, boxes[:, 2:] > sides - _EDGE])
    return np.asarray((near & inner).any(axis=1))


def letterbox(image: Bgr, scale: float, least: int = 0) -> npt.NDArray[np.uint8]:
    """Make the network's input of a picture: in its top left corner, grey beyond.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        scale: what its sides are multiplied by.
        least: shortest side of the result in pixels, a multiple of 32.

    Returns:
        uint8, shape (h, w, 3), RGB, both sides multiples of 32.
    """
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    interpolation = cv2.INTER_AREA if scale < AVERAGED_BELOW else cv2.INTER_LINEAR
    small = cv2.resize(image, (width, height), interpolation=interpolation)
    rows, columns = (max(-(-side // MULTIPLE) * MULTIPLE, least) for side in (height, width))
    canvas = np.full((rows, columns, 3), BORDER, np.uint8)
    canvas[:height, :width] = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
    return canvas


def distinct(
    boxes: Floats, scores: Floats, min_score: float, parts: int = 1
) -> npt.NDArray[np.int64]:
    """Return the places of boxes that score enough and show no face that a better one shows.

    Args:
        boxes: float32, shape (n, 4): x1, y1, x2, y2.
        scores: float32, shape (n,).
        min_score: the least score.
        parts: how many looks they come from; of more boxes, the best count.

    Returns:
        int64, the best first.
    """
    good = np.flatnonzero(scores >= min_score)
    good = good[np.argsort(-scores[good], kind="stable")[: parts * _MOST]]
    if not len(good):
        return good
    corners = np.hstack([boxes[good, :2], boxes[good, 2:] - boxes[good, :2]]).astype(np.float64)
    kept = cv2.dnn.NMSBoxes(corners.tolist(), scores[good].tolist(), 0.0, NMS_IOU)
    return good[np.asarray(kept, np.int64)]


def as_faces(
    boxes: Floats, scores: Floats, classes: tuple[str, ...], temperature: float = 1.0
) -> list[Face]:
    """Turn what the network says into faces.

    A face's score is that of its best class; the probabilities of its classes are in the
    proportion of the squared scores, in which the quality of the box cancels out.

    Args:
        boxes: float32, shape (n, 4): x1, y1, x2, y2.
        scores: float32, shape (n, classes).
        classes: their names.
        temperature: what the logarithms of the proportions are divided by.
    """
    weights = np.maximum(scores.astype(np.float64), 1e-6) ** (2 / temperature)
    weights /= weights.sum(axis=1, keepdims=True)
    return [
        Face(Box(*box), score, dict(zip(classes, row, strict=True)))
        for box, score, row in zip(
            boxes.tolist(), scores.max(axis=1).tolist(), weights.tolist(), strict=True
        )
    ]
