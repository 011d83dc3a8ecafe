"""Giving every picture its part: train, val or test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from maskdet import files
from maskdet.classes import KNOWN, canonical
from maskdet.errors import InputError, OutputError
from maskdet.labels.manifest import PARTS, Manifest, alone, part
from maskdet.labels.pictures import Picture, gather, look
from maskdet.labels.records import Names
from maskdet.labels.split import clusters, divide
from maskdet.layout import folder_class, voc_path
from maskdet.progress import SILENT, Progress

Table = Mapping[str, Counter[str]]
"""Faces by part and class; under ``PICTURES``, how many pictures there are."""

PICTURES = "pictures"


@dataclass(slots=True)
class Partition:
    """How pictures were split: faces by part, and in words what could not be used.

    ``new`` pictures had no part before, ``moved`` ones had another; ``lacking`` are classes
    without a face in a part.
    """

    table: Table
    new: int = 0
    moved: int = 0
    lacking: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def partition(
    roots: Sequence[Path],
    fractions: Mapping[str, float],
    seed: int = 0,
    anew: bool = False,
    out: Path | None = None,
    link: bool = False,
    progress: Progress = SILENT,
) -> Partition:
    """Write the part of every labelled picture into its folder's ``manifest.csv``.

    Pictures of one group and near-duplicates (pHash, also mirrored) stay together, and every
    part gets its share of each class. Pictures that have a part keep it; those that are like
    one of them join it. Where that links several parts, all go to the strictest: test before
    val before train, as what was trained on may be tested on later, never the other way round.

    Args:
        roots: see ``dataset.load``; they are split as one set.
        fractions: of each of ``PARTS``, together 1.
        seed: of the choice among equals.
        anew: do not look at the parts that pictures have already.
        out: an empty or new folder, to lay out the parts as folders of their own.
        link: make hard links in ``out`` where the file system can, not copies.
        progress: makes the bars.

    Raises:
        InputError: nothing is labelled, ``out`` lies in a root, a manifest cannot be read, or
            another command is at work on it.
        OutputError: a manifest cannot be written, or ``out`` is not empty.
    """
    for root in roots:
        if out and files.leads_below(out, root):
            raise InputError(
                f"{out} lies in {root}, which would then hold every picture twice: choose a "
                "folder elsewhere for --out"
            )
    if out and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} is there already: choose a new folder for --out")
    with alone(*roots):
        manifests = {root: Manifest(root) for root in roots}
        pictures: list[Picture] = []
        problems: list[str] = []
        for root in manifests:
            found, wrong = gather(root, manifests[root])
            pictures += found
            problems += wrong
        looks = look(pictures, progress)
        before = [part(picture.row.get("split", "")) for picture in pictures]
        fixed = [-1 if anew or name is None else PARTS.index(name) for name in before]
        chosen = divide(
            np.array([[picture.faces[name] for name in KNOWN] for picture in pictures], np.int64),
            clusters([picture.group for picture in pictures], looks.near(links=True)),
            np.array(fixed, np.int64),
            [fractions[name] for name in PARTS],
            seed,
        )
        after = [PARTS[index] for index in chosen.tolist()]
        for picture, name in zip(pictures, after, strict=True):
            manifests[picture.root].set(picture.name, {"split": name})
        for manifest in manifests.values():
            manifest.write()
    result = Partition(tabulate(pictures, after), problems=[*problems, *looks.problems])
    result.new = sum(was is None for was in before)
    result.moved = sum(was not in (None, now) for was, now in zip(before, after, strict=True))
    present = {label for count in result.table.values() for label in count}
    result.lacking = [
        (label, name)
        for name in PARTS
        for label in KNOWN
        if fractions[name] and label in present
        if not result.table.get(name, Counter[str]())[label]
    ]
    if out:
        result.problems += _lay_out(pictures, after, out, link, progress)
    return result


def tabulate(pictures: Sequence[Picture], parts: Sequence[str]) -> Table:
    """Count faces by part and class, the parts of ``PARTS`` first."""
    table: dict[str, Counter[str]] = {name: Counter() for name in PARTS if name in parts}
    for picture, name in zip(pictures, parts, strict=True):
        table.setdefault(name, Counter()).update({**picture.faces, PICTURES: 1})
    return table


def _lay_out(
    pictures: Sequence[Picture], parts: Sequence[str], out: Path, link: bool, progress: Progress
) -> list[str]:
    """Write ``out/<part>/``: faces in class folders, photographs with their VOC files."""
    several = len({picture.root for picture in pictures}) > 1
    names = {name: Names(by_stem=True) for name in parts}
    manifests = {name: Manifest(files.make_folder(out / name)) for name in names}
    problems = []
    pairs = list(zip(pictures, parts, strict=True))
    for picture, name in progress(pairs, desc="pictures", unit="picture"):
        prefix = [picture.root.resolve().name] if several else []
        path = PurePosixPath(*prefix, picture.name)
        boxes = voc_path(picture.path)
        if not boxes.is_file():
            label = folder_class(PurePosixPath(picture.root.resolve().name, picture.name))
            others = [folder for folder in path.parts[:-1] if not canonical(folder)]
            path = PurePosixPath(str(label), *others, path.name)
        target = out / name / (free := names[name].take(str(path)))
        files.make_folder(target.parent)
        try:
            files.copy(picture.path, target, link)
            if boxes.is_file():
                files.copy(boxes, voc_path(target))
        except InputError as error:
            problems.append(str(error))
            continue
        row = {key: value for key, value in picture.row.items() if key != "file"}
        manifests[name].set(free, {**row, "split": name})
    for manifest in manifests.values():
        manifest.write()
    return problems
