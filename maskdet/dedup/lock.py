"""Only one process at a time sets files of a data set aside or puts them back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from maskdet.catalog import Catalog
from maskdet.errors import InputError, OutputError

FILE = ".maskdet.sqlite-lock"
"""The file that is locked, beside the ledger; it stays empty."""


@contextlib.contextmanager
def alone(catalog: Catalog) -> Iterator[None]:
    """Let no other process change the data set inside; one that is killed lets go, too.

    The ledger itself cannot be locked for so long: each step is written to it at once.

    Raises:
        InputError: another process is at it.
        OutputError: the folder cannot be written.
    """
    path = catalog.path.with_name(FILE)
    with contextlib.ExitStack() as stack:
        try:
            connection = sqlite3.connect(path, timeout=0, isolation_level=None)
            stack.callback(connection.close)
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise InputError(
                    f"another maskdet dedup is at work in {catalog.root}: wait until it is done"
                ) from error
            raise OutputError(f"cannot write {path}: {error}") from error
        yield
