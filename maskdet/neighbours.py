"""Which hashes lie close together, exactly, among a million of them.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): the bits are dealt out to a few bands. Two
hashes that differ in few bits differ in even fewer within one of the bands, so it is enough to
look up, band by band, who has almost the same bits there, and to compare only those in full.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.errors import InputError

Hashes = npt.NDArray[np.uint64] | npt.NDArray[np.uint8]
"""64-bit hashes as uint64 of shape (n,), or hashes of any length as uint8 of shape (n, bytes)."""

Pairs = npt.NDArray[np.int64]
"""int64, shape (pairs, 2), in no particular order."""

MAX_PAIRS = 20_000_000
"""More are refused rather than kept in memory (320 MB)."""

_Words = npt.NDArray[np.uint64]  # shape (words, n): the first 64 bits of all, the next 64, ...
_Index = npt.NDArray[np.int32]

_WIDEST = 24
_SAMPLE = 4096
_ROWS = 1 << 16  # looked up at a time
_PIECE = 1 << 18  # candidates compared at a time, about: what the processor's cache holds
_LONG = 4096  # a bucket with more hashes is compared as a whole


def near_pairs(hashes: Hashes, distance: int) -> Pairs:
    """Return all pairs of hashes at most ``distance`` bits apart (Hamming).

    A million 64-bit hashes take seconds up to a distance of 8, with memory of some hundred
    bytes a hash. Where many hashes are equal, the pairs are very many: see ``distinct`` and
    ``near_links``.

    Args:
        hashes: uint64, shape (n,), or uint8, shape (n, bytes).
        distance: in bits, from 0.

    Returns:
        The indices ``i < j`` of each pair, once.

    Raises:
        InputError: there are more than ``MAX_PAIRS``.
    """
    first, of = distinct(hashes)
    words = _words(hashes)[:, first]
    return _expand(_search(words, words, distance), of, distance)


def near_links(hashes: Hashes, distance: int) -> Pairs:
    """Return enough of ``near_pairs`` to know what is connected, however many are equal.

    These are the pairs between the first of each hash, and of all others that are equal to it
    the pair with it. Arguments, order and errors are as in ``near_pairs``.
    """
    first, of = distinct(hashes)
    words = _words(hashes)[:, first]
    pairs = first[_search(words, words, distance)]
    others = np.setdiff1d(np.arange(len(of)), first, assume_unique=True)
    equal = np.stack([first[of[others]], others], axis=1)
    return np.concatenate([np.sort(pairs, axis=1), equal])


def cross_pairs(a: Hashes, b: Hashes, distance: int) -> Pairs:
    """Return all pairs of a hash of ``a`` and one of ``b`` at most ``distance`` bits apart.

    Args:
        a: as in ``near_pairs``.
        b: hashes of the same length.
        distance: in bits, from 0.

    Returns:
        The index in ``a`` and that in ``b`` of each pair.

    Raises:
        InputError: there are more than ``MAX_PAIRS``.
    """
    return _search(_words(a), _words(b), distance).astype(np.int64)


def distinct(hashes: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return what tells equal hashes apart from different ones.

    Pairs among m distinct hashes are those of ``near_pairs(hashes[first], distance)``; the
    pictures that share the k-th of them are ``np.flatnonzero(of == k)``, ``first[k]`` being
    the first.

    Args:
        hashes: as in ``near_pairs``.

    Returns:
        first: int64, shape (m,): where each distinct hash comes first.
        of: int64, shape (n,): the number, from 0 to m - 1, of the hash at each place.
    """
    rows = np.ascontiguousarray(_words(hashes).T)
    whole = rows.view(np.uint64 if rows.shape[1] == 1 else f"V{8 * rows.shape[1]}")[:, 0]
    _, first, of = np.unique(whole, return_index=True, return_inverse=True)
    return first, of


def _words(hashes: Hashes) -> _Words:
    if hashes.ndim == 1:
        return hashes.astype(np.uint64, copy=False)[None]
    padded = np.pad(hashes, [(0, 0), (0, -hashes.shape[1] % 8)])
    return np.ascontiguousarray(padded.view(np.uint64).T)


def _expand(pairs: _Index, of: npt.NDArray[np.int64], distance: int) -> Pairs:
    """Turn pairs of distinct hashes into pairs of places, those of equal hashes included."""
    size = np.bincount(of)
    repeated = np.flatnonzero(size > 1)
    u, v = np.concatenate([pairs, np.stack([repeated, repeated], axis=1)]).T
    between = size[pairs].prod(axis=1).sum()
    _check_limit(int(between + (size * (size - 1) // 2).sum()), distance)
    places = np.argsort(of, kind="stable")  # those of hash k: size[k] of them from start[k] on
    start = np.cumsum(size) - size
    row, number = _ranges(size[u] * size[v])
    i = places[start[u[row]] + number // size[v[row]]]
    j = places[start[v[row]] + number % size[v[row]]]
    keep = (i < j) | (u != v)[row]
    return np.sort(np.stack([i[keep], j[keep]], axis=1), axis=1)


def _search(a: _Words, b: _Words, distance: int) -> _Index:
    """Return the near pairs between ``a`` and ``b``; where they are one array, each once."""
    if not a.size or not b.size:
        return np.empty((0, 2), np.int32)
    same = a is b
    found = [np.empty((0, 2), np.int32)]
    total = 0
    earlier: list[tuple[_Table, _Table, int]] = []
    for bits, radius in _bands(_varied(b), distance, max(a.shape[1], b.shape[1])):
        left = _Table(a, bits)
        right = left if same else _Table(b, bits)
        for rows, start, count in _lookups(left, right, radius, same):
            for i, j in _compare(left.words, right.words, rows, start, count, distance):
                pairs = np.stack([left.order[i], right.order[j]], axis=1)
                for old_left, old_right, old in earlier:
                    apart = old_left.keys[pairs[:, 0]] ^ old_right.keys[pairs[:, 1]]
                    pairs = pairs[np.bitwise_count(apart) > old]
                found.append(pairs)
                total += len(pairs)
                _check_limit(total, distance)
        earlier.append((left, right, radius))
    return np.concatenate(found)


def _varied(words: _Words) -> npt.NDArray[np.int64]:
    """Return the numbers of the bits that tell hashes apart: filling bits never do."""
    sample = words[:, :: max(words.shape[1] // _SAMPLE, 1)]
    bits = np.arange(64 * len(words))
    values = sample[bits // 64] >> (bits % 64).astype(np.uint64)[:, None] & np.uint64(1)
    return np.flatnonzero(np.abs(values.mean(axis=1) - 0.5) < 0.49)


def _bands(
    bits: npt.NDArray[np.int64], distance: int, n: int
) -> list[tuple[npt.NDArray[np.int64], int]]:
    """Return which bits to look up, and up to how many that differ: what costs least.

    With m bands and distance = r m + a, two hashes within the distance differ in at most r
    bits in one of the first a + 1 bands, or in at most r - 1 in one of the others. The bits are
    dealt out in turn, because neighbours in a hash tend to be alike.
    """
    widest = min(_WIDEST, n.bit_length() + 2)
    best = [(bits[:0], 0)]  # all with all
    least = _cost(0, 0, n)
    for m in range(1, min(distance + 1, len(bits)) + 1):
        r, a = divmod(distance, m)
        bands = []
        for number in range(m if r else a + 1):
            dealt = bits[number::m]
            some = np.linspace(0, len(dealt) - 1, min(widest, len(dealt))).astype(int)
            bands.append((dealt[some], r if number <= a else r - 1))
        cost = sum(_cost(len(band), radius, n) for band, radius in bands)
        if cost < least:
            best, least = bands, cost
    return best


def _cost(width: int, radius: int, n: int) -> float:
    """Return about how many nanoseconds a band takes, if the bits are random."""
    ball = sum(math.comb(width, k) for k in range(radius + 1))
    candidates = n * n / 2 * min(ball / 2.0**width, 1)
    compare = 2 if n / 2**width > _LONG else 15
    return ball * (15.0 * n + 30_000 * (n / _ROWS + 1)) + candidates * compare


class _Table:
    """Hashes in the order of what some of their bits say, and where each value begins."""

    def __init__(self, words: _Words, bits: npt.NDArray[np.int64]) -> None:
        self.keys = np.zeros(words.shape[1], np.uint32)
        for place, bit in enumerate(bits.tolist()):
            one = words[bit // 64] >> np.uint64(bit % 64) & np.uint64(1)
            self.keys |= one.astype(np.uint32) << np.uint32(place)
        self.width = len(bits)
        self.order = np.argsort(self.keys, kind="stable").astype(np.int32)
        self.sorted = self.keys[self.order]
        self.words = np.ascontiguousarray(words[:, self.order])
        self.start = np.zeros((1 << self.width) + 1, np.int32)
        np.cumsum(np.bincount(self.sorted, minlength=1 << self.width), out=self.start[1:])


def _lookups(
    left: _Table, right: _Table, radius: int, same: bool
) -> Iterator[tuple[_Index, _Index, _Index]]:
    """Yield rows of ``left`` with first and number of the rows of ``right`` to compare them with.

    Those are the rows with at most ``radius`` other bits in their keys; if ``same``, of each
    two rows only one is given the other.
    """
    for begin in range(0, len(left.sorted), _ROWS):
        keys = left.sorted[begin : begin + _ROWS]
        rows = np.arange(begin, begin + len(keys), dtype=np.int32)
        start, end = right.start[keys], right.start[keys + np.uint32(1)]
        if same:
            start = rows + np.int32(1)
        yield rows, start, end - start
        for top in range(left.width):
            if same:
                low = keys >> np.uint32(top) & np.uint32(1) == 0
                some, those = keys[low], rows[low]
            else:
                some, those = keys, rows
            for mask in _masks(top, radius):
                other = some ^ mask
                start = right.start[other]
                count = right.start[other + np.uint32(1)] - start
                hit = np.flatnonzero(count)
                yield those[hit], start[hit], count[hit]


def _masks(top: int, radius: int) -> Iterator[np.uint32]:
    """Yield all numbers of at most ``radius`` bits of which ``top`` is the highest."""
    for more in range(radius):
        for bits in combinations(range(top), more):
            yield np.uint32(sum(1 << bit for bit in (*bits, top)))


def _compare(
    a: _Words, b: _Words, rows: _Index, start: _Index, count: _Index, distance: int
) -> Iterator[tuple[_Index, _Index]]:
    """Yield the near pairs of rows of ``a``, each with ``count`` rows of ``b`` from ``start``."""
    long = count > _LONG
    for row, first, number in zip(rows[long], start[long], count[long], strict=True):
        near = np.flatnonzero(_within(a[:, row, None], b[:, first : first + number], distance))
        yield np.full(len(near), row), (near + first).astype(np.int32)
    rows, start, count = rows[~long], start[~long], count[~long]
    ends = np.cumsum(count, dtype=np.int64)
    cuts = np.searchsorted(ends, np.arange(_PIECE, ends[-1] if len(ends) else 0, _PIECE))
    for piece in np.split(np.arange(len(rows)), cuts):
        at, number = _ranges(count[piece])
        i = rows[piece][at]
        j = start[piece][at] + number
        near = np.flatnonzero(_within(a[:, i], b[:, j], distance))
        yield i[near], j[near]


def _within(a: _Words, b: _Words, distance: int) -> npt.NDArray[np.bool_]:
    differing = np.bitwise_count(a[0] ^ b[0]).astype(np.uint16)
    for one, other in zip(a[1:], b[1:], strict=True):
        differing += np.bitwise_count(one ^ other)
    near: npt.NDArray[np.bool_] = differing <= distance
    return near


def _ranges(count: npt.NDArray[Any]) -> tuple[_Index, _Index]:
    """Return, for all ``count[i]``, ``i`` that many times, and 0, 1, ... beside it."""
    row = np.repeat(np.arange(len(count), dtype=np.int32), count)
    begin = np.cumsum(count) - count
    return row, np.arange(len(row), dtype=np.int32) - begin.astype(np.int32)[row]


def _check_limit(pairs: int, distance: int) -> None:
    if pairs > MAX_PAIRS:
        raise InputError(
            f"more than {MAX_PAIRS / 1e6:.0f} million pairs of hashes are at most {distance} bits "
            "apart: choose a smaller distance"
        )
