"""One address fetched politely: bounded in bytes, seconds and redirects, and told to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self
from urllib.parse import urljoin

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, LocationValueError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.util import Retry

from maskdet import __version__
from maskdet.catalog import sources
from maskdet.catalog.sources import Outcome
from maskdet.crawl import policy
from maskdet.crawl.connect import Guard, Judge, Watch, pools
from maskdet.crawl.failure import Failure
from maskdet.crawl.options import Limits

AGENT = f"maskdet/{__version__} (collects pictures to train a face mask classifier)"
"""The User-Agent: what we are, and what for."""

_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK = 65536
_HEAD = 16


@dataclass(slots=True)
class Trip:
    """An address on its way to a body, over redirects and waits."""

    url: str
    """What to ask next."""

    wait_s: float = 0.0
    """How long its host wants to be left alone before that, in seconds."""

    redirects: int = 0
    attempts: int = 0
    spent_s: float = 0.0


class Fetcher:
    """Asks hosts, from any number of threads."""

    def __init__(
        self,
        limits: Limits,
        accept: str,
        connections: int = 8,
        judge: Judge = policy.refused_ip,
    ) -> None:
        """Begin with no connection.

        Args:
            limits: for each address.
            accept: the header Accept, the media types that are wanted.
            connections: that are kept alive, at most, for each host.
            judge: says why an IP address must not be connected to, or None.
        """
        self._limits = limits
        self._judge = judge
        self._pools = pools(hosts=8 * connections, connections=connections)
        self._watch = Watch()
        self._headers = {
            "User-Agent": AGENT,
            "Accept": accept,
            "Accept-Language": "en",
            "Accept-Encoding": "identity",
        }

    def step(
        self,
        trip: Trip,
        robots: bool = False,
        judge_head: Callable[[bytes], None] | None = None,
    ) -> bytes | None:
        """Ask once.

        Args:
            trip: is brought up to date.
            robots: whether ``X-Robots-Tag`` counts.
            judge_head: is given the first bytes of the body (16, or all if there are fewer),
                and raises Failure if the rest is not worth fetching.

        Returns:
            The body; None if ``trip.url`` is to be asked (again) after ``trip.wait_s`` seconds.

        Raises:
            Failure: the address gives no body.
        """
        if refusal := policy.refused_url(trip.url):
            raise Failure(Outcome.REFUSED, refusal)
        with self._watch.guard(self._judge, self._limits.seconds - trip.spent_s) as guard:
            try:
                return self._ask(guard, trip, robots, judge_head)
            except LocationValueError as error:
                raise Failure(Outcome.REFUSED, f"no valid address: {error}") from error
            except HTTPError as error:
                if guard.aborted:
                    raise guard.failure() from error
                if isinstance(error, Urllib3TimeoutError):
                    raise Failure(Outcome.TIMEOUT, "the host fell silent") from error
                raise Failure(Outcome.CONNECTION, _plain(error)) from error
            finally:
                trip.spent_s = self._limits.seconds - guard.left()

    def _ask(
        self,
        guard: Guard,
        trip: Trip,
        robots: bool,
        judge_head: Callable[[bytes], None] | None,
    ) -> bytes | None:
        response = self._pools.request(
            "GET",
            trip.url,
            headers=self._headers,
            timeout=guard.patience(),
            redirect=False,
            retries=False,
            preload_content=False,
        )
        try:
            trip.wait_s = 0.0
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                self._redirect(trip, location)
                return None
            if response.status == HTTPStatus.TOO_MANY_REQUESTS or response.status >= 500:
                self._back_off(trip, response)
                return None
            if response.status != HTTPStatus.OK:
                raise Failure(Outcome.NOT_FOUND, _status(response))
            if robots:
                tags = response.headers.getlist("X-Robots-Tag")
                if directive := policy.refused_robots(tags):
                    raise Failure(Outcome.ROBOTS, f"X-Robots-Tag: {directive}")
            return _read(response, guard, self._limits.bytes, judge_head)
        finally:
            # After a body that was read to its end, the connection is back in its pool.
            response.close()

    def _redirect(self, trip: Trip, location: str) -> None:
        trip.redirects += 1
        if trip.redirects > self._limits.redirects:
            raise Failure(Outcome.REDIRECTS, f"more than {self._limits.redirects} redirects")
        try:
            trip.url = sources.normalise(urljoin(trip.url, location))
        except ValueError as error:
            raise Failure(Outcome.REFUSED, f"redirected to no valid address: {error}") from error

    def _back_off(self, trip: Trip, response: urllib3.BaseHTTPResponse) -> None:
        trip.attempts += 1
        try:
            wished = Retry().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            wished = None  # no date or number, or one beyond what Python converts
        trip.wait_s = 2.0 ** (trip.attempts - 1) if wished is None else wished
        if trip.wait_s > self._limits.wait_s:
            reason = f"{_status(response)}, Retry-After {trip.wait_s:.0f} s"
            raise Failure(Outcome.UNAVAILABLE, reason, host_closed=True)
        if trip.attempts >= self._limits.attempts:
            raise Failure(Outcome.UNAVAILABLE, f"{_status(response)}, {trip.attempts} times")

    def close(self) -> None:
        """Break off whatever is under way, and close all connections."""
        self._watch.close()
        self._pools.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _read(
    response: urllib3.BaseHTTPResponse,
    guard: Guard,
    limit: int,
    judge_head: Callable[[bytes], None] | None,
) -> bytes:
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal():
        try:
            size = int(announced)
        except ValueError as error:  # more digits than Python converts: thousands
            reason = f"a size of {len(announced)} digits announced"
            raise Failure(Outcome.TOO_LARGE, reason) from error
        if size > limit:
            raise Failure(Outcome.TOO_LARGE, f"{size} bytes announced")
    body = bytearray()
    # read1, for read waits until it has all it was asked for, however slowly that comes.
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise Failure(Outcome.TOO_LARGE, f"more than {limit} bytes")
        if judge_head and len(body) >= _HEAD:
            judge_head(bytes(body[:_HEAD]))
            judge_head = None
    # An aborted body without a length looks as if it had ended.
    if guard.aborted:
        raise guard.failure()
    if judge_head:
        judge_head(bytes(body))
    return bytes(body)


def _status(response: urllib3.BaseHTTPResponse) -> str:
    return f"HTTP {response.status} {response.reason or ''}".strip()


def _plain(error: HTTPError) -> str:
    """Return an error of urllib3 in words, without its objects."""
    cause = next((arg for arg in reversed(error.args) if isinstance(arg, Exception)), error)
    return str(cause.args[0] if cause.args and isinstance(cause.args[0], str) else cause)
