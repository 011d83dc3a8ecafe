#!/usr/bin/env python
"""Measure what a closer look at large pictures brings to maskdet's own detector.

\b
    python scripts/measure_large.py build/training/detector/scenes --split val

SCENES holds photographs with Pascal VOC files beside them. From them two kinds of large pictures
are made: crowds, nine photographs each, three by three, of 720 pixels; and single photographs
enlarged to 2160 pixels, in which there is no more to see than before. Both are looked
at once, as a whole, and as ``detect`` looks at a picture, the quarters, too, and measured by the
code of ``maskdet evaluate``.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
from tqdm import tqdm

from maskdet import images
from maskdet.detect.pipeline import Pipeline, load_pipeline
from maskdet.errors import MaskdetError
from maskdet.evaluate import tables
from maskdet.evaluate.run import evaluate
from maskdet.faces.own import BORDER
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.ap import LEAST_SCORE
from maskdet.labels.manifest import Manifest
from maskdet.labels.voc import VocObject
from maskdet.layout import voc_path
from maskdet.types import Box

TILE = 720
LARGE = 2160
ACROSS = 3

Photo = tuple[Bgr, Sequence[VocObject]]


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("scenes", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--model", help="A detector of maskdet's. [default: the shipped one]")
@click.option("--split", type=click.Choice(["train", "val", "test"]), help="Of manifest.csv.")
def main(scenes: Path, model: str | None, split: str | None) -> None:
    click.echo("| | looks | face AP | recall | precision | mAP, two classes | seconds |")
    click.echo("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    try:
        usual = load_pipeline(model).detector
        looks = {
            name: load_pipeline(model, min_score=LEAST_SCORE, face_size=usual.size, moving=moving)
            for name, moving in (("whole", True), ("whole, quarters", False))
        }
        photos = list(read(scenes, split))
        for kind, made in (("nine in one", crowds(photos)), ("one, enlarged", enlarged(photos))):
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), made)
                for name, pipeline in looks.items():
                    cells = " | ".join(measure(Path(folder), pipeline, usual.min_score))
                    click.echo(f"| {kind} | {name} | {cells} |")
    except MaskdetError as error:
        raise click.ClickException(str(error)) from error


def measure(folder: Path, pipeline: Pipeline, working: float) -> Iterator[str]:
    """Yield the figures of a row, as text."""
    bars = partial(tqdm, file=sys.stderr, disable=None)
    start = time.perf_counter()
    metrics = evaluate(folder, pipeline, working, resamples=0, progress=bars).metrics
    seconds = time.perf_counter() - start
    yield tables.value(metrics["face_detector"]["average_precision"])
    for name in ("face_recall", "face_precision", "two_class_map"):
        yield tables.value(metrics["pipeline"][name])
    yield f"{seconds:.0f}"


def write(folder: Path, photos: Iterable[Photo]) -> None:
    """Write photographs with their VOC files."""
    for number, (image, objects) in enumerate(photos):
        path = folder / f"{number}.jpg"
        images.write(path, image, 92)
        voc.write(voc_path(path), path.name, *image.shape[1::-1], objects)


def read(scenes: Path, split: str | None) -> Iterator[Photo]:
    """Yield the labelled photographs of a folder, those of one part alone if it is named."""
    manifest = Manifest(scenes)
    for path in images.find(scenes):
        part = manifest.get(path.relative_to(scenes).as_posix()).get("split")
        if voc_path(path).is_file() and split in (None, part):
            image = images.read(path)
            yield image, voc.read(voc_path(path), image.shape[1], image.shape[0]).objects


def resized(photo: Photo, side: int) -> Photo:
    """Return a photograph with a longer side of so many pixels."""
    image, objects = photo
    scale = side / max(image.shape[:2])
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return large, [moved(item, scale) for item in objects]  # type: ignore[return-value]


def moved(item: VocObject, scale: float, x: float = 0, y: float = 0) -> VocObject:
    """Return a face of a photograph that has been enlarged, and laid at a place."""
    x1, y1, x2, y2 = (value * scale for value in item.box.to_list())
    return VocObject(item.index, item.label, Box(x1 + x, y1 + y, x2 + x, y2 + y), item.difficult)


def enlarged(photos: Sequence[Photo]) -> Iterator[Photo]:
    """Yield each photograph, enlarged."""
    for photo in photos:
        yield resized(photo, LARGE)


def crowds(photos: Sequence[Photo]) -> Iterator[Photo]:
    """Yield pictures of nine photographs each; those left over are left out."""
    order = np.random.default_rng(0).permutation(len(photos))
    for chosen in order[: len(order) // ACROSS**2 * ACROSS**2].reshape(-1, ACROSS**2):
        canvas = np.full((ACROSS * TILE, ACROSS * TILE, 3), BORDER, np.uint8)
        objects: list[VocObject] = []
        for place, number in enumerate(chosen):
            y, x = (TILE * value for value in divmod(place, ACROSS))
            image, items = resized(photos[number], TILE)
            canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
            objects += [moved(item, 1, x, y) for item in items]
        yield canvas, objects


if __name__ == "__main__":
    main()
