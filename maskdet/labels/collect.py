"""Reading a labelled set in any of the formats that maskdet knows, told apart by content."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath

from maskdet import images, layout
from maskdet.classes import canonical
from maskdet.errors import InputError
from maskdet.files import absolute, read_text, sha256
from maskdet.labels import coco_folder, voc, yolo_folder
from maskdet.labels.manifest import PARTS, Manifest
from maskdet.labels.records import (
    LabelledPicture,
    LabelledSet,
    below,
    in_folder_beside,
    label_files,
    named,
    orphans,
    picture_name,
    with_parts,
)
from maskdet.labels.voc import VocObject
from maskdet.progress import SILENT, Progress
from maskdet.types import Box

VOC, YOLO, COCO, CROPS = FORMATS = ("voc", "yolo", "coco", "crops")

CROP_COLUMNS = ("class", "picture", "object", "sha256", "x1", "y1", "x2", "y2", "margin")
"""What a manifest says of a crop alone: which face of which picture it is."""


def load(source: Path, kind: str | None = None, progress: Progress = SILENT) -> LabelledSet:
    """Read labelled pictures with all that their format holds.

    Args:
        source: a folder, or the JSON file of a COCO set. Pascal VOC files lie beside the
            pictures or in ``Annotations`` beside ``images`` or ``JPEGImages``; YOLO's label
            files in ``labels`` beside ``images``, at any depth, or beside the pictures
            (capitals in these names make no difference);
            COCO's pictures beside the JSON file, or in ``images``, or a folder of the file's
            name (``val2017``), or that in ``images``, there or one above.
        kind: one of ``FORMATS``; None: see ``detect``.
        progress: makes the bar.

    Returns:
        The pictures sorted by name, those without a face included, but not those that have
        labels of which none can be used. Labels and pictures that cannot be used are named in
        ``problems``, sizes are the pictures' own.

    Raises:
        InputError: nothing there can be read as that format, or no picture has a YOLO label file.
    """
    kind = kind or detect(source)
    readers = {VOC: _voc, YOLO: yolo_folder.load, COCO: coco_folder.load, CROPS: _crops}
    found = readers[kind](source, progress)
    if not found.pictures:
        first = f". First problem: {found.problems[0]}" if found.problems else ""
        raise InputError(f"{source} holds no labelled picture in the format {kind}{first}")
    found.pictures.sort(key=lambda picture: picture.name)
    return found


def detect(source: Path) -> str:
    """Return the format of a labelled set.

    Raises:
        InputError: it is none that is known, or could be several.
    """
    if source.is_file():
        if source.suffix.lower() != ".json":
            raise InputError(f"{source} is no labelled set: a folder or a COCO .json is wanted")
        return COCO
    if not source.is_dir():
        raise InputError(f"{source} is neither a folder nor a file")
    found = []
    if any(_is_voc(path) for path in below(source, ".xml")):
        found.append(VOC)
    if yolo_folder.config_file(source):
        found.append(YOLO)
    if coco_folder.documents(source):
        found.append(COCO)
    if not found and any(canonical(p.name) for p in (source, *source.rglob("*")) if p.is_dir()):
        found.append(CROPS)
    if len(found) == 1:
        return found[0]
    what = f"could be {' or '.join(found)}" if found else f"is in none of {', '.join(FORMATS)}"
    raise InputError(f"{source} {what}: say which it is with --from")


def _is_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            # <annotations> is CVAT's own format.
            return re.search(rb"<annotation[\s/>]", file.read(4096)) is not None
    except OSError:
        return False  # Where the set is read, the file is named.


def _voc(source: Path, progress: Progress) -> LabelledSet:
    paths, problems = layout.pictures(source)
    found = LabelledSet(problems=problems)
    manifest = Manifest(source)
    there = below(source, ".xml")
    files = label_files({path: _voc_places(path, source) for path in paths}, there)
    for path in progress(paths, desc="labels", unit="picture"):
        boxes = files.get(path)
        if boxes is None:
            found.problems.append(f"{path}: no VOC file")
            continue
        try:
            width, height = images.size(path)
            file = voc.read(boxes, width, height)
        except InputError as error:
            found.problems.append(str(error))
            continue
        found.problems += file.problems
        if file.problems and not file.objects:
            continue  # It would pass for a picture without a face.
        name, row = named(path, source, manifest)
        found.pictures.append(
            LabelledPicture(path, name, width, height, file.objects, row, file.proposal)
        )
    found.problems += orphans(there, set(files.values()))
    found.pictures = with_parts(found.pictures, manifest, _pascal_parts(source))
    return found


def _pascal_parts(source: Path) -> dict[str, str]:
    """Return the part of each picture that is in one list of Pascal's, by its stem."""
    said: defaultdict[str, set[str]] = defaultdict(set)
    for name in PARTS:
        path = source / "ImageSets" / "Main" / f"{name}.txt"
        for line in read_text(path, "surrogateescape").split("\n") if path.is_file() else []:
            said[line.strip()].add(name)
    return {stem: min(names) for stem, names in said.items() if len(names) == 1}


def _voc_places(picture: Path, source: Path) -> list[Path]:
    beside = in_folder_beside(picture.relative_to(source), "Annotations", ".xml")
    return [layout.voc_path(picture), *([source / beside] if beside else [])]


def _crops(source: Path, progress: Progress) -> LabelledSet:
    """Read class folders of faces; where the manifest knows it, as boxes of the photographs."""
    found = LabelledSet()
    manifest = Manifest(source)
    cut: defaultdict[Path, list[tuple[VocObject, Mapping[str, str]]]] = defaultdict(list)
    above, digest = source.resolve().parent, cache(sha256)
    paths = images.find(source, lambda error: found.problems.append(str(error)))
    for path in progress(paths, desc="labels", unit="picture"):
        name, row = named(path, source, manifest)
        label = canonical(row.get("class", "")) or layout.folder_class(
            PurePosixPath(source.resolve().name, name)
        )
        if label is None:
            found.problems.append(f"{path}: no folder that names a class")
            continue
        try:
            face = _face(path, label, row)
            if face:
                # A path beside the folder of the crops, or an absolute one.
                picture = absolute(above / row["picture"])
                if picture.is_file() and _is_meant(picture, above, row.get("sha256", ""), digest):
                    cut[picture].append((face, row))
                    continue
                found.lost[
                    "boxes in pictures that are gone or changed (crops became pictures)"
                ] += 1
            width, height = images.size(path)
        except InputError as error:
            found.problems.append(str(error))
            continue
        whole = VocObject(0, label, Box(0, 0, width, height))
        kept = {key: value for key, value in row.items() if key not in CROP_COLUMNS}
        found.pictures.append(LabelledPicture(path, name, width, height, (whole,), kept))
    _add_photographs(found, cut)
    found.pictures = with_parts(found.pictures, manifest)
    return found


def _is_meant(picture: Path, above: Path, said: str, digest: Callable[[Path], str]) -> bool:
    """Tell whether a file is the picture of a manifest, which anybody may have written."""
    return digest(picture) == said if said else picture.is_relative_to(above)


def _face(path: Path, label: str, row: Mapping[str, str]) -> VocObject | None:
    """Return the face that a manifest's row says a crop is of, None if it does not say."""
    if not row.get("picture") or not row.get("x1"):
        return None
    try:
        box = Box(*(float(row[key]) for key in ("x1", "y1", "x2", "y2")))
        return VocObject(int(row.get("object") or 0), label, box)
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: the manifest's box is unusable: {error}") from error


def _add_photographs(
    found: LabelledSet, cut: Mapping[Path, list[tuple[VocObject, Mapping[str, str]]]]
) -> None:
    above = Path(os.path.commonpath([path.parent for path in cut])) if cut else Path()
    for path, faces in cut.items():
        try:
            width, height = images.size(path)
        except InputError as error:
            found.problems.append(str(error))
            continue
        objects = []
        for face, _ in sorted(faces, key=lambda item: item[0].index):
            box = face.box.clip(width, height)
            if box.area:
                objects.append(replace(face, box=box))
            else:
                found.problems.append(f"{path}: the manifest's box {face.box} lies outside")
        if not objects:
            continue  # as for VOC files
        row = {key: value for key, value in faces[0][1].items() if key not in CROP_COLUMNS}
        name = picture_name(path.relative_to(above).as_posix())
        found.pictures.append(LabelledPicture(path, name, width, height, tuple(objects), row))
