"""The ledger as a table, for whoever wants to look into it with other tools."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from maskdet.catalog.store import Catalog
from maskdet.files import make_folder, write_bytes

FORMATS = ("csv", "jsonl")

_QUERIES = {
    "sources": """
        SELECT * FROM (
            SELECT url, host, page_url, title, phrase, class, rank, licence, filters, tried,
                   outcome, reason, path, sha256, format, width, height, bytes, status
            FROM sources LEFT JOIN images ON images.id = sources.image_id
            UNION ALL
            SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                   NULL, NULL, path, sha256, format, width, height, bytes, status
            FROM images WHERE id NOT IN (SELECT image_id FROM sources WHERE image_id NOT NULL)
        ) ORDER BY tried IS NULL, tried, url, path
    """,
    "images": """
        SELECT images.path, images.sha256, images.format, images.width, images.height,
               images.bytes, images.added, images.status, original.path AS duplicate_of,
               (SELECT json_group_array(url) FROM sources WHERE image_id = images.id) AS urls
        FROM images LEFT JOIN images AS original ON original.id = images.duplicate_of
        ORDER BY images.id
    """,
    "crops": """
        SELECT crops.path, crops.label, crops.object, crops.x1, crops.y1, crops.x2, crops.y2,
               crops.made, images.path AS picture, images.sha256,
               (SELECT json_group_array(url) FROM sources WHERE image_id = images.id) AS urls
        FROM crops JOIN images ON images.id = crops.image_id
        ORDER BY crops.path
    """,
}

TABLES = tuple(_QUERIES)
"""What can be exported: every address that was tried and every picture without one; every
picture with its addresses; every crop with its picture and the picture's addresses."""

_JSON = ("filters", "urls")


def rows(catalog: Catalog, table: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the names of a table's columns, and its rows: one of ``TABLES``.

    The columns ``filters`` (a mapping) and ``urls`` (a list) hold what JSON can.
    """
    columns, selected = catalog.table(_QUERIES[table])
    found = [dict(row) for row in selected]
    for row in found:
        row.update({name: json.loads(row[name]) for name in _JSON if row.get(name) is not None})
    return columns, found


def lines(catalog: Catalog, table: str, format: str) -> Iterator[str]:
    """Yield the lines of a table, each with its end.

    Args:
        catalog: the ledger.
        table: one of ``TABLES``.
        format: ``csv`` (a header first; lists and mappings as JSON) or ``jsonl`` (an object a
            row, all keys in each).
    """
    columns, found = rows(catalog, table)
    if format == "jsonl":
        for row in found:
            yield json.dumps(row, ensure_ascii=False) + "\n"
        return
    yield _csv_line(columns)
    for row in found:
        row.update({name: json.dumps(row[name]) for name in _JSON if row.get(name) is not None})
        yield _csv_line(row[name] for name in columns)


def write(catalog: Catalog, table: str, format: str, path: str | os.PathLike[str]) -> None:
    """Write a table to a file, whole or not at all, see ``lines``; its folder is made.

    Raises:
        OutputError: it cannot be written.
    """
    make_folder(Path(path).parent)
    write_bytes(path, "".join(lines(catalog, table, format)).encode())


def _csv_line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
