#!/usr/bin/env python
"""Lay out what the shipped detectors are trained on, from a pool of labelled photographs and crops.

    python scripts/detector_data.py POOL OUT --yunet FILE --split model/mask_mobilenetv2/split.csv

OUT/scenes has POOL/scenes with a part of the data for each: what a classifier was validated on is
validated on here too, so that the detector can begin with its weights. OUT/crops has those of
POOL/crops in which YuNet sees one face, with its box, moved to where people draw it in the scenes
for training, and the class of the folder; what else it sees, less surely, is marked as difficult.
Of crops that a face fills only some without a mask are taken, for the scenes have few. Pictures are
copied, and nothing of POOL is changed.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections import Counter
from pathlib import Path

import click
import cv2
import numpy as np
from tqdm import tqdm

from maskdet import files, images
from maskdet.errors import InputError, MaskdetError
from maskdet.faces.own import BORDER
from maskdet.faces.yunet import YunetFaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.manifest import TRAIN, VAL, Manifest
from maskdet.labels.voc import VocObject
from maskdet.layout import voc_path
from maskdet.types import Box, Face

SURE = 0.6
UNSURE = 0.2
"""YuNet's scores of what is a face, and of what may be one."""

AROUND = 0.25
"""What is added around a crop, as a part of its longer side: faces may fill it."""

BARE = 400
"""Of crops that a face fills, so many are taken."""

LARGE = 48
"""Pixels from which a face's box says something about where people draw boxes."""

ENOUGH = 20
"""Such faces of a class say where its boxes are drawn; fewer do not, and the boxes stay."""

SAME = 0.3
"""IoU from which YuNet's box and a person's show the same face, however differently drawn."""

Sides = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("pool", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--yunet", required=True, type=click.Path(path_type=Path))
@click.option("--split", "parts", required=True, type=click.Path(exists=True, path_type=Path))
def main(pool: Path, out: Path, yunet: Path, parts: Path) -> None:
    if out.exists():
        raise click.ClickException(f"{out} exists already")
    try:
        detector = YunetFaceDetector(yunet, UNSURE)
        held = scenes(pool / "scenes", out / "scenes", parts)
        moves = framing(out / "scenes", detector)
        counts = crops(pool / "crops", out / "crops", detector, moves)
    except MaskdetError as error:
        shutil.rmtree(out, ignore_errors=True)
        raise click.ClickException(str(error)) from error
    for name, number in [*held.items(), *counts.items()]:
        click.echo(f"{name}: {number}")
    for name, sides in moves.items():
        click.echo(f"YuNet's boxes of {name} moved by: {', '.join(f'{v:.3f}' for v in sides)}")


def scenes(pool: Path, out: Path, parts: Path) -> Counter[str]:
    """Copy photographs with their VOC files, and say which part of the data each is in."""
    with parts.open(newline="") as file:
        rows = list(csv.DictReader(file))
    held = {row["group"] for row in rows if row["subset"] == "validation"}
    out.mkdir(parents=True)
    given, manifest = Manifest(pool), Manifest(out)
    counts: Counter[str] = Counter()
    for path in images.find(pool):
        name = path.relative_to(pool).as_posix()
        group = given.get(name).get("group")
        if not group:
            raise InputError(f"{given.path} has no group for {name}")
        part = VAL if group in held else TRAIN
        counts[f"scenes, {part}"] += 1
        files.make_folder((out / name).parent)
        for file in (path, voc_path(path)):
            files.copy(file, out / file.relative_to(pool))
        manifest.set(name, {"group": group, "split": part})
    manifest.write()
    return counts


def framing(scenes: Path, detector: YunetFaceDetector) -> dict[str, Sides]:
    """Return by class where people draw the sides of boxes that YuNet has drawn, too.

    Medians over the photographs for training, in widths and heights of YuNet's boxes.
    """
    manifest = Manifest(scenes)
    moves: dict[str, list[list[float]]] = {}
    for path in tqdm(images.find(scenes), desc="framing"):
        if manifest.get(path.relative_to(scenes).as_posix()).get("split") != TRAIN:
            continue
        try:
            image = images.read(path)
        except InputError:
            continue
        faces = [face.box for face in detector.detect(image) if face.score >= SURE]
        for item in voc.read(voc_path(path), image.shape[1], image.shape[0]).objects:
            found = max(faces, key=item.box.iou, default=None)
            small = min(item.box.width, item.box.height) < LARGE
            if found and not small and not item.difficult and item.box.iou(found) >= SAME:
                sizes = [found.width, found.height] * 2
                pairs = zip(item.box.to_list(), found.to_list(), sizes, strict=True)
                moves.setdefault(item.label, []).append([(a - b) / s for a, b, s in pairs])
    return {
        label: tuple(np.median(rows, axis=0).tolist())
        for label, rows in moves.items()
        if len(rows) >= ENOUGH
    }


def crops(
    pool: Path, out: Path, detector: YunetFaceDetector, moves: dict[str, Sides]
) -> Counter[str]:
    """Copy crops in which there is one face, with a VOC file each.

    ``moves`` is where the boxes' sides are drawn by people, see ``framing``.
    """
    out.mkdir(parents=True)
    given, manifest = Manifest(pool), Manifest(out)
    counts: Counter[str] = Counter()
    rows = {path: given.get(path.relative_to(pool).as_posix()) for path in images.find(pool)}
    chosen = [path for path, row in rows.items() if row.get("kind") == "photo"]
    bare = [
        path
        for path, row in rows.items()
        if (row.get("kind"), row.get("class")) == ("face", "without_mask")
    ]
    chosen += random.Random(0).sample(bare, min(BARE, len(bare)))
    for path in tqdm(chosen, desc="crops"):
        row = rows[path]
        try:
            image = images.read(path)
        except InputError:
            counts["crops that cannot be read"] += 1
            continue
        faces = look(image, detector, moves.get(row["class"], (0, 0, 0, 0)))
        sure = [face for face in faces if face.score >= SURE]
        if len(sure) != 1:
            counts[f"crops, {'no face' if not sure else 'several faces'}"] += 1
            continue
        counts[f"crops, {row['class']}"] += 1
        name = f"{row['class']}/{path.name}"
        files.make_folder((out / name).parent)
        files.copy(path, out / name)
        objects = [
            VocObject(number, row["class"], face.box, difficult=face is not sure[0])
            for number, face in enumerate(faces)
        ]
        height, width = image.shape[:2]
        voc.write(voc_path(out / name), name, width, height, objects, proposal=True)
        manifest.set(name, {"group": row["group"], "kind": row["kind"]})
    manifest.write()
    return counts


def look(image: Bgr, detector: YunetFaceDetector, move: Sides) -> list[Face]:
    """Return the faces in a crop, at least in part, their sides moved."""
    height, width = image.shape[:2]
    border = round(AROUND * max(width, height))
    wide = cv2.copyMakeBorder(image, *[border] * 4, cv2.BORDER_CONSTANT, value=[BORDER] * 3)
    inside = Box(0, 0, width, height)
    faces = []
    for face in detector.detect(wide):  # type: ignore[arg-type]
        sizes = [face.box.width, face.box.height] * 2
        sides = zip(face.box.to_list(), sizes, move, strict=True)
        corners = [value - border + size * by for value, size, by in sides]
        if (box := Box(*corners)).intersection(inside) >= 1:
            faces.append(Face(box.clip(width, height), face.score))
    return faces


if __name__ == "__main__":
    main()
