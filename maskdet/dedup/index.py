"""Which pictures of many may show the same thing, without comparing each with each.

An inverted index over the local features: those whose descriptors agree in a random choice of
bits meet (locality-sensitive hashing; Indyk and Motwani, 1998), and vote for where one picture
lies on the other (a Hough transform; Lowe, 2004). Pictures with several votes for the same
place are candidates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from maskdet.dedup.features import MATCH_BITS, SIDE, Features

Pairs = npt.NDArray[np.int64]

VOTES = 4
"""So many features must agree on where one picture lies on the other."""

_PIECE = 1 << 18  # matches voted on at a time, about
_TABLES = 8
_KEY_BITS = 20
_REACH = 16
_CELL_PX = SIDE / 4
_SCALE_STEPS = 1.5  # an octave
_MAX_OCTAVES = 1.2


def feature_pairs(features: Sequence[Features]) -> Pairs:
    """Return the pairs of pictures that may show the same thing.

    Time and memory grow with the number of features: a feature meets at most 16 others in
    each of the 8 tables, however many there are.

    Args:
        features: of each picture.

    Returns:
        int64, shape (pairs, 2): indices ``i < j``.
    """
    owner = np.repeat(np.arange(len(features)), [len(item) for item in features])
    if not len(owner):
        return np.empty((0, 2), np.int64)
    points = np.concatenate([item.points for item in features])
    descriptors = np.concatenate([item.descriptors for item in features])
    met = [_close(i, j, points, descriptors) for i, j in _meetings(descriptors, owner)]
    matches = np.concatenate([np.empty(0, np.int64), *met])
    del met
    # Not np.unique, whose table of all values takes several times their memory.
    matches.sort()
    matches = matches[np.diff(matches, prepend=-1) > 0]
    found = [np.empty(0, np.int64)]
    # All votes for a pair are in one piece: sorted matches are sorted by the first picture.
    ends = np.searchsorted(owner[matches // len(owner)], np.arange(len(features)), side="right")
    cuts = ends[np.searchsorted(ends, np.arange(_PIECE, len(matches), _PIECE))]
    for piece in np.split(matches, np.unique(cuts)):
        i, j = np.divmod(piece, len(owner))
        found.append(_voted(points[i], points[j], owner[i] * len(features) + owner[j]))
    return np.stack(np.divmod(np.concatenate(found), len(features)), axis=1)


def _voted(
    first: npt.NDArray[np.float32], second: npt.NDArray[np.float32], pair: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the pairs of pictures of which enough matching points agree on place and scale."""
    ratio = first[:, 2] / second[:, 2]
    place = np.rint((first[:, :2] - ratio[:, None] * second[:, :2]) / _CELL_PX) + 32
    bins = (place.astype(np.int64).clip(0, 63) * (64, 1)).sum(axis=1)
    steps = np.rint(np.log2(ratio) * _SCALE_STEPS).astype(np.int64) + 8
    votes, counts = np.unique((pair * 16 + steps) * 4096 + bins, return_counts=True)
    return np.unique(votes[counts >= VOTES] // (16 * 4096))


def _meetings(
    descriptors: npt.NDArray[np.uint8], owner: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield features of different pictures that share a key in one of the tables."""
    random = np.random.default_rng(0)
    for _ in range(_TABLES):
        chosen = random.choice(128, _KEY_BITS, replace=False)
        keys = np.zeros(len(owner), np.uint32)
        for bit in chosen:
            keys = (keys << 1) | ((descriptors[:, bit // 8] >> (7 - bit % 8)) & 1)
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        at = np.arange(len(owner) - 1)
        for step in range(1, _REACH + 1):
            at = at[at + step < len(keys)]
            at = at[keys[at] == keys[at + step]]
            i, j = order[at], order[at + step]  # i < j: the sort is stable
            other = owner[i] != owner[j]
            yield i[other], j[other]


def _close(
    i: npt.NDArray[np.int64],
    j: npt.NDArray[np.int64],
    points: npt.NDArray[np.float32],
    descriptors: npt.NDArray[np.uint8],
) -> npt.NDArray[np.int64]:
    """Return ``i * n + j`` of those that are alike in size and in all bits."""
    octaves = np.abs(np.log2(points[i, 2] / points[j, 2]))
    i, j = i[octaves < _MAX_OCTAVES], j[octaves < _MAX_OCTAVES]
    words = descriptors.view(np.uint64)
    near = np.bitwise_count(words[i] ^ words[j]).sum(axis=1) <= MATCH_BITS
    met: npt.NDArray[np.int64] = i[near] * len(points) + j[near]
    return met
