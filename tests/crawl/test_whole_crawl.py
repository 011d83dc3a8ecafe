"""Whole crawls, from the phrase to the files and the ledger, against a real server."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import wait_until
from hostile import CAPTCHA, HostileBing, cut_off, fixed, flaky, picture, redirect
from local_bing import PAGE, Handler, LocalBing, Result

from maskdet import images
from maskdet.catalog import Catalog
from maskdet.catalog.sources import Outcome
from maskdet.crawl.options import CrawlOptions, Limits
from maskdet.crawl.queries import Query, query
from maskdet.crawl.run import Summary, crawl
from maskdet.errors import OutputError

FAST = CrawlOptions(
    delay_s=0, per_host=99, min_side=100, allow_private=True, limits=Limits(seconds=1, bytes=2**20)
)
LABEL = "with_mask"


def go(data: Path, bing: LocalBing, *phrases: str, **options: Any) -> Summary:
    """Crawl quickly."""
    asked = dataclasses.replace(FAST, endpoint=bing.endpoint, **options)
    return crawl(data, [query(phrase, LABEL) for phrase in phrases], asked)


def rows(data: Path, columns: str = "url, outcome") -> list[tuple[Any, ...]]:
    with Catalog(data) as catalog:
        found = catalog.read(f"SELECT {columns} FROM sources ORDER BY phrase, rank")
    return [tuple(row) for row in found]


def saved_files(data: Path) -> list[Path]:
    """Return all files below ``raw``, each being what its name and its row say."""
    found = sorted(path for path in (data / "raw").rglob("*") if path.is_file())
    with Catalog(data) as catalog:
        known = {row["path"]: row for row in catalog.read("SELECT * FROM images")}
    assert {catalog.relative(path) for path in found} == set(known)
    for path in found:
        row = known[catalog.relative(path)]
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        assert (path.stem, row["sha256"]) == (sha256[:16], sha256)
        height, width = images.read(path).shape[:2]
        assert (row["width"], row["height"], row["bytes"]) == (width, height, path.stat().st_size)
    return found


def many(bing: LocalBing, phrase: str, number: int, start: int = 0) -> list[str]:
    """Have a phrase find some pictures and return their addresses."""
    bodies = [picture(10_000 + start + place) for place in range(number)]
    bing.add(phrase, bodies)
    return [bing.address(body) for body in bodies]


def test_odd_results_are_saved_whatever_they_look_like(tmp_path: Path, bing: HostileBing) -> None:
    summary = go(tmp_path, bing, "odd")
    outcomes = dict(rows(tmp_path))
    for name in ("relative", "no_scheme"):
        bing.addresses[name] = f"{bing.url}/{name}.jpg"
    wanted = {*bing.saveable, *(bing.addresses[name] for name in ("relative", "no_scheme"))}
    # Two workers may fetch the same bytes in either order: whichever comes first is saved.
    twins = {bing.addresses[name] for name in ("upper_case", "same_bytes")}
    assert sorted(outcomes[url] for url in twins) == ["same", "saved"]
    assert {outcomes[url] for url in wanted - twins} == {"saved"}
    assert outcomes[bing.addresses["entities"]] == "saved"
    assert outcomes[bing.addresses["data"]] == "refused"
    assert len(saved_files(tmp_path)) == len(wanted) + 1
    assert {path.suffix for path in saved_files(tmp_path)} == {".jpg", ".png", ".webp"}
    (search,) = summary.searches
    assert search.unreadable == 9
    assert search.error is None


def test_the_ledger_knows_where_a_picture_comes_from(tmp_path: Path, bing: HostileBing) -> None:
    (url,) = many(bing, "a mask", 1)
    filters = {"license": "share", "people": "face"}
    go(tmp_path, bing, "a  mask", filters=filters)
    (row,) = rows(tmp_path, "url, host, page_url, phrase, class, rank, licence, filters, outcome")
    assert row == (
        *(url, "127.0.0.1", f"{bing.url}/pages/pictures/{Path(url).name}.html", "a mask", LABEL, 1),
        *("share", '{"license": "share", "people": "face"}', "saved"),
    )
    ((title, tried, path),) = rows(
        tmp_path, "title, tried, (SELECT path FROM images WHERE id = image_id)"
    )
    assert title is None
    assert tried.startswith("20")
    assert (tmp_path / path).read_bytes() == picture(10_000)
    asked = next(request for request in bing.requests if request.path == "/images/async")
    assert asked.query["qft"] == "+filterui:license-L2_L3_L4_L5_L6_L7+filterui:face-face"


def test_every_trouble_has_a_row_and_none_stops_the_rest(tmp_path: Path, bing: HostileBing) -> None:
    good = many(bing, "hostile", 3)
    summary = go(tmp_path, bing, "hostile", limits=Limits(seconds=1, bytes=2**20, attempts=1))
    by_url = dict(rows(tmp_path))
    expected = {
        "html": "not_image",
        "empty": "not_image",
        "missing": "not_found",
        "failing": "unavailable",
        "truncated": "connection",
        "half": "broken",
        "bomb": "too_large",
        "endless": "too_large",
        "dripping": "timeout",
        "hangs_up": "connection",
        "small": "too_small",
        "gif": "not_image",
        "noai": "robots",
        "noindex": "robots",
        "redirect_loop": "redirects",
        "redirect_on": "redirects",
        "redirect_nowhere": "not_found",
        "refused": "connection",
    }
    named = {name: by_url[bing.addresses[name]] for name in expected}
    assert named == expected
    assert {by_url[url] for url in good} == {"saved"}
    assert len(by_url) == len(expected) + 3
    assert len(saved_files(tmp_path)) == summary.outcomes[Outcome.SAVED] == 3
    assert all(reason for _, reason in rows(tmp_path, "outcome, reason") if _ != "saved")


def test_what_recovers_is_waited_for(tmp_path: Path, bing: HostileBing) -> None:
    summary = go(tmp_path, bing, "recovering")
    assert summary.outcomes == {Outcome.SAVED: 3}
    away = [request.time for request in bing.requests if request.path == "/away_twice.jpg"]
    assert away[1] - away[0] >= 1
    assert away[2] - away[1] >= 2


def test_nobody_is_asked_who_must_not_be(tmp_path: Path, bing: HostileBing) -> None:
    summary = go(tmp_path, bing, "forbidden", allow_private=False)
    assert set(summary.outcomes) == {Outcome.REFUSED}
    assert {request.path for request in bing.requests} == {"/images/async"}
    assert saved_files(tmp_path) == []


def test_a_second_run_asks_for_nothing(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "street", 40)
    assert go(tmp_path, bing, "street", max_num=36).outcomes == {Outcome.SAVED: 36}
    asked, files = len(bing.requests), saved_files(tmp_path)
    assert len(files) == 36
    summary = go(tmp_path, bing, "street", max_num=36)
    assert len(bing.requests) == asked
    assert summary.outcomes == {}
    assert summary.searches[0].saved == 36


def test_more_can_be_asked_for_later(tmp_path: Path, bing: HostileBing) -> None:
    urls = many(bing, "street", 100)
    go(tmp_path, bing, "street", max_num=30)
    summary = go(tmp_path, bing, "street", max_num=100)
    assert summary.outcomes == {Outcome.SAVED: 70}
    assert summary.searches[0].known == 30
    assert len(saved_files(tmp_path)) == 100
    pictures = [request.path for request in bing.requests if request.path != "/images/async"]
    assert len(pictures) == len(set(pictures)) == len(urls)


def test_no_more_is_fetched_than_is_wanted(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "street", 60)
    go(tmp_path, bing, "street", max_num=7, threads=16)
    assert sum(path != "/images/async" for path in bing.hits.elements()) == 7
    assert bing.hits["/images/async"] == 1


def test_pages_are_turned_until_enough_is_saved(tmp_path: Path, bing: HostileBing) -> None:
    missing = [Result(f"{bing.url}/gone/{number}.jpg") for number in range(50)]
    bing.add("rare", missing)
    many(bing, "rare", 50)
    summary = go(tmp_path, bing, "rare", max_num=30)
    assert summary.outcomes == {Outcome.SAVED: 30, Outcome.NOT_FOUND: 50}
    firsts = [request.query["first"] for request in bing.requests if "q" in request.query]
    assert firsts == ["1", "36", "71"]
    assert sorted(rank for rank, _ in rows(tmp_path, "rank, url")) == list(range(1, 81))


def test_a_bing_that_repeats_its_last_page_is_left(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "few", 5)
    first = bing.page({"q": "few"})
    bing.serve("/images/async", fixed(first, "text/html"))
    summary = go(tmp_path, bing, "few")
    assert summary.outcomes == {Outcome.SAVED: 5}
    assert bing.hits["/images/async"] == 2


def test_two_phrases_that_find_the_same_fetch_it_once(tmp_path: Path, bing: HostileBing) -> None:
    urls = many(bing, "one", 20)
    bing.add("two", [Result(url) for url in urls])
    summary = go(tmp_path, bing, "one", "two", "one")
    assert [search.outcomes.total() for search in summary.searches] == [20, 0]
    assert summary.searches[1].known == 20
    assert all(bing.hits[path] == 1 for path in bing.hits if path != "/images/async")


def test_the_same_bytes_elsewhere_are_a_source_and_no_file(
    tmp_path: Path, bing: HostileBing
) -> None:
    for number in range(8):
        bing.serve(f"/copy/{number}.jpg", fixed(picture(1)))
    bing.add("copies", [Result(f"{bing.url}/copy/{number}.jpg") for number in range(8)])
    summary = go(tmp_path, bing, "copies")
    assert summary.outcomes == {Outcome.SAVED: 1, Outcome.SAME: 7}
    (file,) = saved_files(tmp_path)
    found = rows(tmp_path, "outcome, image_id, reason")
    assert {image for _, image, _ in found} == {1}
    where = f"the same bytes as raw/{LABEL}/{file.name}"
    assert {reason for outcome, _, reason in found if outcome == "same"} == {where}


def test_the_same_bytes_under_another_class_stay_there(tmp_path: Path, bing: HostileBing) -> None:
    bing.serve("/copy.jpg", fixed(picture(10_000)))
    many(bing, "one", 1)
    bing.add("two", [Result(f"{bing.url}/copy.jpg")])
    options = dataclasses.replace(FAST, endpoint=bing.endpoint, threads=1)
    crawl(tmp_path, [Query("one", "with_mask"), Query("two", "without_mask")], options)
    (file,) = saved_files(tmp_path)
    assert file.parent.name == "with_mask"
    reason = f"the same bytes as raw/with_mask/{file.name}, of another class"
    assert rows(tmp_path, "outcome, reason")[1] == ("same", reason)


def test_an_edited_file_is_not_written_over(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 1)
    go(tmp_path, bing, "one")
    (file,) = saved_files(tmp_path)
    file.write_bytes(picture(77))
    bing.add("one", [Result(bing.serve("/again.jpg", fixed(picture(10_000))))])
    with Catalog(tmp_path) as catalog, catalog.write() as connection:
        connection.execute("UPDATE images SET sha256 = 'edited'")
    assert go(tmp_path, bing, "one").outcomes == {Outcome.SAME: 1}
    assert file.read_bytes() == picture(77)


def forget(data: Path, kind: str, value: str) -> None:
    with Catalog(data) as catalog, catalog.write() as connection:
        connection.execute("INSERT INTO forgotten VALUES (?, ?, 'now')", (kind, value))


def test_what_is_to_be_forgotten_is_not_fetched(tmp_path: Path, bing: HostileBing) -> None:
    first, second, third = many(bing, "one", 3)
    bing.add("one", [Result(f"http://cdn.forget.example:{bing.port}/a.jpg")])
    bing.add("one", [Result(f"{bing.url}/new.jpg", "http://Pages.example/me#top")])
    forget(tmp_path, "url", first)
    forget(tmp_path, "url", "http://pages.example/me")
    forget(tmp_path, "domain", "forget.example")
    forget(tmp_path, "sha256", hashlib.sha256(picture(10_001)).hexdigest())
    go(tmp_path, bing, "one")
    assert [outcome for _, outcome in rows(tmp_path)] == [
        *("forgotten", "forgotten", "saved", "forgotten", "forgotten")
    ]
    assert len(saved_files(tmp_path)) == 1
    asked = {f"{bing.url}{path}" for path in bing.hits}
    assert asked == {bing.endpoint, second, third}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("url", "http://127.0.0.1:{port}/found"),
        ("url", "http://pages.example/me"),
        ("url", "http://127.0.0.2:{port}/a.jpg"),
        ("domain", "127.0.0.1"),
        ("domain", "127.0.0.2"),
        ("sha256", hashlib.sha256(picture(1)).hexdigest()),
    ],
    ids=["address", "page", "redirected", "domain", "redirected_domain", "picture"],
)
def test_what_is_forgotten_while_it_is_fetched_is_not_saved(
    tmp_path: Path, bing: HostileBing, kind: str, value: str
) -> None:
    def forgets(request: Handler) -> None:
        forget(tmp_path, kind, value.format(port=bing.port))
        request.send(picture(1), "image/jpeg")

    with LocalBing({}, host="127.0.0.2", port=bing.port) as outside:
        found = bing.serve("/found", redirect(outside.serve("/a.jpg", forgets)))
        bing.add("one", [Result(found, "http://pages.example/me")])
        assert go(tmp_path, bing, "one").outcomes == {Outcome.FORGOTTEN: 1}
        assert outside.hits["/a.jpg"] == 1
    assert saved_files(tmp_path) == []
    assert rows(tmp_path, "outcome, image_id") == [("forgotten", None)]


def test_what_is_forgotten_during_a_crawl_is_not_fetched(tmp_path: Path, bing: HostileBing) -> None:
    def forgets(request: Handler) -> None:
        forget(tmp_path, "domain", "127.0.0.1")
        request.send(picture(1), "image/jpeg")

    with LocalBing({}, host="127.0.0.2") as outside:
        bing.add("one", [Result(outside.serve("/first.jpg", forgets))])
        many(bing, "one", 5)
        summary = go(tmp_path, bing, "one", threads=1)
    assert summary.outcomes == {Outcome.SAVED: 1, Outcome.FORGOTTEN: 5}
    assert set(bing.hits) == {PAGE}


def test_a_redirect_to_what_is_forgotten_is_not_followed(tmp_path: Path, bing: HostileBing) -> None:
    bing.add("one", [Result(bing.addresses["redirected"])])
    forget(tmp_path, "url", f"{bing.url}/new_place.jpg")
    assert go(tmp_path, bing, "one").outcomes == {Outcome.FORGOTTEN: 1}
    assert not bing.hits["/new_place.jpg"]


def test_only_what_may_have_passed_is_tried_again_and_only_on_demand(
    tmp_path: Path, bing: HostileBing
) -> None:
    passing = [
        bing.serve("/shaky.jpg", flaky(picture(1), 503, 3)),
        bing.serve("/absent.jpg", flaky(picture(2), 404)),
    ]
    bing.add("one", [Result(url) for url in passing])
    limits = Limits(attempts=1)
    for retry, outcomes in ((False, {"unavailable": 1, "not_found": 1}), (False, {})):
        assert go(tmp_path, bing, "one", retry=retry, limits=limits).outcomes == outcomes
    for outcomes in ({"unavailable": 1}, {"unavailable": 1}, {"saved": 1}, {}):
        summary = go(tmp_path, bing, "one", retry=True, limits=limits)
        assert summary.outcomes == outcomes
    assert bing.hits["/absent.jpg"] == 1


def test_what_an_option_now_allows_is_fetched(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 2)
    bing.add("one", [Result(bing.addresses["noai"])])
    assert go(tmp_path, bing, "one", allow_private=False).outcomes == {Outcome.REFUSED: 3}
    assert go(tmp_path, bing, "one").outcomes == {Outcome.SAVED: 2, Outcome.ROBOTS: 1}
    assert go(tmp_path, bing, "one", ignore_robots_tag=True).outcomes == {Outcome.SAVED: 1}


def test_a_host_that_closes_is_not_asked_again(tmp_path: Path, bing: HostileBing) -> None:
    closed = fixed(b"", "text/plain", 429, Retry_After="7200")
    urls = [bing.serve(f"/closed/{number}.jpg", closed) for number in range(5)]
    bing.add("one", [Result(url) for url in urls])
    summary = go(tmp_path, bing, "one", threads=1)
    assert summary.outcomes == {Outcome.UNAVAILABLE: 5}
    assert sum(path.startswith("/closed/") for path in bing.hits.elements()) == 1


def test_a_host_is_asked_no_faster_than_it_should_be(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 4)
    go(tmp_path, bing, "one", delay_s=0.2, per_host=1)
    times = [request.time for request in bing.requests if request.path != "/images/async"]
    assert times[-1] - times[0] >= 0.4  # 0.6, but the first may have been under way for a while


@pytest.mark.parametrize("per_host", [1, 3])
def test_a_host_answers_only_so_many_at_a_time(
    tmp_path: Path, bing: HostileBing, per_host: int
) -> None:
    active, most, lock = 0, 0, threading.Lock()

    def counted(body: bytes) -> Callable[[Handler], None]:
        def route(request: Handler) -> None:
            nonlocal active, most
            with lock:
                active += 1
                most = max(most, active)
            request.bing.stopping.wait(0.05)
            with lock:
                active -= 1
            request.send(body, "image/jpeg")

        return route

    for number in range(12):
        bing.add("one", [Result(bing.serve(f"/{number}.jpg", counted(picture(number))))])
    go(tmp_path, bing, "one", per_host=per_host)
    assert most == per_host


@pytest.mark.parametrize(
    ("phrase", "reason"), [("blocked", "an empty page"), ("captcha", "a captcha")]
)
def test_a_block_is_no_empty_result(
    tmp_path: Path, bing: HostileBing, phrase: str, reason: str
) -> None:
    many(bing, "fine", 1)
    summary = go(tmp_path, bing, phrase, "fine")
    assert reason in (summary.searches[0].error or "")
    assert summary.failed == summary.searches[:1]
    assert summary.searches[1].saved == 1


def test_an_empty_page_after_others_is_asked_for_again(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 50)
    bing.serve(PAGE, cut_off(b"", times=1))
    (search,) = go(tmp_path, bing, "one").searches
    assert (search.saved, search.error, search.doubt) == (50, None, None)
    first, again = [request.time for request in bing.requests if request.query.get("first") == "36"]
    assert again - first >= 1


@pytest.mark.parametrize("body", [b"", b"<html><title>Before you continue</title></html>"])
def test_an_empty_page_after_others_leaves_the_phrase_unfinished(
    tmp_path: Path, bing: HostileBing, body: bytes
) -> None:
    many(bing, "one", 50)
    bing.serve(PAGE, cut_off(body))
    (search,) = go(tmp_path, bing, "one", limits=Limits(attempts=1)).searches
    assert (search.saved, search.error) == (35, None)
    assert "after 35 results, Bing answered with" in (search.doubt or "")
    del bing.routes[PAGE]
    (search,) = go(tmp_path, bing, "one").searches
    assert (search.before, search.saved, search.doubt) == (35, 50, None)
    assert all(hits == 1 for path, hits in bing.hits.items() if path != PAGE)


def test_a_captcha_after_results_is_not_asked_again(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 50)
    bing.serve(PAGE, cut_off(CAPTCHA))
    (search,) = go(tmp_path, bing, "one").searches
    assert (search.saved, search.doubt, bing.hits[PAGE]) == (35, None, 2)
    assert "a captcha" in (search.error or "")


def test_bing_is_left_alone_when_it_does_not_answer(tmp_path: Path, bing: HostileBing) -> None:
    phrases = [f"phrase {number}" for number in range(6)]
    bing.serve("/images/async", fixed(b"", "text/html"))
    summary = go(tmp_path, bing, *phrases)
    assert bing.hits["/images/async"] == 3
    assert all(search.error for search in summary.searches)
    assert "not asked" in (summary.searches[-1].error or "")


def test_a_page_that_comes_late_is_waited_for(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 1)
    page = bing.page({"q": "one"})
    count = iter(range(10))

    def route(request: Handler) -> None:
        if next(count) == 0:
            request.send(b"", "text/html", 429, Retry_After="1")
        else:
            request.send(page, "text/html")

    bing.serve("/images/async", route)
    assert go(tmp_path, bing, "one", max_num=1).outcomes == {Outcome.SAVED: 1}


def test_results_without_any_address_are_no_empty_result(tmp_path: Path, bing: HostileBing) -> None:
    bing.add("new", [Result("", raw='{"image": "x"}')] * 5)
    summary = go(tmp_path, bing, "new")
    assert summary.searches[0].error == "Bing's results cannot be read any more"


def test_what_is_no_address_is_noted_as_it_stands(tmp_path: Path, bing: HostileBing) -> None:
    broken = ["http://[::1/a.jpg", "http://a.org:port/", "http://a b/", "http://%00/"]
    bing.add("broken", [Result(url) for url in broken])
    bing.add("broken", [Result("", raw='{"murl": "http://half\\ud800"}')])
    good = many(bing, "broken", 1)
    summary = go(tmp_path, bing, "broken")
    by_url = dict(rows(tmp_path))
    assert len(by_url) == len(broken) + 2
    assert by_url[good[0]] == "saved"
    assert summary.outcomes[Outcome.SAVED] == 1
    assert set(summary.outcomes) <= {Outcome.SAVED, Outcome.REFUSED, Outcome.CONNECTION}


def test_a_phrase_that_finds_nothing_is_no_error(tmp_path: Path, bing: HostileBing) -> None:
    bing.add("nothing", [])
    summary = go(tmp_path, bing, "nothing")
    assert (summary.failed, summary.outcomes, summary.searches[0].pages) == ([], {}, 1)


def test_a_phrase_about_captchas_that_finds_nothing_is_no_error(
    tmp_path: Path, bing: HostileBing
) -> None:
    phrase = "mask & captcha challenge"
    bing.serve(PAGE, fixed(b"No results for mask &amp; <b>Captcha challenge</b>", "text/html"))
    assert go(tmp_path, bing, phrase).failed == []


def test_a_disk_that_is_full_ends_the_run(
    tmp_path: Path, bing: HostileBing, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(bing, "one", 10)

    def full(path: Path, data: bytes) -> None:
        raise OutputError(f"cannot write {path}: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("maskdet.files.write_bytes", full)
        with pytest.raises(OutputError, match="No space left"):
            go(tmp_path, bing, "one")
    assert {outcome for _, outcome in rows(tmp_path)} == {"fetching"}
    assert go(tmp_path, bing, "one").outcomes == {Outcome.SAVED: 10}
    assert len(saved_files(tmp_path)) == 10


def test_no_thread_is_left_and_nothing_is_logged_by_others(
    tmp_path: Path, bing: HostileBing, capfd: pytest.CaptureFixture[str]
) -> None:
    handlers = list(logging.getLogger().handlers)
    go(tmp_path, bing, "odd", max_num=3)
    wait_until(
        lambda: (
            not [
                thread
                for thread in threading.enumerate()
                if thread.name.startswith(("feeder", "parser", "downloader", "watch"))
            ]
        )
    )
    assert logging.getLogger().handlers == handlers
    assert capfd.readouterr() == ("", "")


def test_the_bar_counts_saved_pictures(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "one", 6)
    bars = []

    class Bar:
        def __init__(self, **options: Any) -> None:
            self.options, self.count = options, 0
            bars.append(self)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, by: int = 1) -> None:
            self.count += by

    options = dataclasses.replace(FAST, endpoint=bing.endpoint)
    for most in (4, 6):
        asked = dataclasses.replace(options, max_num=most)
        crawl(tmp_path, [query("one", LABEL)], asked, Bar)
    assert [(bar.options["initial"], bar.options["total"], bar.count) for bar in bars] == [
        (0, 4, 4),
        (4, 6, 2),
    ]


def test_without_a_class_the_folder_is_the_phrase(tmp_path: Path, bing: HostileBing) -> None:
    many(bing, "Men & Masks", 1)
    options = dataclasses.replace(FAST, endpoint=bing.endpoint)
    crawl(tmp_path, [query("Men & Masks")], options)
    (file,) = saved_files(tmp_path)
    assert file.parent == tmp_path / "raw" / "men_masks"


def test_an_interrupted_run_ends_soon_and_goes_on_later(
    tmp_path: Path, bing: HostileBing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Ctrl-C does, with hosts that would keep all threads busy for long."""
    many(bing, "one", 20)
    silent = [bing.serve(f"/silent/{n}.jpg", lambda r: r.bing.stopping.wait(60)) for n in range(8)]
    bing.add("one", [Result(url) for url in silent])
    sleep = time.sleep

    def interrupted(seconds: float) -> None:
        if sum(path.startswith("/silent/") for path in list(bing.hits)) == 8:
            raise KeyboardInterrupt
        sleep(seconds)

    with monkeypatch.context() as patch:
        patch.setattr("maskdet.crawl.run.time.sleep", interrupted)
        summary = go(tmp_path, bing, "one", limits=Limits(seconds=60))
    assert summary.interrupted
    by_url = dict(rows(tmp_path))
    assert {by_url[url] for url in silent} == {"fetching"}
    assert sum(outcome == "saved" for outcome in by_url.values()) == len(saved_files(tmp_path))
    for number in range(8):
        bing.serve(f"/silent/{number}.jpg", fixed(picture(number)))
    summary = go(tmp_path, bing, "one")
    assert summary.searches[0].saved == 28


def test_two_crawls_at_once_share_the_work(tmp_path: Path, bing: HostileBing) -> None:
    bing.latency_s = 0.02
    urls = many(bing, "one", 40)
    bing.add("two", [Result(url) for url in reversed(urls)])
    crawls = [
        threading.Thread(target=go, args=(tmp_path, bing, phrase)) for phrase in ("one", "two")
    ]
    for crawl_ in crawls:
        crawl_.start()
    for crawl_ in crawls:
        crawl_.join()
    assert dict(rows(tmp_path)) == dict.fromkeys(urls, "saved")
    assert len(saved_files(tmp_path)) == len(urls)
    # Only what one was just fetching when the other began may have been fetched by both.
    twice = [path for path, hits in bing.hits.items() if "pictures" in path and hits > 1]
    assert len(twice) <= FAST.threads
