"""What may be fetched."""

from __future__ import annotations

import pytest

from maskdet.crawl import policy


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("8.8.8.8", None),
        ("2606:4700::1111", None),
        ("::ffff:8.8.8.8", None),
        ("64:ff9b::808:808", None),
        ("2002:808:808::1", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("fd00::1", "private"),
        ("fec0::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%lo", "link-local"),
        ("100.64.0.1", "not public"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("192.0.2.1", "private"),
        ("2001:db8::1", "private"),
        ("::127.0.0.1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b:1::1", "reserved"),
        ("2002:7f00:1::1", "loopback"),
    ],
)
def test_only_public_addresses_are_connected_to(address: str, reason: str | None) -> None:
    refusal = policy.refused_ip(address)
    assert refusal == (None if reason is None else f"{reason} address {address}")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.org/a.jpg", None),
        ("https://example.org:8443/a?b=c", None),
        ("ftp://example.org/a.jpg", "not http or https: ftp"),
        ("file:///etc/passwd", "not http or https: file"),
        ("data:image/png;base64,AAAA", "not http or https: data"),
        ("a.jpg", "not http or https: no scheme"),
        ("http:///a.jpg", "no host in the address"),
        ("http://[::1/a.jpg", "no valid address: Invalid IPv6 URL"),
        ("http://me:secret@example.org/", "a user name in the address"),
    ],
)
def test_only_plain_web_addresses_are_asked(url: str, reason: str | None) -> None:
    assert policy.refused_url(url) == reason


@pytest.mark.parametrize(
    ("values", "directive"),
    [
        ([], None),
        (["all"], None),
        (["index, follow"], None),
        (["noai"], "noai"),
        (["NoImageAI"], "noimageai"),
        (["nofollow, noindex"], "noindex"),
        (["nofollow", "noimageindex"], "noimageindex"),
        (["none"], "none"),
        (["googlebot: noindex"], "noindex"),
        (["googlebot: nofollow, otherbot: noai"], "noai"),
        (["max-image-preview: none"], None),
        (["googlebot: max-image-preview:none"], None),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST"], None),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noai"], "noai"),
        (["nosnippet, noarchive, notranslate"], None),
    ],
)
def test_what_an_owner_forbids(values: list[str], directive: str | None) -> None:
    assert policy.refused_robots(values) == directive


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.org", "example.org"),
        ("cdn.example.org", "example.org"),
        ("a.b.example.org", "example.org"),
        ("notexample.org", None),
        ("example.org.evil.net", None),
        ("org", None),
        ("", None),
    ],
)
def test_a_domain_stands_for_all_hosts_below_it(host: str, domain: str | None) -> None:
    assert policy.within(host, frozenset({"example.org"})) == domain


def test_an_address_with_very_many_dots_is_looked_up_no_oftener_than_a_name_can_have() -> None:
    class Counting(frozenset[str]):
        asked = 0

        def __contains__(self, item: object) -> bool:
            Counting.asked += 1
            return super().__contains__(item)

    assert policy.within("a." * 3000 + "example.org", Counting({"example.org"})) == "example.org"
    assert Counting.asked < 127


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Example.org.:80/", "example.org"),
        ("http://[::1]:80/", "::1"),
        ("data:,", ""),
        ("http://[::1/a.jpg", ""),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert policy.host(url) == host
