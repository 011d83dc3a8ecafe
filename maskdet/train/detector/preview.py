"""A look at what the detector's training will see."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour, frame
from maskdet.errors import InputError
from maskdet.files import make_folder
from maskdet.progress import SILENT, Progress
from maskdet.sheet import contact_sheet
from maskdet.train.detector.options import DetectorOptions
from maskdet.train.detector.photos import look_at
from maskdet.train.detector.prepare import collect, present, split
from maskdet.train.detector.sequence import chances
from maskdet.train.detector.workers import CropMaker
from maskdet.types import Box

log = logging.getLogger(__name__)

SHOWN = 24
_COLUMNS = 6


def preview(
    roots: Sequence[Path],
    path: Path,
    options: DetectorOptions,
    extra: Sequence[Path] = (),
    progress: Progress = SILENT,
) -> None:
    """Write a contact sheet of crops with their boxes; grey ones are ignored.

    Only the photographs that are drawn are looked at, so that near-duplicates play no part.

    Args:
        roots, extra: the data, see ``prepare.collect``.
        path: of the picture to write; its folder is made.
        options: see DetectorOptions.
        progress: makes the bar.

    Raises:
        InputError: unusable data, or no crop is of photographs that can all be read.
        ModelError: ``options.ignore_model`` is missing or no YuNet.
        OutputError: the picture cannot be written.
    """
    make_folder(path.parent)
    photos, problems = collect(roots, options, extra)
    _, validation = split(photos, None, options)
    training = [photo for photo, held in zip(photos, validation, strict=True) if not held]
    classes = present(photos)
    choices, odds = chances(training, options.class_weight_power)
    drawn = np.random.default_rng(options.seed).choice(len(choices), (SHOWN, 4), p=odds)
    wanted = sorted({choices[place][0] for place in drawn.ravel().tolist()})
    looked = look_at([training[number] for number in wanted], options.ignore_model, progress)
    for problem in [*problems, *looked.problems]:
        log.warning("%s", problem)
    known = {photo.path: photo for photo in looked.photos}
    maker = CropMaker([known.get(photo.path, photo) for photo in training], classes, options)
    maker.begin((options.seed,))
    crops, captions = [], []
    for first, *others in drawn.tolist():
        if any(training[choices[place][0]].path not in known for place in (first, *others)):
            continue
        scene = maker.crop(options.crop_size, choices[first], [choices[other] for other in others])
        crop = cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR)
        names = [classes[label] for label in scene.labels.tolist()]
        for box in scene.ignored.tolist():
            frame(crop, Box(*box), GREY, 1)  # type: ignore[arg-type]
        for box, name in zip(scene.boxes.tolist(), names, strict=True):
            frame(crop, Box(*box), class_colour(name), 2)  # type: ignore[arg-type]
        crops.append(crop)
        captions.append(
            [(", ".join(f"{names.count(n)} {SHORT[n]}" for n in sorted({*names})) or "-", GREY)]
        )
    if not crops:
        raise InputError(f"no crop can be made. First problem: {looked.problems[0]}")
    images.write(path, contact_sheet(crops, captions, _COLUMNS))  # type: ignore[arg-type]
