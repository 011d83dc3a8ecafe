"""Which crop shows which face of which picture, as the ledger knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from maskdet.catalog.store import FILE, HIDDEN, Catalog, find_root, now
from maskdet.errors import MaskdetError
from maskdet.files import absolute
from maskdet.types import Box


@dataclass(frozen=True, slots=True)
class Crop:
    """One row: ``path`` is below the data set's root, ``object`` counts in the VOC file from 0,
    ``box`` is in pixels of the upright picture. ``fresh``: it was cut just now."""

    path: str
    image_id: int
    object: int
    label: str
    box: Box
    fresh: bool


def set_aside(catalog: Catalog) -> dict[str, str]:
    """Return where files lay that dedup has set aside or deleted, with what stays for each."""
    rows = catalog.read("SELECT path, kept FROM aside WHERE undone = 0 AND action != 'link'")
    return {row["path"]: row["kept"] for row in rows}


def set_aside_from(folder: Path) -> set[Path]:
    """Return where files lay that dedup has set aside or deleted, as the folder's ledgers say.

    A ledger that cannot be opened (the data set may be read-only) says nothing.
    """
    found: set[Path] = set()
    for root, file in ((find_root(folder), FILE), (absolute(folder), HIDDEN)):
        if root and (root / file).is_file():
            try:
                with Catalog(root, file) as catalog:
                    found.update(map(catalog.absolute, set_aside(catalog)))
            except MaskdetError:
                continue
    return found


def update(catalog: Catalog, gone: Iterable[str], crops: Iterable[Crop]) -> None:
    """Forget the crops at the paths ``gone``, and enter ``crops`` where they are new or fresh."""
    time, aside = now(), set_aside(catalog)
    with catalog.write() as connection:
        for path in gone:
            connection.execute("DELETE FROM crops WHERE path = ?", (path,))
            if path in aside:  # out of date, it must not come back from there
                connection.execute("UPDATE aside SET undone = 1 WHERE path = ?", (path,))
        for crop in crops:
            connection.execute(
                f"INSERT OR {'REPLACE' if crop.fresh else 'IGNORE'} INTO crops "
                "(path, image_id, object, label, x1, y1, x2, y2, made) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (crop.path, crop.image_id, crop.object, crop.label, *crop.box.to_list(), time),
            )
