"""Every address that was ever tried, and how it ended."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urldefrag, urlsplit, urlunsplit

from maskdet.catalog.store import Catalog, now


class Outcome(StrEnum):
    """How an address ended: the column ``outcome`` of the table ``sources``."""

    FETCHING = "fetching"
    SAVED = "saved"
    SAME = "same"
    FORGOTTEN = "forgotten"
    ROBOTS = "robots"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    REDIRECTS = "redirects"
    TOO_LARGE = "too_large"
    NOT_IMAGE = "not_image"
    BROKEN = "broken"
    TOO_SMALL = "too_small"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    CONNECTION = "connection"


MEANING = {
    Outcome.FETCHING: "begun, and cut short",
    Outcome.SAVED: "saved",
    Outcome.SAME: "the same bytes as a picture that is there",
    Outcome.FORGOTTEN: "to be forgotten: address, domain or picture",
    Outcome.ROBOTS: "the owner forbids it (X-Robots-Tag)",
    Outcome.REFUSED: "an address that must not be asked, e.g. of a private network",
    Outcome.NOT_FOUND: "the host answers that it is not there, or not for us",
    Outcome.REDIRECTS: "redirected too often",
    Outcome.TOO_LARGE: "more bytes or pixels than allowed",
    Outcome.NOT_IMAGE: "neither JPEG, PNG nor WebP",
    Outcome.BROKEN: "cannot be decoded to its end",
    Outcome.TOO_SMALL: "fewer pixels than asked for",
    Outcome.UNAVAILABLE: "the host is overloaded or at fault (429, 5xx)",
    Outcome.TIMEOUT: "not there in time",
    Outcome.CONNECTION: "no connection, or one that broke off",
}
"""Each outcome in words."""

PASSING = frozenset({Outcome.UNAVAILABLE, Outcome.TIMEOUT, Outcome.CONNECTION})
"""What may end otherwise another time."""


@dataclass(frozen=True, slots=True)
class Source:
    """An address of a picture, and the search that led to it.

    ``label`` is the folder below ``raw``; ``rank`` the place among the results, from 1;
    ``filters`` the search's filters by name, ``license`` among them.
    """

    url: str
    phrase: str
    label: str
    rank: int | None = None
    page_url: str | None = None
    title: str | None = None
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What must never be fetched again; a domain stands for all hosts below it, too."""

    urls: frozenset[str]
    domains: frozenset[str]
    sha256: frozenset[str]


def normalise(url: str) -> str:
    """Return an address as the ledger holds it, so that one picture has one.

    Spaces around it and the fragment are cut off, scheme and host are in lower case. Query
    strings stay as they are.

    Raises:
        ValueError: it is no address at all, e.g. for a broken IPv6 host or port.
    """
    parts = urlsplit(urldefrag(url.strip()).url)
    _ = parts.port  # raises where it is no number
    user, at, host = parts.netloc.rpartition("@")
    return urlunsplit(
        (parts.scheme.lower(), user + at + host.lower(), parts.path or "/", parts.query, "")
    )


def begin(
    catalog: Catalog,
    source: Source,
    host: str,
    again: Iterable[Outcome] = (),
    since: str | None = None,
) -> bool:
    """Note that an address is about to be asked, unless it has been dealt with meanwhile.

    Args:
        catalog: the ledger.
        source: the address. Of one that is known, all is noted anew.
        host: of the address.
        again: how it may have ended to be asked again; cut short, it is in any case.
        since: when this crawl began. What was tried later is another crawl's.

    Returns:
        Whether it is to be asked.
    """
    wanted = [Outcome.FETCHING, *again]
    time = now()
    with catalog.write() as connection:
        cursor = connection.execute(
            "INSERT INTO sources (url, host, page_url, title, phrase, class, rank, licence, "
            "filters, tried, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (url) DO UPDATE SET tried = excluded.tried, outcome = excluded.outcome, "
            "reason = NULL, page_url = excluded.page_url, title = excluded.title, "
            "phrase = excluded.phrase, class = excluded.class, rank = excluded.rank, "
            "licence = excluded.licence, filters = excluded.filters "
            f"WHERE sources.outcome IN ({_marks(wanted)}) AND sources.tried < ?",
            (
                source.url,
                host,
                source.page_url,
                source.title,
                source.phrase,
                source.label,
                source.rank,
                source.filters.get("license"),
                json.dumps(source.filters, sort_keys=True),
                time,
                Outcome.FETCHING,
                *wanted,
                since or time,
            ),
        )
    return cursor.rowcount == 1


def end(
    connection: sqlite3.Connection,
    url: str,
    outcome: Outcome,
    reason: str | None = None,
    image_id: int | None = None,
) -> None:
    """Note inside a transaction how an address ended.

    One that has led another crawl to a picture meanwhile stays as it is.
    """
    connection.execute(
        "UPDATE sources SET tried = ?, outcome = ?, reason = ?, image_id = ? "
        "WHERE url = ? AND image_id IS NULL",
        (now(), outcome, reason, image_id, url),
    )


def outcomes(catalog: Catalog, urls: Iterable[str]) -> dict[str, Outcome]:
    """Return how those of the addresses ended that have been tried."""
    asked = list(urls)
    rows = catalog.read(f"SELECT url, outcome FROM sources WHERE url IN ({_marks(asked)})", asked)
    return {row["url"]: Outcome(row["outcome"]) for row in rows}


def saved(catalog: Catalog, label: str, phrase: str) -> int:
    """Return how many pictures a phrase has brought to a folder so far."""
    ((number,),) = catalog.read(
        "SELECT count(*) FROM sources WHERE class = ? AND phrase = ? AND outcome = ?",
        (label, phrase, Outcome.SAVED),
    )
    return int(number)


def unfinished(
    catalog: Catalog, label: str, phrase: str, ended: Iterable[Outcome] = ()
) -> list[Source]:
    """Return the addresses of a phrase that were cut short, or ended as one of ``ended``."""
    wanted = [Outcome.FETCHING, *ended]
    rows = catalog.read(
        f"SELECT * FROM sources WHERE class = ? AND phrase = ? AND outcome IN ({_marks(wanted)}) "
        "ORDER BY rank",
        (label, phrase, *wanted),
    )
    return [
        Source(
            url=row["url"],
            phrase=phrase,
            label=label,
            rank=row["rank"],
            page_url=row["page_url"],
            title=row["title"],
            filters=json.loads(row["filters"]),
        )
        for row in rows
    ]


def forgotten(catalog: Catalog, *values: str | None) -> Forgotten:
    """Return what must never be fetched again: all domains, and which of some other values.

    Args:
        catalog: the ledger.
        values: addresses and sha256; None stands for none.
    """
    rows = catalog.read(
        "SELECT kind, value FROM forgotten WHERE kind = 'domain' "
        f"OR kind IN ('url', 'sha256') AND value IN ({_marks(values)})",
        values,
    )
    by_kind = {
        kind: frozenset(row["value"] for row in rows if row["kind"] == kind)
        for kind in ("url", "domain", "sha256")
    }
    return Forgotten(by_kind["url"], by_kind["domain"], by_kind["sha256"])


def _marks(values: Sized) -> str:
    """Return as many of SQL's question marks."""
    return ", ".join("?" * len(values))
