"""A folder of YOLO's label files: where they lie, what the classes and parts are called."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from maskdet import files, images, layout
from maskdet.errors import InputError
from maskdet.labels import yolo
from maskdet.labels.manifest import PARTS, Manifest
from maskdet.labels.records import (
    LabelledPicture,
    LabelledSet,
    below,
    in_folder_beside,
    label_files,
    named,
    orphans,
    with_parts,
)
from maskdet.progress import Progress


def load(source: Path, progress: Progress) -> LabelledSet:
    """Read a YOLO set, see ``collect.load``."""
    paths, problems = layout.pictures(source)
    found = LabelledSet(problems=problems)
    broken = source / yolo.CONFIG
    place = config_file(source) or (broken if broken.is_file() else None)
    if place is None:
        raise InputError(f"{source} has neither a {yolo.CONFIG} with 'names' nor a classes.txt")
    config = _read_config(place)
    base = place.parent / config.path
    # A set from elsewhere may name a folder of the machine on which it was made.
    parts, gone = _parts(base if base.is_dir() else place.parent, config.parts, paths)
    manifest = Manifest(source)
    texts = [path for path in below(source, ".txt") if path != place]
    labels_of = label_files({path: _places(path, source) for path in paths}, texts)
    if paths and not labels_of:
        raise InputError(
            f"{source}: no picture has a label file: they are wanted in 'labels' beside 'images', "
            "or beside the pictures"
        )
    for path in progress(paths, desc="labels", unit="picture"):
        labels = labels_of.get(path)
        try:
            width, height = images.size(path)
            # Without a file there is no face in the picture: the format's rule.
            text = files.read_text(labels) if labels else ""
        except InputError as error:
            found.problems.append(str(error))
            continue
        objects, wrong, outlines = yolo.parse(text, config.names, width, height, config.pose)
        found.problems += [f"{labels}: {problem}" for problem in wrong]
        if wrong and not objects:
            continue  # It would pass for a picture without a face.
        what = "key points of faces" if config.pose else "outlines"
        found.lost[f"{what} (their boxes are kept)"] += outlines
        name, row = named(path, source, manifest)
        if path in parts:
            row = {"split": parts[path], **row}
        found.pictures.append(LabelledPicture(path, name, width, height, tuple(objects), row))
    labels_there = [path for path in texts if _holds_labels(path, source, config)]
    found.problems += orphans(labels_there, set(labels_of.values()))
    found.pictures = with_parts(found.pictures, manifest)
    without = sum(not picture.row.get("split") for picture in found.pictures)
    if gone and without:
        found.problems.append(
            f"{place}: {gone[0]} is not there, and {without} pictures are in no part"
        )
    return found


def _places(picture: Path, source: Path) -> list[Path]:
    beside = in_folder_beside(picture.relative_to(source), "labels", ".txt")
    return [*([source / beside] if beside else []), picture.with_suffix(".txt")]


def _holds_labels(path: Path, source: Path, config: yolo.Config) -> bool:
    """Tell a label file from a list of pictures or classes, and from a text to read."""
    folders = path.relative_to(source).parts[:-1]
    if path.name == "classes.txt" or "labels" in map(str.lower, folders):
        return path.name != "classes.txt"
    try:
        return bool(yolo.parse(files.read_text(path), config.names, 1, 1, config.pose)[0])
    except InputError:
        return False


def config_file(source: Path) -> Path | None:
    """Return the file that names the classes of a YOLO set, None if there is none.

    Raises:
        InputError: none of several is called ``data.yaml``, and they name different classes.
    """
    found: dict[Path, Mapping[int, str]] = {}
    for path in sorted([*source.glob("*.yaml"), *source.glob("*.yml")]):
        try:
            found[path] = _read_config(path).names
        except InputError:
            continue
    usual = (source / yolo.CONFIG, source / "data.yml")
    first = next((path for path in (*usual, *found) if path in found), None)
    if first and first not in usual and any(names != found[first] for names in found.values()):
        raise InputError(
            f"{source}: {', '.join(path.name for path in found)} name different classes: "
            f"call the right one {yolo.CONFIG}"
        )
    if first:
        return first
    lists = (source / "classes.txt", source / "labels" / "classes.txt")
    return next((path for path in lists if path.is_file()), None)


def _read_config(path: Path) -> yolo.Config:
    text = files.read_text(path)
    if path.suffix == ".txt":
        return yolo.Config(dict(enumerate(text.split("\n"))), {})
    try:
        return yolo.parse_config(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _parts(
    base: Path, parts: Mapping[str, Iterable[str]], pictures: Iterable[Path]
) -> tuple[dict[Path, str], list[str]]:
    """Return the part of each picture that is in just one of those of a ``data.yaml``.

    With it come the places that a part should be in and that do not exist.
    """
    said: defaultdict[Path, set[str]] = defaultdict(set)
    gone = []
    paths = {files.absolute(path): path for path in pictures}
    for name, place in ((name, place) for name, places in parts.items() for place in places):
        listed: set[Path] = set()
        if place.endswith(".txt") and (base / place).is_file():
            lines = files.read_text(base / place, "surrogateescape").split("\n")
            listed = {files.absolute(base / line) for line in lines if line}
        # Some tools write '../train/images' of what lies beside data.yaml.
        folders = {files.absolute(base / place), files.absolute(base / place.removeprefix("../"))}
        if not any(path.exists() for path in folders):
            gone.append(place)
        for path, known in paths.items():
            if path in listed or not folders.isdisjoint(path.parents):
                said[known].add(name)
    return {path: next(iter(names)) for path, names in said.items() if len(names) == 1}, gone


def write(
    target: Path,
    pictures: Sequence[tuple[str, LabelledPicture]],
    labels: Sequence[Path],
    classes: Sequence[str],
) -> None:
    """Write the label files, the lists of the parts and ``data.yaml``.

    Args:
        target: the set's folder.
        pictures: each with its path below ``target``. If none is in a part, all are trained on
            and validated on.
        labels: of each picture, the label file's path below ``target``.
        classes: their names.

    Raises:
        OutputError: a file cannot be written.
    """
    for (_, picture), path in zip(pictures, labels, strict=True):
        files.make_folder((target / path).parent)
        text = yolo.format_lines(picture.objects, classes, picture.width, picture.height)
        files.write_bytes(target / path, text.encode())
    parts = {}
    for part in PARTS:
        lines = [f"./{name}\n" for name, item in pictures if item.row.get("split") == part]
        if lines:
            parts[part] = f"{part}.txt"
            files.write_bytes(target / parts[part], os.fsencode("".join(lines)))
    parts = parts or {"train": "images", "val": "images"}
    files.write_bytes(target / yolo.CONFIG, yolo.format_config(classes, parts).encode())
