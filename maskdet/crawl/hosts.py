"""A queue that hands out the addresses of each host no faster than that host should be asked."""

from __future__ import annotations

import queue
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Any, Protocol


class HasHost(Protocol):
    """What can wait in the queue."""

    @property
    def host(self) -> str:
        """The host that is asked for it, in lower case."""


@dataclass(slots=True)
class _Host:
    active: int = 0
    free_at: float = 0.0


class HostQueue(queue.Queue[Any]):
    """A FIFO queue in which a task waits until its host is free, and lets others pass.

    What ``get`` hands out keeps its host busy until ``leave``.
    """

    def __init__(self, per_host: int, delay_s: float) -> None:
        """Begin empty.

        Args:
            per_host: most tasks of a host that are handed out at a time.
            delay_s: least seconds between two of them.
        """
        super().__init__()
        self._per_host = per_host
        self._delay_s = delay_s
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)
        self._waiting: deque[HasHost]

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return the first task whose host is free.

        Raises:
            queue.Empty: there is none after ``timeout`` seconds.
        """
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        with self.not_empty:
            while True:
                now = time.monotonic()
                soonest = until
                for place, task in enumerate(self._waiting):
                    host = self._hosts[task.host]
                    if host.active >= self._per_host:
                        continue
                    if host.free_at <= now:
                        del self._waiting[place]
                        host.active += 1
                        host.free_at = now + self._delay_s
                        return task
                    soonest = min(soonest, host.free_at)
                if not block or now >= until:
                    raise queue.Empty
                self.not_empty.wait(None if soonest == float("inf") else soonest - now)

    def leave(self, host: str, pause_s: float = 0.0) -> None:
        """Say that a task of a host has been dealt with, and how long to leave the host alone."""
        with self.not_empty:
            state = self._hosts[host]
            state.active -= 1
            state.free_at = max(state.free_at, time.monotonic() + pause_s)
            self.not_empty.notify()

    def _init(self, maxsize: int) -> None:
        self._waiting = deque()

    def _qsize(self) -> int:
        return len(self._waiting)

    def _put(self, item: HasHost) -> None:
        self._waiting.append(item)
