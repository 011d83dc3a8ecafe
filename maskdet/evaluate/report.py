"""An evaluation on disk: ``metrics.json``, and a page with tables, plots and mistakes."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from maskdet import images
from maskdet.classes import SHORT
from maskdet.drawing import GREY, class_colour, frame
from maskdet.evaluate import plots
from maskdet.evaluate.mistakes import FALSE_ALARM, KINDS, MISSED, WRONG, Mistake
from maskdet.evaluate.run import Evaluation
from maskdet.evaluate.tables import Table, heading, tables
from maskdet.faces.crop import picture_of, region, square_around
from maskdet.files import make_folder, write_bytes
from maskdet.images import Bgr
from maskdet.sheet import Caption, contact_sheet, data_uri
from maskdet.types import Box

METRICS = "metrics.json"
PAGE = "report.html"

_MOST = 40
_PATTERNS = 5
_COLUMNS = 8
_SIDE = 128
_MARGIN = 0.3
"""More than the classifier sees of a face: a person needs the surroundings."""

_MEANING = {
    WRONG: "The number beside the rank says by how much the wrong class is more probable than "
    "the right one; of predictions by other programs, how sure their label is.",
    MISSED: "The largest first, by the shorter side.",
    FALSE_ALARM: "The number beside the rank is the detector's score. On a face: the intersection "
    "over union with the true face that such a box overlaps most, but does not fit.",
}


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
    metrics = result.metrics
    parts = [_table(table) for table in tables(metrics)]
    figures = [
        f'<figure><img src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}" '
        f'alt="{escape(title)}"><figcaption>{escape(title)}</figcaption></figure>'
        for title, svg in plots.plots(result).items()
    ]
    sheets = []
    for kind in KINDS:
        own = [mistake for mistake in result.mistakes if mistake.kind == kind]
        if own:
            worst = own[:_MOST]
            title = f"{kind}: {len(own)}" + (f", the worst {_MOST}" if len(own) > _MOST else "")
            sheets.append(
                f"<h2>{escape(title)}</h2><p>{escape(_MEANING[kind])}</p>"
                f'<img src="{data_uri(_sheet(worst))}" alt="{escape(title)}">'
                f"<details><summary>where these are</summary><ol>"
                f"{''.join(f'<li>{escape(_line(item))}</li>' for item in worst)}</ol></details>"
            )
    notes = "".join(f"<p>{escape(text)}</p>" for text in [*result.notes, *result.problems])
    return _PAGE.format(
        heading=escape(heading(metrics)),
        about=escape(_about(metrics)),
        notes=notes,
        tables="\n".join(parts),
        figures="\n".join(figures),
        sheets="\n".join(sheets),
    )


def _about(metrics: Mapping[str, Any]) -> str:
    threshold = (
        f"Working threshold: {metrics['min_score']:g} of the face detector's score; average "
        f"precision looks down to {metrics['least_score']:g}. "
    )
    return (
        f"maskdet {metrics['maskdet']}. {threshold if 'pipeline' in metrics else ''}"
        f"Intervals: 95 %, by bootstrap over pictures, {metrics['resamples']} draws."
        f"{''.join(f' {text}.' for text in _chosen(metrics))}"
    )


def _chosen(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Say what was asked for that makes the figures others than those of a plain run."""
    if patterns := metrics.get("exclude"):
        more = len(patterns) - _PATTERNS
        shown = ", ".join(patterns[:_PATTERNS])
        yield f"Left out: {shown}{f' and what {more} more patterns fit' if more > 0 else ''}"
    if "min_face" in metrics:
        yield f"Detections under {metrics['min_face']:g} px are left out"
    if "tags" in metrics:
        yield f"Tags: {metrics['tags']}"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(
        f"<tr{' class=new' if number in table.groups else ''}><th>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for number, row in enumerate(table.rows)
    )
    return (
        f"<section><h2>{escape(table.title)}</h2>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></section>"
    )


def _sheet(mistakes: Sequence[Mistake]) -> Bgr:
    places: dict[Path, list[int]] = defaultdict(list)
    for number, mistake in enumerate(mistakes):
        places[mistake.path].append(number)
    faces: dict[int, Bgr] = {}
    for path, numbers in places.items():
        image = images.read(path)
        for number in numbers:
            faces[number] = _face(image, mistakes[number])
    captions = [_caption(number, mistake) for number, mistake in enumerate(mistakes, 1)]
    return contact_sheet([faces[k] for k in range(len(mistakes))], captions, _COLUMNS)


def _face(image: Bgr, mistake: Mistake) -> Bgr:
    """Return a place with its surroundings, framed: there may be other faces beside it."""
    place, margin = region(image, mistake.box, _MARGIN)
    small = picture_of(image, place, _SIDE, margin)
    if mistake.box:
        square = square_around(place, margin)
        scale = _SIDE / square.width
        x1, y1, x2, y2 = (
            scale * (value - start)
            for value, start in zip(place.to_list(), 2 * (square.x1, square.y1), strict=True)
        )
        inside = Box(x1, y1, x2, y2).clip(_SIDE, _SIDE)
        frame(small, inside, class_colour(mistake.guess or mistake.label or ""), 1)
    return small


def _caption(number: int, mistake: Mistake) -> Caption:
    lines = [(f"{number}  {_weight(mistake)}", GREY)]
    for who, name in (("is", mistake.label), ("said", mistake.guess)):
        if name:
            lines.append((f"{who}: {SHORT.get(name, name)}", class_colour(name)))
    if mistake.kind == FALSE_ALARM:
        lines.append((f"on a face: {mistake.iou:.2f}" if mistake.iou else "on no face", GREY))
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
    return f"{mistake.name} {box}: {said}"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>maskdet evaluate</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font: 14px sans-serif; margin: 1em auto; max-width: 1100px; padding: 0 1em }}
h1 {{ font-size: 20px }}
h2 {{ font-size: 16px; margin: 1.5em 0 .5em }}
section {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
th, td {{ padding: 2px 8px; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }}
th:first-child {{ text-align: left }}
tbody th {{ font-weight: normal }}
.new > * {{ border-top: 2px solid #999 }}
div {{ display: flex; flex-wrap: wrap; gap: 0 3em }}
figure {{ margin: 0 0 1em; width: 480px }}
figcaption {{ text-align: center }}
img {{ max-width: 100% }}
li {{ overflow-wrap: anywhere; font-size: 12px }}
</style>
<h1>{heading}</h1>
<p>{about}</p>
{notes}
<div>
{tables}
</div>
<h2>Curves</h2>
<div>
{figures}
</div>
{sheets}
</html>
"""
