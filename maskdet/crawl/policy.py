"""What may be fetched: which addresses, of which hosts, and what their owners say about it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from maskdet.catalog import sources

SCHEMES = ("http", "https")

UNWANTED = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
"""The directives of ``X-Robots-Tag`` by which an owner keeps a picture out of collections."""

_WITH_VALUE = frozenset(
    {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

_LABELS = 127
"""A host's name has no more (RFC 1035); an address may."""


def host(url: str) -> str:
    """Return the host's name of an address, in lower case and without a dot at its end.

    Of what is no address, it is empty.
    """
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def refused_url(url: str) -> str | None:
    """Return why an address must not be asked, None if it may be."""
    try:
        sources.normalise(url)
        parts = urlsplit(url)
    except ValueError as error:
        return f"no valid address: {error}"
    if parts.scheme not in SCHEMES:
        return f"not http or https: {parts.scheme or 'no scheme'}"
    if not parts.hostname:
        return "no host in the address"
    if parts.username is not None:
        return "a user name in the address"
    return None


def refused_ip(address: str) -> str | None:
    """Return why no connection may be made to an IP address, None if it is a public one.

    An IPv4 address inside an IPv6 one (mapped, 6to4, NAT64) is judged by itself.
    """
    ip = _inner(ipaddress.ip_address(address))
    for kind, applies in (
        ("unspecified", ip.is_unspecified),
        ("loopback", ip.is_loopback),
        ("link-local", ip.is_link_local),
        ("multicast", ip.is_multicast),
        ("private", ip.is_private or getattr(ip, "is_site_local", False)),
        ("reserved", ip.is_reserved),
        ("not public", not ip.is_global),
    ):
        if applies:
            return f"{kind} address {address}"
    return None


def _inner(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def refused_robots(values: Iterable[str]) -> str | None:
    """Return the directive of ``X-Robots-Tag`` headers that forbids to keep a picture.

    A directive counts whether it is for all (``noai``) or for one robot (``somebot: noai``):
    its owner has not thought of us, but has said what the picture is not for.

    Args:
        values: the header's values, one for each time that it was sent.
    """
    for value in values:
        for item in value.lower().split(","):
            *before, directive = (part.strip() for part in item.split(":"))
            if directive in UNWANTED and not (before and before[-1] in _WITH_VALUE):
                return directive
    return None


def within(host: str, domains: frozenset[str]) -> str | None:
    """Return the domain that ``host`` is or lies below, None if it is in none of them."""
    labels = host.split(".")[-_LABELS:]
    above = (".".join(labels[start:]) for start in range(len(labels)))
    return next((domain for domain in above if domain in domains), None)
