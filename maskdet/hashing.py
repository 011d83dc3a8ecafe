"""Perceptual hashes of pictures, and how sharp they are."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]
"""A grey picture: uint8, shape (height, width)."""

SIDE = 80
"""Every picture that is hashed is read by ``images.read_reduced(..., SIDE, grey=True)``: another
way of decoding it moves a hash by a few bits. From 1280 x 720 pixels on, a JPEG file is then
decoded at an eighth of its size, the fastest there is. At 128 pixels no more copies are found."""

NEAR_DUPLICATE = 6
"""64-bit pHashes up to this Hamming distance apart are taken for the same picture."""


def _phash(square: Grey, size: int) -> npt.NDArray[np.bool_]:
    """Return which of the lowest frequencies of a picture are above their median.

    That is ``imagehash.phash`` with a ``highfreq_factor`` of ``SIDE / size`` (where that is whole),
    bit for bit but for what ought to be zero, which is zero here; and ten times as fast: on so few
    numbers, what NumPy and SciPy do around their work takes longest.
    """
    waves = _waves(size)
    # Rounded, so that what ought to be zero (nearly all of a blank picture) is.
    low = (waves @ square @ waves.T).round(6)
    ordered = np.sort(low, axis=None)
    return np.asarray(low > (ordered[(low.size - 1) // 2] + ordered[low.size // 2]) / 2)


@functools.cache
def _waves(count: int) -> npt.NDArray[np.float64]:
    """Return the ``count`` lowest waves of the discrete cosine transform of ``SIDE`` numbers."""
    angles = np.outer(np.arange(count), 2 * np.arange(SIDE) + 1) * (np.pi / (2 * SIDE))
    return np.asarray(np.cos(angles))


def _by_imagehash(algorithm: Callable[..., Any]) -> Callable[..., npt.NDArray[np.bool_]]:
    return lambda square, size: algorithm(Image.fromarray(square), hash_size=size).hash


_ALGORITHMS: dict[str, Callable[[Grey, int], npt.NDArray[np.bool_]]] = {
    "phash": _phash,
    "dhash": _by_imagehash(imagehash.dhash),
    "ahash": _by_imagehash(imagehash.average_hash),
    "whash": _by_imagehash(imagehash.whash),
}

KINDS = tuple(_ALGORITHMS)
"""The kinds of hashes: of frequencies, of gradients, of brightness, of wavelets."""

SIZES = range(2, 33)
"""Side of a hash in bits."""


def compute(grey: Grey, kind: str = "phash", size: int = 8) -> npt.NDArray[np.uint8]:
    """Return a perceptual hash, as the library imagehash defines it.

    Args:
        grey: uint8, shape (height, width), read as ``SIDE`` says.
        kind: one of ``KINDS``.
        size: the hash has ``size`` squared bits; one of ``SIZES``, for ``whash`` a power of 2.

    Returns:
        uint8, shape (length(size),): the bits, the first one highest, filled up with zeros.

    Raises:
        ValueError: there is no such hash.
    """
    if kind not in KINDS or size not in SIZES or (kind == "whash" and size & (size - 1)):
        raise ValueError(f"there is no {kind} of size {size}")
    return np.packbits(_ALGORITHMS[kind](square(grey), size))


def square(grey: Grey) -> Grey:
    """Return a picture at ``SIDE`` x ``SIDE`` pixels: all that ``compute`` and others look at.

    Whoever calls several of them saves time by giving them this.

    Args:
        grey: uint8, shape (height, width), read as ``SIDE`` says.
    """
    if grey.shape == (SIDE, SIDE):
        return grey
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def length(size: int) -> int:
    """Return how many bytes a hash of ``size`` squared bits takes."""
    return -(-size * size // 8)


def sharpness(grey: Grey) -> float:
    """Return the variance of the Laplacian of a picture, scaled to ``SIDE`` x ``SIDE`` pixels.

    Values of copies of one picture can be compared, whatever their size; what is lost in finer
    detail than that is not noticed. Pech-Pacheco et al., 2000.

    Args:
        grey: uint8, shape (height, width), read as ``SIDE`` says.
    """
    _, deviation = cv2.meanStdDev(cv2.Laplacian(square(grey), cv2.CV_16S))
    return float(deviation[0, 0]) ** 2
