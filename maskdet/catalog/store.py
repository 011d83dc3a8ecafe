"""The ledger's file: opened, brought up to date, read and written from any thread."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from maskdet.catalog.schema import MIGRATIONS
from maskdet.errors import InputError, OutputError
from maskdet.files import absolute, make_folder, within

FILE = "catalog.sqlite"
"""The ledger's name in the root of a data set."""

HIDDEN = ".maskdet.sqlite"
"""Its name in a bare folder, where it only remembers hashes and what was set aside."""

_BUSY_S = 30


class Catalog:
    """The ledger of a data set: an SQLite file in the data set's root.

    All paths in it are relative to ``root``. One object may be used by many threads, and
    several processes may have the same file open. A write is whole or not there at all, also
    when the process is killed.
    """

    def __init__(self, root: str | os.PathLike[str], file: str = FILE) -> None:
        """Open a ledger, creating it and its folder where there is none.

        Args:
            root: the data set's folder.
            file: the ledger's name in it.

        Raises:
            InputError: the file is no ledger of maskdet, or a newer maskdet's.
            OutputError: it cannot be opened or written.
        """
        self.root = make_folder(root)
        self.path = self.root / file
        self._lock = threading.RLock()
        try:
            # Transactions are begun by hand: see write().
            self._connection = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._cannot_open(error) from error
        self._connection.row_factory = sqlite3.Row
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate()
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise self._cannot_open(error) from error
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise InputError(f"{self.path} is not a catalog: {error}") from error
        except InputError:
            self._connection.close()
            raise

    def _cannot_open(self, error: sqlite3.Error) -> OutputError:
        writable = os.access(self.root, os.W_OK)
        reason = error if writable else "its folder must be writable, also for reading"
        return OutputError(f"cannot open {self.path}: {reason}")

    def _migrate(self) -> None:
        with self.write() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > len(MIGRATIONS):
                raise InputError(
                    f"{self.path} was written by a newer maskdet (schema {version}, this one "
                    f"knows {len(MIGRATIONS)}): update maskdet"
                )
            for script in MIGRATIONS[version:]:
                # Not executescript, which would commit in between.
                for statement in _statements(script):
                    connection.execute(statement)
            if version < len(MIGRATIONS):
                connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def read(self, query: str, parameters: Any = ()) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(query, parameters).fetchall()

    def table(self, query: str) -> tuple[list[str], list[sqlite3.Row]]:
        """Return the names of a query's columns, and all its rows."""
        with self._lock:
            cursor = self._connection.execute(query)
            return [item[0] for item in cursor.description], cursor.fetchall()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Enter a transaction: everything in the ``with`` block is written, or nothing.

        Raises:
            OutputError: the disk is full, or the ledger is locked for too long.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    # SQLite has done so already where the disk is full.
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise OutputError(f"cannot write {self.path}: {error}") from error

    def relative(self, path: str | os.PathLike[str]) -> str:
        """Return a path below the root as the ledger holds it: relative, with ``/``.

        Raises:
            InputError: the path does not lie below the root.
        """
        inner = within(path, self.root)
        if inner is None:
            raise InputError(f"{path} does not lie in {self.root}")
        return inner.as_posix()

    def absolute(self, path: str) -> Path:
        """Return the place of a file that the ledger names."""
        return self.root / path

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def exists(root: str | os.PathLike[str]) -> bool:
    """Return whether a folder is the root of a data set with a ledger."""
    return Path(root, FILE).is_file()


def find_root(path: str | os.PathLike[str]) -> Path | None:
    """Return the nearest folder at or above ``path`` that has a ledger, None if there is none."""
    here = absolute(path)
    return next((folder for folder in (here, *here.parents) if exists(folder)), None)


def now() -> str:
    """Return the time as the ledger holds it: UTC, ISO 8601, to the microsecond."""
    return datetime.now(UTC).isoformat()


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
