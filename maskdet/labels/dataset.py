"""Reading labelled data: folders of class folders, and photographs with VOC files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from maskdet import images
from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.labels import voc
from maskdet.types import Box

MANIFEST = "manifest.csv"


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled face.

    ``name`` is the picture's path from the name of its root on. ``box`` is in pixels of the
    upright picture, None where the whole picture is the face. Samples with the same
    ``group`` show the same photo or person and stay together.
    """

    path: Path
    name: str
    label: str
    group: str
    box: Box | None = None
    difficult: bool = False


@dataclass(slots=True)
class Dataset:
    """Samples, and in words what could not be used."""

    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def load(roots: Sequence[Path], exclude: Sequence[str] = ()) -> Dataset:
    """Collect the labelled faces of one or more folders.

    A picture with a VOC file beside it (same stem, ``.xml``) brings the boxes of that file;
    another one is a face as a whole if one of the folders it lies in has the name of a
    class. A ``manifest.csv`` in a root may give a column ``group`` to the pictures that its
    column ``file`` names (relative to the root or its parent); without it each picture is a
    group of its own.

    Args:
        roots: folders.
        exclude: what to leave out: patterns of file names (``ilc_*``) or of paths from the
            root's name on (``crops/*/old_*``), or ``column=value`` of the manifest
            (``kind=photo``).

    Returns:
        The samples in a stable order, with the problems found.

    Raises:
        InputError: a root is no folder, the folder of a class is empty, a manifest is
            unusable, or nothing is labelled.
    """
    data = Dataset()
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root} is not a folder")
        manifest = _manifest(root)
        here = root.resolve()
        pictures = images.find(root, lambda error: data.problems.append(str(error)))
        _refuse_empty_classes(root, pictures)
        _check_manifest(data, root, manifest, {here / path.relative_to(root) for path in pictures})
        for path in pictures:
            # Not the target of a link: the manifest names what lies here.
            row = manifest.get(here / path.relative_to(root), {})
            name = (Path(here.name) / path.relative_to(root)).as_posix()
            if not _excluded(name, row, exclude):
                _add(data, path, name, row.get("group") or name)
    if not data.samples:
        raise InputError(
            f"no labelled face in {', '.join(map(str, roots))}: expected folders named after the "
            "classes (with_mask, without_mask, mask_worn_incorrectly) or pictures with Pascal VOC "
            f"files beside them{_first(data.problems)}"
        )
    return data


def _first(problems: list[str]) -> str:
    return f". First problem: {problems[0]}" if problems else ""


def _add(data: Dataset, path: Path, name: str, group: str) -> None:
    boxes = path.with_suffix(".xml")
    try:
        if boxes.is_file():
            labelled = voc.read(boxes, *images.size(path))
            data.problems += labelled.problems
            data.samples += [
                Sample(path, name, item.label, group, item.box, item.difficult)
                for item in labelled.objects
            ]
            return
    except InputError as error:
        data.problems.append(str(error))
        return
    for folder in Path(name).parent.parts[::-1]:
        label = canonical(folder)
        if label:
            data.samples.append(Sample(path, name, label, group))
            return
    data.problems.append(f"{path}: no VOC file, and no folder that names a class")


def _refuse_empty_classes(root: Path, pictures: Sequence[Path]) -> None:
    used = {parent for path in pictures for parent in path.parents}
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        if canonical(folder.name) and folder not in used:
            raise InputError(f"{folder} has the name of a class, but holds no picture")


def _check_manifest(
    data: Dataset, root: Path, manifest: dict[Path, dict[str, str]], pictures: set[Path]
) -> None:
    """Report rows that name no picture: a group that is not found would be lost unseen."""
    found = {row["file"] for path, row in manifest.items() if path in pictures}
    missing = sorted({row["file"] for row in manifest.values()} - found)
    if manifest and not found:
        raise InputError(
            f"no row of {root / MANIFEST} names a picture there: its column 'file' needs paths "
            f"relative to {root} or its parent, with '/' (the first is {missing[0]!r})"
        )
    if missing:
        data.problems.append(
            f"{root / MANIFEST}: {len(missing)} rows name no picture, first {missing[0]}"
        )


def _manifest(root: Path) -> dict[Path, dict[str, str]]:
    path = root / MANIFEST
    if not path.is_file():
        return {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if rows and "file" not in rows[0]:
        raise InputError(f"{path} has no column 'file'")
    here, above = root.resolve(), root.resolve().parent
    return {(folder / row["file"]): row for row in rows if row["file"] for folder in (above, here)}


def _excluded(name: str, row: dict[str, str], exclude: Sequence[str]) -> bool:
    for pattern in exclude:
        column, equals, value = pattern.partition("=")
        if equals and row.get(column) == value:
            return True
        if fnmatch(name, pattern) or fnmatch(name.rpartition("/")[2], pattern):
            return True
    return False
