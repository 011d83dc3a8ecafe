"""Only one process at a time sets files of a data set aside or puts them back."""

from __future__ import annotations

from contextlib import AbstractContextManager

from maskdet import lock
from maskdet.catalog import Catalog

FILE = ".maskdet.sqlite-lock"
"""The file that is locked, beside the ledger; it stays empty."""


def alone(catalog: Catalog) -> AbstractContextManager[None]:
    """Let no other process change the data set inside; one that is killed lets go, too.

    The ledger itself cannot be locked for so long: each step is written to it at once.

    Raises:
        InputError: another process is at it.
        OutputError: the folder cannot be written.
    """
    return lock.alone(
        catalog.path.with_name(FILE),
        f"another maskdet dedup is at work in {catalog.root}: wait until it is done",
    )
