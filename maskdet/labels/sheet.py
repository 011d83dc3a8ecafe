"""Suspected labels to look at: a contact sheet, as a picture or as a page."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, Colour, class_colour
from maskdet.faces.crop import picture_of, region
from maskdet.files import make_folder, write_bytes
from maskdet.images import Bgr
from maskdet.labels.review import Verdict
from maskdet.sheet import contact_sheet, data_uri

PAGE = frozenset({".html", ".htm"})
SUFFIXES = images.WRITABLE | PAGE
"""File endings that ``write`` knows."""

_SIDE = 160
_COLUMNS = 10
_MARGIN = 0.3
"""More than the classifier sees of a face in a photograph: a person needs the surroundings."""


def write(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write a contact sheet: each face with its number, its label and what the model says.

    Args:
        verdicts: at least one, in the order of their numbers from 1 on; their pictures must
            be readable.
        path: of a picture, or of a page (``.html``) that needs no other file and names the
            pictures' paths; its folder is made.

    Raises:
        InputError: a picture has become unreadable.
        OutputError: the file cannot be written or its format is not known.
    """
    faces = _faces(verdicts)
    make_folder(path.parent)
    if path.suffix.lower() in PAGE:
        write_bytes(path, _page(verdicts, faces).encode(errors="surrogateescape"))
    else:
        captions = [_caption(number, verdict) for number, verdict in enumerate(verdicts, 1)]
        images.write(path, contact_sheet(faces, captions, _COLUMNS))


def _faces(verdicts: Sequence[Verdict]) -> list[Bgr]:
    places: dict[Path, list[int]] = defaultdict(list)
    for index, verdict in enumerate(verdicts):
        places[verdict.path].append(index)
    faces: dict[int, Bgr] = {}
    for path, indices in places.items():
        image = images.read(path)
        for index in indices:
            box, margin = region(image, verdicts[index].box, _MARGIN)
            faces[index] = picture_of(image, box, _SIDE, margin)
    return [faces[index] for index in range(len(verdicts))]


def _caption(number: int, verdict: Verdict) -> list[tuple[str, Colour]]:
    return [
        (f"{number}  {os.fsencode(verdict.path.stem).decode(errors='replace')}", GREY),
        *((_said(name, verdict), class_colour(name)) for name in _names(verdict)),
    ]


def _names(verdict: Verdict) -> list[str]:
    """Return the label, if there is one, and the proposal."""
    return [name for name in (verdict.label, verdict.proposed) if name]


def _said(name: str, verdict: Verdict) -> str:
    who = "label" if name == verdict.label else "model"
    return f"{who}: {SHORT.get(name, name)} {verdict.scores[name]:.0%}"


def _page(verdicts: Sequence[Verdict], faces: Sequence[Bgr]) -> str:
    figures = []
    for number, (verdict, face) in enumerate(zip(verdicts, faces, strict=True), 1):
        said = "".join(
            f'<b style="color:{_css(class_colour(name))}">{escape(_said(name, verdict))}</b>'
            for name in _names(verdict)
        )
        box = ",".join(f"{v:.0f}" for v in verdict.box.to_list()) if verdict.box else "the picture"
        figures.append(
            f'<figure><img src="{data_uri(face)}" alt="">'
            f"<figcaption>{number}{said}<small>{escape(str(verdict.path))}<br>{box}</small>"
            "</figcaption></figure>"
        )
    return _PAGE.format(count=len(figures), figures="\n".join(figures))


def _css(colour: Colour) -> str:
    blue, green, red = colour
    return f"rgb({red},{green},{blue})"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>maskdet label check</title>
<style>
body {{ font: 14px sans-serif; margin: 1em }}
main {{ display: flex; flex-wrap: wrap; gap: 1em }}
figure {{ margin: 0; width: 160px }}
figcaption b, small {{ display: block; overflow-wrap: anywhere }}
</style>
<h1>{count} labels to look at, the most doubtful first</h1>
<main>
{figures}
</main>
</html>
"""
