"""Which hashes lie close together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64] | npt.NDArray[np.uint8]
"""uint64 of shape (n,), or uint8 of shape (n, bytes)."""

Pairs = npt.NDArray[np.int64]

_CHUNK = 256


def near_pairs(hashes: Hashes, distance: int) -> Pairs:
    """Return all pairs of hashes at most ``distance`` bits apart (Hamming).

    Args:
        hashes: uint64, shape (n,), or uint8, shape (n, bytes).
        distance: in bits.

    Returns:
        int64, shape (pairs, 2): indices ``i < j``, in no particular order.
    """
    pairs = cross_pairs(hashes, hashes, distance)
    return pairs[pairs[:, 0] < pairs[:, 1]]


def cross_pairs(a: Hashes, b: Hashes, distance: int) -> Pairs:
    """Return all pairs of a hash of ``a`` and one of ``b`` at most ``distance`` bits apart.

    Args:
        a: as in ``near_pairs``.
        b: as in ``near_pairs``.
        distance: in bits.

    Returns:
        int64, shape (pairs, 2): indices in ``a`` and in ``b``, in no particular order.
    """
    rows, others = _bytes(a), _bytes(b)
    found: list[Pairs] = [np.empty((0, 2), np.int64)]
    for start in range(0, len(rows), _CHUNK):
        differing = np.bitwise_count(rows[start : start + _CHUNK, None] ^ others[None])
        near = np.argwhere(differing.sum(axis=2, dtype=np.int32) <= distance)
        found.append(near + np.array([start, 0]))
    return np.concatenate(found)


def _bytes(hashes: Hashes) -> npt.NDArray[np.uint8]:
    return hashes[:, None].view(np.uint8) if hashes.ndim == 1 else hashes.astype(np.uint8)
