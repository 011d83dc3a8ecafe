#!/usr/bin/env python
"""Measure face detectors on labelled photographs: average precision, recall, precision, time.

\b
    python scripts/measure_detectors.py                     # maskdet's own, the SSD and Haar
    python scripts/measure_detectors.py --yunet face_detection_yunet_2023mar.onnx
    python scripts/measure_detectors.py --own model/mine    # maskdet's own, if not those in model
    python scripts/measure_detectors.py --scenes DIR --every 3 --curve   # for the SSD's threshold

DIR holds photographs with Pascal VOC files beside them. AP is the area under the whole curve
down to a score of 0.05, at IoU 0.5, of faces of whatever class; recall and precision are those
at the detector's default threshold. Of sets in which not every face carries a box, precision
comes out too low. The time is measured apart, at the default threshold, on ``--timed``
photographs made 1280 pixels long, the detectors taking turns. ``--curve`` prints instead what
every threshold of the SSD would give.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
from bench_detect import shipped
from tqdm import tqdm

from maskdet import faces, images
from maskdet.errors import MaskdetError
from maskdet.faces import haar, ssd, yunet
from maskdet.faces.base import FaceDetector
from maskdet.images import Bgr
from maskdet.labels import voc
from maskdet.labels.ap import LEAST_SCORE, Judged, Ranking, judge, ratio

CORPUS = Path(os.environ.get("MASKDET_CORPUS", Path(__file__).parents[2] / "shared" / "data"))
TIMED_SIDE = 1280
CURVE = np.arange(0.2, 0.81, 0.05)

Contender = tuple[str, Callable[..., FaceDetector], float]
"""A detector's name, what makes one for a least score, and its default threshold."""


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--scenes", type=click.Path(path_type=Path), default=CORPUS / "dev_scenes")
@click.option("--yunet", "yunet_file", type=click.Path(path_type=Path), help="Its model file.")
@click.option("--own", "owns", multiple=True, help="Of maskdet. [default: all in model]")
@click.option("--size", "sizes", type=int, multiple=True, help="Of the SSD. [default: 300, 450]")
@click.option("--every", default=1, show_default=True, help="Take each N-th photograph.")
@click.option("--timed", default=20, show_default=True, help="Photographs to take the time of.")
@click.option("--curve", is_flag=True, help="Recall, precision and F1 of the SSD by threshold.")
def main(
    scenes: Path,
    yunet_file: Path | None,
    owns: tuple[str, ...],
    sizes: tuple[int, ...],
    every: int,
    timed: int,
    curve: bool,
) -> None:
    if not scenes.is_dir():
        raise click.ClickException(f"{scenes} is missing: give --scenes or set MASKDET_CORPUS")
    paths = list(images.find(scenes))[::every]
    if not paths:
        raise click.ClickException(f"there is no photograph in {scenes}")
    ssds = list(_ssds(sizes or (ssd.TRAINED_SIZE, ssd.PICTURE_SIZE)))
    try:
        contenders = ssds if curve else [*ssds, *_others(yunet_file), *_owns(owns)]
        detectors = {name: make(min_score=LEAST_SCORE) for name, make, _ in contenders}
        rankings = _rankings(paths, detectors)
    except MaskdetError as error:
        raise click.ClickException(str(error)) from error
    count = next(iter(rankings.values())).faces.sum()
    click.echo(f"{scenes.name}: {len(paths)} photographs, {count:.0f} faces\n")
    if curve:
        _print_curve(rankings)
        return
    usual = {name: make(min_score=threshold) for name, make, threshold in contenders}
    times = _times(usual, paths[:timed])
    first = next(iter(times.values()))
    _print_row("detector", "AP", "threshold", "recall", "precision", "ms a picture", "time")
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, _, threshold in contenders:
        ranking = rankings[name]
        recall, precision = ranking.at(threshold)
        _print_row(
            name,
            f"{ranking.average_precision():.3f}",
            f"{threshold}",
            f"{recall:.3f}",
            f"{precision:.3f}",
            f"{np.median(times[name]) * 1000:.0f}",
            f"{np.median(np.divide(times[name], first)):.2f} x",
        )


def _rankings(paths: list[Path], detectors: dict[str, FaceDetector]) -> dict[str, Ranking]:
    judged: dict[str, list[Judged]] = {name: [] for name in detectors}
    for path in tqdm(paths, disable=None):
        image = images.read(path)
        height, width = image.shape[:2]
        truth = voc.read(path.with_suffix(".xml"), width, height).objects
        for name, detector in detectors.items():
            found = detector.detect(image)
            boxes, scores = [face.box for face in found], [face.score for face in found]
            judged[name].append(judge(truth, boxes, scores))
    return {name: Ranking(items) for name, items in judged.items()}


def _print_curve(rankings: dict[str, Ranking]) -> None:
    _print_row("detector", "threshold", "recall", "precision", "F1")
    click.echo("| --- | ---: | ---: | ---: | ---: |")
    for name, ranking in rankings.items():
        for threshold in CURVE:
            recall, precision = ranking.at(threshold)
            f1 = ratio(2 * recall * precision, recall + precision)
            figures = (f"{figure:.3f}" for figure in (recall, precision, f1))
            _print_row(name, f"{threshold:.2f}", *figures)


def _print_row(*cells: str) -> None:
    click.echo(f"| {' | '.join(cells)} |")


def _ssds(sizes: tuple[int, ...]) -> Iterator[Contender]:
    for size in sizes:
        yield (
            f"ssd, {size}",
            partial(faces.create, "ssd", None, size=size),
            ssd.DEFAULT_MIN_SCORE,
        )


def _others(yunet_file: Path | None) -> Iterator[Contender]:
    if yunet_file:
        yield "yunet", partial(faces.create, "yunet", yunet_file), yunet.DEFAULT_MIN_SCORE
    yield "haar", partial(faces.create, "haar", None), haar.DEFAULT_MIN_SCORE


def _owns(given: tuple[str, ...]) -> Iterator[Contender]:
    for name in given or shipped("detection"):
        make = partial(faces.create, "maskdet", Path(name))
        yield name, make, make().min_score


def _times(detectors: dict[str, FaceDetector], paths: list[Path]) -> dict[str, list[float]]:
    """Return the seconds of each detector for each picture, made ``TIMED_SIDE`` long."""
    times: dict[str, list[float]] = {name: [] for name in detectors}
    for path in paths:
        image = images.read(path)
        scale = TIMED_SIDE / max(image.shape[:2])
        large: Bgr = cv2.resize(image, None, fx=scale, fy=scale)  # type: ignore[assignment]
        for name, detector in detectors.items():
            detector.detect(large)  # lays its network out for this size
            start = time.perf_counter()
            detector.detect(large)
            times[name].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
