from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.errors import InputError
from maskdet.labels.split import clusters, divide, validation_mask

FACES = st.lists(
    st.tuples(st.sampled_from(["with_mask", "without_mask"]), st.integers(0, 30)),
    min_size=1,
    max_size=80,
)


def test_clusters_chain_groups_and_near_duplicates() -> None:
    near = np.array([[1, 2]], np.int64)
    numbers = clusters(["a", "a", "b", "c", "b"], near)
    assert len(set(numbers[[0, 1, 2, 4]])) == 1
    assert numbers[3] != numbers[0]


@given(FACES, st.floats(0.05, 0.5), st.integers(0, 5))
def test_no_cluster_is_on_both_sides_and_every_class_on_each(
    faces: list[tuple[str, int]], fraction: float, seed: int
) -> None:
    labels = [label for label, _ in faces]
    cluster = clusters([str(group) for _, group in faces])
    try:
        mask = validation_mask(labels, cluster, fraction, seed)
    except InputError:
        # Only where a class is alone or has few clusters, which it may share with the other.
        of_class = [set(cluster[[x == name for x in labels]]) for name in set(labels)]
        assert len(of_class) < 2 or min(map(len, of_class)) < 4
        return
    assert not set(cluster[mask]) & set(cluster[~mask])
    for side in (mask, ~mask):
        assert {labels[k] for k in np.flatnonzero(side)} == set(labels)


def test_it_is_stratified_and_about_as_large_as_asked() -> None:
    labels = ["with_mask"] * 600 + ["without_mask"] * 300 + ["mask_worn_incorrectly"] * 60
    cluster = np.arange(960) // 3
    mask = validation_mask(labels, cluster, 0.15, 0)
    counts = [sum(mask[k] for k, label in enumerate(labels) if label == n) for n in set(labels)]
    assert sorted(counts) == pytest.approx([60 / 7, 300 / 7, 600 / 7], rel=0.25)


@pytest.mark.parametrize(
    ("labels", "groups", "message"),
    [
        (["with_mask"] * 6, "abcdef", "only one class"),
        (["with_mask"] * 4 + ["without_mask"] * 2, "abcdee", "without_mask cannot be split"),
    ],
)
def test_what_cannot_be_split(labels: list[str], groups: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validation_mask(labels, clusters(list(groups)), 0.2, 0)


def test_a_rare_class_does_not_enlarge_the_validation_part() -> None:
    labels = ["with_mask"] * 700 + ["without_mask"] * 700 + ["mask_worn_incorrectly"] * 2
    mask = validation_mask(labels, np.arange(len(labels)), 0.15, 0)
    assert mask.mean() < 0.2
    assert mask[-2:].sum() == 1


FRACTIONS = (0.8, 0.1, 0.1)


def test_parts_are_stratified_and_about_as_large_as_asked() -> None:
    label = np.array([0] * 2000 + [1] * 900 + [2] * 100)
    counts = np.eye(3, dtype=np.int64)[label]
    cluster = np.arange(3000) // 3
    part = divide(counts, cluster, np.full(3000, -1), FRACTIONS, 0)
    found = np.array([np.bincount(label[part == to], minlength=3) for to in range(3)])
    assert found == pytest.approx(np.outer(FRACTIONS, [2000, 900, 100]), abs=3)


@given(FACES, st.integers(0, 5), st.data())
def test_clusters_are_undivided_and_keep_their_parts(
    faces: list[tuple[str, int]], seed: int, data: st.DataObject
) -> None:
    counts = np.array([[name == "with_mask", name != "with_mask"] for name, _ in faces], np.int64)
    cluster = clusters([str(group) for _, group in faces])
    given_parts = data.draw(st.lists(st.integers(-1, 2), min_size=len(faces), max_size=len(faces)))
    fixed = np.array(given_parts)
    part = divide(counts, cluster, fixed, FRACTIONS, seed)
    for number in np.unique(cluster):
        (only,) = set(part[cluster == number].tolist())
        strictest = fixed[cluster == number].max()
        assert only == strictest or strictest == -1
    fresh = divide(counts, cluster, np.full(len(faces), -1), FRACTIONS, seed)
    for column in (0, 1):
        having = np.unique(cluster[counts[:, column] > 0])
        parts = set(fresh[counts[:, column] > 0].tolist())
        # A cluster of both classes may have gone to a part for the other one's sake.
        assert len(parts) == 3 or len(having) < 6


def test_a_part_of_nothing_stays_empty_and_what_is_there_counts() -> None:
    counts = np.ones((100, 1), np.int64)
    fixed = np.array([1] * 20 + [-1] * 80)
    part = divide(counts, np.arange(100), fixed, (0.75, 0.25, 0), 0)
    assert np.bincount(part, minlength=3).tolist() == [75, 25, 0]


def test_a_class_of_two_groups_goes_to_train_and_val() -> None:
    counts = np.eye(2, dtype=np.int64)[[0] * 50 + [1] * 2]
    part = divide(counts, np.arange(52), np.full(52, -1), FRACTIONS, 3)
    assert sorted(part[-2:].tolist()) == [0, 1]


def test_the_largest_group_of_a_rare_class_is_trained_on() -> None:
    counts = np.eye(2, dtype=np.int64)[[0] * 50 + [1] * 6]
    cluster = np.array([*range(50), 50, 50, 50, 50, 51, 52])
    part = divide(counts, cluster, np.full(56, -1), FRACTIONS, 0)
    assert part[50] == 0
    assert sorted(part[-2:].tolist()) == [1, 2]
