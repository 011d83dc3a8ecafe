"""Files: written so that none is ever half there, and told apart by what is in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from maskdet.errors import InputError, OutputError


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed.

    Raises:
        OutputError: the folder is missing, full or not writable.
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.part")
    try:
        try:
            beside.write_bytes(data)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


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
