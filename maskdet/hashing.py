"""Perceptual hashes of pictures, and how sharp they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

Grey = npt.NDArray[np.uint8]
"""A grey picture: uint8, shape (height, width)."""

SIDE = 128
"""Every picture that is hashed is read by ``images.read_reduced(..., SIDE, grey=True)``: another
way of decoding it moves a hash by a few bits."""

NEAR_DUPLICATE = 6
"""64-bit pHashes up to this Hamming distance apart are taken for the same picture."""

_ALGORITHMS: dict[str, Callable[..., Any]] = {
    "phash": imagehash.phash,
    "dhash": imagehash.dhash,
    "ahash": imagehash.average_hash,
    "whash": imagehash.whash,
}

KINDS = tuple(_ALGORITHMS)
"""The kinds of hashes: of frequencies, of gradients, of brightness, of wavelets."""

SIZES = range(2, 33)
"""Side of a hash in bits; pHash's own picture has four times as many pixels a side."""


def compute(grey: Grey, kind: str = "phash", size: int = 8) -> npt.NDArray[np.uint8]:
    """Return a perceptual hash by the library imagehash.

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
    picture = Image.fromarray(square(grey))
    return np.packbits(_ALGORITHMS[kind](picture, hash_size=size).hash)


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
