"""The pictures of a data set, as the ledger knows them."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from maskdet import files, images
from maskdet.catalog.store import Catalog, now


@dataclass(frozen=True, slots=True)
class Picture:
    """One row: ``path`` is below the data set's root, None for a picture that is gone.

    ``width`` and ``height`` are of the upright picture in pixels; ``status`` is one of
    ``kept``, ``duplicate``, ``forgotten``. ``first_sha256`` is of the bytes that were fetched, if
    the file has been edited since.
    """

    id: int
    path: str | None
    sha256: str
    format: str
    width: int
    height: int
    bytes: int
    added: str
    status: str
    duplicate_of: int | None
    first_sha256: str | None = None


def add(
    connection: sqlite3.Connection,
    path: str,
    sha256: str,
    head: images.Header,
    bytes: int,
) -> int:
    """Add a kept picture inside a transaction, and return its id."""
    cursor = connection.execute(
        "INSERT INTO images (path, sha256, format, width, height, bytes, added) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (path, sha256, head.format, head.width, head.height, bytes, now()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def by_sha256(catalog: Catalog, sha256: str) -> list[Picture]:
    """Return the pictures with these bytes, in whatever status, the oldest first."""
    return _pictures(catalog, "sha256 = ?", sha256)


def by_path(catalog: Catalog, path: str) -> Picture | None:
    """Return the picture that lies at ``path`` (below the root), None if it is not known."""
    return next(iter(_pictures(catalog, "path = ?", path)), None)


def register(catalog: Catalog, path: str | os.PathLike[str]) -> Picture:
    """Return the row of a file in the data set, adding one where a person has put it there.

    A file whose bytes have changed since (edited by hand) gets its row brought up to date.

    Raises:
        InputError: the file is missing, no image, or lies outside the data set.
    """
    relative = catalog.relative(path)
    known = by_path(catalog, relative)
    sha256 = files.sha256(path)
    if known and known.sha256 == sha256:
        return known
    head = images.header(path)
    size = Path(path).stat().st_size
    with catalog.write() as connection:
        if known:
            connection.execute(
                "UPDATE images SET first_sha256 = coalesce(first_sha256, sha256), sha256 = ?, "
                "format = ?, width = ?, height = ?, bytes = ? WHERE id = ?",
                (sha256, head.format, head.width, head.height, size, known.id),
            )
        else:
            add(connection, relative, sha256, head, size)
    (picture,) = _pictures(catalog, "path = ?", relative)
    return picture


def _pictures(catalog: Catalog, where: str, value: str) -> list[Picture]:
    rows = catalog.read(f"SELECT * FROM images WHERE {where} ORDER BY id", (value,))
    return [Picture(**dict(row)) for row in rows]
