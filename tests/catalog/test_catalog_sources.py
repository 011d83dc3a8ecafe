"""The rows of addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maskdet.catalog import Catalog, now, pictures, sources
from maskdet.catalog.sources import MEANING, PASSING, Outcome, Source
from maskdet.images import Header


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path) as opened:
        yield opened


def source(number: int = 1, phrase: str = "a phrase", label: str = "with_mask") -> Source:
    return Source(
        url=f"http://a.org/{number}",
        phrase=phrase,
        label=label,
        rank=number,
        page_url="http://a.org/page",
        title="A title",
        filters={"license": "share", "size": "large"},
    )


def finish(catalog: Catalog, given: Source, outcome: Outcome, reason: str | None = None) -> None:
    sources.begin(catalog, given, "a.org")
    with catalog.write() as connection:
        sources.end(connection, given.url, outcome, reason)


def test_an_address_is_noted_before_and_after(catalog: Catalog) -> None:
    sources.begin(catalog, source(), "a.org")
    (row,) = catalog.read("SELECT * FROM sources")
    assert (row["outcome"], row["host"], row["licence"]) == ("fetching", "a.org", "share")
    assert (row["rank"], row["title"], row["page_url"]) == (1, "A title", "http://a.org/page")
    finish(catalog, source(), Outcome.BROKEN, "why")
    (row,) = catalog.read("SELECT * FROM sources")
    assert (row["outcome"], row["reason"]) == ("broken", "why")
    again = [Outcome.BROKEN]
    assert sources.begin(catalog, source(phrase="another"), "a.org", again)
    (row,) = catalog.read("SELECT * FROM sources")
    assert (row["outcome"], row["reason"], row["phrase"]) == ("fetching", None, "another")


@pytest.mark.parametrize(
    ("outcome", "again"), [(None, []), (Outcome.BROKEN, []), (Outcome.TIMEOUT, PASSING)]
)
def test_what_another_crawl_deals_with_is_left_to_it(
    catalog: Catalog, outcome: Outcome | None, again: frozenset[Outcome]
) -> None:
    began = now()
    assert sources.begin(catalog, source(), "a.org", since=began)
    if outcome:
        with catalog.write() as connection:
            sources.end(connection, source().url, outcome)
    assert not sources.begin(catalog, source(phrase="other"), "a.org", again, began)
    (row,) = catalog.read("SELECT * FROM sources")
    assert (row["outcome"], row["phrase"]) == (outcome or Outcome.FETCHING, "a phrase")
    assert sources.begin(catalog, source(), "a.org", again) == (outcome != Outcome.BROKEN)


def test_what_has_led_to_a_picture_stays(catalog: Catalog) -> None:
    sources.begin(catalog, source(), "a.org")
    with catalog.write() as connection:
        added = pictures.add(connection, "a.jpg", "00", Header("JPEG", 1, 1), 1)
        sources.end(connection, source().url, Outcome.SAVED, image_id=added)
        sources.end(connection, source().url, Outcome.SAME, "late", added)
        sources.end(connection, source().url, Outcome.TIMEOUT, "later")
    (row,) = catalog.read("SELECT outcome, reason, image_id FROM sources")
    assert tuple(row) == ("saved", None, added)


def test_what_was_saved_counts_by_class_and_phrase(catalog: Catalog) -> None:
    finish(catalog, source(1), Outcome.SAVED)
    finish(catalog, source(2), Outcome.SAVED)
    finish(catalog, source(3), Outcome.SAME)
    finish(catalog, source(4, phrase="other"), Outcome.SAVED)
    finish(catalog, source(5, label="without_mask"), Outcome.SAVED)
    assert sources.saved(catalog, "with_mask", "a phrase") == 2


def test_known_addresses_are_told_from_new_ones(catalog: Catalog) -> None:
    finish(catalog, source(1), Outcome.SAVED)
    sources.begin(catalog, source(2), "a.org")
    asked = [f"http://a.org/{number}" for number in (1, 2, 3)]
    assert sources.outcomes(catalog, asked) == {
        asked[0]: Outcome.SAVED,
        asked[1]: Outcome.FETCHING,
    }
    assert sources.outcomes(catalog, []) == {}


@pytest.mark.parametrize(
    ("ended", "numbers"),
    [((), [3]), (PASSING, [1, 3]), ([Outcome.ROBOTS], [2, 3])],
)
def test_what_is_not_finished_comes_back_whole(
    catalog: Catalog, ended: frozenset[Outcome], numbers: list[int]
) -> None:
    finish(catalog, source(1), Outcome.TIMEOUT)
    finish(catalog, source(2), Outcome.ROBOTS)
    sources.begin(catalog, source(3), "a.org")
    sources.begin(catalog, source(4, phrase="other"), "a.org")
    finish(catalog, source(5), Outcome.SAVED)
    found = sources.unfinished(catalog, "with_mask", "a phrase", ended)
    assert found == [source(number) for number in numbers]


def test_what_is_forgotten_comes_by_its_kind(catalog: Catalog) -> None:
    with catalog.write() as connection:
        connection.executemany(
            "INSERT INTO forgotten VALUES (?, ?, 'now')",
            [("url", "u"), ("url", "v"), ("domain", "d"), ("domain", "e"), ("sha256", "s")],
        )
    domains = frozenset({"d", "e"})
    assert sources.forgotten(catalog) == sources.Forgotten(frozenset(), domains, frozenset())
    assert sources.forgotten(catalog, "u", None, "x", "s") == sources.Forgotten(
        frozenset({"u"}), domains, frozenset({"s"})
    )


def test_every_outcome_has_its_meaning() -> None:
    assert set(MEANING) == set(Outcome)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        (" HTTPS://Example.ORG/A.JPG?W=1&h=2#top ", "https://example.org/A.JPG?W=1&h=2"),
        ("http://example.org", "http://example.org/"),
        ("http://example.org:80/ä b.jpg", "http://example.org:80/ä b.jpg"),
    ],
)
def test_a_picture_has_one_address(url: str, normal: str) -> None:
    assert sources.normalise(url) == normal
    assert sources.normalise(normal) == normal


@pytest.mark.parametrize("url", ["http://[::1/a.jpg", "http://example.org:port/a.jpg"])
def test_what_is_no_address_has_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sources.normalise(url)
