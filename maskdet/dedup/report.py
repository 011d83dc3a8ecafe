"""What was found, as a page that needs no other file: each group side by side."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2

from maskdet import files, images
from maskdet.dedup.find import Found
from maskdet.dedup.match import Match
from maskdet.errors import InputError
from maskdet.sheet import data_uri

MOST_GROUPS = 1000
"""More are only counted: a browser has to show it all."""

MOST_COPIES = 50
"""The same of the pictures that one stays for."""

_SIDE = 160


def write(found: Found, path: Path, title: str = "Duplicates") -> None:
    """Write the report. The pictures must still be where they were found.

    Args:
        found: what to show.
        path: where to; its folder is created.
        title: the page's heading.

    Raises:
        OutputError: it cannot be written.
    """
    summary = (
        f"{found.pictures} pictures, {len(found.duplicates)} duplicates, "
        f"{len(found.conflicts)} conflicts, {len(found.problems)} problems"
    )
    root = _common_folder([*found.duplicates, *found.conflicts])
    if root:
        summary += f", below {escape(files.readable(root))}"
    parts = [
        _section(
            "Conflicts: the same picture under two classes; both stay", found.conflicts, True, root
        ),
        _section("What stays, and its copies", found.duplicates, False, root),
    ]
    if found.problems:
        items = "".join(f"<li>{escape(files.readable(text))}</li>" for text in found.problems)
        parts.append(f"<h2>Problems</h2><ul>{items}</ul>")
    page = _PAGE.format(title=escape(title), summary=summary, parts="\n".join(parts))
    files.make_folder(path.parent)
    files.write_bytes(path, page.encode())


def _common_folder(matches: Sequence[Match]) -> str:
    """Return the innermost folder that holds all pictures, empty if there are none."""
    shown = [Path(name).parent for match in matches for name in (match.path, match.kept)]
    return os.path.commonpath(shown) if shown else ""


def _section(heading: str, matches: Sequence[Match], conflicts: bool, root: str) -> str:
    if not matches:
        return ""
    groups: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        groups[match.kept].append(match)
    shown = list(groups.items())[:MOST_GROUPS]
    lines = [f"<h2>{escape(heading)}</h2>"]
    for kept, members in shown:
        whys = dict.fromkeys(match.because for match in members)
        said = "stays" if conflicts else f"stays: {', '.join(whys)}"
        lines.append('<div class="group">' + _figure(kept, "stays", said, root))
        fate = "conflict" if conflicts else "goes"
        lines += [
            _figure(match.path, fate, f"{fate}: {match.reason}", root)
            for match in members[:MOST_COPIES]
        ]
        if len(members) > MOST_COPIES:
            lines.append(f"<p>{len(members) - MOST_COPIES} more are not shown.</p>")
        lines.append("</div>")
    if len(groups) > len(shown):
        lines.append(f"<p>{len(groups) - len(shown)} more groups are not shown.</p>")
    return "\n".join(lines)


def _figure(path: str, kind: str, said: str, root: str) -> str:
    name = escape(files.readable(os.path.relpath(path, root)))
    try:
        picture = images.read_reduced(path, _SIDE)
        size = f"{picture.width} × {picture.height}, {Path(path).stat().st_size / 1000:.0f} kB"
        source = _thumbnail(picture.pixels)
    except (InputError, OSError) as error:
        size, source = str(error), ""
    return (
        f'<figure class="{kind}"><img src="{source}" alt=""><figcaption><b>{escape(said)}</b>'
        f"<small>{name}<br>{escape(files.readable(size))}</small>"
        "</figcaption></figure>"
    )


def _thumbnail(pixels: images.Bgr) -> str:
    height, width = pixels.shape[:2]
    factor = _SIDE / max(height, width)
    if factor < 1:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return data_uri(pixels)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>maskdet dedup</title>
<style>
body {{ font: 14px sans-serif; margin: 1em }}
.group {{ display: flex; flex-wrap: wrap; gap: 1em; padding: .5em 0; border-top: 1px solid #ccc }}
figure {{ margin: 0; width: 180px }}
img {{ max-width: 160px; max-height: 160px; border: 4px solid #999 }}
.stays img {{ border-color: #1e8c3c }}
.goes img {{ border-color: #c83232 }}
.conflict img {{ border-color: #e08a00 }}
small {{ display: block; overflow-wrap: anywhere; color: #555 }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
{parts}
</html>
"""
