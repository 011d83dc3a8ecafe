"""Local features of a picture: what finds a copy that was cut to another framing.

SIFT (Lowe, 2004) without rotation, its descriptors cut down to one bit a dimension: above or
not above the median, as in Peker, "Binary SIFT" (2011). A picture of 128 features takes 3 kB,
and two descriptors are compared by their Hamming distance.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

SIDE = 192
"""Pictures are looked at with their longer side scaled to this many pixels."""

COUNT = 128
"""Features a picture, the strongest ones."""

MATCH_BITS = 24
"""Descriptors of 128 bits that differ in no more may show the same thing. Copies of a feature
differ in about 10, any two features in about 60."""

Grey = npt.NDArray[np.uint8]
"""uint8, shape (height, width)."""

_local = threading.local()
_REACH_PX = 4.0
_CONTRAST = 0.02

_ORIENTATIONS = np.array([(4 - bin) % 8 for bin in range(8)])


@dataclass(frozen=True, slots=True)
class Features:
    """Features of one picture, n of them.

    Attributes:
        width: of the scaled picture in pixels.
        points: float32, shape (n, 3): x, y and diameter in pixels of the scaled picture.
        descriptors: uint8, shape (n, 16).
    """

    width: int
    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)

    def to_bytes(self) -> bytes:
        """Return all of it, see ``from_bytes``."""
        head = np.array([self.width, len(self)], np.int32)
        return head.tobytes() + self.points.tobytes() + self.descriptors.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return what ``to_bytes`` was called on."""
        width, count = np.frombuffer(data, np.int32, 2).tolist()
        points = np.frombuffer(data, np.float32, 3 * count, 8).reshape(count, 3)
        descriptors = np.frombuffer(data, np.uint8, offset=8 + 12 * count).reshape(count, 16)
        return cls(width, points, descriptors)


NONE = Features(0, np.empty((0, 3), np.float32), np.empty((0, 16), np.uint8))
"""Of a picture in which there is nothing to see: the only one with a width of 0."""


def scale(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a picture, grey or in colour, with its longer side at ``SIDE`` pixels."""
    height, width = image.shape[:2]
    factor = SIDE / max(height, width)
    size = max(round(width * factor), 8), max(round(height * factor), 8)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=way), dtype=np.uint8)


def extract(grey: Grey) -> Features:
    """Return the features of a picture as ``scale`` returns it."""
    if not hasattr(_local, "sift"):
        # Not to be shared between threads.
        _local.sift = cv2.SIFT.create(nfeatures=COUNT, contrastThreshold=_CONTRAST)
    found: dict[tuple[float, ...], cv2.KeyPoint] = {}
    for point in _local.sift.detect(grey, None):
        # One feature an orientation is what SIFT returns; without orientation they are the same.
        point.angle = 0
        found.setdefault((*point.pt, point.size), point)
    points, floats = _local.sift.compute(grey, list(found.values()))
    if not points:
        return replace(NONE, width=grey.shape[1])
    above = floats > np.median(floats, axis=1, keepdims=True)
    return Features(
        grey.shape[1],
        np.array([(*point.pt, point.size) for point in points], np.float32),
        np.packbits(above, axis=1),
    )


def mirror(features: Features) -> Features:
    """Return the features of a picture as they are when it is flipped left to right."""
    points = features.points.copy()
    points[:, 0] = features.width - 1 - points[:, 0]
    # A descriptor holds 4 x 4 places (rows first) of 8 orientations, 45 degrees apart.
    bits = np.unpackbits(features.descriptors, axis=1).reshape(-1, 4, 4, 8)
    flipped = bits[:, :, ::-1, :][..., _ORIENTATIONS]
    return Features(features.width, points, np.packbits(flipped.reshape(len(points), 128), axis=1))


def align(a: Features, b: Features) -> tuple[npt.NDArray[np.float64] | None, int]:
    """Find how picture b has to be laid over picture a.

    Mutual nearest neighbours among the descriptors, then RANSAC for an affine map.

    Returns:
        float64, shape (2, 3): maps points of b to points of a; and how many features agree.
        None and 0 where too few match.
    """
    if min(len(a), len(b)) < 3:
        return None, 0
    rows, columns = (item.descriptors.view(np.uint64) for item in (a, b))
    differing = np.bitwise_count(rows[:, None] ^ columns[None]).sum(axis=2, dtype=np.uint8)
    best = differing.argmin(axis=1)
    index = np.arange(len(a))
    mutual = (differing.argmin(axis=0)[best] == index) & (differing[index, best] <= MATCH_BITS)
    if mutual.sum() < 3:
        return None, 0
    affine, agree = cv2.estimateAffine2D(
        b.points[best[mutual], :2],
        a.points[mutual, :2],
        method=cv2.RANSAC,
        ransacReprojThreshold=_REACH_PX,
        maxIters=1000,
    )
    return (None, 0) if affine is None else (np.asarray(affine), int(agree.sum()))
