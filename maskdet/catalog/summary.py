"""What a data set holds, in numbers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any

from maskdet.catalog.store import Catalog

STATUS = ("kept", "duplicate", "forgotten")
"""What a picture can be; the order of every table."""

_ABOVE_CLASSES = ("raw", "duplicates", "faces")


@dataclass(frozen=True, slots=True)
class Count:
    """How many addresses of a host or phrase were tried, and how many pictures were saved."""

    name: str
    tried: int
    saved: int
    label: str | None = None


@dataclass(slots=True)
class Summary:
    """Counts. ``pictures`` by class folder and status; ``crops`` by class; ``outcomes`` of all
    addresses that were tried; ``hosts`` and ``phrases``, the most fruitful first;
    ``forgotten`` by kind (url, domain, sha256). ``missing`` are kept pictures and duplicates
    whose file is no longer there.
    """

    pictures: dict[str, dict[str, int]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    crops: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    hosts: list[Count] = field(default_factory=list)
    phrases: list[Count] = field(default_factory=list)
    forgotten: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)


def summarise(catalog: Catalog) -> Summary:
    """Count what the ledger knows; of the files, only whether they are there is looked at."""
    result = Summary()
    rows = catalog.read(
        "SELECT path, status, (SELECT class FROM sources WHERE image_id = images.id) AS label "
        "FROM images ORDER BY path"
    )
    for row in rows:
        counts = result.pictures.setdefault(_folder(row["path"], row["label"]), {})
        counts[row["status"]] = counts.get(row["status"], 0) + 1
        if row["path"] and not catalog.absolute(row["path"]).is_file():
            result.missing.append(row["path"])
    result.pictures = dict(sorted(result.pictures.items()))
    result.crops = _counts(catalog, "SELECT label, count(*) FROM crops GROUP BY label")
    result.outcomes = _counts(
        catalog, "SELECT outcome, count(*) AS n FROM sources GROUP BY outcome ORDER BY n DESC"
    )
    result.forgotten = _counts(catalog, "SELECT kind, count(*) FROM forgotten GROUP BY kind")
    result.hosts = [
        Count(host, tried, saved)
        for host, tried, saved in catalog.read(
            "SELECT host, count(*), sum(outcome = 'saved') AS saved FROM sources "
            "GROUP BY host ORDER BY saved DESC, count(*) DESC, host"
        )
    ]
    result.phrases = [
        Count(phrase, tried, saved, label)
        for label, phrase, tried, saved in catalog.read(
            "SELECT class, phrase, count(*), sum(outcome = 'saved') AS saved FROM sources "
            "GROUP BY class, phrase ORDER BY class, saved DESC, phrase"
        )
    ]
    return result


def _folder(path: str | None, label: str | None) -> str:
    """Return the class folder of a picture: where it lies, or where it was saved."""
    if path is None:
        return label or ""
    parts = PurePosixPath(path).parent.parts
    return next((part for part in parts if part not in _ABOVE_CLASSES), "")


def _counts(catalog: Catalog, query: str) -> dict[str, int]:
    return dict(map(tuple, catalog.read(query)))
