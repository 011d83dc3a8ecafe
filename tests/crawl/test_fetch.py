"""Single addresses, fetched from a real server that is not always kind."""

from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest
from hostile import HostileBing, dripping, endless, fixed, flaky, picture, redirect
from local_bing import Handler, LocalBing

from maskdet.catalog.sources import Outcome
from maskdet.crawl import connect, policy
from maskdet.crawl.check import judge_head
from maskdet.crawl.failure import Failure
from maskdet.crawl.fetch import AGENT, Fetcher, Trip
from maskdet.crawl.options import Limits

BODY = picture(1)


def anywhere(address: str) -> None:
    return None


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(Limits(bytes=2**20, seconds=1), "image/*", judge=anywhere) as made:
        yield made


def go(fetcher: Fetcher, url: str, wait: bool = False, **options: object) -> bytes:
    """Ask until there is a body, without the pauses unless ``wait``."""
    trip = Trip(url)
    while (body := fetcher.step(trip, **options)) is None:  # type: ignore[arg-type]
        if wait:
            time.sleep(trip.wait_s)
    return body


def outcome(fetcher: Fetcher, url: str, **options: object) -> tuple[Outcome, str]:
    with pytest.raises(Failure) as caught:
        go(fetcher, url, **options)
    return caught.value.outcome, caught.value.reason


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("missing", Outcome.NOT_FOUND),
        ("failing", Outcome.UNAVAILABLE),
        ("truncated", Outcome.CONNECTION),
        ("endless", Outcome.TOO_LARGE),
        ("dripping", Outcome.TIMEOUT),
        ("hangs_up", Outcome.CONNECTION),
        ("refused", Outcome.CONNECTION),
        ("redirect_loop", Outcome.REDIRECTS),
        ("redirect_on", Outcome.REDIRECTS),
        ("redirect_nowhere", Outcome.NOT_FOUND),
        ("html", Outcome.NOT_IMAGE),
        ("empty", Outcome.NOT_IMAGE),
        ("gif", Outcome.NOT_IMAGE),
        ("noai", Outcome.ROBOTS),
        ("noindex", Outcome.ROBOTS),
        ("data", Outcome.REFUSED),
    ],
)
def test_trouble_has_a_name(
    bing: HostileBing, fetcher: Fetcher, name: str, expected: Outcome
) -> None:
    url = bing.addresses[name]
    kind, reason = outcome(fetcher, url, robots=True, judge_head=judge_head)
    assert kind == expected
    assert reason


@pytest.mark.parametrize(
    "name", ["upper_case", "no_extension", "query", "percent", "not_ascii", "redirected"]
)
def test_odd_addresses_are_asked_as_they_are(
    bing: HostileBing, fetcher: Fetcher, name: str
) -> None:
    assert go(fetcher, bing.addresses[name]).startswith(b"\xff\xd8\xff")


def test_the_header_of_the_owner_counts_only_if_it_is_to(
    bing: HostileBing, fetcher: Fetcher
) -> None:
    assert go(fetcher, bing.addresses["noai"], robots=False)


def test_the_request_says_who_asks(bing: HostileBing, fetcher: Fetcher) -> None:
    go(fetcher, bing.addresses["upper_case"])
    (request,) = bing.requests
    assert request.headers["user-agent"] == AGENT
    assert AGENT.startswith("maskdet/")
    assert request.headers["accept-language"] == "en"


def test_a_connection_is_kept(bing: HostileBing, fetcher: Fetcher) -> None:
    for name in ("upper_case", "no_extension", "percent"):
        go(fetcher, bing.addresses[name])
    assert len({request.client for request in bing.requests}) == 1


def test_the_rest_of_what_is_no_picture_is_not_fetched(bing: HostileBing, fetcher: Fetcher) -> None:
    url = bing.serve("/endless.html", endless(b"<html>" + b" " * 4096))
    assert outcome(fetcher, url, judge_head=judge_head)[0] == Outcome.NOT_IMAGE


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (str(2**40), f"{2**40} bytes announced"),
        ("9" * 5000, "a size of 5000 digits announced"),
    ],
    ids=["huge", "digits"],
)
def test_an_announced_size_is_enough_to_refuse(
    bing: HostileBing, fetcher: Fetcher, size: str, reason: str
) -> None:
    url = bing.serve("/huge.jpg", fixed(BODY, Content_Length=size))
    assert outcome(fetcher, url) == (Outcome.TOO_LARGE, reason)


def test_a_body_that_grows_when_it_is_unpacked_is_bounded(
    bing: HostileBing, fetcher: Fetcher
) -> None:
    packed = gzip.compress(bytes(200 * 2**20), 9)
    assert len(packed) < 2**20
    url = bing.serve("/packed.jpg", fixed(packed, Content_Encoding="gzip"))
    assert outcome(fetcher, url)[0] == Outcome.TOO_LARGE


def test_a_packed_body_is_unpacked(bing: HostileBing, fetcher: Fetcher) -> None:
    url = bing.serve("/p.jpg", fixed(gzip.compress(BODY), Content_Encoding="gzip"))
    assert go(fetcher, url) == BODY


def slow_head(request: Handler) -> None:
    """Send the head of an answer byte by byte, without an end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not request.bing.stopping.wait(0.05):
        request.wfile.write(b"x")


def dripping_without_length(request: Handler) -> None:
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    request.close_connection = True
    for byte in BODY:
        if request.bing.stopping.wait(0.05):
            return
        request.wfile.write(bytes([byte]))


@pytest.mark.parametrize(
    "route", [slow_head, dripping_without_length, dripping(BODY)], ids=["head", "open", "body"]
)
def test_the_time_counts_in_all_however_slowly_the_host_goes_on(
    bing: HostileBing, fetcher: Fetcher, route: Callable[[Handler], None]
) -> None:
    url = bing.serve("/slow.jpg", route)
    assert outcome(fetcher, url) == (Outcome.TIMEOUT, "not complete in time")


def test_a_handshake_without_an_end_is_broken_off(fetcher: Fetcher) -> None:
    """A TLS server that drips: each byte comes in time, the handshake never ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def drip() -> None:
            client, _ = server.accept()
            with client:
                try:
                    client.sendall(b"\x16\x03\x03\x40\x00")  # a record of 16 KiB
                    while not ended.wait(0.05):
                        client.sendall(b"\x02")
                except OSError:
                    return  # it has hung up, as it should

        threading.Thread(target=drip, daemon=True).start()
        kind, _ = outcome(fetcher, f"https://127.0.0.1:{server.getsockname()[1]}/a.jpg")
        ended.set()
    assert kind == Outcome.TIMEOUT


def test_the_time_of_all_redirects_counts_together(bing: HostileBing) -> None:
    def late(number: int) -> Callable[[Handler], None]:
        def route(request: Handler) -> None:
            request.bing.stopping.wait(0.25)
            redirect(f"/late/{number + 1}")(request)

        return route

    for number in range(20):
        bing.serve(f"/late/{number}", late(number))
    with Fetcher(Limits(seconds=1, redirects=100), "image/*", judge=anywhere) as fetcher:
        assert outcome(fetcher, bing.url + "/late/0")[0] == Outcome.TIMEOUT


def test_a_host_is_asked_again_when_it_wants_to_be(bing: HostileBing, fetcher: Fetcher) -> None:
    assert go(fetcher, bing.addresses["busy"], wait=True) == picture(200)
    first, second = bing.requests
    assert second.time - first.time >= 1


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({}, [1, 2]),
        ({"Retry_After": "7"}, [7, 7]),
        ({"Retry_After": "soon"}, [1, 2]),
        ({"Retry_After": "9" * 5000}, [1, 2]),
        ({"Retry_After": "Fri, 31 Dec 99999 23:59:59 GMT"}, [1, 2]),
        ({"Retry_After": f"Fri, 31 Dec {10**20} 23:59:59"}, [1, 2]),
        ({"Retry_After": formatdate(time.time() - 100, usegmt=True)}, [0, 0]),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_how_long_to_wait_for_a_busy_host(
    bing: HostileBing, fetcher: Fetcher, headers: dict[str, str], waits: list[float], status: int
) -> None:
    trip = Trip(bing.serve("/busy.jpg", flaky(BODY, status, 2, **headers)))
    waited = []
    while (body := fetcher.step(trip)) is None:
        waited.append(trip.wait_s)
    assert body == BODY
    assert waited == waits


def test_a_host_that_wants_to_be_left_alone_for_long_is_left_alone(
    bing: HostileBing, fetcher: Fetcher
) -> None:
    url = bing.serve("/closed.jpg", fixed(b"", "text/plain", 503, Retry_After="3600"))
    with pytest.raises(Failure) as caught:
        fetcher.step(Trip(url))
    assert caught.value.outcome == Outcome.UNAVAILABLE
    assert caught.value.host_closed
    assert bing.hits["/closed.jpg"] == 1


def public_is(*public: str) -> Callable[[str], str | None]:
    """Have some addresses of this machine count as public, so that others are reached only by
    mistake."""
    return lambda address: None if address in public else policy.refused_ip(address)


@pytest.mark.parametrize(
    "name",
    [
        *("redirect_file", "redirect_ftp", "redirect_private", "redirect_link_local"),
        *("redirect_localhost", "redirect_decimal", "redirect_mapped", "redirect_credentials"),
    ],
)
def test_redirects_lead_to_no_forbidden_address(bing: HostileBing, name: str) -> None:
    target = bing.addresses[name.removeprefix("redirect_")]
    with LocalBing({}, host="127.0.0.2") as outside:
        url = outside.serve("/away.jpg", redirect(target))
        with Fetcher(Limits(seconds=5), "image/*", judge=public_is("127.0.0.2")) as fetcher:
            assert outcome(fetcher, url)[0] == Outcome.REFUSED
        assert outside.hits["/away.jpg"] == 1
    assert not bing.requests


def test_an_allowed_redirect_is_followed_to_another_host(bing: HostileBing) -> None:
    with LocalBing({}, host="127.0.0.2") as outside:
        url = outside.serve("/away.jpg", redirect(bing.addresses["upper_case"]))
        judge = public_is("127.0.0.1", "127.0.0.2")
        with Fetcher(Limits(), "image/*", judge=judge) as fetcher:
            assert go(fetcher, url) == picture(1)


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have every name stand for the next of ``answers``; return the names that are asked for."""
    asked: list[str] = []
    left = list(answers)

    def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (
                families[ipaddress.ip_address(address).version],
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in (left.pop(0) if len(left) > 1 else left[0])
        ]

    monkeypatch.setattr(connect.socket, "getaddrinfo", getaddrinfo)
    return asked


def test_a_name_of_a_private_address_is_refused_before_anything_is_sent(
    bing: HostileBing, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, ["127.0.0.1"])
    with Fetcher(Limits(), "image/*") as fetcher:
        kind, reason = outcome(fetcher, f"http://innocent.example:{bing.port}/UPPER.JPG")
    assert (kind, reason) == (Outcome.REFUSED, "innocent.example: loopback address 127.0.0.1")
    assert not bing.requests


def test_a_name_that_changes_its_address_gains_nothing(
    bing: HostileBing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the address that was judged is the one that is connected to."""
    asked = resolve(monkeypatch, ["127.0.0.2"], ["127.0.0.1"])
    with LocalBing({}, host="127.0.0.2", port=bing.port) as outside:
        outside.serve("/a.jpg", fixed(BODY))
        judge = public_is("127.0.0.2")
        with Fetcher(Limits(), "image/*", judge=judge) as fetcher:
            assert go(fetcher, f"http://rebinding.example:{bing.port}/a.jpg") == BODY
    assert asked == ["rebinding.example"]
    assert not bing.requests


def test_of_several_addresses_an_allowed_one_that_answers_is_taken(
    bing: HostileBing, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, ["10.0.0.1", "::1", "127.0.0.3", "127.0.0.1"])
    judge = public_is("127.0.0.3", "127.0.0.1")
    with Fetcher(Limits(), "image/*", judge=judge) as fetcher:
        assert go(fetcher, f"http://many.example:{bing.port}/UPPER.JPG") == picture(1)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/", f"http://{'x' * 70}.org/"])
def test_a_name_without_an_address(fetcher: Fetcher, url: str) -> None:
    assert outcome(fetcher, url)[0] in (Outcome.CONNECTION, Outcome.REFUSED)


def test_no_proxy_of_the_environment_is_used(
    bing: HostileBing, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert go(fetcher, bing.addresses["upper_case"])


def test_closing_breaks_off_what_is_under_way(bing: HostileBing) -> None:
    url = bing.serve("/late.jpg", lambda request: request.bing.stopping.wait(30) and None)
    ended: list[Failure] = []
    fetcher = Fetcher(Limits(seconds=60), "image/*", judge=anywhere)

    def ask() -> None:
        with pytest.raises(Failure) as caught:
            fetcher.step(Trip(url))
        ended.append(caught.value)

    thread = threading.Thread(target=ask)
    thread.start()
    while not bing.hits["/late.jpg"]:
        time.sleep(0.01)
    fetcher.close()
    thread.join(5)
    assert [failure.outcome for failure in ended] == [Outcome.TIMEOUT]
    with pytest.raises(Failure):
        fetcher.step(Trip(bing.addresses["upper_case"]))
