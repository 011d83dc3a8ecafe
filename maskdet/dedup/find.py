"""Finding the copies among many pictures; nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from maskdet import neighbours
from maskdet.catalog import Catalog
from maskdet.dedup import choose, features, index
from maskdet.dedup.features import Features
from maskdet.dedup.groups import Pair, settle
from maskdet.dedup.match import Match
from maskdet.dedup.signatures import Signatures, joined, signatures
from maskdet.dedup.verify import DIFFERENT, Verdict, View, compare
from maskdet.dedup.views import Views
from maskdet.errors import InputError
from maskdet.progress import SILENT, Progress

DISTANCE = 10
"""Pictures whose 64-bit hashes are so close are compared (of larger hashes in proportion)."""

DISTANCE_ALONE = 2
"""The same where the hash alone decides: at 6, it takes one look-alike in four for a copy."""

_CROP = 0.9

_Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Options:
    """What counts as a copy.

    Attributes:
        kind: of the hash, see ``hashing.KINDS``.
        size: of the hash: it has ``size`` squared bits.
        distance: most bits between two hashes; None: ``DISTANCE`` or ``DISTANCE_ALONE``.
        verify: look at the pictures again; otherwise the hash alone decides.
        mirror: a flipped picture is a copy, too.
    """

    kind: str = "phash"
    size: int = 8
    distance: int | None = None
    verify: bool = True
    mirror: bool = False

    @property
    def bits(self) -> int:
        """Most bits between two hashes."""
        if self.distance is not None:
            return self.distance
        return round((DISTANCE if self.verify else DISTANCE_ALONE) * self.size**2 / 64)


@dataclass(slots=True)
class Found:
    """Copies among pictures.

    ``duplicates`` can be set aside; of ``conflicts`` (the same picture under two classes) both
    stay. ``problems`` are in words, one for each picture that could not be looked at.
    """

    pictures: int = 0
    compared: int = 0
    duplicates: list[Match] = field(default_factory=list)
    conflicts: list[Match] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find(
    paths: Sequence[str],
    labels: Sequence[str | None],
    options: Options = Options(),
    cache: Catalog | None = None,
    progress: Progress = SILENT,
) -> Found:
    """Find the copies among pictures, and which one of each stays.

    Args:
        paths: the pictures.
        labels: the class of each, None where it has none.
        options: what counts as a copy.
        cache: remembers hashes and features of the pictures below its root.
        progress: makes the bars.

    Raises:
        OutputError: the cache cannot be written.
    """
    known = signatures(paths, options.kind, options.size, cache, options.mirror, progress)
    found = Found(len(known.paths), problems=list(known.problems))
    by_path = dict(zip(paths, labels, strict=True))
    classes = [by_path[path] for path in known.paths]
    order = choose.order(known)
    judge = _Judge(known, options, progress, cache)
    copies = _exact(order, classes, judge.equal)
    left = np.array([i for i in range(len(known.paths)) if i not in copies], np.int64)
    candidates = judge.candidates(left)
    settled = settle(order, candidates, classes, judge.same)
    for one, best in copies.items():
        # Its twin may itself have been found to be a copy of a better one.
        stays = settled.stays_for.get(best, best)
        judge.verdicts[stays, one] = judge.verdicts.get((stays, best), EXACT)
        settled.stays_for[one] = stays
    found.duplicates = [judge.match(one, stays) for one, stays in settled.stays_for.items()]
    found.conflicts = [judge.match(worse, better) for better, worse in settled.conflicts]
    found.duplicates.sort(key=lambda match: (match.kept, match.path))
    found.conflicts.sort(key=lambda match: (match.kept, match.path))
    found.problems += judge.problems
    found.compared = judge.compared
    return found


def find_leaks(
    paths: Sequence[str],
    against: Sequence[str],
    options: Options = Options(),
    cache: Catalog | None = None,
    progress: Progress = SILENT,
) -> Found:
    """Find the pictures of one set of which another one has a copy, whatever their classes.

    Args:
        paths: the set that may have to lose pictures.
        against: the one whose pictures stay; each of ``paths`` that is a copy of one of them
            is among the ``duplicates``, once. Files that are among both stay.
        options: what counts as a copy.
        cache: as in ``find``.
        progress: makes the bars.

    Raises:
        OutputError: the cache cannot be written.
    """
    stay = {os.path.realpath(path) for path in against}
    paths = [path for path in paths if os.path.realpath(path) not in stay]
    ours = signatures(paths, options.kind, options.size, cache, options.mirror, progress)
    theirs = signatures(against, options.kind, options.size, cache, options.mirror, progress)
    known = joined(theirs, ours)
    judge = _Judge(known, options, progress, cache)
    first, count = len(theirs.paths), len(known.paths)
    found = Found(len(ours.paths), problems=known.problems)
    equal = {judge.equal[i]: i for i in range(first)[::-1] if i in judge.equal}
    leaks = {j: equal[judge.equal[j]] for j in range(first, count) if judge.equal.get(j) in equal}
    judge.verdicts |= {(i, j): EXACT for j, i in leaks.items()}
    left = np.array([i for i in range(count) if i not in leaks], np.int64)
    candidates = judge.candidates(left, first)
    for (i, j), same in zip(candidates, judge.same(candidates), strict=True):
        if same:
            leaks.setdefault(j, i)
    found.duplicates = [judge.match(j, i) for j, i in sorted(leaks.items())]
    found.problems += judge.problems
    found.compared = judge.compared
    return found


EXACT = Verdict(True, similarity=1.0, difference=0.0, overlap=1.0)


class _Judge:
    """Finds candidates and compares them, and remembers what it found."""

    def __init__(
        self,
        known: Signatures,
        options: Options,
        progress: Progress,
        cache: Catalog | None = None,
    ) -> None:
        self.verdicts: dict[Pair, Verdict] = {}
        self.problems: list[str] = []
        self.compared = 0
        self._sha256 = choose.same_bytes(known.paths, known.bytes)
        # What is the same in two pictures that need no comparison.
        self.equal: Mapping[int, str | bytes] = self._sha256
        if not options.verify:
            self.equal = {i: row.tobytes() for i, row in enumerate(known.hashes)}
        self._known = known
        self._options = options
        self._progress = progress
        self._cache = cache
        self._views: Views | None = None
        self._near: set[Pair] = set()
        self._flipped: set[Pair] = set()

    def candidates(self, among: _Indices, split: int = 0) -> list[Pair]:
        """Return the pairs that may be copies, ``i < j``, of the pictures with these indices.

        Args:
            among: sorted.
            split: if not 0, only pairs of a picture below this index with one that is not.
        """
        known, bits = self._known, self._options.bits
        own: list[Features] = []
        if self._options.verify:
            self._views = Views([known.paths[i] for i in among], self._cache, self._progress)
            self._row = {int(i): row for row, i in enumerate(among)}
            self.problems += self._views.problems
            own = [item for item in self._views.features if item.width]
            among = among[[item.width > 0 for item in self._views.features]]
        if split:
            one, other = among[among < split], among[among >= split]
            near = neighbours.cross_pairs(known.hashes[one], known.hashes[other], bits)
        else:
            one = other = among
            near = neighbours.near_pairs(known.hashes[among], bits)
        self._near = _pairs(one, other, near)
        found = self._near | _pairs(among, among, index.feature_pairs(own))
        if known.mirrored is not None:
            near = neighbours.cross_pairs(known.hashes[one], known.mirrored[other], bits)
            self._flipped = _pairs(one, other, near)
            pairs = index.feature_pairs([*own, *(features.mirror(item) for item in own)])
            pairs = pairs[(pairs[:, 0] < len(own)) & (pairs[:, 1] >= len(own))]
            self._flipped |= _pairs(among, among, pairs % max(len(own), 1))
        return sorted((i, j) for i, j in found | self._flipped if not split or i < split <= j)

    def same(self, pairs: list[Pair]) -> list[bool]:
        """Compare pairs of pictures, on all cores."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            verdicts = pool.map(self._verdict, pairs)
            bar = self._progress(verdicts, total=len(pairs), desc="comparing", unit="pair")
            self.verdicts.update(zip(pairs, bar, strict=True))
        self.compared += len(pairs)
        return [self.verdicts[pair].same for pair in pairs]

    def match(self, path: int, kept: int) -> Match:
        """Return what was found of two pictures that are the same."""
        verdict = self.verdicts[kept, path]
        known = self._known
        exact = path in self._sha256 and self._sha256[path] == self._sha256.get(kept)
        hashes = known.hashes if not verdict.mirrored else known.mirrored
        assert hashes is not None
        distance = np.bitwise_count(hashes[path] ^ known.hashes[kept]).sum()
        kind = "crop" if verdict.overlap < _CROP else "near"
        return Match(
            known.paths[path],
            known.paths[kept],
            "exact" if exact else "mirrored" if verdict.mirrored else kind,
            choose.because(known, kept, path),
            int(distance),
            *((verdict.similarity, verdict.overlap) if self._options.verify else (None, None)),
        )

    def _verdict(self, pair: Pair) -> Verdict:
        i, j = pair
        if i in self._sha256 and self._sha256[i] == self._sha256.get(j):
            return EXACT
        key = min(pair), max(pair)
        if self._views is None:
            return replace(EXACT, mirrored=key not in self._near)
        try:
            a, b = self._views[self._row[i]], self._views[self._row[j]]
        except InputError as error:
            self.problems.append(str(error))
            return DIFFERENT
        verdict = compare(a, b, guess=key in self._near)
        if not verdict.same and key in self._flipped:
            b = View(b.colour[:, ::-1].copy(), features.mirror(b.features))
            verdict = replace(compare(a, b, guess=True), mirrored=True)
        return verdict


def _exact(
    order: Iterable[int], labels: Sequence[str | None], equal: Mapping[int, str | bytes]
) -> dict[int, int]:
    """Return for each picture that equals a better one of its class, that one."""
    first: dict[tuple[str | bytes, str | None], int] = {}
    copies = {}
    for i in order:
        if i in equal:
            best = first.setdefault((equal[i], labels[i]), i)
            if best != i:
                copies[i] = best
    return copies


def _pairs(one: _Indices, other: _Indices, pairs: neighbours.Pairs) -> set[Pair]:
    """Return pairs of a place in ``one`` and a place in ``other`` as what is there, ``i < j``."""
    there = np.sort(np.stack([one[pairs[:, 0]], other[pairs[:, 1]]], axis=1), axis=1)
    there = there[there[:, 0] < there[:, 1]]
    return set(map(tuple, there.tolist()))
