"""Writing files so that none is ever half there."""

from __future__ import annotations

import os
from pathlib import Path

from maskdet.errors import OutputError


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
