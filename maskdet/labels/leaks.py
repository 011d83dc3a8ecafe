"""What leaks from one part of a data set into another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskdet.errors import InputError
from maskdet.labels.manifest import PARTS, Manifest, part
from maskdet.labels.partition import Table, tabulate
from maskdet.labels.pictures import Looks, Picture, gather, look
from maskdet.progress import SILENT, Progress

BYTES, NEAR, GROUP = "same bytes", "near-duplicate", "same group"


@dataclass(frozen=True, slots=True)
class Leak:
    """Pictures in two parts that show the same, and how that is known: ``kind``.

    ``detail`` is the group's name, or how many bits two hashes differ by. Of a group, each
    part's first picture is named.
    """

    kind: str
    parts: tuple[str, ...]
    paths: tuple[Path, ...]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """The leaks of a split, its faces by part, and in words what could not be checked."""

    leaks: list[Leak]
    table: Table
    problems: list[str]


def check(roots: Sequence[Path], progress: Progress = SILENT) -> Checked:
    """Look for pictures in different parts that show the same.

    Args:
        roots: folders whose ``manifest.csv`` has a column ``split``. One without it is a part
            by itself, or several if it holds folders such as ``train`` and ``test``.
        progress: makes the bar.

    Raises:
        InputError: nothing is labelled, or there is only one part.
    """
    pictures: list[Picture] = []
    parts: list[str] = []
    problems: list[str] = []
    for root in _expand(roots):
        manifest = Manifest(root)
        found, wrong = gather(root, manifest)
        problems += wrong
        alone = None if "split" in manifest.columns else part(root.resolve().name) or str(root)
        without = []
        for picture in found:
            name = alone or part(picture.row.get("split", ""))
            if name is None:
                without.append(picture.name)
            else:
                pictures.append(picture)
                parts.append(name)
        if without:
            problems.append(
                f"{root}: {len(without)} pictures are in no part, first {without[0]}: "
                "'maskdet split' gives them one"
            )
    if len(set(parts)) < 2:
        raise InputError(
            f"there is only one part in {', '.join(map(str, roots))}: "
            "'maskdet split' makes several, or name the folder of each"
        )
    looks = look(pictures, progress)
    leaks = [*_pairs(pictures, parts, looks), *_groups(pictures, parts)]
    return Checked(leaks, tabulate(pictures, parts), [*problems, *looks.problems])


def _expand(roots: Sequence[Path]) -> list[Path]:
    """Replace folders that only hold the folders of parts by those."""
    found = []
    for root in roots:
        named = {path: part(path.name) for path in root.glob("*") if path.is_dir()}
        inside = [path for name in PARTS for path in sorted(named) if named[path] == name]
        whole = "split" in Manifest(root).columns or len(inside) < 2
        found += [root] if whole else inside
    return found


def _pairs(pictures: Sequence[Picture], parts: Sequence[str], looks: Looks) -> list[Leak]:
    leaks = []
    for i, j in looks.near().tolist():
        if parts[i] == parts[j]:
            continue
        sides = ((parts[i], parts[j]), (pictures[i].path, pictures[j].path))
        if looks.sha256[i] == looks.sha256[j]:
            leaks.append(Leak(BYTES, *sides))
            continue
        straight, mirrored = (
            int(np.bitwise_count(looks.hashes[i] ^ other[j]).sum())
            for other in (looks.hashes, looks.mirrored)
        )
        turned = ", mirrored" if mirrored < straight else ""
        leaks.append(Leak(NEAR, *sides, f"{min(straight, mirrored)} bits{turned}"))
    return leaks


def _groups(pictures: Sequence[Picture], parts: Sequence[str]) -> list[Leak]:
    first: defaultdict[str, dict[str, Path]] = defaultdict(dict)
    for picture, name in zip(pictures, parts, strict=True):
        first[picture.group].setdefault(name, picture.path)
    # Pictures are groups by their name, which those of two folders of one name may share.
    said = {picture.row.get("group") for picture in pictures}
    return [
        Leak(GROUP, tuple(paths), tuple(paths.values()), group)
        for group, paths in first.items()
        if len(paths) > 1 and group in said
    ]
