"""Taking pictures out of a data set for good."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from maskdet import files, images
from maskdet.catalog import origin, targets
from maskdet.catalog.pictures import Picture
from maskdet.catalog.sources import Outcome
from maskdet.catalog.store import Catalog, now
from maskdet.catalog.targets import Target
from maskdet.errors import InputError
from maskdet.labels.manifest import FILE, Manifest, alone
from maskdet.layout import own_voc


@dataclass(frozen=True, slots=True)
class Removal:
    """A picture to take out.

    ``files`` are the picture, its VOC file and its crops, as far as they are there; ``crops``
    the paths of the crops as the ledger names them; ``names`` those of all that is or was
    there; ``urls`` where the picture came from.
    """

    picture: Picture
    files: tuple[Path, ...]
    crops: tuple[str, ...]
    names: tuple[str, ...]
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What forgetting would do. ``originals`` are the kept pictures of duplicates that go:
    they stay."""

    targets: tuple[Target, ...]
    removals: tuple[Removal, ...]
    originals: tuple[Picture, ...]


@dataclass(slots=True)
class Forgotten:
    """What was done: pictures and files that are gone, and in words what could not be removed."""

    pictures: int = 0
    files: int = 0
    problems: list[str] = field(default_factory=list)


def plan(catalog: Catalog, names: Iterable[str]) -> Plan:
    """Find what is to be forgotten; nothing is changed.

    With a picture go the copies that were set aside as its duplicates, for they show the same.
    Where only such a copy is named, the picture that was kept stays.

    Args:
        catalog: the ledger.
        names: addresses, domains (all hosts below them included), sha256 of pictures (their
            first digits, eight at least), and files: pictures or crops of the data set.

    Raises:
        InputError: a name is none of these, is unknown, or stands for several pictures.
    """
    wanted = tuple(dict.fromkeys(targets.target(catalog, name) for name in names))
    found: dict[int, Picture] = {}
    for target in wanted:
        found.update({picture.id: picture for picture in targets.pictures_of(catalog, target)})
    queue = list(found.values())
    for picture in queue:  # which grows meanwhile
        for row in catalog.read(
            "SELECT * FROM images WHERE duplicate_of = ? UNION "
            "SELECT * FROM images WHERE sha256 = ?",
            (picture.id, picture.sha256),
        ):
            if row["id"] not in found:
                found[row["id"]] = Picture(**dict(row))
                queue.append(found[row["id"]])
    listed, astray = _listed_crops(catalog, found.values()), _astray(catalog, found.values())
    removals = [
        _removal(
            catalog,
            picture,
            listed.get(picture.sha256, ()),
            astray.get(picture.sha256, ()),
        )
        for picture in found.values()
    ]
    originals = {
        picture.duplicate_of: origin.by_id(catalog, picture.duplicate_of)
        for picture in found.values()
        if picture.duplicate_of is not None and picture.duplicate_of not in found
    }
    return Plan(
        wanted,
        tuple(item for item in removals if item.files or item.picture.status != "forgotten"),
        tuple(picture for picture in originals.values() if picture.status == "kept"),
    )


def forget(catalog: Catalog, plan: Plan) -> Forgotten:
    """Take pictures out: their files, VOC files and crops, and the rows of manifests on them.

    What must never be fetched again is noted before the first file goes. A run that is killed
    is finished by planning and forgetting the same again.

    Raises:
        InputError: another command is at work on a manifest.
        OutputError: the ledger or a manifest cannot be written.
    """
    result = Forgotten()
    rows = _rows(catalog, [name for item in plan.removals for name in item.names])
    with alone(*rows):
        time = now()
        hashes = {
            Target("sha256", sha256)
            for item in plan.removals
            for sha256 in (item.picture.sha256, item.picture.first_sha256)
            if sha256
        }
        with catalog.write() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO forgotten (kind, value, time) VALUES (?, ?, ?)",
                [(item.kind, item.value, time) for item in (*plan.targets, *hashes)],
            )
        done = [item for item in plan.removals if _remove(item, result)]
        _forget_rows(rows)
        for folder in {catalog.absolute(crop).parent for item in done for crop in item.crops}:
            # Training refuses empty class folders.
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        with catalog.write() as connection:
            for target in plan.targets:
                where, values = targets.condition(target)
                connection.execute(
                    f"UPDATE sources SET outcome = '{Outcome.FORGOTTEN}', reason = 'forgotten' "
                    f"WHERE {where}",
                    values,
                )
            for item in done:
                _mark(connection, item)
    result.pictures = len(done)
    return result


def _listed_crops(catalog: Catalog, found: Iterable[Picture]) -> dict[str, list[Path]]:
    """Return pictures' crops that manifests of the data set name, by the sha256 of the picture.

    Those that were cut before there was a ledger, or of a copy elsewhere, stand nowhere else, nor
    do what was made of these and pictures that have a piece of another one, or of a crop of it
    (``maskdet synth``).
    """
    wanted = {picture.sha256 for picture in found}
    names = {picture.path: picture.sha256 for picture in found if picture.path}
    for picture in found:
        crops = catalog.read("SELECT path FROM crops WHERE image_id = ?", (picture.id,))
        names |= {crop["path"]: picture.sha256 for crop in crops}
    result: defaultdict[str, list[Path]] = defaultdict(list)
    root = files.absolute(catalog.root)
    rows: list[tuple[Path, Mapping[str, str]]] = []
    for path in sorted(root.glob(f"*/{FILE}")):
        with suppress(InputError):  # none of ours
            rows += [(path.parent, row) for row in Manifest(path.parent).rows]
    for columns in ((), ("piece", "picture")):  # of crops that are known by now
        for folder, row in rows:
            of = row.get("sha256", ""), *(names.get(row.get(key, ""), "") for key in columns)
            for sha256 in wanted.intersection(of):
                crop = files.absolute(folder / row["file"])
                if crop.is_relative_to(root) and crop not in result[sha256]:
                    result[sha256].append(crop)
                    names[catalog.relative(crop)] = sha256
    return result


def _astray(catalog: Catalog, found: Iterable[Picture]) -> dict[str, list[Path]]:
    """Return where pictures lie that somebody has moved within the data set, by their sha256."""
    sizes = {
        picture.sha256: picture.bytes
        for picture in found
        if picture.path and not catalog.absolute(picture.path).is_file()
    }
    result: defaultdict[str, list[Path]] = defaultdict(list)
    for path in images.find(catalog.root, lambda _: None) if sizes else ():
        if path.stat().st_size in sizes.values():
            result[files.sha256(path)].append(path)
    return result


def _removal(
    catalog: Catalog, picture: Picture, listed: Iterable[Path], astray: Iterable[Path]
) -> Removal:
    rows = catalog.read("SELECT path FROM crops WHERE image_id = ?", (picture.id,))
    crops = tuple(dict.fromkeys([*(row["path"] for row in rows), *map(catalog.relative, listed)]))
    places = [*astray, *(catalog.absolute(path) for path in (*crops, picture.path) if path)]
    names = [catalog.relative(path) for path in places]  # refuses a forged ledger's other places
    # Set aside, it may lie outside of the root; where that was cut short, at its old place. Where
    # a person has copied it back from there, at both.
    for row in catalog.read(
        "SELECT aside.path, moved_to, sha256 FROM aside JOIN images ON images.id = image_id "
        f"WHERE image_id = ? OR aside.path IN ({', '.join('?' * len(crops))})",
        (picture.id, *crops),
    ):
        names.append(catalog.relative(catalog.absolute(row["path"])))
        for name in filter(None, (row["moved_to"], row["path"])):
            path = Path(os.path.normpath(catalog.absolute(name)))
            if path.is_file() and files.sha256(path) == row["sha256"]:
                places.append(path)
    # A synthetic photograph stands among the crops and has a VOC file, too.
    places += list(filter(None, map(own_voc, places)))
    urls = tuple(address.url for address in origin.addresses(catalog, picture))
    there = dict.fromkeys(path for path in places if path.is_file())
    return Removal(picture, tuple(there), crops, tuple(names), urls)


def _remove(item: Removal, result: Forgotten) -> bool:
    for path in item.files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            result.problems.append(f"cannot remove {path}: {error.strerror or error}")
            return False
        result.files += 1
    return True


def _rows(catalog: Catalog, names: Iterable[str]) -> dict[Path, list[str]]:
    """Return the folders of the manifests above files, and the files' names there."""
    by_folder: defaultdict[Path, list[str]] = defaultdict(list)
    for name in names:
        path = catalog.absolute(name)
        above = path.parents[: len(PurePosixPath(name).parents)]
        folder = next((folder for folder in above if (folder / FILE).is_file()), None)
        if folder:
            by_folder[folder].append(path.relative_to(folder).as_posix())
    return by_folder


def _forget_rows(by_folder: Mapping[Path, Iterable[str]]) -> None:
    """Take what is gone out of the manifest above it."""
    for folder, names in by_folder.items():
        try:
            manifest = Manifest(folder)
        except InputError:
            continue  # none of ours
        # Another one may lie there by now.
        manifest.remove([name for name in names if not os.path.lexists(folder / name)])
        manifest.write()


def _mark(connection: sqlite3.Connection, item: Removal) -> None:
    picture = item.picture
    connection.execute(
        "UPDATE images SET path = NULL, status = 'forgotten' WHERE id = ?", (picture.id,)
    )
    connection.execute(
        f"UPDATE sources SET outcome = '{Outcome.FORGOTTEN}', reason = 'forgotten' "
        "WHERE image_id = ?",
        (picture.id,),
    )
    connection.execute("DELETE FROM crops WHERE image_id = ?", (picture.id,))
    # What was set aside as a copy has a row like a picture's, even if it is a crop.
    for crop in item.crops:
        connection.execute(
            "UPDATE images SET path = NULL, status = 'forgotten' WHERE path = ?", (crop,)
        )
        connection.execute("DELETE FROM aside WHERE moved_to = ? OR path = ?", (crop, crop))
        connection.execute("DELETE FROM crops WHERE path = ?", (crop,))  # of which it is a piece
    connection.execute("DELETE FROM hashes WHERE path = ?", (picture.path,))
    connection.execute("DELETE FROM aside WHERE image_id = ?", (picture.id,))
