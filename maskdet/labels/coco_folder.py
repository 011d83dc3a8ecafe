"""A COCO set: which file it is, where its pictures lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from maskdet import images
from maskdet.errors import InputError, OutputError
from maskdet.files import absolute, make_folder, read_text, write_bytes
from maskdet.labels import coco
from maskdet.labels.manifest import Manifest
from maskdet.labels.records import (
    LabelledPicture,
    LabelledSet,
    below,
    picture_name,
    row_of,
    with_parts,
)
from maskdet.progress import Progress


def load(source: Path, progress: Progress) -> LabelledSet:
    """Read a COCO set, see ``collect.load``."""
    there = [source] if source.is_file() else documents(source)
    if len(there) != 1:
        names = ", ".join(map(str, there)) or "none"
        raise InputError(f"{source} should hold one COCO file (there: {names}): name it itself")
    (file,) = there
    text = read_text(file)
    try:
        document = coco.parse(text)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    found = LabelledSet(problems=[f"{file}: {problem}" for problem in document.problems])
    manifest = Manifest(file.parent)
    pictures = _located(file, document.pictures, found.problems)
    for path, item in progress(pictures.items(), desc="labels", unit="picture"):
        try:
            width, height = images.size(path)
            objects, wrong, outlines = coco.objects(item, document.names, width, height)
        except InputError as error:
            found.problems.append(str(error))
            continue
        found.problems += [f"{file}: {item.file}: {problem}" for problem in wrong]
        if wrong and not objects:
            continue  # as for VOC files
        found.lost["outlines (their boxes are kept)"] += outlines
        row = {}
        if path.is_relative_to(file.parent):
            row = row_of(manifest, path.relative_to(file.parent).as_posix())
        name = picture_name(item.file)
        found.pictures.append(
            LabelledPicture(path, name, width, height, tuple(objects), row, item.proposal)
        )
    found.pictures = with_parts(found.pictures, manifest)
    return found


def documents(source: Path) -> list[Path]:
    """Return the COCO files of a folder."""
    found = []
    for path in below(source, ".json"):
        try:
            if coco.is_coco(json.loads(read_text(path))):
                found.append(path)
        except (InputError, ValueError, RecursionError):
            continue
    return found


def _located(
    file: Path, listed: Iterable[coco.CocoPicture], problems: list[str]
) -> dict[Path, coco.CocoPicture]:
    """Return a COCO file's pictures by their places, what it says of one several times as one."""
    found: dict[Path, coco.CocoPicture] = {}
    for item in listed:
        try:
            first = found.setdefault(_locate(file, item.file), item)
        except InputError as error:
            problems.append(str(error))
            continue
        if first is not item:
            # Files that were merged may have had the same faces.
            known = [(face.get("category_id"), face.get("bbox")) for face in first.annotations]
            first.annotations += [
                face
                for face in item.annotations
                if (face.get("category_id"), face.get("bbox")) not in known
            ]
            first.proposal &= item.proposal
    return found


def _locate(file: Path, name: str) -> Path:
    """Find a COCO file's picture. Of the ``..`` it may name, one is followed, and no root."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    inside = Path(*(part for part in parts if part not in ("..", "/") and not part.endswith(":")))
    above = absolute(file.parent).parent
    up = parts[:1] == ("..",) != parts[1:2]
    # COCO's own instances_val2017.json has its pictures in val2017, as CVAT's in images/default.
    subset = file.stem.removeprefix("instances_")
    for base in (above,) if up else (file.parent, above):
        for folder in ("", "images", subset, f"images/{subset}"):
            if (base / folder / inside).is_file():
                return base / folder / inside
    raise InputError(
        f"{file}: {name} lies neither beside it nor in a folder 'images' or '{subset}' there"
    )


def write(
    path: Path, pictures: Iterable[tuple[str, LabelledPicture]], classes: Sequence[str]
) -> None:
    """Write a COCO file of pictures, each with its ``file_name``.

    Raises:
        OutputError: it cannot be written.
    """
    write_bytes(path, json.dumps(coco.format_document(pictures, classes)).encode())


def write_alone(path: Path, pictures: Sequence[LabelledPicture], classes: Sequence[str]) -> int:
    """Write a COCO file of pictures that stay where they are.

    Returns:
        Of how many pictures neither a manifest beside the file nor their folders say any more
        what was known of them.

    Raises:
        OutputError: it cannot be written, or lies too far from the pictures.
    """
    written = []
    for picture in pictures:
        name = PurePosixPath(Path(os.path.relpath(picture.path, path.parent)).as_posix())
        if name.parts[:2] == ("..", ".."):
            raise OutputError(
                f"{path} lies too far from {picture.path}: COCO names pictures from the file on; "
                "put it beside or above them, or give a folder as TARGET"
            )
        written.append((str(name), picture))
    make_folder(path.parent)
    write(path, written, classes)
    manifest = Manifest(path.parent)
    there = [
        replace(picture, name=picture_name(name), row=manifest.get(name))
        for name, picture in written
    ]
    kept = with_parts(there, manifest)
    return sum(bool(old.row) and not new.row for old, new in zip(pictures, kept, strict=True))
