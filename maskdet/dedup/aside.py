"""Setting files aside so that nothing is ever lost, and putting them back.

Every step is noted in the ledger before it is taken. A run that was killed is tidied up by the
next one (``recover``): what was noted but not begun is struck out, what was begun is finished.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from maskdet import files
from maskdet.catalog import Catalog, now, pictures, store
from maskdet.dedup.lock import alone
from maskdet.dedup.match import Match
from maskdet.errors import InputError, MaskdetError
from maskdet.layout import own_voc, voc_path
from maskdet.progress import SILENT, Progress

ACTIONS = ("move", "delete", "link")


@dataclass(slots=True)
class Done:
    """What was done: places before and after (None: deleted), and in words what was not."""

    moved: list[tuple[str, str | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def set_aside(
    catalog: Catalog,
    duplicates: Sequence[Match],
    action: str,
    folder: Path,
    progress: Progress = SILENT,
) -> Done:
    """Take duplicates out of a data set, each with its VOC file.

    Args:
        catalog: notes what is done.
        duplicates: what to take out, with what stays.
        action: ``move`` them to ``folder``, ``delete`` them, or ``link``: make copies with the
            same bytes hard links to the one that stays, and leave the others where they are.
        folder: where they are moved to, with the path that they have below the data set's
            root (without ``raw``). What is there is never overwritten.
        progress: makes the bar.

    Raises:
        InputError: another process is setting aside.
        OutputError: the ledger cannot be written.
    """
    with alone(catalog):
        return _set_aside(catalog, duplicates, action, folder, progress)


def _set_aside(
    catalog: Catalog, duplicates: Sequence[Match], action: str, folder: Path, progress: Progress
) -> Done:
    done, run = Done(problems=_recover(catalog)), now()
    for match in progress(duplicates, desc=action, unit="picture"):
        try:
            if action == "link" and not _linkable(match):
                continue
            target = _target(catalog, match.path, folder) if action == "move" else None
            done.moved.append((match.path, _one(catalog, match, action, target, run)))
        except (MaskdetError, OSError, UnicodeEncodeError) as error:
            # The last one: a file name of bytes that are no UTF-8 has no place in the ledger.
            done.problems.append(f"{match.path} stays: {error}")
            for row in catalog.read(
                "SELECT * FROM aside WHERE undone = 0 ORDER BY id DESC LIMIT 1"
            ):
                done.problems += _try_to_tidy(catalog, row)
    return done


def undo(catalog: Catalog, progress: Progress = SILENT) -> Done:
    """Put back everything that was set aside.

    What was deleted cannot come back, and where another file lies now nothing is overwritten:
    these are problems.

    Raises:
        InputError: another process is setting aside.
        OutputError: the ledger cannot be written.
    """
    with alone(catalog):
        return _undo(catalog, progress)


def _undo(catalog: Catalog, progress: Progress) -> Done:
    done = Done(problems=_recover(catalog))
    rows = catalog.read("SELECT * FROM aside WHERE undone = 0 ORDER BY id DESC")
    for row in progress(rows, desc="undo", unit="picture"):
        path = catalog.absolute(row["path"])
        try:
            _put_back(catalog, row)
        except OSError as error:
            done.problems.append(f"{path} cannot be put back: {error.strerror or error}")
        except MaskdetError as error:
            done.problems.append(str(error))
        else:
            origin = row["moved_to"] and os.path.normpath(catalog.absolute(row["moved_to"]))
            done.moved.append((origin or str(path), str(path)))
    return done


def recover(catalog: Catalog) -> list[str]:
    """Tidy up after a run that was killed; return in words what could not be.

    Raises:
        InputError: another process is setting aside.
        OutputError: the ledger cannot be written.
    """
    with alone(catalog):
        return _recover(catalog)


def _recover(catalog: Catalog) -> list[str]:
    rows = catalog.read("SELECT * FROM aside WHERE undone = 0")
    return [problem for row in rows for problem in _try_to_tidy(catalog, row)]


def _try_to_tidy(catalog: Catalog, row: sqlite3.Row) -> list[str]:
    try:
        _tidy(catalog, row)
    except (InputError, OSError) as error:
        return [f"{catalog.absolute(row['path'])} is half set aside: {error}"]
    return []


def _tidy(catalog: Catalog, row: sqlite3.Row) -> None:
    """Finish what was begun with a file, or strike out what was not."""
    path = catalog.absolute(row["path"])
    if not path.exists():
        return
    if row["action"] == "link":
        kept = catalog.absolute(row["kept"])
        if kept.exists() and path.samefile(kept):
            return
    elif row["moved_to"]:
        target = catalog.absolute(row["moved_to"])
        if target.exists():
            if files.sha256(path) != files.sha256(target):
                return  # Another file that has come there since is none of our business.
            if own_voc(path) is None and os.path.samestat(path.lstat(), target.lstat()):
                # It is at its new place, but not yet taken away from the old one.
                path.unlink()
                return
            # A person has copied it back and wants it: it is judged like any other picture.
        boxes, own = voc_path(target), voc_path(path)
        if boxes.exists() and not own.exists():
            _move(boxes, own)
        elif boxes.exists() and files.sha256(boxes) == files.sha256(own):
            boxes.unlink()
    _strike_out(catalog, row)


def _one(catalog: Catalog, match: Match, action: str, target: Path | None, run: str) -> str | None:
    """Note what will be done with a picture, do it, and return where it is then."""
    path = Path(match.path)
    if not Path(match.kept).is_file():
        raise InputError(f"{match.kept}, which is to stay, is not there any more")
    if action != "link" and os.path.realpath(path) == os.path.realpath(match.kept):
        raise InputError(f"{match.kept}, which is to stay, is the same file")
    if target is not None:
        files.make_folder(target.parent)
    image_id = kept_id = None
    kept = _from_root(catalog, match.kept)
    if catalog.path.name == store.FILE:
        image_id = pictures.register(catalog, path).id
        if not kept.startswith(".."):
            kept_id = pictures.register(catalog, match.kept).id
    moved_to = None if target is None else _from_root(catalog, target)
    name = catalog.relative(path)
    inside = moved_to is not None and not moved_to.startswith("..")
    place = name if action == "link" else moved_to if inside else None
    with catalog.write() as connection:
        connection.execute(
            "INSERT INTO aside (run, image_id, path, moved_to, kept, action, distance, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(run, image_id, name, moved_to, kept),
                *(action, match.distance, match.reason),
            ),
        )
        # A row that names the new place is of a file that is gone: the place is free.
        connection.execute(
            "UPDATE images SET path = NULL WHERE path = ? AND id != ?", (place, image_id)
        )
        connection.execute(
            "UPDATE images SET path = ?, status = 'duplicate', duplicate_of = ? WHERE id = ?",
            (place, kept_id, image_id),
        )
        if inside:  # of a face, the ledger knows the photograph still
            connection.execute(
                "UPDATE OR REPLACE crops SET path = ? WHERE path = ?", (moved_to, name)
            )
    if target is not None:
        # The VOC file first: where it has gone and the picture has not, nothing is done yet.
        if (boxes := own_voc(path)) is not None:
            _move(boxes, voc_path(target))
        _move(path, target)
        return str(target)
    if action == "link":
        files.copy(match.kept, path, link=True)
        return match.path
    boxes = own_voc(path)
    path.unlink()
    if boxes is not None:
        boxes.unlink()
    return None


def _linkable(match: Match) -> bool:
    return match.kind == "exact" and not Path(match.path).samefile(match.kept)


def _put_back(catalog: Catalog, row: sqlite3.Row) -> None:
    path = catalog.absolute(row["path"])
    if row["action"] == "delete":
        raise InputError(f"{path} was deleted and cannot be put back")
    if row["action"] == "link":
        # The same bytes, in a file of its own again.
        beside = path.with_name(f".{path.name}.part")
        shutil.copy2(path, beside)
        beside.replace(path)
    else:
        origin = Path(os.path.normpath(catalog.absolute(row["moved_to"])))
        if not origin.exists():
            raise InputError(f"{path} cannot be put back: {origin} is not there any more")
        if path.exists():
            raise InputError(f"{origin} cannot be put back: there is another file at {path}")
        files.make_folder(path.parent)
        boxes = own_voc(origin)
        _move(origin, path)
        if boxes is not None and not voc_path(path).exists():
            _move(boxes, voc_path(path))
    _strike_out(catalog, row)


def _strike_out(catalog: Catalog, row: sqlite3.Row) -> None:
    """Note that a file is where it was; its picture is kept again."""
    with catalog.write() as connection:
        connection.execute("UPDATE aside SET undone = 1 WHERE id = ?", (row["id"],))
        connection.execute(
            "UPDATE OR REPLACE crops SET path = ? WHERE path = ?", (row["path"], row["moved_to"])
        )
        connection.execute(
            "UPDATE images SET path = ?, status = 'kept', duplicate_of = NULL WHERE id = ? "
            # Something new may have been saved under that name.
            "AND NOT EXISTS (SELECT 1 FROM images WHERE path = ? AND id != ?)",
            (row["path"], row["image_id"], row["path"], row["image_id"]),
        )


def _target(catalog: Catalog, path: str, folder: Path) -> Path:
    """Return a free place for a file."""
    inner = Path(catalog.relative(path))
    if catalog.path.name == store.FILE and inner.parts[0] == "raw":
        inner = Path(*inner.parts[1:])
    place, number = folder / inner, 1
    while os.path.lexists(place) or os.path.lexists(voc_path(place)):
        number += 1
        place = folder / inner.with_stem(f"{inner.stem}-{number}")
    return place


def _move(source: Path, target: Path) -> None:
    """Move a file; what is at the target is never overwritten (as a rename would).

    Raises:
        OSError: it cannot be moved, or there is something.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # Another file system, or one without hard links.
        beside = target.with_name(f".{target.name}.part")
        try:
            shutil.copy2(source, beside)
            if os.path.lexists(target):
                raise FileExistsError(f"there is another file at {target}") from None
            beside.rename(target)
        finally:
            beside.unlink(missing_ok=True)
    try:
        source.unlink(missing_ok=True)
    except OSError:
        target.unlink()  # rather than to leave it in both places
        raise


def _from_root(catalog: Catalog, path: str | os.PathLike[str]) -> str:
    """Return a path as the table holds it; what lies outside the root begins with ``..``."""
    try:
        return catalog.relative(path)
    except InputError:
        return Path(os.path.relpath(path, catalog.root)).as_posix()
