"""Processes that share work: for what threads of one process would keep each other from."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def pool(
    count: int, setup: Callable[..., object] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """Start processes that are spawned, leave Ctrl-C to this one, and end when it ends.

    Not forked: a fork of a process in which other threads run can hang.

    Args:
        count: of the processes.
        setup: a module's function that each of them calls first, with ``arguments``.
    """
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, _begin, (setup, arguments))


def _begin(setup: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    # Ctrl-C reaches every process of the terminal; only the parent decides what follows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if setup:
        setup(*arguments)


def _end_with_parent() -> None:
    """Leave no process behind when the parent is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
