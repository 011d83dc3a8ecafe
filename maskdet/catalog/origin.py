"""Where a file of a data set comes from: a crop's picture, a copy's original, their addresses."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskdet import files
from maskdet.catalog import pictures
from maskdet.catalog.pictures import Picture
from maskdet.catalog.store import Catalog
from maskdet.errors import InputError
from maskdet.types import Box


@dataclass(frozen=True, slots=True)
class Face:
    """Which face of a picture a crop shows: its place in the VOC file from 0, class and box."""

    object: int
    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Address:
    """Where a picture was fetched from, and the search that led there."""

    url: str
    page_url: str | None
    title: str | None
    phrase: str
    label: str
    rank: int | None
    licence: str | None
    tried: str

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, under the names of the exported columns."""
        shown = asdict(self)
        shown["class"] = shown.pop("label")
        return shown


@dataclass(frozen=True, slots=True)
class Origin:
    """What the ledger knows of a file.

    ``path`` is the file's as it was asked for; ``face`` is None unless the file is a crop;
    ``addresses`` is empty for a picture that was put there by hand; ``original`` is the
    picture that was kept instead of this one, if it is a duplicate.
    """

    path: str
    picture: Picture
    face: Face | None
    addresses: tuple[Address, ...]
    original: Picture | None

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        face, picture = self.face, self.picture
        return {
            "path": self.path,
            "picture": picture.path,
            "sha256": picture.sha256,
            "width": picture.width,
            "height": picture.height,
            "status": picture.status,
            "duplicate_of": self.original and self.original.path,
            "crop": face
            and {"object": face.object, "label": face.label, "box": face.box.to_list()},
            "sources": [address.to_dict() for address in self.addresses],
        }


def origin(catalog: Catalog, path: str | os.PathLike[str]) -> Origin:
    """Return where a file comes from: a picture, a duplicate or a crop of the data set.

    A copy of a picture that lies anywhere else is known by its bytes.

    Args:
        catalog: the ledger.
        path: of the file; or, of none that is there, as the ledger has it: below the root.

    Raises:
        InputError: the ledger does not know it, or it cannot be read.
    """
    picture, face = _by_path(catalog, path)
    if picture is None and Path(path).is_file():
        picture = next(iter(pictures.by_sha256(catalog, files.sha256(path))), None)
    elif picture is None:
        picture, face = _by_path(catalog, catalog.absolute(os.fspath(path)))
    if picture is None:
        gone = "" if os.path.lexists(path) else ", and there is no such file"
        raise InputError(f"{path} is not in {catalog.path}{gone}")
    original = None if picture.duplicate_of is None else by_id(catalog, picture.duplicate_of)
    return Origin(os.fspath(path), picture, face, addresses(catalog, picture), original)


def _by_path(catalog: Catalog, path: str | os.PathLike[str]) -> tuple[Picture | None, Face | None]:
    """Return the picture at a path, or that of the crop there with the face that it shows."""
    try:
        name = catalog.relative(path)
    except InputError:
        return None, None
    for row in catalog.read("SELECT * FROM crops WHERE path = ?", (name,)):
        box = Box(row["x1"], row["y1"], row["x2"], row["y2"])
        return by_id(catalog, row["image_id"]), Face(row["object"], row["label"], box)
    return pictures.by_path(catalog, name), None


def by_id(catalog: Catalog, id: int) -> Picture:
    """Return the picture of a row's number, which must exist."""
    (row,) = catalog.read("SELECT * FROM images WHERE id = ?", (id,))
    return Picture(**dict(row))


def addresses(catalog: Catalog, picture: Picture) -> tuple[Address, ...]:
    """Return the addresses that a picture's bytes came from, the one that was saved first."""
    rows = catalog.read(
        "SELECT url, page_url, title, phrase, class AS label, rank, licence, tried FROM sources "
        "WHERE image_id IN (SELECT id FROM images WHERE sha256 = ?) ORDER BY tried",
        (picture.sha256,),
    )
    return tuple(Address(**dict(row)) for row in rows)
