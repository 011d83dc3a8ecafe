"""A contact sheet of what was made, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour
from maskdet.faces.crop import cut_face, region
from maskdet.sheet import contact_sheet
from maskdet.synth.worker import Made

_SIDE = 192
_COLUMNS = 8
_MOST = 96
_MARGIN = 0.3


def write(out: Path, made: Sequence[Made], path: Path) -> None:
    """Write a sheet of the first faces that were made, at most 96.

    Args:
        out: the folder of the pictures.
        made: at least one.
        path: of the sheet; its ending says in which format.

    Raises:
        InputError: a picture has become unreadable.
        OutputError: the sheet cannot be written.
    """
    faces, captions = [], []
    for item in made[:_MOST]:
        image = images.read(out / item.file)
        for target, template in zip(item.targets, item.templates, strict=True):
            face = cut_face(image, *region(image, target.box, _MARGIN))
            larger = face.shape[0] < _SIDE
            faces.append(
                cv2.resize(
                    face,
                    (_SIDE, _SIDE),
                    interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA,
                )
            )
            text = SHORT.get(item.label, item.label)
            captions.append([(f"{item.style}, {text}", class_colour(item.label)), (template, GREY)])
    shown = slice(_MOST)
    images.write(path, contact_sheet(faces[shown], captions[shown], _COLUMNS))  # type: ignore[arg-type]
