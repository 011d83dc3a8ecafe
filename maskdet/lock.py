"""Files that only one process holds at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from maskdet.errors import InputError, OutputError


@contextlib.contextmanager
def alone(path: Path, busy: str) -> Iterator[None]:
    """Hold a file inside; a process that is killed lets go, too.

    Args:
        path: the file, which is made where there is none, and stays empty.
        busy: what to say where another has it; nobody waits.

    Raises:
        InputError: another process has it, or another thread.
        OutputError: it cannot be written, or is in the way.
    """
    try:
        if not path.exists():
            path.touch()
            path.chmod(path.parent.stat().st_mode & 0o666)  # who may write there may hold it
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    if not os.access(path, os.W_OK):
        raise OutputError(f"cannot write {path}: without that, it keeps nobody away")
    with contextlib.ExitStack() as stack:
        try:
            # SQLite knows how to lock files on every system.
            connection = sqlite3.connect(path, timeout=0, isolation_level=None)
            stack.callback(connection.close)
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InputError(busy) from error
            raise OutputError(f"cannot write {path}: {error}") from error
        yield
