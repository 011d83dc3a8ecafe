"""Bing's pages: how they are asked for, and what is read out of them."""

from __future__ import annotations

import html
import json
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest
from hostile import CAPTCHA, HostileBing
from local_bing import Result

from maskdet.crawl import bing as bing_pages
from maskdet.crawl.filters import FILTERS, qft
from maskdet.crawl.options import BING, CrawlOptions


def link(described: object, classes: str = "iusc") -> bytes:
    text = described if isinstance(described, str) else json.dumps(described)
    return f'<div class="imgpt"><a class="{classes}" m="{html.escape(text)}"></a></div>'.encode()


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        (
            {"murl": "http://a.org/X.JPG?w=1&h=2", "purl": "http://a.org/p?a=1&b=2", "t": "A & B"},
            ("http://a.org/X.JPG?w=1&h=2", "http://a.org/p?a=1&b=2", "A & B"),
        ),
        ({"murl": "http://a.org/no-extension"}, ("http://a.org/no-extension", None, None)),
        ({"murl": "//a.org/x.png", "t": ""}, ("//a.org/x.png", None, None)),
        ({"murl": " /x.webp ", "purl": 7, "t": []}, ("/x.webp", None, None)),
        (
            {"murl": "http://a.org/ä.jpg", "t": "\ue000Mask\ue001 &amp; <b>hat</b>  1 < 2"},
            ("http://a.org/ä.jpg", None, "Mask & hat 1 < 2"),
        ),
        ({"murl": "http://a.org/\ud800", "t": "x\udfff"}, ("http://a.org/?", None, "x?")),
        ({"murl": ""}, None),
        ({"murl": 7}, None),
        ({"purl": "http://a.org"}, None),
        ([], None),
        ("null", None),
        ("[" * 100_000, None),
        ("{", None),
        ("", None),
    ],
)
def test_a_result_is_read(described: object, expected: tuple[str, str, str] | None) -> None:
    (found,) = bing_pages.results(link(described))
    assert (found and (found.url, found.page_url, found.title)) == expected


def test_only_links_to_pictures_are_results() -> None:
    page = link({"murl": "http://a.org/1"}) + link({"murl": "http://a.org/2"}, "other")
    page += b"<a href='/'>x</a>" + link({"murl": "http://a.org/3"}, "iusc wide")
    assert [found and found.url for found in bing_pages.results(page)] == [
        "http://a.org/1",
        "http://a.org/3",
    ]


def test_a_page_that_is_cut_off_gives_what_is_there() -> None:
    page = link({"murl": "http://a.org/1"}) + link({"murl": "http://a.org/2"})[:50]
    assert [found and found.url for found in bing_pages.results(page)][:1] == ["http://a.org/1"]


def test_results_of_a_whole_page_come_in_order(bing: HostileBing) -> None:
    bing.add("many", [Result(f"http://a.org/{number}") for number in range(50)])
    page = bing.page({"q": "many", "first": "11", "count": "35"})
    assert [found and found.url for found in bing_pages.results(page)] == [
        f"http://a.org/{number}" for number in range(10, 45)
    ]


def test_a_page_is_asked_for_with_everything_quoted() -> None:
    address = bing_pages.page_url(BING, "mask & c# 50% ñ", 36, qft({"size": "large"}))
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc, parts.path) == ("https", "www.bing.com", "/images/async")
    assert " " not in address
    assert address.isascii()
    assert parse_qs(parts.query) == {
        "q": ["mask & c# 50% ñ"],
        "first": ["36"],
        "count": ["35"],
        "qft": ["+filterui:imagesize-large"],
    }


@pytest.mark.parametrize(
    ("endpoint", "whole"),
    [
        ("http://mirror.local", "http://mirror.local/images/async"),
        ("http://mirror.local:80/", "http://mirror.local:80/images/async"),
        ("http://mirror.local/bing?key=1", "http://mirror.local/bing?key=1"),
    ],
)
def test_an_endpoint_may_be_only_a_host(endpoint: str, whole: str) -> None:
    assert CrawlOptions(endpoint=endpoint).endpoint == whole


def test_an_endpoints_own_query_is_kept() -> None:
    address = bing_pages.page_url("http://mirror.local/bing?key=1", "x", 1, "")
    assert address == "http://mirror.local/bing?key=1&q=x&first=1&count=35"


def test_several_filters_are_joined() -> None:
    chosen = {"license": "public-domain", "color": "red", "date": "week"}
    assert qft(chosen) == ("+filterui:license-L1+filterui:color2-FGcls_RED+filterui:age-lt10080")
    assert qft({}) == ""


def test_no_two_choices_of_a_filter_mean_the_same() -> None:
    for choices in FILTERS.values():
        assert len(set(choices.values())) == len(choices)


@pytest.mark.parametrize(
    ("page", "first", "later"),
    [
        (b"", "empty page", "empty page"),
        (b" \n", "empty page", "empty page"),
        (CAPTCHA, "captcha", "captcha"),
        (b"<html><title>Before you continue</title></html>", "no result page", "no result page"),
        (b'<ul class="dgControl_list" data-row="7"></ul>', "no result page", None),
        (b'<div class="no_results">No more results.</div>', None, None),
        (b"<p>There are no results for this.</p>", None, None),
    ],
)
def test_a_page_without_results_is_told_from_the_end_of_them(
    page: bytes, first: str | None, later: str | None
) -> None:
    for is_first, expected in ((True, first), (False, later)):
        reason = bing_pages.unusable(page, "a phrase", is_first)
        assert (reason is None) == (expected is None)
        assert (expected or "") in (reason or "")


@pytest.mark.parametrize(
    "phrase",
    [
        "captcha",
        "Ice Bucket Challenge & masks",
        "verify you are human",
        "verify that you <wear> a mask",
        "unusual traffic of CAPTCHAs",
    ],
)
def test_a_phrase_that_the_page_repeats_is_no_captcha(phrase: str) -> None:
    forms = (phrase, phrase.lower(), html.escape(phrase), quote(phrase), quote_plus(phrase))
    bold = f"<b>{'</b> <b>'.join(html.escape(phrase).split(' ', 1))}</b>"
    for form in (*forms, bold):
        page = f'<title>{form}</title><div class="no_results">No results.</div>'.encode()
        assert bing_pages.unusable(page, phrase, first=True) is None
    assert bing_pages.unusable(CAPTCHA, phrase, first=True) == bing_pages.CAPTCHA
