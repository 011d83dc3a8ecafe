"""Which crop shows which face of which picture, as the ledger knows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from maskdet.catalog.store import Catalog, now
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
