#!/usr/bin/env python
"""Compare classifiers: validation figures, as their training left them, beside the time of a face.

    python scripts/measure_classifiers.py mask_mobilenetv2 mask_mobilenetv2_small model/mine

The models, by name or folder, take turns on the same drawn faces, one thread each; what is shown
are medians. Figures of models that were validated on different faces cannot be compared: the last
column says how many of each one's validation faces are among those of the first.
"""

from __future__ import annotations

import time

import click
import numpy as np

from maskdet.errors import MaskdetError
from maskdet.models.classifier import Classifier
from maskdet.train.subsets import SPLIT, read_split

BATCH = 16


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("models", nargs=-1, required=True)
@click.option("--rounds", default=50, show_default=True)
def main(models: tuple[str, ...], rounds: int) -> None:
    try:
        classifiers = [Classifier(name, threads=1) for name in models]
    except MaskdetError as error:
        raise click.ClickException(str(error)) from error
    for classifier in classifiers:
        left = {"validation", "options"} <= classifier.info.training.keys()
        if not left or not (classifier.folder / SPLIT).is_file():
            raise click.ClickException(f"{classifier.folder}: its training left no figures")
    random = np.random.default_rng(0)
    times: list[dict[int, list[float]]] = [{1: [], BATCH: []} for _ in models]
    for _ in range(rounds):
        for classifier, taken in zip(classifiers, times, strict=True):
            side = classifier.info.image_size
            faces = random.integers(0, 256, (BATCH, side, side, 3), np.uint8)
            for count in taken:
                start = time.perf_counter()
                classifier.predict(faces[:count])
                taken[count].append((time.perf_counter() - start) / count)
    click.echo(
        "| model | α | input | MB | accuracy | macro-F1 | recall, worn wrongly | "
        f"ms a face | ms a face, {BATCH} at once | time | the same faces |"
    )
    click.echo("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    first = read_split(classifiers[0].folder, "validation")
    for classifier, taken in zip(classifiers, times, strict=True):
        info = classifier.info
        validation = info.training["validation"]
        single, many = (np.median(taken[count]) * 1000 for count in (1, BATCH))
        held = read_split(classifier.folder, "validation")
        size = (classifier.folder / "model.onnx").stat().st_size / 1e6
        click.echo(
            f"| `{info.name}` | {info.training['options']['alpha']:g} | {info.image_size} | "
            f"{size:.1f} | {validation['accuracy']:.3f} | {validation['macro_f1']:.3f} | "
            f"{validation['recall'].get('mask_worn_incorrectly', float('nan')):.3f} | "
            f"{single:.1f} | {many:.1f} | {many / np.median(times[0][BATCH]) / 1000:.2f} x | "
            f"{len(held & first):,} of {len(held):,} |"
        )


if __name__ == "__main__":
    main()
