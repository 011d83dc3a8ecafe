"""The options of ``maskdet train`` that say how, in one decorator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from maskdet.cli.options import Number, exclude_options
from maskdet.cli.paths import NAME
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.options import TrainOptions

_DEFAULT = TrainOptions()
_DETECTOR = DetectorOptions()
LARGEST_FACE = 512


FIELDS = {
    "classification": {field.name for field in fields(TrainOptions)},
    "detection": {field.name for field in fields(DetectorOptions)},
}
"""The options of each task."""


def _also(name: str) -> str:
    """Say which default the detector has for an option of both tasks."""
    return f"[detection: {getattr(_DETECTOR, name)}]"


def _multiple_of_32(ctx: click.Context, param: click.Parameter, value: int) -> int:
    if value % 32:
        raise click.BadParameter(f"{value} is not a multiple of 32")
    return value


_OPTIONS: tuple[Callable[[Callable[..., Any]], Callable[..., Any]], ...] = (
    click.option(
        "--weights",
        type=NAME,
        default=_DEFAULT.weights,
        show_default=True,
        metavar="imagenet|none|NAME|PATH",
        help="What the backbone starts from: imagenet, which Keras downloads, a file of such "
        "weights, or a model of maskdet, by its name or folder: its backbone, and of a detector "
        "for one of the same classes all weights. A classifier begins with a classifier alone.",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(32, 2048),
        callback=_multiple_of_32,
        default=_DEFAULT.image_size,
        show_default=True,
        help="Side of the network's input in pixels, a multiple of 32, for faces up to "
        f"{LARGEST_FACE}; of a detector, the longer side of a photograph when the model is used "
        f"and validated. {_also('image_size')}",
    ),
    click.option(
        "--crop-size",
        type=click.IntRange(64, 2048),
        callback=_multiple_of_32,
        default=_DETECTOR.crop_size,
        show_default=True,
        help="[d] Side in pixels of the crops that are trained on, a multiple of 32; every fourth "
        "batch has half as many crops, half as large again.",
    ),
    click.option(
        "--crops",
        type=click.IntRange(1),
        default=_DETECTOR.crops,
        show_default=True,
        help="[d] Crops an epoch, if all were of that size, each of a face drawn at random.",
    ),
    click.option(
        "--mosaic",
        type=Number(0, 1),
        default=_DETECTOR.mosaic,
        show_default=True,
        help="[d] Part of the crops that are laid together from four.",
    ),
    click.option(
        "--ignore-model",
        type=NAME,
        default=_DETECTOR.ignore_model,
        metavar="PATH",
        help="[d] YuNet's file: where it sees a face that nobody labelled, nothing is learnt.",
    ),
    click.option(
        "--alpha",
        type=Number(0.1, 2),
        default=_DEFAULT.alpha,
        show_default=True,
        help="Width of MobileNetV2.",
    ),
    click.option(
        "--margin",
        type=Number(0, 1),
        default=_DEFAULT.margin,
        show_default=True,
        help="[c] What is added around a face's box on each side, as a part of its longer side.",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(0),
        default=_DEFAULT.epochs,
        show_default=True,
        help="Most epochs of fine-tuning; of a classifier, 0 trains the head only. "
        f"{_also('epochs')}",
    ),
    click.option(
        "--head-epochs",
        type=click.IntRange(1),
        default=_DEFAULT.head_epochs,
        show_default=True,
        help="[c] Most epochs of the head, before fine-tuning.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1),
        default=_DEFAULT.batch_size,
        show_default=True,
        help=f"Faces, or crops, a step. {_also('batch_size')}",
    ),
    click.option(
        "--patience",
        type=click.IntRange(1),
        default=_DEFAULT.patience,
        show_default=True,
        help="Stop after this many epochs without a better validation macro-F1, or mean average "
        f"precision. {_also('patience')}",
    ),
    click.option(
        "--fine-tune-from",
        type=click.IntRange(0, 17),
        default=_DEFAULT.fine_tune_from,
        show_default=True,
        help="First block of MobileNetV2 that is fine-tuned: 0 all, 17 the last convolution. "
        "Without weights to start from, a detector is trained as a whole.",
    ),
    click.option(
        "--learning-rate",
        type=Number(0, min_open=True),
        default=_DEFAULT.learning_rate,
        show_default=True,
        help="Of fine-tuning; it rises over the first epoch (of a detector, at most a tenth of the "
        f"run) and decays to 2 % of this by a cosine. {_also('learning_rate')}",
    ),
    click.option(
        "--label-smoothing",
        type=Number(0, 0.5),
        default=_DEFAULT.label_smoothing,
        show_default=True,
        help="[c] Part of each label that is spread over all classes.",
    ),
    click.option(
        "--class-weight-power",
        type=Number(0, 1),
        default=_DEFAULT.class_weight_power,
        show_default=True,
        help="How far class weights make up for rare classes: 1 in full, 0 not at all. For a "
        "detector, they are drawn more often instead.",
    ),
    click.option(
        "--validation",
        type=Number(0.01, 0.5),
        default=_DEFAULT.validation,
        show_default=True,
        help="Part of the faces that is kept for validation; without effect where a manifest.csv "
        "has the column split with a part val.",
    ),
    exclude_options,
    click.option(
        "--limit",
        type=click.IntRange(4),
        help="Use at most this many faces, or photographs, to try things out.",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=_DEFAULT.seed,
        show_default=True,
        help="Of the split, the augmentation and the head's first weights.",
    ),
)


def how_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of ``TrainOptions`` and ``DetectorOptions``, by the names of their fields."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
