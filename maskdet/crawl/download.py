"""From addresses to pictures on disk and rows in the ledger: icrawler's downloader."""

from __future__ import annotations

import logging
import queue

from icrawler import Downloader
from icrawler.storage import BaseStorage

from maskdet import files
from maskdet.catalog import Catalog, pictures, sources
from maskdet.catalog.sources import Outcome
from maskdet.crawl import check, policy
from maskdet.crawl.failure import Failure
from maskdet.crawl.fetch import Fetcher
from maskdet.crawl.job import POLL_S, Job, Task, tried_again
from maskdet.crawl.options import CrawlOptions

_log = logging.getLogger(__name__)


class PictureDownloader(Downloader):  # type: ignore[misc]
    """Fetches, checks and keeps pictures, and notes in the ledger how each address ended."""

    def __init__(
        self,
        thread_num: int,
        signal: object,
        session: Fetcher,
        storage: Storage,
        job: Job,
        catalog: Catalog,
        options: CrawlOptions,
    ) -> None:
        super().__init__(thread_num, signal, session, storage)
        self._job = job
        self._catalog = catalog
        self._options = options
        self._again = tried_again(options)
        self._closed: dict[str, str] = {}

    def worker_exec(self) -> None:
        """Work off the tasks until no more can come."""
        with self._job.thread():
            while not self._job.stopping:
                try:
                    task = self.in_queue.get(timeout=POLL_S)
                except queue.Empty:
                    if self.signal.get("parser_exited") and not self._job.outstanding:
                        return
                    continue
                self.download(task)

    def download(self, task: Task) -> None:
        """Ask for an address once, and put it back where that was not the end."""
        host = task.host
        known = not task.begun and not sources.begin(
            self._catalog, task.source, host, self._again, self._job.began
        )
        task.begun = True
        outcome = None if known else self._try(task)
        self.in_queue.leave(host, 0.0 if host in self._closed else task.trip.wait_s)
        if known or outcome:
            self._job.end(task.search, outcome)
        else:
            self.in_queue.put(task)

    def _try(self, task: Task) -> Outcome | None:
        url = task.source.url
        try:
            self._judge(task)
            robots = not self._options.ignore_robots_tag
            body = self.session.step(task.trip, robots, check.judge_head)
            if body is None:
                return None
            picture = check.picture(body, self._options.min_side, self._options.max_pixels)
            return self._keep(task, picture, body)
        except Failure as failure:
            if self._job.stopping:
                return None  # broken off by us: cut short, whatever it looks like
            if failure.host_closed:
                self._closed[task.host] = failure.reason
            with self._catalog.write() as connection:
                sources.end(connection, url, failure.outcome, failure.reason)
            _log.info("%s: %s: %s", url, failure.outcome, failure.reason)
            return failure.outcome

    def _judge(self, task: Task) -> None:
        self._judge_forgotten(task)
        if task.host in self._closed:
            raise Failure(Outcome.UNAVAILABLE, f"its host: {self._closed[task.host]}")

    def _judge_forgotten(self, task: Task, sha256: str | None = None) -> None:
        source, url = task.source, task.trip.url
        # Asked anew each time, for another process may forget something meanwhile.
        forgotten = sources.forgotten(self._catalog, source.url, source.page_url, url, sha256)
        if forgotten.urls:
            raise Failure(Outcome.FORGOTTEN, "the address, or the page that it stands on")
        for host in {policy.host(source.url), task.host}:
            if domain := policy.within(host, forgotten.domains):
                raise Failure(Outcome.FORGOTTEN, f"the domain {domain}")
        if forgotten.sha256:
            raise Failure(Outcome.FORGOTTEN, f"the picture {sha256}")

    def _keep(self, task: Task, picture: check.Accepted, body: bytes) -> Outcome:
        source = task.source
        path = f"raw/{source.label}/{picture.sha256[:16]}{picture.suffix}"
        # The file is written inside the transaction, which keeps other threads and processes
        # from writing the same one. Killed in between, it is fetched and written once more.
        with self._catalog.write() as connection:
            self._judge_forgotten(task, picture.sha256)
            there = [
                *pictures.by_sha256(self._catalog, picture.sha256),
                *filter(None, [pictures.by_path(self._catalog, path)]),
            ]
            if there:
                reason = _where(there[0], source.label)
                sources.end(connection, source.url, Outcome.SAME, reason, there[0].id)
                return Outcome.SAME
            self.storage.write(path, body)
            added = pictures.add(connection, path, picture.sha256, picture.head, len(body))
            sources.end(connection, source.url, Outcome.SAVED, image_id=added)
        return Outcome.SAVED


def _where(picture: pictures.Picture, label: str) -> str:
    where = picture.path or f"a picture that is {picture.status}"
    other = not (picture.path or "").startswith(f"raw/{label}/")
    return f"the same bytes as {where}{', of another class' if other else ''}"


class Storage(BaseStorage):  # type: ignore[misc]
    """The folder of a data set, in which files appear whole or not at all."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def write(self, id: str, data: bytes) -> None:
        """Write a file; ``id`` is its path below the root."""
        path = self._catalog.absolute(id)
        files.make_folder(path.parent)
        files.write_bytes(path, data)
