"""A contact sheet of what was made, to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour
from maskdet.faces.crop import picture_of, region
from maskdet.files import make_folder
from maskdet.images import Bgr
from maskdet.sheet import Caption, contact_sheet
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
        path: of the sheet; its ending says in which format, its folder is made.

    Raises:
        InputError: a picture has become unreadable.
        OutputError: the sheet cannot be written.
    """
    make_folder(path.parent)
    shown = list(islice(_faces(out, made), _MOST))
    faces, captions = zip(*shown, strict=True)
    images.write(path, contact_sheet(faces, captions, _COLUMNS))


def _faces(out: Path, made: Sequence[Made]) -> Iterator[tuple[Bgr, Caption]]:
    """Yield every face that was made, with what is said of it."""
    for item in made:
        image = images.read(out / item.file)
        for target, template in zip(item.targets, item.templates, strict=True):
            box, margin = region(image, target.box, _MARGIN)
            text = f"{item.style}, {SHORT.get(item.label, item.label)}"
            caption = [(text, class_colour(item.label)), (template, GREY)]
            yield picture_of(image, box, _SIDE, margin), caption
