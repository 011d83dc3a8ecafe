#!/usr/bin/env python
"""Measure a mask classifier on labelled photographs that it has never seen.

    python scripts/measure_accuracy.py                      # the shipped model, dev_scenes
    python scripts/measure_accuracy.py --model model/mine --scenes DIR --write

DIR holds photographs with Pascal VOC files beside them. Faces marked difficult are neither
counted nor held against a detection of which half lies in them. Intervals are 95 % bootstrap
intervals over photographs. Needs the extra ``train`` (scikit-learn).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score
from tqdm import tqdm

from maskdet import images
from maskdet.classes import CLASSES, WITH_MASK
from maskdet.detect.pipeline import load_pipeline
from maskdet.evaluate.match import match
from maskdet.files import write_bytes
from maskdet.labels import voc
from maskdet.models import store

CORPUS = Path(os.environ.get("MASKDET_CORPUS", Path(__file__).parents[2] / "shared" / "data"))
RESAMPLES = 1000


@dataclass
class Faces:
    """True and predicted classes (places in CLASSES), and the photograph of each face."""

    truth: list[int]
    guess: list[int]
    photo: list[int]

    def add(self, truth: str, guess: str, photo: int) -> None:
        self.truth.append(CLASSES.index(truth))
        self.guess.append(CLASSES.index(guess))
        self.photo.append(photo)

    def measure(self, metric: Callable[[Any, Any], float]) -> dict[str, float]:
        """Return the metric with its interval, from photographs drawn with replacement."""
        truth, guess, photo = map(np.asarray, (self.truth, self.guess, self.photo))
        places = [np.flatnonzero(photo == number) for number in np.unique(photo)]
        random = np.random.default_rng(0)
        values = []
        for _ in range(RESAMPLES):
            drawn = np.concatenate(
                [places[k] for k in random.integers(0, len(places), len(places))]
            )
            values.append(metric(truth[drawn], guess[drawn]))
        low, high = np.percentile(values, [2.5, 97.5])
        return {
            "value": round(float(metric(truth, guess)), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
        }


def two_class_accuracy(truth: Any, guess: Any) -> float:
    masked = CLASSES.index(WITH_MASK)
    return float(np.mean((truth == masked) == (guess == masked)))


def macro_f1(truth: Any, guess: Any) -> float:
    labels = range(len(CLASSES))
    return float(f1_score(truth, guess, labels=labels, average="macro", zero_division=0))


def recall_of(name: str) -> Callable[[Any, Any], float]:
    def recall(truth: Any, guess: Any) -> float:
        label = CLASSES.index(name)
        return float(recall_score(truth, guess, labels=[label], average="macro", zero_division=0))

    return recall


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--model", default=store.DEFAULT, show_default=True)
@click.option("--scenes", type=click.Path(path_type=Path), default=CORPUS / "dev_scenes")
@click.option("--min-side", default=24, show_default=True, help="Of the true boxes, in pixels.")
@click.option("--write", is_flag=True, help="Write the figures to the model's metrics.json.")
def main(model: str, scenes: Path, min_side: int, write: bool) -> None:
    if not scenes.is_dir():
        raise click.ClickException(f"{scenes} is missing: give --scenes or set MASKDET_CORPUS")
    paths = list(images.find(scenes))
    if not paths:
        raise click.ClickException(f"there is no photograph in {scenes}")
    pipeline = load_pipeline(model)
    found, cut = Faces([], [], []), Faces([], [], [])
    faces = false_alarms = 0
    for number, path in enumerate(tqdm(paths, disable=None)):
        image = images.read(path)
        height, width = image.shape[:2]
        truth = voc.read(path.with_suffix(".xml"), width, height).objects
        result = pipeline(image)
        matches = match(truth, [face.box for face in result.faces])
        faces += len(matches.pairs) + len(matches.missed)
        false_alarms += len(matches.false_alarms)
        for place, detection in matches.pairs:
            found.add(truth[place].label, result.faces[detection].label, number)
        large = [
            face
            for face in truth
            if not face.difficult and min(face.box.width, face.box.height) >= min_side
        ]
        scores = pipeline.classifier.classify(image, [face.box for face in large])
        names = pipeline.classifier.info.classes
        shown = [k for k, name in enumerate(names) if name in CLASSES]
        for face, row in zip(large, scores, strict=True):
            cut.add(face.label, names[max(shown, key=row.__getitem__)], number)
    metrics = {
        "data": scenes.name,
        "photographs": len(paths),
        "faces": faces,
        "pipeline": {
            "detector": pipeline.detector.name,
            "found": len(found.truth),
            "false_alarms": false_alarms,
            "two_class_accuracy": found.measure(two_class_accuracy),
            "three_class_accuracy": found.measure(accuracy_score),
        },
        "true_boxes": {
            "min_side": min_side,
            "faces": len(cut.truth),
            "two_class_accuracy": cut.measure(two_class_accuracy),
            "accuracy": cut.measure(accuracy_score),
            "macro_f1": cut.measure(macro_f1),
            "recall": {name: cut.measure(recall_of(name)) for name in CLASSES},
            "confusion": confusion_matrix(
                cut.truth, cut.guess, labels=range(len(CLASSES))
            ).tolist(),
        },
    }
    report(metrics)
    if write:
        target = store.find(model) / "metrics.json"
        write_bytes(target, (json.dumps(metrics, indent=2) + "\n").encode())
        click.echo(f"written: {target}")


def report(metrics: dict[str, Any]) -> None:
    def line(text: str, figure: dict[str, float]) -> None:
        click.echo(f"{text}: {figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})")

    pipeline, boxes = metrics["pipeline"], metrics["true_boxes"]
    click.echo(
        f"{metrics['data']}: {metrics['photographs']} photographs, {metrics['faces']} faces; "
        f"{pipeline['detector']} finds {pipeline['found']}, {pipeline['false_alarms']} false alarms"
    )
    line("found faces, incorrect as without: label accuracy", pipeline["two_class_accuracy"])
    line("found faces, three classes: label accuracy", pipeline["three_class_accuracy"])
    click.echo(f"true boxes, both sides >= {boxes['min_side']} px: {boxes['faces']} faces")
    line("true boxes, incorrect as without: accuracy", boxes["two_class_accuracy"])
    line("true boxes, three classes: accuracy", boxes["accuracy"])
    line("true boxes, three classes: macro-F1", boxes["macro_f1"])
    for name, figure in boxes["recall"].items():
        line(f"true boxes: recall of {name}", figure)
    click.echo(f"confusion (rows true, columns predicted; {', '.join(CLASSES)}):")
    for row in boxes["confusion"]:
        click.echo("  " + " ".join(f"{count:5d}" for count in row))


if __name__ == "__main__":
    main()
