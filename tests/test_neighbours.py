from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maskdet import neighbours
from maskdet.errors import InputError
from maskdet.neighbours import cross_pairs, distinct, near_links, near_pairs

Rows = npt.NDArray[np.uint8]

# A test goes one way from its first example to its last.
_ONE_WAY = [HealthCheck.function_scoped_fixture]

BYTES = (8, 32)  # hashes of size 8 and 16


@st.composite
def clustered(draw: st.DrawFn, size: int) -> Rows:
    """Hashes around a few centres, some of them equal."""
    centres = st.sampled_from(draw(st.lists(st.binary(min_size=size, max_size=size), min_size=1)))
    flips = st.sets(st.integers(0, 8 * size - 1), max_size=8)
    members = draw(st.lists(st.tuples(centres, flips), max_size=30))
    bits = np.zeros((len(members), 8 * size), np.uint8)
    for row, (centre, flipped) in zip(bits, members, strict=True):
        row[:] = np.unpackbits(np.frombuffer(centre, np.uint8))
        row[list(flipped)] ^= 1
    return np.packbits(bits, axis=1)


def differing(a: Rows, b: Rows) -> npt.NDArray[np.int64]:
    return np.bitwise_count(a[:, None] ^ b[None]).sum(axis=2, dtype=np.int64)


def brute_force(rows: Rows, distance: int) -> list[list[int]]:
    near = np.argwhere(differing(rows, rows) <= distance).tolist()
    return [[i, j] for i, j in near if i < j]


@pytest.fixture(params=["as it comes", "by bands", "by bands, in small pieces"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """So few hashes are compared all with all, if one does not insist."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "as it comes":
            patch.setattr(neighbours, "_cost", lambda width, *_: 1 if width else math.inf)
        if request.param == "by bands, in small pieces":
            for name in ("_ROWS", "_PIECE", "_LONG"):
                patch.setattr(neighbours, name, 3)
        yield


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", BYTES)
@given(data=st.data(), distance=st.integers(0, 12))
@settings(max_examples=60, suppress_health_check=_ONE_WAY)
def test_near_pairs_are_those_of_brute_force(size: int, data: st.DataObject, distance: int) -> None:
    rows = data.draw(clustered(size))
    pairs = near_pairs(rows, distance)
    assert pairs.dtype == np.int64
    assert sorted(pairs.tolist()) == brute_force(rows, distance)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", BYTES)
@given(data=st.data(), distance=st.integers(0, 12))
@settings(max_examples=40, suppress_health_check=_ONE_WAY)
def test_cross_pairs_are_those_of_brute_force(
    size: int, data: st.DataObject, distance: int
) -> None:
    rows = data.draw(clustered(size))
    a, b = rows[::2], rows[1::2]
    expected = np.argwhere(differing(a, b) <= distance).tolist()
    assert sorted(cross_pairs(a, b, distance).tolist()) == expected


def many(n: int, size: int, seed: int) -> Rows:
    """Hashes of which half are random, the others in clusters of about ten."""
    rng = np.random.default_rng(seed)
    bits = rng.random((n, 8 * size)) < 0.5
    members = np.arange(n // 2)
    bits[members] = bits[n // 2 + members // 10] ^ (rng.random((n // 2, 8 * size)) < 0.3 / size)
    return np.packbits(rng.permutation(bits), axis=1)


def same(a: list[list[int]], b: list[list[int]]) -> bool:
    """Compare long lists, of which pytest would take minutes to print the difference."""
    return a == b


@pytest.mark.parametrize("size", BYTES)
@pytest.mark.parametrize("distance", [0, 1, 3, 6, 8, 12])
def test_hundreds_of_hashes(size: int, distance: int) -> None:
    rows = many(600, size, distance)
    expected = brute_force(rows, distance)
    assert len(expected) > 20
    assert same(sorted(near_pairs(rows, distance).tolist()), expected)
    a, b = rows[:300], rows[300:]
    crossing = np.argwhere(differing(a, b) <= distance).tolist()
    assert same(sorted(cross_pairs(a, b, distance).tolist()), crossing)


def test_numbers_are_hashes_too() -> None:
    rows = many(500, 8, 0)
    numbers = rows.view(np.uint64)[:, 0]
    assert near_pairs(numbers, 6).tolist() == near_pairs(rows, 6).tolist()
    found = cross_pairs(numbers[:200], numbers[200:], 6).tolist()
    assert found == cross_pairs(rows[:200], rows[200:], 6).tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_there_is_nobody_to_be_near_to(n: int) -> None:
    rows = np.zeros((n, 8), np.uint8)
    assert near_pairs(rows, 6).shape == (0, 2)
    assert near_links(rows, 6).shape == (0, 2)
    assert cross_pairs(rows, rows[:0], 6).shape == (0, 2)


def test_a_hundred_thousand_equal_hashes_are_told_or_linked() -> None:
    rows = np.concatenate([many(1000, 8, 0), np.zeros((100_000, 8), np.uint8)])
    with pytest.raises(InputError, match="more than 20 million pairs of hashes are at most 6 bits"):
        near_pairs(rows, 6)
    links = near_links(rows, 6)
    assert len(links) == len(near_links(rows[:1000], 6)) + 99_999
    assert (links[:, 0] < links[:, 1]).all()
    blank = links[links[:, 1] > 1000]
    assert (blank[:, 0] == 1000).all()
    assert np.array_equal(np.sort(blank[:, 1]), np.arange(1001, 101_000))


def test_too_many_pairs_of_different_hashes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MAX_PAIRS", 1000)
    numbers = np.arange(2000, dtype=np.uint64)
    for search in (near_pairs, near_links, lambda rows, most: cross_pairs(rows, rows, most)):
        with pytest.raises(InputError, match="choose a smaller distance"):
            search(numbers, 6)


@pytest.mark.parametrize("size", BYTES)
def test_distinct_hashes(size: int) -> None:
    rng = np.random.default_rng(0)
    rows = rng.permutation(np.repeat(rng.integers(0, 256, (50, size), np.uint8), 3, axis=0))
    first, of = distinct(rows)
    assert len(first) == 50
    assert np.array_equal(rows[first][of], rows)
    for number in range(50):
        assert first[number] == np.flatnonzero(of == number)[0]


def test_links_connect_what_pairs_connect() -> None:
    rows = many(1000, 8, 3) & 0x3F
    rows = np.concatenate([rows, rows[:300]])
    pairs, links = near_pairs(rows, 5), near_links(rows, 5)
    assert len(links) < len(pairs)
    assert set(map(tuple, links.tolist())) <= set(map(tuple, pairs.tolist()))

    def components(edges: npt.NDArray[np.int64]) -> list[int]:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        graph = coo_array((np.ones(len(edges)), edges.T), shape=(len(rows), len(rows)))
        labels: list[int] = connected_components(graph, directed=False)[1].tolist()
        return labels

    assert components(links) == components(pairs)
