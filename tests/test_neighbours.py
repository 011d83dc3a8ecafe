from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from maskdet.neighbours import near_pairs

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 15), max_size=30)


@given(HASHES, st.integers(0, 64))
def test_near_pairs_are_those_of_brute_force(hashes: list[int], most: int) -> None:
    expected = {
        (i, j)
        for j, b in enumerate(hashes)
        for i, a in enumerate(hashes[:j])
        if (a ^ b).bit_count() <= most
    }
    pairs = near_pairs(np.array(hashes, np.uint64), most).tolist()
    assert sorted(map(tuple, pairs)) == sorted(expected)
