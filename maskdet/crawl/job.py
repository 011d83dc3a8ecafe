"""What the threads of a crawl share: the searches, how far they are, and whether to stop."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from maskdet.catalog import now, sources
from maskdet.catalog.sources import Outcome, Source
from maskdet.crawl import policy
from maskdet.crawl.fetch import Trip
from maskdet.crawl.options import CrawlOptions
from maskdet.crawl.queries import Query

POLL_S = 0.05
"""How often a thread looks whether it is still needed."""


@dataclass(slots=True, eq=False)
class Search:
    """A phrase, and what has become of it."""

    query: Query
    wanted: int
    """Pictures to save, those of earlier runs counted."""

    before: int
    """Pictures that earlier runs have saved."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    """How the addresses ended that this run has tried."""

    pages: int = 0
    """Result pages that were read."""

    results: int = 0
    """Results on these pages, repeated ones counted."""

    known: int = 0
    """Results whose address an earlier run, another phrase or crawl has dealt with."""

    unreadable: int = 0
    """Results in which no address could be found."""

    error: str | None = None
    """Why Bing could not be asked, or not to the end."""

    doubt: str | None = None
    """Why Bing may have more results than it has shown: the next run asks again."""

    outstanding: int = 0
    """Addresses that are being tried or about to be."""

    @property
    def saved(self) -> int:
        """Pictures saved so far, those of earlier runs counted."""
        return self.before + self.outcomes[Outcome.SAVED]

    @property
    def complete(self) -> bool:
        return self.saved >= self.wanted

    def to_dict(self) -> dict[str, Any]:
        """Return what the search has brought, as JSON can hold it."""
        return {
            "phrase": self.query.phrase,
            "class": self.query.label,
            "wanted": self.wanted,
            "saved_before": self.before,
            "outcomes": dict(sorted(self.outcomes.items())),
            "known": self.known,
            "unreadable": self.unreadable,
            "pages": self.pages,
            "error": self.error,
            "doubt": self.doubt,
        }


@dataclass(slots=True, eq=False)
class Task:
    """An address on its way through the queue."""

    source: Source
    search: Search
    trip: Trip
    begun: bool = False

    @property
    def host(self) -> str:
        """The host that is asked next."""
        return policy.host(self.trip.url)


def tried_again(options: CrawlOptions) -> frozenset[Outcome]:
    """Return the outcomes of earlier runs that are not the last word."""
    return frozenset(
        {
            *(sources.PASSING if options.retry else ()),
            *([Outcome.REFUSED] if options.allow_private else ()),
            *([Outcome.ROBOTS] if options.ignore_robots_tag else ()),
        }
    )


class Job:
    """Lets out no more addresses than pictures are still wanted, and collects how they end."""

    def __init__(self, most: int, saved: Callable[[], None]) -> None:
        """Begin.

        Args:
            most: addresses that may be outstanding at a time.
            saved: is called for every picture that is saved, by one thread at a time.
        """
        self.began = now()
        """When, as the ledger holds it."""

        self.stopping = False
        self.error: BaseException | None = None
        self.outstanding = 0
        self._most = most
        self._saved = saved
        self._changed = threading.Condition()

    def wanted(self, search: Search) -> bool:
        """Wait until one more address of a search may be tried; False: none is needed."""
        with self._changed:
            return self._wait(search)

    def reserve(self, search: Search) -> bool:
        """Wait as ``wanted`` does, and count the address as outstanding."""
        with self._changed:
            if not self._wait(search):
                return False
            search.outstanding += 1
            self.outstanding += 1
            return True

    def _wait(self, search: Search) -> bool:
        def over() -> bool:
            return self.stopping or search.complete

        def free() -> bool:
            enough = search.saved + search.outstanding >= search.wanted
            return self.outstanding < self._most and not enough

        self._changed.wait_for(lambda: over() or free())
        return not over()

    def end(self, search: Search, outcome: Outcome | None) -> None:
        """Say how an address ended that ``reserve`` let out; None: another crawl dealt with it."""
        with self._changed:
            if outcome:
                search.outcomes[outcome] += 1
            else:
                search.known += 1
            search.outstanding -= 1
            self.outstanding -= 1
            if outcome == Outcome.SAVED:
                self._saved()
            self._changed.notify_all()

    def sleep(self, seconds: float) -> None:
        """Wait, but not when all is to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopping, seconds)

    def stop(self) -> None:
        """Have all threads end as soon as they can."""
        with self._changed:
            self.stopping = True
            self._changed.notify_all()

    @contextlib.contextmanager
    def thread(self) -> Iterator[None]:
        """Hand an error in a thread over to the one that waits for it, and stop."""
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            self.error = self.error or error
            self.stop()
