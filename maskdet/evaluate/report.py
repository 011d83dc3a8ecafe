"""An evaluation on disk: ``metrics.json``, and a page with tables, plots and mistakes."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour
from maskdet.errors import OutputError
from maskdet.evaluate import plots
from maskdet.evaluate.mistakes import KINDS, MISSED, WRONG, Mistake
from maskdet.evaluate.run import Evaluation
from maskdet.evaluate.tables import Table, heading, tables
from maskdet.faces.crop import cut_face, region
from maskdet.files import make_folder, write_bytes
from maskdet.images import Bgr
from maskdet.sheet import Caption, contact_sheet

METRICS = "metrics.json"
PAGE = "report.html"

_MOST = 40
_COLUMNS = 8
_SIDE = 128
_MARGIN = 0.3
"""More than the classifier sees of a face: a person needs the surroundings."""


def write(result: Evaluation, folder: Path) -> list[Path]:
    """Write both files, each whole or not at all.

    Args:
        result: of ``run.evaluate``; its pictures must still be readable.
        folder: is made if there is none. The page shows faces of the pictures, and needs no
            other file and no network.

    Returns:
        The paths of the files.

    Raises:
        InputError: a picture has become unreadable.
        OutputError: a file cannot be written.
    """
    make_folder(folder)
    page = _page(result)
    written = [folder / METRICS, folder / PAGE]
    write_bytes(written[0], (json.dumps(result.metrics, indent=2) + "\n").encode())
    write_bytes(written[1], page.encode(errors="replace"))
    return written


def _page(result: Evaluation) -> str:
    parts = [_table(table) for table in tables(result.metrics)]
    figures = [
        f'<figure><img src="{_uri("svg+xml", svg)}" alt="{escape(title)}">'
        f"<figcaption>{escape(title)}</figcaption></figure>"
        for title, svg in plots.plots(result).items()
    ]
    sheets = []
    for kind in KINDS:
        own = [mistake for mistake in result.mistakes if mistake.kind == kind]
        if own:
            worst = own[:_MOST]
            title = f"{kind}: {len(own)}" + (f", the worst {_MOST}" if len(own) > _MOST else "")
            sheets.append(
                f'<h2>{escape(title)}</h2><img src="{_uri("jpeg", _sheet(worst))}" '
                f'alt="{escape(title)}">'
                f"<ol>{''.join(f'<li>{escape(_line(item))}</li>' for item in worst)}</ol>"
            )
    notes = "".join(f"<p>{escape(text)}</p>" for text in [*result.notes, *result.problems])
    return _PAGE.format(
        heading=escape(heading(result.metrics)),
        notes=notes,
        tables="\n".join(parts),
        figures="\n".join(figures),
        sheets="\n".join(sheets),
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(
        f"<tr><th>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return f"<h2>{escape(table.title)}</h2><table><tr>{head}</tr>{rows}</table>"


def _sheet(mistakes: Sequence[Mistake]) -> bytes:
    places: dict[Path, list[int]] = defaultdict(list)
    for number, mistake in enumerate(mistakes):
        places[mistake.path].append(number)
    faces: dict[int, Bgr] = {}
    for path, numbers in places.items():
        image = images.read(path)
        for number in numbers:
            face = cut_face(image, *region(image, mistakes[number].box, _MARGIN))
            shrinks = face.shape[0] > _SIDE
            faces[number] = cv2.resize(  # type: ignore[assignment]
                face,
                (_SIDE, _SIDE),
                interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
            )
    captions = [_caption(number, mistake) for number, mistake in enumerate(mistakes, 1)]
    sheet = contact_sheet([faces[k] for k in range(len(mistakes))], captions, _COLUMNS)
    encoded, jpeg = cv2.imencode(".jpg", sheet)
    if not encoded:
        raise OutputError("cannot encode the contact sheet of the mistakes")
    return jpeg.tobytes()


def _caption(number: int, mistake: Mistake) -> Caption:
    lines = [(f"{number}  {_weight(mistake)}", GREY)]
    for who, name in (("is", mistake.label), ("said", mistake.guess)):
        if name:
            lines.append((f"{who}: {SHORT.get(name, name)}", class_colour(name)))
    return lines


def _weight(mistake: Mistake) -> str:
    return f"{mistake.weight:.0f} px" if mistake.kind == MISSED else f"{mistake.weight:.2f}"


def _line(mistake: Mistake) -> str:
    box = ",".join(f"{v:.0f}" for v in mistake.box.to_list()) if mistake.box else "the picture"
    said = (
        f"{mistake.label} taken for {mistake.guess}"
        if mistake.kind == WRONG
        else mistake.label or mistake.guess
    )
    return f"{mistake.path} {box}: {said}"


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>maskdet evaluate</title>
<style>
body {{ font: 14px sans-serif; margin: 1em auto; max-width: 1100px; padding: 0 1em }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: 2px 8px; border-bottom: 1px solid #ddd; text-align: right }}
th:first-child {{ text-align: left; font-weight: normal }}
tr:first-child th {{ font-weight: bold }}
main {{ display: flex; flex-wrap: wrap; gap: 1em }}
figure {{ margin: 0; width: 480px }}
img {{ max-width: 100% }}
li {{ overflow-wrap: anywhere; font-size: 12px }}
</style>
<h1>{heading}</h1>
{notes}
{tables}
<h2>Curves</h2>
<main>
{figures}
</main>
{sheets}
</html>
"""
