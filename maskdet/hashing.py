"""Perceptual hashes of pictures, and which of them lie close together."""

from __future__ import annotations

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskdet.images import Bgr

NEAR_DUPLICATE = 6
"""64-bit pHashes up to this Hamming distance apart are taken for the same picture."""

_CHUNK = 256


def phash(image: Bgr) -> int:
    """Return the 64-bit pHash (DCT of the 32 x 32 grey picture) by the library imagehash.

    Args:
        image: uint8, shape (height, width, 3), BGR.
    """
    grey = Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))
    return int(str(imagehash.phash(grey)), 16)


def near_pairs(hashes: npt.NDArray[np.uint64], distance: int) -> npt.NDArray[np.int64]:
    """Return all pairs of hashes at most ``distance`` bits apart (Hamming), by comparing all.

    Args:
        hashes: uint64, shape (n,).
        distance: 0 to 64.

    Returns:
        int64, shape (pairs, 2): indices ``i < j``. Time grows with n squared (about 1 s for
        20,000), memory with n.
    """
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(hashes), _CHUNK):
        differing = np.bitwise_count(hashes[start : start + _CHUNK, None] ^ hashes[None, start:])
        rows, columns = np.nonzero(differing <= distance)
        upper = columns > rows
        found.append(np.stack([rows[upper], columns[upper]], axis=1) + start)
    return np.concatenate(found)
