"""Cutting the labelled faces of photographs out into class folders: a cache that follows the
VOC files."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from maskdet import files, images
from maskdet.errors import InputError
from maskdet.labels import cutting, ledger, voc
from maskdet.labels.manifest import Manifest, alone, part
from maskdet.labels.records import group_of
from maskdet.layout import pictures, voc_path
from maskdet.progress import SILENT, Progress
from maskdet.types import Box

MARGIN = 0.1
"""What is added to a box on each side, as a part of its longer side: what ``maskdet train``
gives the network by default."""


@dataclass(slots=True)
class Cropped:
    """What became of the faces of a folder: counts of crops, and in words what failed.

    ``labels`` counts all crops of this folder by class; ``unlabelled`` are pictures without a
    VOC file, ``difficult`` faces that are marked so and left out.
    """

    made: int = 0
    unchanged: int = 0
    removed: int = 0
    difficult: int = 0
    unlabelled: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Face:
    """A face to have a crop of.

    ``row`` is what the manifest shall say of it; ``split`` is its picture's own part, if it has
    one.
    """

    picture: Path
    item: voc.VocObject
    row: Mapping[str, str]
    split: str | None


def crop(
    root: Path,
    faces: Path,
    data: Path | None = None,
    margin: float = MARGIN,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> Cropped:
    """Bring ``faces`` up to date with the VOC files of a folder of photographs.

    Each face is cut as the classifier sees it (``faces.crop.cut_face``), in full resolution,
    into ``<class>/<picture's stem>_<place in the VOC file>.jpg``; where that name is another's,
    a digest of the picture's path follows the stem. ``manifest.csv`` in ``faces`` says which
    face each crop shows, and gives all crops of a picture one group: the one that a manifest in
    ``root`` has for the picture, else the picture's path (``records.group_of``). A crop that has
    no part (``split``) yet joins that of the picture's others, else the picture's own in ``root``.

    Crops of this folder whose picture, label, box or margin has changed are made anew or
    removed; crops of other folders, and files that the manifest does not know as crops, are
    never touched. Where ``data`` has a ledger, the crops stand in it, too, and those that were
    set aside as copies are not made again. A run that is killed is finished by the next one.
    Large folders are shared among processes: a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Args:
        root: the photographs, with all below it.
        faces: the folder of the crops; is made where it does not exist.
        data: the data set's root, from which pictures are named; None: ``faces``' parent.
        margin: part of the box's longer side that is added on each end.
        workers: how many pictures are read at once; None: one a core.
        progress: makes the bar.

    Raises:
        InputError: ``root`` is no folder, a manifest cannot be read, or another command is at
            work in ``faces``.
        OutputError: the manifest, a folder or the ledger cannot be written.
    """
    check_apart(root, faces)
    data = data or faces.parent
    workers = workers or os.cpu_count() or 1
    with alone(files.make_folder(faces)):
        return _crop(root, faces, data, margin, workers, progress)


def check_apart(root: Path, faces: Path) -> None:
    """Raise InputError where crops would lie among the photographs and be labelled in turn."""
    if files.leads_below(faces, root):
        raise InputError(
            f"the crops' folder {faces} lies in {root}: label the folder of the photographs alone "
            "(in a data set, raw), or let the crops go elsewhere (--faces)"
        )


def _crop(
    root: Path, faces: Path, data: Path, margin: float, workers: int, progress: Progress
) -> Cropped:
    manifest = Manifest(faces)
    wanted, result = _wanted(root, data, margin, workers, progress)
    places, stale = _arrange(wanted, faces, manifest, root, data)
    cut = {file for file, face in places.items() if face.row.items() <= manifest.get(file).items()}
    there = {file for file in places if (faces / file).is_file()}
    aside = (ledger.set_aside(data, faces, stale) & cut) - there
    places = {file: face for file, face in places.items() if file not in aside}
    fresh = {file: face for file, face in places.items() if file not in cut & there}
    splits = _splits(manifest, places, fresh)
    if fresh or stale or splits:
        # In this order, a run that is killed leaves no crop that is not known as ours, and none
        # that shows something else than the manifest says.
        for file in (*stale, *fresh):
            (faces / file).unlink(missing_ok=True)
        manifest.remove(stale)
        for file, face in fresh.items():
            manifest.set(file, face.row)
        for file, split in splits.items():
            manifest.set(file, {"split": split})
        manifest.write()
    of_picture: defaultdict[Path, dict[str, Box]] = defaultdict(dict)
    for file, face in fresh.items():
        of_picture[face.picture][file] = face.item.box
    failed, problems = cutting.cut(of_picture, faces, margin, workers, progress)
    result.problems += problems
    if failed:
        manifest.remove(failed)
        manifest.write()
    cutting.remove_empty(faces / file for file in (*stale, *failed))

    made = {file: face for file, face in places.items() if file not in failed}
    result.labels.update(face.item.label for face in made.values())
    result.made = len(fresh) - len(failed)
    result.unchanged = len(places) - len(fresh)
    result.removed = len(stale)
    shown = {file: (face.picture, face.item) for file, face in made.items()}
    ledger.enter(data, faces, [*stale, *failed], shown, fresh.keys())
    return result


def _wanted(
    root: Path, data: Path, margin: float, workers: int, progress: Progress
) -> tuple[list[_Face], Cropped]:
    """Return the faces that shall have a crop, and what there is to say of the others."""
    found, problems = pictures(root)
    result = Cropped(problems=problems)
    known = Manifest(root)

    def read(path: Path) -> tuple[list[_Face], voc.VocFile | None, str]:
        name = files.name_from(path, data)
        said = known.get(path.relative_to(root).as_posix())
        group = said.get("group") or group_of(path, root, data)
        try:
            return _faces(path, name, group, part(said.get("split", "")), margin)
        except InputError as error:
            return [], None, str(error)

    wanted: list[_Face] = []
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(read, found)
        for some, file, problem in progress(done, total=len(found), desc="labels", unit="picture"):
            wanted += some
            if problem:
                result.problems.append(problem)
            elif file is None:
                result.unlabelled += 1
            else:
                result.problems += file.problems
                result.difficult += sum(item.difficult for item in file.objects)
    return wanted, result


def _faces(
    path: Path, name: str, group: str, split: str | None, margin: float
) -> tuple[list[_Face], voc.VocFile | None, str]:
    boxes = voc_path(path)
    if not boxes.is_file():
        return [], None, ""
    file = voc.read(boxes, *images.size(path))
    picture = {"group": group, "picture": name, "sha256": files.sha256(path)}
    rows = []
    for item in file.objects:
        if not item.difficult:
            corners = dict(
                zip(("x1", "y1", "x2", "y2"), map(_text, item.box.to_list()), strict=True)
            )
            row = {"class": item.label, **picture, "object": str(item.index), **corners}
            rows.append(_Face(path, item, {**row, "margin": _text(margin)}, split))
    return rows, file, ""


def _arrange(
    wanted: Sequence[_Face], faces: Path, manifest: Manifest, root: Path, data: Path
) -> tuple[dict[str, _Face], list[str]]:
    """Return the file of each face, and the crops that are out of date."""
    ours = {row["file"]: row for row in manifest.rows if _is_crop(row)}
    before = {(row["picture"], row["object"], row["class"]): file for file, row in ours.items()}
    # A picture that is gone from elsewhere takes no crop with it, for its disk may only be
    # unplugged; unless it is here now.
    here = {face.row["sha256"] for face in wanted}
    mine = {
        file
        for file, row in ours.items()
        if files.is_below(data / row["picture"], root)
        or (row["sha256"] in here and not (data / row["picture"]).is_file())
    }
    places: dict[str, _Face] = {}
    rest = []
    for face in wanted:
        file = before.get((face.row["picture"], face.row["object"], face.item.label))
        if file is None:
            rest.append(face)
        else:
            places[file] = face
    for face in rest:
        label, stem, number = face.item.label, face.picture.stem, face.item.index
        file = f"{label}/{stem}_{number}.jpg"
        if file in places or (file not in mine and (file in ours or (faces / file).exists())):
            digest = hashlib.sha256(os.fsencode(face.row["picture"])).hexdigest()[:6]
            file = f"{label}/{stem}-{digest}_{number}.jpg"
        places[file] = face
    return places, sorted(mine - places.keys())


def _splits(
    manifest: Manifest, places: Mapping[str, _Face], fresh: Collection[str]
) -> dict[str, str]:
    """Return the part of each crop that has none yet, or is made anew, as far as it is known.

    A picture's crops are all in one part, wherever it is moved to: a new one must not land in
    another.
    """
    parts = {
        key: row["split"] for row in manifest.rows if row.get("split") for key in _identities(row)
    }
    splits = {
        file: next((parts[key] for key in _identities(face.row) if key in parts), face.split)
        for file, face in places.items()
        if file in fresh or not manifest.get(file).get("split")
    }
    return {file: split for file, split in splits.items() if split}


def _identities(row: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return what a picture is known by, the surest first; copies share their bytes."""
    picture, sha256 = row.get("picture", ""), row.get("sha256", "")
    return [(picture, sha256), ("", sha256), (picture, "")]


def _is_crop(row: Mapping[str, str]) -> bool:
    """Tell whether a row is of a crop that was cut here, and names a file below its folder."""
    file = PurePosixPath(row.get("file", ""))
    return (
        all(row.get(column) for column in ("class", "picture", "object", "sha256"))
        and not file.is_absolute()
        and ".." not in file.parts
    )


def _text(value: float) -> str:
    return f"{value:g}"
