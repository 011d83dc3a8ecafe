"""Connections that go to allowed addresses only, and that end in time whatever the host does."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from maskdet.catalog.sources import Outcome
from maskdet.crawl.failure import Failure

Judge = Callable[[str], str | None]
"""Takes an IP address, returns why it must not be connected to, or None."""

SILENCE_S = 10.0
"""A host that says nothing for so long is given up."""

_TICK_S = 0.1


class Guard:
    """Watches over one request: the address it goes to, and the time it takes in all."""

    def __init__(self, judge: Judge, seconds: float) -> None:
        self._judge = judge
        self.deadline = time.monotonic() + seconds
        self.aborted = False
        self._handles: list[socket.socket] = []

    def open(self, host: str, port: int) -> socket.socket:
        """Connect to the first allowed address of a host that answers.

        The name is looked up once, and the very address that was judged is connected to: what
        the name stands for a moment later does not matter.

        Raises:
            Failure: no such host, no allowed address, or no connection.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise Failure(Outcome.CONNECTION, f"no such host: {host}") from error
        failure = Failure(Outcome.CONNECTION, f"no address for {host}")
        for family, kind, protocol, _, address in found:
            if refusal := self._judge(str(address[0])):
                failure = Failure(Outcome.REFUSED, f"{host}: {refusal}")
                continue
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(self.patience())
                self.watch(connected)
                connected.connect(address)
            except TimeoutError:
                connected.close()
                failure = Failure(Outcome.TIMEOUT, f"{host} does not answer")
            except OSError as error:
                connected.close()
                failure = Failure(Outcome.CONNECTION, f"{host}: {error.strerror or error}")
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connected
        raise failure

    def left(self) -> float:
        """Return how many seconds are left."""
        return self.deadline - time.monotonic()

    def patience(self) -> float:
        """Return how many seconds may pass in silence.

        Raises:
            Failure: the time is up.
        """
        if self.aborted or self.left() <= 0:
            raise self.failure()
        return min(self.left(), SILENCE_S)

    def failure(self) -> Failure:
        """Return what an aborted request ends with."""
        return Failure(Outcome.TIMEOUT, "not complete in time")

    def watch(self, connection: socket.socket) -> None:
        """Remember the socket that the request goes through."""
        # A second handle, for the first one changes hands (TLS, answers that end with the
        # connection), and shutting down either ends the connection.
        handle = socket.fromfd(connection.fileno(), connection.family, connection.type)
        self._handles.append(handle)
        if self.aborted:
            self.abort()

    def abort(self) -> None:
        """Break the request off: whoever waits for the host wakes up."""
        self.aborted = True
        for handle in self._handles:
            with contextlib.suppress(OSError):  # not connected yet, or no more
                handle.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for handle in self._handles:
            handle.close()


class Watch:
    """Aborts the requests whose time is up."""

    def __init__(self) -> None:
        self._guards: set[Guard] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    @contextlib.contextmanager
    def guard(self, judge: Judge, seconds: float) -> Iterator[Guard]:
        """Guard all that the calling thread asks through ``pools`` in the ``with`` block."""
        guard = Guard(judge, seconds)
        with self._lock:
            self._guards.add(guard)
        if self._closed.is_set():
            guard.abort()
        token = _GUARD.set(guard)
        try:
            yield guard
        finally:
            _GUARD.reset(token)
            with self._lock:
                self._guards.discard(guard)
                guard.close()

    def close(self) -> None:
        """Abort everything, now and from now on."""
        self._closed.set()
        self._abort(float("inf"))

    def _run(self) -> None:
        while not self._closed.wait(_TICK_S):
            self._abort(time.monotonic())

    def _abort(self, until: float) -> None:
        with self._lock:
            for guard in self._guards:
                if guard.deadline <= until and not guard.aborted:
                    guard.abort()


_GUARD: ContextVar[Guard] = ContextVar("guard")


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _GUARD.get().open(self._dns_host.strip("[]"), self.port)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            _GUARD.get().watch(self.sock)
        super().request(*args, **kwargs)


class _Https(HTTPSConnection):
    _new_conn = _Http._new_conn
    request = _Http.request


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def pools(hosts: int, connections: int) -> PoolManager:
    """Return kept-alive connections to ``hosts`` hosts, ``connections`` each, all guarded.

    Proxies named in the environment are not used: behind one, nobody could tell which address
    a connection leads to.
    """
    manager = PoolManager(num_pools=hosts, maxsize=connections)
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager
