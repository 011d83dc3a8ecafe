from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from maskdet.dedup.groups import Pair, settle


def run(
    order: list[int],
    same: set[Pair],
    candidates: set[Pair] | None = None,
    labels: dict[int, str] | None = None,
) -> tuple[dict[int, int], list[Pair], list[Pair]]:
    asked: list[Pair] = []

    def judge(pairs: list[Pair]) -> list[bool]:
        asked.extend(pairs)
        return [tuple(sorted(pair)) in same for pair in pairs]

    names = [(labels or {}).get(index) for index in range(len(order))]
    result = settle(order, same if candidates is None else candidates, names, judge)
    return result.stays_for, result.conflicts, asked


@pytest.mark.parametrize(
    ("order", "same", "stays_for"),
    [
        ([0, 1, 2], set(), {}),
        ([0, 1], {(0, 1)}, {1: 0}),
        ([1, 0], {(0, 1)}, {0: 1}),
        # A chain: 2 is like 1 alone, which is set aside for 0; so it stays.
        ([0, 1, 2], {(0, 1), (1, 2)}, {1: 0}),
        # The middle one is the best: both others go.
        ([1, 0, 2], {(0, 1), (1, 2)}, {0: 1, 2: 1}),
        # Both ends are better: the middle one goes, for the best.
        ([2, 0, 1], {(0, 1), (1, 2)}, {1: 2}),
        ([0, 1, 2, 3], {(0, 1), (1, 2), (2, 3)}, {1: 0, 3: 2}),
    ],
)
def test_nothing_goes_for_one_that_it_is_not_like(
    order: list[int], same: set[Pair], stays_for: dict[int, int]
) -> None:
    assert run(order, same)[0] == stays_for


def test_candidates_that_are_not_the_same_stay() -> None:
    stays_for, _, asked = run([0, 1, 2], {(1, 2)}, {(0, 1), (0, 2), (1, 2)})
    assert stays_for == {2: 1}
    assert sorted(asked) == [(0, 1), (0, 2), (1, 2)]


def test_of_many_copies_only_the_best_is_compared() -> None:
    everyone = set(combinations(range(20), 2))
    stays_for, _, asked = run(list(range(20)), everyone)
    assert stays_for == dict.fromkeys(range(1, 20), 0)
    assert len(asked) == 19


def test_two_classes_are_a_conflict_and_both_stay() -> None:
    everyone = set(combinations(range(4), 2))
    labels = {0: "with_mask", 1: "without_mask", 2: "with_mask", 3: "without_mask"}
    stays_for, conflicts, _ = run([0, 1, 2, 3], everyone, labels=labels)
    assert stays_for == {2: 0, 3: 1}
    assert conflicts == [(0, 1)]  # 3 goes for 1: nothing new
    # Where 1 was not found to be like 0, only 3 tells.
    assert run([0, 1, 2, 3], everyone - {(0, 1)}, labels=labels)[1] == [(0, 3)]


def test_a_picture_without_a_class_is_in_no_conflict() -> None:
    stays_for, conflicts, _ = run([0, 1, 2], {(0, 1), (0, 2)}, labels={1: "with_mask"})
    assert stays_for == {1: 0, 2: 0}
    assert conflicts == []


def test_two_classes_do_not_go_for_a_picture_without_one() -> None:
    everyone = set(combinations(range(4), 2))
    labels = {1: "with_mask", 2: "without_mask", 3: "with_mask"}
    stays_for, conflicts, _ = run([0, 1, 2, 3], everyone, labels=labels)
    assert stays_for == {1: 0, 3: 0}
    assert conflicts == [(0, 2)]


_PAIRS = list(combinations(range(7), 2))


@given(
    st.permutations(range(7)),
    st.sets(st.sampled_from(_PAIRS)),
    st.dictionaries(st.sampled_from(range(7)), st.sampled_from(["one", "other"])),
)
# 5 goes for 1, though 3 is free to decide before 1 is.
@example([2, 0, 1, 3, 4, 5, 6], {(0, 1), (0, 2), (3, 5), (1, 5)}, {})
# 1 stays, as 5 goes for 3 and is of another class; by then it has been compared with 0, too.
@example([3, 2, 0, 4, 5, 1, 6], {(0, 1), (1, 3), (3, 5)}, {1: "other", 0: "one", 5: "one"})
def test_it_is_what_going_through_them_one_by_one_gives(
    order: list[int], same: set[Pair], labels: dict[int, str]
) -> None:
    expected: dict[int, int] = {}
    conflicts: set[Pair] = set()
    for place, better in enumerate(order):
        if better in expected:
            continue
        for worse in order[place + 1 :]:
            if worse in expected or tuple(sorted((better, worse))) not in same:
                continue
            if len({labels.get(better), labels.get(worse)} - {None}) == 2:
                conflicts.add((better, worse))
            else:
                expected[worse] = better
    classes: dict[int, str] = {}
    perhaps: set[Pair] = set()
    for worse in sorted(expected, key=order.index):
        better, label = expected[worse], labels.get(worse)
        if better not in labels and label and classes.setdefault(better, label) != label:
            del expected[worse]
            conflicts.add((better, worse))
            # It was to go, and may or may not have been compared with others.
            perhaps |= {(other, worse) for other in labels if labels[other] != label}
    stays_for, found, _ = run(order, same, labels=labels)
    assert stays_for == expected
    assert not set(stays_for) & set(stays_for.values())
    # A conflict is left out where the one that stays is in the same one.
    left_out = conflicts - set(found)
    assert set(found) <= conflicts | perhaps
    for better, worse in left_out:
        assert {(better, stays_for[worse]), (stays_for[worse], better)} & conflicts
