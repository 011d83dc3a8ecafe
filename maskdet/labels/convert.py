"""Writing a labelled set in another format."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from maskdet import files, images
from maskdet.classes import BACKGROUND, CLASSES
from maskdet.errors import InputError, OutputError
from maskdet.faces.crop import cut_face
from maskdet.labels import coco, coco_folder, collect, voc, yolo, yolo_folder
from maskdet.labels.collect import COCO, CROPS, VOC, YOLO
from maskdet.labels.crop import MARGIN
from maskdet.labels.cutting import QUALITY
from maskdet.labels.manifest import PARTS, Manifest, alone
from maskdet.labels.records import LabelledPicture, LabelledSet, Names, group_of
from maskdet.progress import SILENT, Progress


@dataclass(slots=True)
class Converted:
    """What was written, what could not be (``problems``), and what the format cannot hold.

    ``faces`` counts by class, ``empty`` the pictures without a face, ``renamed`` those that
    would have had the name of another.
    """

    pictures: int = 0
    empty: int = 0
    renamed: int = 0
    faces: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def convert(
    source: Path,
    target: Path,
    to: str,
    kind: str | None = None,
    link: bool = False,
    overwrite: bool = False,
    margin: float = MARGIN,
    progress: Progress = SILENT,
) -> Converted:
    """Write a labelled set in another format, its pictures and its manifest with it.

    Pictures that lie where they would be copied to stay as they are: Pascal VOC files for a COCO
    set are written beside its pictures if ``target`` is their folder. A COCO file alone is
    written if ``target`` ends with ``.json``; the pictures then stay where they are.

    Args:
        source: see ``collect.load``.
        target: a folder, made where it does not exist.
        to: one of ``collect.FORMATS``. ``voc``: files beside the pictures; ``yolo``: ``images``,
            ``labels``, ``data.yaml``; ``coco``: ``images``, ``annotations.json``; ``crops``:
            class folders.
        kind: the format of ``source``; None: by its content.
        link: make hard links of pictures where the file system can, not copies.
        overwrite: replace files that are there already.
        margin: of crops, as in ``cut_face``.
        progress: makes the bars.

    Raises:
        InputError: the source cannot be read as that format, or another command is at work in
            ``target``.
        OutputError: a file is there already, or cannot be written, or ``target`` is or is in the
            source and pictures would be copied there or, but for COCO, the name of a JSON file.
    """
    _check_target(source, target, to)
    found = collect.load(source, kind, progress)
    _refuse_to_double(found, source, target, to)
    result = Converted(lost=found.lost, problems=found.problems)
    if to == COCO and target.suffix.lower() == ".json":
        _refuse_to_replace([target], overwrite)
        apart = coco_folder.write_alone(target, found.pictures, _class_names(found.pictures))
        result.lost["manifest rows or parts by folder, which lie elsewhere"] += apart
        _count(result, found.pictures, to)
    else:
        known = to == CROPS or any(picture.row for picture in found.pictures)
        with alone(files.make_folder(target)) if known else nullcontext():
            if to == CROPS:
                root = source.parent if source.is_file() else source
                _crops(found, root, target, margin, overwrite, result, progress)
            else:
                _with_pictures(found, target, to, link, overwrite, result, progress)
    result.lost = +result.lost
    return result


def _check_target(source: Path, target: Path, to: str) -> None:
    if target.suffix.lower() == ".json" and to != COCO and not target.is_dir():
        raise OutputError(f"{target} names a JSON file, and {to} is a folder: give one as TARGET")
    folder = source if source.is_dir() else source.parent
    if to != VOC and target.is_dir() and target.samefile(folder):
        raise OutputError(
            f"{target} is where the source lies, and would then hold two formats that nobody can "
            "tell apart: choose another TARGET"
        )


def _refuse_to_double(found: LabelledSet, source: Path, target: Path, to: str) -> None:
    stays = to == COCO and target.suffix.lower() == ".json"
    if to == VOC:
        stays = all(_is_there(picture, target / picture.name) for picture in found.pictures)
    if source.is_dir() and files.leads_below(target, source) and not stays:
        raise OutputError(
            f"{target} is in {source}, which would then have every picture twice: choose another "
            "TARGET"
        )


def _with_pictures(
    found: LabelledSet,
    target: Path,
    to: str,
    link: bool,
    overwrite: bool,
    result: Converted,
    progress: Progress,
) -> None:
    names = Names(by_stem=to in (VOC, YOLO))
    inside = "" if to == VOC else "images/"
    named = [(f"{inside}{names.take(picture.name)}", picture) for picture in found.pictures]
    _refuse_to_replace(
        [target / path for name, picture in named for path in _labels(name, to, picture)]
        + [target / name for name, picture in named if not _is_there(picture, target / name)],
        overwrite,
    )
    written = []
    for name, picture in progress(named, desc="pictures", unit="picture"):
        try:
            files.make_folder((target / name).parent)
            files.copy(picture.path, target / name, link)
        except InputError as error:
            result.problems.append(str(error))
            continue
        if to == VOC:
            (labels,) = _labels(name, to, picture)
            size = (picture.width, picture.height)
            voc.write(target / labels, name, *size, picture.objects, picture.proposal)
        written.append((name, picture))
    classes = _class_names([picture for _, picture in written])
    if to == YOLO:
        places = [_labels(name, to, picture)[0] for name, picture in written]
        yolo_folder.write(target, written, places, classes)
    if to == COCO:
        coco_folder.write(target / coco.FILE, written, classes)
    _write_manifest(target, written)
    result.renamed = names.renamed
    _count(result, [picture for _, picture in written], to)


def _is_there(picture: LabelledPicture, place: Path) -> bool:
    return place.exists() and place.samefile(picture.path)


def _labels(name: str, to: str, picture: LabelledPicture) -> list[Path]:
    """Return the label files that come with a picture, some of them common to all."""
    path = Path(name)
    if to == VOC:
        return [path.with_suffix(".xml")]
    if to == COCO:
        return [Path(coco.FILE)]
    part = picture.row.get("split")
    lists = [Path(f"{part}.txt")] if part in PARTS else []
    return [Path("labels", *path.parts[1:]).with_suffix(".txt"), Path(yolo.CONFIG), *lists]


def _refuse_to_replace(paths: Sequence[Path], overwrite: bool) -> None:
    there = sorted({path for path in paths if path.exists()})
    if there and not overwrite:
        raise OutputError(
            f"{len(there)} files are there already, first {there[0]}: choose another TARGET, "
            "or --overwrite them"
        )


def _crops(
    found: LabelledSet,
    root: Path,
    target: Path,
    margin: float,
    overwrite: bool,
    result: Converted,
    progress: Progress,
) -> None:
    names = Names(by_stem=False)
    faces: list[tuple[LabelledPicture, dict[str, voc.VocObject]]] = []
    for picture in found.pictures:
        stem = PurePosixPath(picture.name).stem
        clear = [item for item in picture.objects if not item.difficult]
        some = {names.take(f"{item.label}/{stem}_{item.index}.jpg"): item for item in clear}
        faces.append((picture, some))
    _refuse_to_replace([target / file for _, some in faces for file in some], overwrite)
    for label in {item.label for _, some in faces for item in some.values()}:
        files.make_folder(target / label)

    def one(job: tuple[LabelledPicture, dict[str, voc.VocObject]]) -> dict[str, str] | str:
        picture, some = job
        try:
            # A picture without a face is not looked at.
            image = images.read(picture.path) if some else np.empty((0, 0, 3), np.uint8)
            for file, item in some.items():
                images.write(target / file, cut_face(image, item.box, margin), QUALITY)
            return _origin(picture, root, target)
        except InputError as error:
            return str(error)

    manifest = Manifest(target)
    done = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = progress(pool.map(one, faces), total=len(faces), desc="crops", unit="picture")
        for (picture, some), origin in zip(faces, outcomes, strict=True):
            if isinstance(origin, str):
                result.problems.append(origin)
                continue
            done.append(picture)
            for file, item in some.items():
                box = item.box
                numbers = {"x1": box.x1, "y1": box.y1, "x2": box.x2, "y2": box.y2, "margin": margin}
                place = {"object": str(item.index), **{k: f"{v:.10g}" for k, v in numbers.items()}}
                manifest.set(file, {"class": item.label, **origin, **place})
    manifest.write()
    _count(result, done, CROPS)


def _origin(picture: LabelledPicture, root: Path, target: Path) -> dict[str, str]:
    """Return what a manifest says of all crops of a picture, as ``labels.crop`` does."""
    name = files.name_from(picture.path, target.parent)
    row = {"group": group_of(picture.path, root, target.parent), **picture.row, "picture": name}
    return {**row, "sha256": files.sha256(picture.path)}


def _write_manifest(target: Path, written: Sequence[tuple[str, LabelledPicture]]) -> None:
    manifest = Manifest(target)
    rows = [(name, picture.row) for name, picture in written if picture.row]
    for name, row in rows:
        manifest.set(name, row)
    if rows:
        manifest.write()


def _class_names(pictures: Sequence[LabelledPicture]) -> list[str]:
    used = {item.label for picture in pictures for item in picture.objects}
    return [*CLASSES, *([BACKGROUND] if BACKGROUND in used else [])]


def _count(result: Converted, pictures: Sequence[LabelledPicture], to: str) -> None:
    """Count what was written, and what of it the format cannot hold."""
    every = [item for picture in pictures for item in picture.objects]
    difficult = sum(item.difficult for item in every)
    proposals = sum(picture.proposal for picture in pictures)
    if to == CROPS:
        shown = [p for p in pictures if not all(item.difficult for item in p.objects)]
        result.lost["pictures without a face"] += len(pictures) - len(shown)
        result.lost["faces marked as difficult"] += difficult
        every, pictures = [item for item in every if not item.difficult], shown
    result.faces.update(item.label for item in every)
    result.pictures = len(pictures)
    result.empty = sum(not picture.objects for picture in pictures)
    if to == YOLO:
        result.lost["marks of difficult faces (the faces are kept)"] += difficult
        without = sum(picture.row.get("split") not in PARTS for picture in pictures)
        if without < len(pictures):  # else there are no lists, and data.yaml names all pictures
            result.lost["pictures in no part (no list has them)"] += without
    if to in (YOLO, CROPS):
        result.lost["marks of proposals that nobody has looked at"] += proposals
        noted = sum(item.truncated or item.pose != voc.UNSPECIFIED for item in every)
        result.lost["notes of a pose or a cut-off face"] += noted
    if to == VOC:
        corners = [v for item in every for v in item.box.to_list(4)]
        result.lost["fractions of a pixel in corners"] += sum(v != round(v) for v in corners)
