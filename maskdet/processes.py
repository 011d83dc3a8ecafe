"""Processes that share work: for what threads of one process would keep each other from."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
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
    return _Pool(count, _Context(), _begin, (setup, arguments))


class _Pool(ProcessPoolExecutor):
    def __exit__(self, *_: object) -> None:
        """Do not begin what nobody waits for any more: the rest, after an error or Ctrl-C."""
        self.shutdown(cancel_futures=True)


class _Process(SpawnProcess):
    def start(self) -> None:
        """Start the process with Ctrl-C blocked: while it imports, it could only end it badly."""
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().start()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process


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
