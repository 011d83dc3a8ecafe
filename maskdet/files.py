"""Files: written so that none is ever half there, and told apart by what is in them."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from maskdet.errors import InputError, OutputError

_LONG = 230
"""Bytes of a name, to which nothing can be added where 255 are the most."""


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed.

    Of a link, what it leads to is written; a device or pipe is written to as it is.

    Raises:
        OutputError: the folder is missing, full or not writable.
    """
    target = Path(path)
    try:
        place, beside = places(target)
        if place == beside:
            target.write_bytes(data)
            return
        try:
            beside.write_bytes(data)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def places(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Return where a file lies, and where it is written before it is renamed to that.

    Of a link, the former is what it leads to. For a device or pipe both are itself. The latter
    has the number of the process in its name: two runs that write one file keep apart.
    """
    target = Path(path)
    if target.exists() and not (target.is_file() or target.is_dir()):
        return target, target
    place = Path(os.path.realpath(target))
    return place, _beside(place)


def _beside(place: Path) -> Path:
    name = place.name
    if len(os.fsencode(name)) > _LONG:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return place.with_name(f".{name}.{os.getpid()}.part")


def copy(
    source: str | os.PathLike[str], target: str | os.PathLike[str], link: bool = False
) -> None:
    """Copy a file, whole or not at all, over what is there; onto itself nothing happens.

    Args:
        source: what to copy.
        target: where to, in a folder that exists.
        link: make a hard link, where the file system can.

    Raises:
        InputError: the source cannot be read.
        OutputError: the target cannot be written.
    """
    origin, place = Path(source), Path(target)
    beside = _beside(place)
    try:
        if place.exists() and place.samefile(origin):
            return
        # What a killed run left may be a link to an original, and must not be written to.
        beside.unlink(missing_ok=True)
        try:
            if not (link and _linked(origin, beside)):
                shutil.copyfile(origin, beside)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        kind = InputError if error.filename == os.fspath(source) else OutputError
        raise kind(f"cannot copy {source} to {target}: {error.strerror or error}") from error


def _linked(origin: Path, place: Path) -> bool:
    try:
        place.hardlink_to(origin.resolve())
    except OSError:
        return False  # Another file system, or somebody else's file.
    return True


def read_text(path: str | os.PathLike[str], errors: str = "strict") -> str:
    """Return what a text file in UTF-8 holds, with or without a byte order mark.

    ``errors`` as for ``open``: ``surrogateescape`` where it names files.

    Raises:
        InputError: it cannot be read, or is in another encoding.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors=errors)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8: {error}") from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Create a folder and its parents where they do not exist, and return it.

    Raises:
        OutputError: it cannot be created, or something else has its name.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot create the folder {folder}: {error.strerror or error}"
        ) from error
    return folder


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return an absolute path without ``..``; what a link points to is another file."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


def within(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> Path | None:
    """Return a path from ``root`` on, None where it lies elsewhere.

    Either may be named by way of a link to a folder, e.g. from inside a root that is one.
    """
    place, above = absolute(path), absolute(root)
    if not place.is_relative_to(above):
        place = Path(os.path.realpath(place.parent), place.name)  # a link itself is another file
        above = Path(os.path.realpath(above))
    return place.relative_to(above) if place.is_relative_to(above) else None


def is_below(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> bool:
    """Tell whether a path is ``root`` or lies below it, see ``within``."""
    return within(path, root) is not None


def leads_below(folder: Path, root: Path) -> bool:
    """Tell whether what is written into a folder lies below ``root``, also by way of links."""
    return is_below(folder, root) or is_below(folder.resolve(), root)


def name_from(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> str:
    """Return a path from ``root`` on, with ``/``; an absolute one where it lies elsewhere."""
    return (within(path, root) or absolute(path)).as_posix()


def readable(text: str) -> str:
    """Return text without the bytes of file names that are no UTF-8.

    With them, OpenCV's windows crash.
    """
    return os.fsencode(text).decode(errors="replace")


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the sha256 of a file's bytes in hexadecimal.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
