"""What a crawl can be told; light enough to be imported for a help text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

BING = "https://www.bing.com/images/async"
"""Where Bing's result pages are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an address may cost."""

    bytes: int = 20 * 2**20
    """Most bytes of a body, also after unpacking."""

    seconds: float = 30.0
    """Most seconds of all its requests together, waiting between them left out."""

    redirects: int = 5

    attempts: int = 3
    """Requests in all that are answered by 429 or 5xx."""

    wait_s: float = 60.0
    """A host that wants to be left alone for longer (Retry-After) is left alone for good."""


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """How to crawl."""

    max_num: int = 100
    """Pictures to save for each phrase, those of earlier runs counted."""

    filters: Mapping[str, str] = field(default_factory=dict)
    """Of the search: name and choice, see ``filters.FILTERS``."""

    endpoint: str = BING
    """The address of the result pages; Bing's path is added to one that has none."""

    threads: int = 8
    per_host: int = 2
    """Most requests to a host at a time."""

    delay_s: float = 0.5
    """Least seconds between the beginnings of two requests to a host."""

    limits: Limits = field(default_factory=Limits)
    max_pixels: int = 50_000_000
    min_side: int = 200
    """Least pixels of a picture's shorter side."""

    allow_private: bool = False
    """Whether pictures may lie on addresses of private networks and of this machine."""

    ignore_robots_tag: bool = False
    retry: bool = False
    """Try those again that failed in an earlier run for a reason that may have passed."""

    def __post_init__(self) -> None:
        address = urlsplit(self.endpoint)
        if address.path in ("", "/"):
            whole = address._replace(path=urlsplit(BING).path).geturl()
            object.__setattr__(self, "endpoint", whole)
