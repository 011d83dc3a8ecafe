"""From phrases to addresses of pictures: icrawler's feeder and parser.

Of icrawler come the pools of threads, the queues between them and the crawler that ties them
together. What its classes do inside is replaced: they lose a task when a queue is full, ask for
pages that nobody needs, and swallow errors.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Iterator, Sequence
from urllib.parse import urljoin

from icrawler import Feeder, Parser

from maskdet.catalog import Catalog, sources
from maskdet.catalog.sources import Outcome, Source
from maskdet.crawl import bing
from maskdet.crawl.failure import Failure
from maskdet.crawl.fetch import Fetcher, Trip
from maskdet.crawl.filters import qft
from maskdet.crawl.hosts import HostQueue
from maskdet.crawl.job import POLL_S, Job, Search, Task, tried_again
from maskdet.crawl.options import CrawlOptions

GIVE_UP = 3
"""After so many phrases in a row that Bing has not answered, the others are not asked."""

_log = logging.getLogger(__name__)


class SearchFeeder(Feeder):  # type: ignore[misc]
    """Feeds the parser with searches."""

    def __init__(self, thread_num: int, signal: object, session: object) -> None:
        super().__init__(thread_num, signal, session)
        # icrawler's own queue holds five, and then has the feeder wait.
        self.out_queue: queue.Queue[Search] = queue.Queue()

    def feed(self, searches: Sequence[Search]) -> None:
        """Put each search into the queue."""
        for search in searches:
            self.out_queue.put(search)


class BingParser(Parser):  # type: ignore[misc]
    """Turns the pages of a search into tasks, as long as pictures are wanted."""

    def __init__(
        self,
        thread_num: int,
        signal: object,
        session: object,
        job: Job,
        catalog: Catalog,
        options: CrawlOptions,
        pages: Fetcher,
    ) -> None:
        # icrawler's own queue loses a task that does not fit in at once.
        tasks = HostQueue(options.per_host, options.delay_s)
        super().__init__(thread_num, signal, session, out_queue=tasks)
        self._job = job
        self._catalog = catalog
        self._options = options
        self._pages = pages
        self._qft = qft(options.filters)
        self._failed = 0
        self._offered: set[str] = set()
        self._asked_at = float("-inf")

    def worker_exec(self) -> None:
        """Work off the searches."""
        with self._job.thread():
            while not self._job.stopping:
                try:
                    search = self.in_queue.get(timeout=POLL_S)
                except queue.Empty:
                    if self.signal.get("feeder_exited"):
                        return
                    continue
                self._search(search)

    def _search(self, search: Search) -> None:
        unfinished = sources.unfinished(
            self._catalog, search.query.label, search.query.phrase, tried_again(self._options)
        )
        for source in unfinished:
            self._offer(search, source)
        seen: set[str] = set()
        again = {source.url for source in unfinished}
        while self._job.wanted(search):
            if self._failed >= GIVE_UP:
                search.error = f"not asked: Bing did not answer {GIVE_UP} phrases before"
                return
            try:
                if not self._page(search, seen, again):
                    break
            except Failure as failure:
                search.error = failure.reason
                _log.info("%s: %s", search.query.phrase, failure.reason)
                break
        if search.pages or search.error:
            self._failed = 0 if search.pages else self._failed + 1

    def _page(self, search: Search, seen: set[str], again: set[str]) -> bool:
        """Ask for the next page and offer what is new; return whether there may be another.

        Raises:
            Failure: Bing does not answer, or with nothing usable.
        """
        address = bing.page_url(
            self._options.endpoint, search.query.phrase, search.results + 1, self._qft
        )
        found = self._results(search, address)
        if found is None:
            return False
        search.pages += 1
        fresh: dict[str, Source] = {}
        for rank, result in enumerate(found, search.results + 1):
            if result is None:
                search.unreadable += 1
                continue
            source = self._source(search, result, address, rank)
            if source.url not in seen:
                seen.add(source.url)
                fresh[source.url] = source
        search.results += len(found)
        if found and not seen:
            raise Failure(Outcome.UNAVAILABLE, "Bing's results cannot be read any more")
        ended = sources.outcomes(self._catalog, fresh)
        for url, source in fresh.items():
            if url in ended or url in self._offered:
                search.known += url not in again
            elif not self._offer(search, source):
                return False
        return bool(fresh)

    def _results(self, search: Search, address: str) -> list[bing.Result | None] | None:
        """Return the results of a page, none if there are no more; None: not needed any more.

        A page that is no result page is asked for again where Bing has shown others before;
        if it stays so, whether it was the last one is left in doubt.

        Raises:
            Failure: Bing does not answer, or with nothing usable.
        """
        phrase = search.query.phrase
        for attempt in range(self._options.limits.attempts):
            if attempt:
                self._job.sleep(2.0 ** (attempt - 1))
            page = self._fetch(address)
            if page is None:
                return None
            found = list(self.parse(page))
            reason = None if found else bing.unusable(page, phrase, first=not search.pages)
            if not reason:
                return found
            if reason == bing.CAPTCHA or not search.pages:
                raise Failure(Outcome.UNAVAILABLE, reason)
        search.doubt = f"after {search.results} results, {reason}"
        _log.info("%s: %s", phrase, search.doubt)
        return None

    def parse(self, response: bytes) -> Iterator[bing.Result | None]:
        """Yield the results of a page."""
        return bing.results(response)

    def _source(self, search: Search, result: bing.Result, address: str, rank: int) -> Source:
        return Source(
            url=_whole(address, result.url),
            phrase=search.query.phrase,
            label=search.query.label,
            rank=rank,
            page_url=result.page_url and _whole(address, result.page_url),
            title=result.title,
            filters=self._options.filters,
        )

    def _fetch(self, address: str) -> bytes | None:
        trip = Trip(address)
        page = None
        while page is None and not self._job.stopping:
            pause = self._asked_at + self._options.delay_s - time.monotonic()
            self._job.sleep(max(trip.wait_s, pause))
            self._asked_at = time.monotonic()
            page = self._pages.step(trip)
        return page

    def _offer(self, search: Search, source: Source) -> bool:
        """Hand an address over when it is wanted; return False if it no longer is."""
        if not self._job.reserve(search):
            return False
        self._offered.add(source.url)
        self.out_queue.put(Task(source, search, Trip(source.url)))
        return True


def _whole(page: str, url: str) -> str:
    """Return an address that stands on a page as the ledger holds it."""
    try:
        return sources.normalise(urljoin(page, url))
    except ValueError:
        return url  # the policy says what is wrong with it
