"""Reading labelled data: folders of class folders, and photographs with VOC files."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePath

from maskdet import files, images
from maskdet.catalog.crops import set_aside_from
from maskdet.classes import BACKGROUND, canonical
from maskdet.errors import InputError
from maskdet.labels import voc
from maskdet.labels.manifest import PARTS, Manifest, part
from maskdet.layout import folder_class, shared_boxes, voc_path
from maskdet.types import Box

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled face.

    ``name`` is the picture's path from the name of its root on. ``box`` is in pixels of the
    upright picture, None where the whole picture is the face. Samples with the same
    ``group`` show the same photo or person and stay together. ``split`` is the part that the
    manifest puts the picture in (``manifest.PARTS``), None where it says nothing. ``extra``
    marks what may be trained on, but never measured on. ``index`` is the place of the box in
    its VOC file, from 0.
    """

    path: Path
    name: str
    label: str
    group: str
    box: Box | None = None
    difficult: bool = False
    split: str | None = None
    extra: bool = False
    index: int = 0


@dataclass(slots=True)
class Dataset:
    """Samples, and in words what could not be used.

    ``empty`` are the pictures whose VOC file says that there is no face, as samples of the
    background; ``excluded`` are the patterns of what to leave out that something fits.
    """

    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    empty: dict[Path, Sample] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)


def warn_of_idle(exclude: Sequence[str], data: Dataset) -> None:
    """Report to the log which patterns of what to leave out nothing fits: they may be mistyped."""
    if idle := [pattern for pattern in exclude if pattern not in data.excluded]:
        log.warning(
            "patterns that leave nothing out: %d, first %s", len(idle), files.readable(idle[0])
        )


def load(roots: Sequence[Path], exclude: Sequence[str] = ()) -> Dataset:
    """Collect the labelled faces of one or more folders.

    A picture with a VOC file beside it (same stem, ``.xml``) brings the boxes of that file;
    another one is a face as a whole if one of the folders it lies in has the name of a
    class. Of pictures that share a VOC file (``a.jpg`` beside ``a.png``) only the first is
    taken. A ``manifest.csv`` in a root may give a column ``group`` to the pictures that its
    column ``file`` names (relative to the root or its parent); without it each picture is a
    group of its own. Its column ``split`` says which part a picture is in.

    Args:
        roots: folders.
        exclude: what to leave out: file names or patterns of them (``ilc_*``), the same of paths
            from the root's name on (``crops/*/old_*``), or ``column=value`` of the manifest
            (``kind=photo``). After ``#`` stands the place of a single box in the VOC file,
            from 0 (``ilc_1.jpg#2``): that face becomes ``difficult``, for it is still no
            background, and the crops of which the manifest says that they show it (in its columns
            ``picture`` and ``object``) are left out.

    Returns:
        The samples in a stable order, with the problems found.

    Raises:
        InputError: a root is no folder, the folder of a class is empty, a manifest is
            unusable, or nothing is labelled.
    """
    data = Dataset()
    owners: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root} is not a folder")
        manifest = Manifest(root)
        here = Path(root.resolve().name)
        pictures = images.find(root, lambda error: data.problems.append(str(error)))
        _refuse_empty_classes(root, pictures)
        _check_manifest(data, manifest, [path.relative_to(root).as_posix() for path in pictures])
        for path in pictures:
            row = manifest.get(path.relative_to(root).as_posix())
            name = (here / path.relative_to(root)).as_posix()
            if fitting := _fitting(name, row, exclude):
                data.excluded |= fitting
            else:
                owner = owners.setdefault(voc_path(path), path)
                group, said = row.get("group") or name, _split(manifest, row)
                _add(data, path, name, group, said, owner, exclude)
    if not data.samples:
        raise InputError(
            f"no labelled face in {', '.join(map(str, roots))}: expected folders named after the "
            "classes (with_mask, without_mask, mask_worn_incorrectly) or pictures with Pascal VOC "
            f"files beside them{_first(data.problems)}"
        )
    return data


def _first(problems: list[str]) -> str:
    return f". First problem: {problems[0]}" if problems else ""


def _split(manifest: Manifest, row: Mapping[str, str]) -> str | None:
    said = row.get("split")
    if said and part(said) is None:
        # Not passed over: a picture of the test part might be trained on.
        raise InputError(
            f"{manifest.path}: the split of {row['file']} is {said!r}, not {', '.join(PARTS)}"
        )
    return part(said) if said else None


def _add(
    data: Dataset,
    path: Path,
    name: str,
    group: str,
    split: str | None,
    owner: Path,
    exclude: Sequence[str],
) -> None:
    boxes = voc_path(path)
    try:
        if boxes.is_file() and owner != path:
            data.problems.append(shared_boxes(path, owner))
            return
        if boxes.is_file():
            labelled = voc.read(boxes, *images.size(path))
            data.problems += labelled.problems
            for item in labelled.objects:
                fitting = _fitting(f"{name}#{item.index}", {}, exclude)
                data.excluded |= fitting
                difficult = item.difficult or bool(fitting)
                said = path, name, item.label, group, item.box, difficult, split
                data.samples.append(Sample(*said, index=item.index))
            if not labelled.objects and not labelled.problems:
                data.empty[path] = Sample(path, name, BACKGROUND, group, split=split)
            return
    except InputError as error:
        data.problems.append(str(error))
        return
    label = folder_class(PurePath(name))
    if label:
        data.samples.append(Sample(path, name, label, group, split=split))
    else:
        data.problems.append(f"{path}: no VOC file, and no folder that names a class")


def _refuse_empty_classes(root: Path, pictures: Sequence[Path]) -> None:
    used = {parent for path in pictures for parent in path.parents}
    for folder in sorted(path for path in root.rglob("*") if path.is_dir()):
        if canonical(folder.name) and folder not in used:
            raise InputError(f"{folder} has the name of a class, but holds no picture")


def _check_manifest(data: Dataset, manifest: Manifest, pictures: Sequence[str]) -> None:
    """Report rows that name no picture: a group that is not found would be lost unseen.

    Those of pictures that were set aside are left alone: they may be put back.
    """
    found = {row["file"] for name in pictures if (row := manifest.get(name))}
    missing = sorted({row["file"] for row in manifest.rows if row["file"]} - found)
    for folder in {files.absolute(manifest.path.parent), manifest.path.parent.resolve()}:
        aside = set_aside_from(folder) if missing else set()
        missing = [
            name for name in missing if aside.isdisjoint((folder / name, folder.parent / name))
        ]
    if missing and not found:
        raise InputError(
            f"no row of {manifest.path} names a picture there: its column 'file' needs paths "
            f"relative to its folder or that one's parent, with '/' (the first is {missing[0]!r})"
        )
    if missing:
        data.problems.append(
            f"{manifest.path}: {len(missing)} rows name no picture, first {missing[0]}"
        )


def _fitting(name: str, row: Mapping[str, str], exclude: Sequence[str]) -> set[str]:
    """Return the patterns by which a picture or box is left out."""
    # What a crop shows; a picture that was made of several faces shows each of them.
    boxes = [f"{row.get('picture')}#{number}" for number in row.get("object", "").split()]
    names = [name, *boxes]
    names += [shown.rpartition("/")[2] for shown in names]
    fitting = set()
    for pattern in exclude:
        column, equals, value = pattern.partition("=")
        if (equals and row.get(column) == value) or any(_fits(shown, pattern) for shown in names):
            fitting.add(pattern)
    return fitting


def _fits(name: str, pattern: str) -> bool:
    # As a pattern, ``a [8].jpg`` does not mean the file of that name.
    return name == pattern or fnmatch(name, pattern)
