"""What a name stands for that somebody gives for pictures of a data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from maskdet import images
from maskdet.catalog import origin, pictures, sources
from maskdet.catalog.pictures import Picture
from maskdet.catalog.store import Catalog
from maskdet.errors import InputError

LEAST_DIGITS = 8
"""Of a sha256 that is not given in full."""

_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]+")
_SHA256 = re.compile(rf"[0-9a-f]{{{LEAST_DIGITS},64}}")


@dataclass(frozen=True, slots=True)
class Target:
    """What is never to be fetched again: ``kind`` is ``url``, ``domain`` or ``sha256``."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


def target(catalog: Catalog, name: str) -> Target:
    """Return what a name stands for.

    Args:
        catalog: the ledger.
        name: an address, a domain, the sha256 of a picture (its first digits, eight at least), or
            a file: a picture or crop of the data set.

    Raises:
        InputError: it is none of these, is unknown, or stands for several pictures.
    """
    if "://" in name:
        try:
            return Target("url", sources.normalise(name))
        except ValueError as error:
            raise InputError(f"{name} is no valid address: {error}") from error
    for path in (Path(name), catalog.absolute(name)):
        if path.is_file() or _is_known(catalog, path):
            return Target("sha256", origin.origin(catalog, path).picture.sha256)
    if _SHA256.fullmatch(name.lower()):
        return Target("sha256", _whole(catalog, name.lower()))
    domain = Target("domain", name.lower().rstrip("."))
    where, values = condition(domain)
    known = catalog.read(f"SELECT 1 FROM sources WHERE {where} LIMIT 1", values)
    looks_like_a_file = PurePosixPath(name).suffix.lower() in images.SUFFIXES
    if known or (_DOMAIN.fullmatch(domain.value) and not looks_like_a_file):
        return domain
    raise InputError(
        f"{name} is nothing that can be forgotten: give an address (https://...), a domain, the "
        f"sha256 of a picture (its first {LEAST_DIGITS} digits or more), or a file of the data set"
    )


def _is_known(catalog: Catalog, path: Path) -> bool:
    try:
        name = catalog.relative(path)
    except InputError:
        return False
    crop = catalog.read("SELECT 1 FROM crops WHERE path = ?", (name,))
    return bool(crop) or pictures.by_path(catalog, name) is not None


def _whole(catalog: Catalog, digits: str) -> str:
    """Return the sha256 of the one picture whose own, or first, begins with some digits."""
    rows = catalog.read(
        "SELECT DISTINCT sha256 FROM images "
        "WHERE ? IN (substr(sha256, 1, ?), substr(first_sha256, 1, ?)) LIMIT 4",
        (digits, len(digits), len(digits)),
    )
    if not rows:
        raise InputError(f"no picture in {catalog.path} has a sha256 that begins with {digits}")
    if len(rows) > 1:
        raise InputError(
            f"the sha256 of several pictures begins with {digits}: "
            + ", ".join(row["sha256"] for row in rows)
        )
    return str(rows[0]["sha256"])


def condition(target: Target) -> tuple[str, tuple[str, ...]]:
    """Return the condition, and its values, of what a target stands for in ``sources``."""
    value = target.value
    match target.kind:
        case "url":
            return "(url = ? OR page_url = ?)", (value, value)
        case "domain":
            return "(host = ? OR substr(host, -length(?)) = ?)", (value, *[f".{value}"] * 2)
    return "image_id IN (SELECT id FROM images WHERE sha256 = ?)", (value,)


def pictures_of(catalog: Catalog, target: Target) -> list[Picture]:
    """Return the pictures that a target stands for, in whatever status."""
    if target.kind == "sha256":
        return pictures.by_sha256(catalog, target.value)
    where, values = condition(target)
    rows = catalog.read(
        f"SELECT * FROM images WHERE id IN (SELECT image_id FROM sources WHERE {where})", values
    )
    return [Picture(**dict(row)) for row in rows]
