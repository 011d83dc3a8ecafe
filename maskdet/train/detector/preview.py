"""A look at what the detector's training will see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour, frame
from maskdet.progress import SILENT, Progress
from maskdet.sheet import contact_sheet
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.prepare import collect, prepare
from maskdet.train.detector.sequence import chances
from maskdet.train.detector.workers import CropMaker
from maskdet.types import Box

SHOWN = 24
_COLUMNS = 6


def preview(
    roots: Sequence[Path],
    path: Path,
    options: DetectorOptions,
    extra: Sequence[Path] = (),
    ignore_model: Path | None = None,
    progress: Progress = SILENT,
) -> None:
    """Write a contact sheet of crops with their boxes; grey ones are ignored.

    Args:
        roots, extra: the data, see ``prepare.collect``.
        path: of the picture to write.
        options: see DetectorOptions.
        ignore_model: see ``prepare.prepare``.
        progress: makes the bar.

    Raises:
        InputError: unusable data.
        ModelError: ``ignore_model`` is missing or no YuNet.
        OutputError: the picture cannot be written.
    """
    photos, problems = collect(roots, options, extra)
    scenes = prepare(photos, problems, options, ignore_model, progress)
    training = scenes.part(scenes.training)
    choices, odds = chances(training, options.class_weight_power)
    maker = CropMaker(training, scenes.classes, options)
    drawn = np.random.default_rng(options.seed).choice(len(choices), (SHOWN, 4), p=odds)
    crops, captions = [], []
    for number, (first, *others) in enumerate(drawn.tolist()):
        scene = maker.crop(
            choices[first], [choices[other] for other in others], (options.seed, number)
        )
        crop = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
        names = [scenes.classes[label] for label in scene.labels.tolist()]
        for box in scene.ignored.tolist():
            frame(crop, Box(*box), GREY, 1)  # type: ignore[arg-type]
        for box, name in zip(scene.boxes.tolist(), names, strict=True):
            frame(crop, Box(*box), class_colour(name), 2)  # type: ignore[arg-type]
        crops.append(crop)
        captions.append(
            [(", ".join(f"{names.count(n)} {SHORT[n]}" for n in sorted({*names})) or "-", GREY)]
        )
    images.write(path, contact_sheet(crops, captions, _COLUMNS))  # type: ignore[arg-type]
