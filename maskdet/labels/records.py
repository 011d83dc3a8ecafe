"""A labelled picture as every format has it, and the names that pictures go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from maskdet.files import name_from, within
from maskdet.labels.manifest import Manifest, part
from maskdet.labels.voc import VocObject

PICTURE_FOLDERS = ("images", "jpegimages")
"""Folders of pictures, in lower case, whose labels other tools put into a folder beside them."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture with its faces.

    ``name`` is its path in the data set, with ``/`` and without folders like ``images``, which
    are a matter of the format. ``width`` and ``height`` are of the upright picture in pixels.
    ``row`` is what the manifest says of it. ``proposal`` as in ``voc.VocFile``.
    """

    path: Path
    name: str
    width: int
    height: int
    objects: tuple[VocObject, ...]
    row: Mapping[str, str] = field(default_factory=dict)
    proposal: bool = False


@dataclass(slots=True)
class LabelledSet:
    """Labelled pictures; in words what could not be used; counted what could not be kept."""

    pictures: list[LabelledPicture] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)


def picture_name(path: str) -> str:
    """Return the name of a picture: its path without ``..``, a root, and ``PICTURE_FOLDERS``."""
    *folders, file = PurePosixPath(path.replace("\\", "/")).parts
    kept = [part for part in folders if part not in ("..", "/") and not part.endswith(":")]
    return "/".join([*(part for part in kept if part.lower() not in PICTURE_FOLDERS), file])


def in_folder_beside(path: Path, folder: str, suffix: str) -> Path | None:
    """Return a label file's place in ``folder`` beside a picture's ``images``, or None.

    ``a/images/b/c.jpg`` has its labels in ``a/labels/b/c.txt``; None where the picture lies in
    no such folder.
    """
    parts = path.parts
    for index in range(len(parts) - 2, -1, -1):
        if parts[index].lower() in PICTURE_FOLDERS:
            return Path(*parts[:index], folder, *parts[index + 1 :]).with_suffix(suffix)
    return None


def named(path: Path, source: Path, manifest: Manifest) -> tuple[str, dict[str, str]]:
    """Return the name of a picture below ``source``, and what the manifest says of it."""
    relative = path.relative_to(source).as_posix()
    return picture_name(relative), row_of(manifest, relative)


def row_of(manifest: Manifest, name: str) -> dict[str, str]:
    """Return what a manifest says of the picture at ``name``, but for its place."""
    row = {key: value for key, value in manifest.get(name).items() if key != "file" and value}
    if part(row.get("split", "")):
        row["split"] = str(part(row["split"]))
    return row


def with_parts(
    pictures: Sequence[LabelledPicture], manifest: Manifest, listed: Mapping[str, str] | None = None
) -> list[LabelledPicture]:
    """Return pictures with the parts that others' layouts give them, if no manifest does.

    Those are of lists, or else the top folders' names where these name two parts or more, as
    ``leaks.check`` reads them.

    Args:
        pictures: of one set.
        manifest: the set's; with a column ``split``, nothing is changed.
        listed: parts by the pictures' names without an ending.
    """
    if "split" in manifest.columns:
        return list(pictures)
    said = [part(PurePosixPath(picture.name).parts[0]) for picture in pictures]
    folders = said if len({*said} - {None}) > 1 else [None] * len(said)
    found = []
    for picture, folder in zip(pictures, folders, strict=True):
        name = (listed or {}).get(str(PurePosixPath(picture.name).with_suffix("")), folder)
        row = {"split": name, **picture.row} if name else picture.row
        found.append(replace(picture, row=row))
    return found


def group_of(path: Path, root: Path, data: Path) -> str:
    """Return the group of the crops of a picture that no manifest puts into one.

    That is the picture's path from ``data`` on, or of a picture elsewhere from the name of the
    folder ``root`` on: what ``dataset.load`` calls the picture itself. Pictures of two folders of
    one name may share a group, and then only stay together without need.
    """
    if path.is_relative_to(root) and within(path, data) is None:
        return (Path(root.resolve().name) / path.relative_to(root)).as_posix()
    return name_from(path, data)


def below(source: Path, suffix: str) -> list[Path]:
    """Return the files with an ending (``.TXT``, too) below a folder, sorted, no hidden ones."""
    return sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() == suffix
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
    )


def label_files(wanted: Mapping[Path, Iterable[Path]], there: Iterable[Path]) -> dict[Path, Path]:
    """Return the label file of each picture that has one.

    Args:
        wanted: where the labels of each picture may lie; the first place that has any counts.
            Capitals make no difference, unless a file is another picture's to the letter.
        there: the label files.
    """
    exact = set(there)
    named = {place for places in wanted.values() for place in places}
    loose = {str(path).lower(): path for path in exact - named}
    found: dict[Path, Path] = {}
    for picture, places in wanted.items():
        for place in places:
            labels = place if place in exact else loose.get(str(place).lower())
            if labels:
                found.setdefault(picture, labels)
    return found


def orphans(paths: Iterable[Path], used: set[Path]) -> list[str]:
    """Return a sentence for each label file that no picture has used."""
    return [f"{path}: its picture is not there" for path in paths if path not in used]


class Names:
    """Gives every file a name of its own, by adding ``-2``, ``-3``, ... where it is taken."""

    def __init__(self, by_stem: bool) -> None:
        """With ``by_stem``, ``a.jpg`` and ``a.png`` count as the same: they would share labels."""
        self.renamed = 0
        self._by_stem = by_stem
        self._last: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return ``name``, or the first like it that is free."""
        path = free = PurePosixPath(name)
        number = self._last.get(self._key(path), 1)
        while self._key(free) in self._last:
            number += 1
            free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        self._last[self._key(path)] = number
        self._last.setdefault(self._key(free), 1)
        self.renamed += free != path
        return str(free)

    def _key(self, path: PurePosixPath) -> str:
        return str(path.with_suffix("") if self._by_stem else path)
