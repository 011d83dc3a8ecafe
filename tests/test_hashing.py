from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.hashing import NEAR_DUPLICATE, near_pairs, phash
from maskdet.images import Bgr

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 15), max_size=30)


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


@pytest.mark.parametrize("scale", [0.3, 0.7, 2.0])
def test_a_resized_copy_is_near(astronaut: Bgr, scale: float) -> None:
    copy = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert distance(phash(astronaut), phash(copy)) <= NEAR_DUPLICATE


def test_another_picture_is_far(astronaut: Bgr) -> None:
    from skimage import data

    other = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    assert distance(phash(astronaut), phash(other)) > 2 * NEAR_DUPLICATE


@given(HASHES, st.integers(0, 64))
def test_near_pairs_are_those_of_brute_force(hashes: list[int], most: int) -> None:
    expected = {
        (i, j)
        for j, b in enumerate(hashes)
        for i, a in enumerate(hashes[:j])
        if distance(a, b) <= most
    }
    pairs = near_pairs(np.array(hashes, np.uint64), most).tolist()
    assert sorted(map(tuple, pairs)) == sorted(expected)


def test_near_pairs_across_chunks() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 5000).astype(np.uint64)
    hashes[4999] = hashes[10] ^ np.uint64(0b111)
    assert near_pairs(hashes, 3).tolist() == [[10, 4999]]
