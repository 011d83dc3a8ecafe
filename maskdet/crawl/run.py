"""A whole crawl: searches, threads, and what came of them."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from icrawler import Crawler

from maskdet.catalog import Catalog, sources
from maskdet.catalog.sources import Outcome
from maskdet.crawl import policy
from maskdet.crawl.download import PictureDownloader, Storage
from maskdet.crawl.fetch import Fetcher
from maskdet.crawl.job import POLL_S, Job, Search
from maskdet.crawl.options import BING, CrawlOptions, Limits
from maskdet.crawl.queries import Query
from maskdet.crawl.search import BingParser, SearchFeeder
from maskdet.progress import SILENT, Progress

_STOP_S = 3.0
_PAGE = Limits(bytes=5 * 2**20)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Summary:
    """What a crawl has done: its searches, in the order in which they were asked for."""

    searches: list[Search] = field(default_factory=list)
    interrupted: bool = False

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How the addresses ended that were tried, over all searches."""
        return sum((search.outcomes for search in self.searches), Counter())

    @property
    def failed(self) -> list[Search]:
        """The searches that Bing did not answer, or not to the end."""
        return [search for search in self.searches if search.error]

    @property
    def fruitless(self) -> list[Search]:
        """The searches whose addresses gave no picture at all, not even one that was there."""
        fruits = (Outcome.SAVED, Outcome.SAME)
        return [
            search
            for search in self.searches
            if search.outcomes and not (search.before or any(map(search.outcomes.get, fruits)))
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it."""
        return {
            "outcomes": dict(sorted(self.outcomes.items())),
            "interrupted": self.interrupted,
            "searches": [search.to_dict() for search in self.searches],
        }


def crawl(
    data: str | os.PathLike[str],
    queries: Iterable[Query],
    options: CrawlOptions = CrawlOptions(),  # noqa: B008 - frozen
    progress: Progress = SILENT,
) -> Summary:
    """Search for phrases, and save what they find to ``raw/<label>/`` below ``data``.

    The ledger gets a row for every address that is tried. Whatever has been dealt with in an
    earlier run, however that ended, is not fetched again. Ctrl-C ends the run early: see
    ``Summary.interrupted``.

    Args:
        data: the root of the data set; made where there is none.
        queries: what to search for; one that is named twice counts once.
        options: how.
        progress: makes the bar, which counts saved pictures.

    Raises:
        InputError: the ledger is none, or a newer maskdet's.
        OutputError: the disk is full, or nothing may be written there.
    """

    def anywhere(address: str) -> None:
        return None

    judge = anywhere if options.allow_private else policy.refused_ip
    # Whoever names an address for the searches means it.
    page_judge = policy.refused_ip if options.endpoint == BING else anywhere
    with Catalog(data) as catalog:
        summary = Summary(
            [
                Search(query, options.max_num, sources.saved(catalog, query.label, query.phrase))
                for query in dict.fromkeys(queries)
            ]
        )
        with (
            progress(
                total=sum(max(search.wanted, search.before) for search in summary.searches),
                initial=sum(search.before for search in summary.searches),
                desc="saved",
                unit=" pictures",
            ) as bar,
            Fetcher(_PAGE, "text/html", connections=1, judge=page_judge) as pages,
            Fetcher(
                options.limits,
                "image/jpeg,image/png,image/webp,*/*;q=0.1",
                connections=options.threads,
                judge=judge,
            ) as pictures,
        ):
            job = Job(4 * options.threads, bar.update)
            crawler = BingCrawler(job, catalog, options, pages, pictures)
            try:
                crawler.crawl(summary.searches)
            except KeyboardInterrupt:
                summary.interrupted = True
        return summary


class BingCrawler(Crawler):  # type: ignore[misc]
    """Searches at Bing and downloads what is found."""

    def __init__(
        self,
        job: Job,
        catalog: Catalog,
        options: CrawlOptions,
        pages: Fetcher,
        pictures: Fetcher,
    ) -> None:
        self._job = job
        self._pages, self._pictures = pages, pictures
        shared = {"job": job, "catalog": catalog, "options": options}
        super().__init__(
            SearchFeeder,
            BingParser,
            PictureDownloader,
            downloader_threads=options.threads,
            storage=Storage(catalog),
            extra_parser_args=shared | {"pages": pages},
            extra_downloader_args=shared,
        )

    def set_logger(self, log_level: int = logging.INFO) -> None:
        """Leave the program's logging alone, which icrawler would set up."""
        self.logger = _log

    def set_session(self, headers: object = None) -> None:
        """Ask through our own connections."""
        self.session = self._pictures

    def crawl(self, searches: Sequence[Search]) -> None:
        """Run the searches, and return when all their threads have ended.

        icrawler's own loop looks after its threads once a second only.

        Raises:
            Exception: whatever ended one of the threads.
        """
        self.signal.reset()
        self.feeder.start(searches=searches)
        self.parser.start()
        self.downloader.start()
        try:
            while self.downloader.is_alive() and not self._job.stopping:
                self.signal.set(
                    feeder_exited=not self.feeder.is_alive(),
                    parser_exited=not self.parser.is_alive(),
                )
                time.sleep(POLL_S)
        finally:
            self._job.stop()
            self._pages.close()
            self._pictures.close()
            self._join()
        if self._job.error:
            raise self._job.error

    def _join(self) -> None:
        until = time.monotonic() + _STOP_S
        for pool in (self.feeder, self.parser, self.downloader):
            for worker in pool.workers:
                worker.join(max(0.0, until - time.monotonic()))
