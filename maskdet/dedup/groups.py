"""Which pictures stay and which are set aside for them, without chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

Pair = tuple[int, int]


@dataclass(slots=True)
class Settled:
    """What became of the pictures.

    ``stays_for`` has, for each picture that is set aside, the one that stays. ``conflicts`` are
    pairs that show the same under two classes: both stay.
    """

    stays_for: dict[int, int] = field(default_factory=dict)
    conflicts: list[Pair] = field(default_factory=list)


def settle(
    order: Sequence[int],
    candidates: Iterable[Pair],
    labels: Sequence[str | None],
    same: Callable[[list[Pair]], list[bool]],
) -> Settled:
    """Go through the pictures, the best first: each that is still there stays, and its copies
    among the worse ones are set aside.

    So each picture that is set aside has itself been found to be a copy of the one that stays,
    and of many copies of one picture only one is compared with all the others. Pictures that
    do not depend on each other are compared in one call.

    Args:
        order: indices of the pictures, best first.
        candidates: pairs that may be copies, in any order.
        labels: each picture's class, None where it has none.
        same: says of pairs (the better one first) whether they are copies.
    """
    place = {index: rank for rank, index in enumerate(order)}
    worse: defaultdict[int, set[int]] = defaultdict(set)
    for pair in candidates:
        better, other = sorted(pair, key=place.__getitem__)
        worse[better].add(other)
    # How many better ones each still waits for.
    waits: defaultdict[int, int] = defaultdict(int)
    for others in worse.values():
        for other in others:
            waits[other] += 1
    result = Settled()
    stays_for = result.stays_for
    ready = [index for index in order if index in worse and not waits[index]]
    while ready:
        pairs = [
            (index, other)
            for index in sorted(ready, key=place.__getitem__)
            for other in sorted(worse[index], key=place.__getitem__)
            if other not in stays_for or place[index] < place[stays_for[other]]
        ]
        for (index, other), copies in zip(pairs, same(pairs), strict=True):
            if copies and _conflict(labels[index], labels[other]):
                result.conflicts.append((index, other))
            elif copies and (other not in stays_for or place[index] < place[stays_for[other]]):
                stays_for[other] = index
        ready = _release(ready, worse, waits, stays_for)
    _keep_apart(result, labels, place)
    _condense(result, place)
    return result


def _keep_apart(result: Settled, labels: Sequence[str | None], place: dict[int, int]) -> None:
    """Let only copies of one class go for a picture without a class: the best one's."""
    classes: dict[int, str] = {}
    for other in sorted(result.stays_for, key=place.__getitem__):
        index, label = result.stays_for[other], labels[other]
        if labels[index] is None and label and classes.setdefault(index, label) != label:
            del result.stays_for[other]
            result.conflicts.append((index, other))


def _condense(result: Settled, place: dict[int, int]) -> None:
    """Leave out conflicts with what is set aside for a better picture, or for one that has the
    same conflict.
    """
    known = {frozenset(pair) for pair in result.conflicts}

    def told(better: int, worse: int) -> bool:
        kept = result.stays_for.get(worse)
        return kept is None or (
            place[better] < place[kept] and frozenset((better, kept)) not in known
        )

    result.conflicts = [pair for pair in result.conflicts if told(*pair)]


def _conflict(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


def _release(
    decided: list[int], worse: dict[int, set[int]], waits: dict[int, int], gone: dict[int, int]
) -> list[int]:
    """Return those that waited for nobody but the ``decided`` ones, and are not ``gone``."""
    decided = decided.copy()
    ready: list[int] = []
    for index in decided:
        for other in worse.pop(index, ()):
            waits[other] -= 1
            if not waits[other]:
                (decided if other in gone else ready).append(other)
    return ready
