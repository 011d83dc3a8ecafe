"""Bing's result pages: their addresses, and what is in them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from bs4 import BeautifulSoup

COUNT = 35
"""Results asked for on a page."""

CAPTCHA = "Bing asks for a proof that a person is searching (a captcha)"

_NO_RESULTS = re.compile(rb"no[\s_-]*(more[\s_-]*)?results?\b", re.IGNORECASE)
_LIST = re.compile(rb"\b(dgControl|imgpt|iusc)")
_TAG = re.compile(r"</?\w[^>]*>")
_MARK = re.compile("[\ue000-\uf8ff]")
_CHALLENGE = re.compile(rb"captcha|challenge|unusual traffic|verify (?:that )?you")


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a search: the picture's address, the page that shows it, its title."""

    url: str
    page_url: str | None
    title: str | None


def results(page: bytes) -> Iterator[Result | None]:
    """Yield the results of one of Bing's result pages, None for one without an address.

    Each is a link of class ``iusc`` whose attribute ``m`` holds JSON with ``murl`` (the
    picture), ``purl`` (the page) and ``t`` (the title).

    Args:
        page: HTML in UTF-8.
    """
    for link in BeautifulSoup(page, "lxml", from_encoding="utf-8").select("a.iusc"):
        try:
            described = json.loads(str(link.get("m", "")))
        except (ValueError, RecursionError):
            described = None
        url, page_url, title = (
            _text(described.get(name) if isinstance(described, dict) else None)
            for name in ("murl", "purl", "t")
        )
        yield Result(url, page_url, title and _plain(title)) if url else None


def _text(value: object) -> str | None:
    """Return a text of some JSON, without what UTF-8 cannot hold (halves of characters)."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-8", "replace").decode().strip() or None


def _plain(title: str) -> str | None:
    """Return a title without tags, entities, and the private characters that mark a match."""
    text = html.unescape(_TAG.sub("", title))
    return " ".join(_MARK.sub("", text).split()) or None


def page_url(endpoint: str, phrase: str, first: int, filters: str) -> str:
    """Return the address of a result page whose first result is number ``first``, from 1."""
    asked = {"q": phrase, "first": first, "count": COUNT} | ({"qft": filters} if filters else {})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked, quote_via=quote)}"


def unusable(page: bytes, phrase: str, first: bool) -> str | None:
    """Return what is wrong with a page without results, None if Bing has just no more.

    The end of the results is a page that says so, or whose list of results is empty.

    Args:
        page: its content.
        phrase: what was searched for. The page may repeat it, in whatever form: words by which
            a captcha is known do not count if they stand in the phrase.
        first: whether it is the first page of a search: then an empty list is none that could
            be read.
    """
    if _signs(page) - _signs(phrase.encode()):
        return CAPTCHA
    if _NO_RESULTS.search(page) or (not first and _LIST.search(page)):
        return None
    if not page.strip():
        return "Bing answered with an empty page, which is how it turns programs away"
    return "Bing answered with a page that is no result page"


def _signs(text: bytes) -> set[bytes]:
    """Return the words in a text by which a captcha is known."""
    return set(_CHALLENGE.findall(text.lower()))
