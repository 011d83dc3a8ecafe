"""A look at what training will see."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import class_colour
from maskdet.files import make_folder
from maskdet.progress import SILENT, Progress
from maskdet.sheet import contact_sheet
from maskdet.train import augment
from maskdet.train.faces import center, cut
from maskdet.train.options import TrainOptions
from maskdet.train.prepare import load, usable

SHOWN = 24
_VARIANTS = 5


def preview(
    roots: Sequence[Path],
    path: Path,
    options: TrainOptions,
    extra: Sequence[Path] = (),
    progress: Progress = SILENT,
) -> None:
    """Write a contact sheet: faces as validation sees them, each followed by augmented ones.

    Args:
        roots, extra: the data, see ``prepare.load``.
        path: of the picture to write; its folder is made.
        options: see TrainOptions; of the faces 24 are shown.
        progress: makes the bar.

    Raises:
        InputError: unusable data.
        OutputError: the picture cannot be written.
    """
    make_folder(path.parent)
    with tempfile.TemporaryDirectory() as work:
        samples = usable(load(roots, extra, options.exclude), SHOWN, options.seed)
        cut_out = cut(
            samples, Path(work) / "faces.npy", options.image_size, options.margin, progress
        )
        faces = np.array(cut_out.faces)
        augmenter = augment.augmenter(options.image_size)
        columns = [center(faces, options.image_size)] + [
            augment.augment(augmenter, faces, (options.seed, variant))
            for variant in range(_VARIANTS)
        ]
        grid = np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
        captions = [
            [(SHORT.get(sample.label, sample.label), class_colour(sample.label))]
            for sample in cut_out.samples
            for _ in columns
        ]
        bgr = [cv2.cvtColor(face, cv2.COLOR_RGB2BGR) for face in grid]
        images.write(path, contact_sheet(bgr, captions, columns=2 * len(columns)))
