"""A Bing on the loopback whose results are as odd and as hostile as those of the real one.

The functions make single routes for ``LocalBing.serve``; ``HostileBing`` has one of each.
"""

from __future__ import annotations

import functools
import itertools
import math
import socket
import struct
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from local_bing import Handler, LocalBing, Result, Route  # noqa: E402

PAUSE_S = 0.05
"""Between two pieces of an answer that comes slowly."""

CAPTCHA = b"""<!DOCTYPE html><html><head><title>Bing</title></head><body>
<div class="captcha"><h1>One last step</h1>
<p>Please solve the challenge below to continue</p>
<form action="/challenge/verify" method="post"><iframe src="/turing/captcha"></iframe></form>
</div></body></html>"""


def picture(number: int, width: int = 160, height: int = 120, format: str = ".jpg") -> bytes:
    """Return the bytes of an image file with a pattern of its own for each number."""
    small = np.random.default_rng(number).integers(0, 256, (6, 8, 3), np.uint8)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(format, large)[1].tobytes()


@functools.cache
def bomb(side: int = 20_000) -> bytes:
    """Return a PNG file of some 50 kB with ``side`` x ``side`` black pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def fixed(body: bytes, type: str = "image/jpeg", status: int = 200, **headers: str) -> Route:
    """Answer with a body; ``X_Robots_Tag="noai"`` stands for the header X-Robots-Tag."""
    return lambda request: request.send(body, type, status, **headers)


def redirect(location: str, status: int = 302) -> Route:
    return fixed(b"", "text/plain", status, Location=location)


def flaky(body: bytes, status: int, times: int = 1, **headers: str) -> Route:
    """Answer with an error the first ``times``, then with a picture."""
    count = itertools.count()

    def route(request: Handler) -> None:
        if next(count) < times:
            request.send(b"Later.", "text/plain", status, **headers)
        else:
            request.send(body, "image/jpeg")

    return route


def cut_off(body: bytes, times: float = math.inf) -> Route:
    """Answer with result pages, but with ``body`` to the first ``times`` that ask for a later one.

    For the path of the result pages.
    """
    count = itertools.count()

    def route(request: Handler) -> None:
        query = dict(parse_qsl(urlsplit(request.path).query))
        later = query["first"] != "1" and next(count) < times
        request.send(body if later else request.bing.page(query), "text/html")

    return route


def truncated(body: bytes) -> Route:
    """Announce a body, send half of it, and hang up."""

    def route(request: Handler) -> None:
        _head(request, Content_Length=str(len(body)))
        request.wfile.write(body[: len(body) // 2])
        request.close_connection = True

    return route


def endless(body: bytes) -> Route:
    """Send a picture, and on and on after it, as fast as the client takes it."""

    def route(request: Handler) -> None:
        _head(request, Connection="close")
        request.wfile.write(body)
        while not request.bing.stopping.is_set():
            request.wfile.write(bytes(65536))

    return route


def dripping(body: bytes, pause_s: float = PAUSE_S) -> Route:
    """Send a picture byte by byte: no single read of the client takes long, the whole does."""

    def route(request: Handler) -> None:
        _head(request, Content_Length=str(len(body)))
        for byte in body:
            if request.bing.stopping.wait(pause_s):
                return
            request.wfile.write(bytes([byte]))

    return route


def late(body: bytes, delay_s: float) -> Route:
    """Say nothing for a while, then answer."""

    def route(request: Handler) -> None:
        request.bing.stopping.wait(delay_s)
        request.send(body, "image/jpeg")

    return route


def hangs_up(request: Handler) -> None:
    """Close the connection without an answer."""
    request.close_connection = True


def refusing_address() -> str:
    """Return an address on the loopback where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/nobody.jpg"


def _head(request: Handler, **headers: str) -> None:
    request.send_response(200)
    request.send_header("Content-Type", "image/jpeg")
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()


class HostileBing(LocalBing):
    """Knows some phrases by heart; ``addresses`` leads from a short name to each address.

    - ``odd``: well-meant results, oddly written. What can be saved of them is in ``saveable``,
      each with bytes of its own.
    - ``hostile``: addresses on this server (and a port that refuses) that do harm or fail.
    - ``recovering``: fail at first, and are pictures then.
    - ``forbidden``: addresses where nobody has to look, some reached by a redirect.
    - ``blocked``, ``captcha``: no result page at all, as Bing answers who asks too often.
    """

    def __init__(self, latency_s: float = 0.0) -> None:
        super().__init__({}, latency_s)
        self.addresses: dict[str, str] = {}
        self._odd()
        self._hostile()
        self._recovering()
        self._forbidden()

    @property
    def saveable(self) -> list[str]:
        return [address for name, address in self.addresses.items() if name in _SAVEABLE]

    def page(self, query: Mapping[str, str]) -> bytes:
        """Return the result page; of ``odd`` also links that lack what makes them one."""
        match query.get("q"):
            case "blocked":
                return b""
            case "captcha":
                return CAPTCHA
            case "odd":
                incomplete = (
                    b'<div class="imgpt"></div><div class="imgpt"><a class="iusc"></a></div>'
                )
                return incomplete + super().page(query)
        return super().page(query)

    def _at(self, name: str, path: str, route: Route) -> str:
        self.addresses[name] = self.serve(path, route)
        return self.addresses[name]

    def _found_by(self, phrase: str, addresses: Iterable[str]) -> None:
        self.add(phrase, [Result(address, f"{self.url}/page") for address in addresses])

    def _odd(self) -> None:
        def only_with_query(request: Handler) -> None:
            wanted = "?id=7&w=1"
            status = 200 if request.path.endswith(wanted) else 404
            request.send(picture(3), "image/jpeg", status)

        self._at("upper_case", "/UPPER.JPG", fixed(picture(1)))
        self._at("no_extension", "/photo/1234", fixed(picture(2)))
        self.addresses["query"] = self._at("query", "/query.php", only_with_query) + "?id=7&w=1"
        self._at("percent", "/a b ä.jpg", fixed(picture(4)))
        self._at("not_ascii", "/straße und mehr.jpg", fixed(picture(5)))
        self.addresses["not_ascii"] = f"{self.url}/straße und mehr.jpg"
        self._at("png_as_jpg", "/really_png.jpg", fixed(picture(6, format=".png")))
        self._at("webp", "/webp", fixed(picture(7, format=".webp"), "image/webp"))
        self._at("wrong_type", "/jpeg_as_text.jpg", fixed(picture(8), "text/html"))
        self._at("redirected", "/moved.jpg", redirect("/new_place.jpg", 301))
        self.serve("/new_place.jpg", fixed(picture(9)))
        self._found_by("odd", self.saveable)

        self.addresses["same_bytes"] = self.serve("/copy.jpg", fixed(picture(1)))
        self.addresses["relative"] = "/relative.jpg"
        self.addresses["no_scheme"] = f"//{self.host}:{self.port}/no_scheme.jpg"
        self.serve("/relative.jpg", fixed(picture(10)))
        self.serve("/no_scheme.jpg", fixed(picture(11)))
        self.addresses["data"] = "data:image/png;base64,iVBORw0KGgo="
        self.addresses["raw_image"] = "x-raw-image:///0123456789abcdef"
        odd = ("same_bytes", "relative", "no_scheme", "data", "raw_image")
        self._found_by("odd", [self.addresses[name] for name in odd])

        first = self.addresses["upper_case"]
        self.add("odd", [Result(first), Result(first + "#again")])
        entities = 'Fish &amp; <b>chips</b> \ue000&lt;masked&gt;\ue001 "quoted"'
        self.addresses["entities"] = self.serve("/entities.jpg", fixed(picture(12)))
        self.add("odd", [Result(self.addresses["entities"], f"{self.url}/?a=1&b=2", entities)])
        broken = ("", "{", '{"murl": "http://', "[]", "null", '{"purl": "x"}', '{"murl": 7}')
        self.add("odd", [Result("", raw=raw) for raw in broken])

    def _hostile(self) -> None:
        before = set(self.addresses)
        body = picture(100)
        self._at("html", "/html.jpg", fixed(b"<html><body>Log in</body></html>"))
        self._at("empty", "/empty.jpg", fixed(b""))
        self._at("missing", "/missing.jpg", fixed(b"Not here.", "text/plain", 404))
        self._at("failing", "/failing.jpg", fixed(b"Oh.", "text/plain", 500))
        self._at("truncated", "/truncated.jpg", truncated(body))
        self._at("half", "/half.jpg", fixed(body[: len(body) // 2]))
        self._at("bomb", "/bomb.png", fixed(bomb(), "image/png"))
        self._at("endless", "/endless.jpg", endless(body))
        self._at("dripping", "/dripping.jpg", dripping(body))
        self._at("hangs_up", "/hangs_up.jpg", hangs_up)
        self._at("small", "/small.jpg", fixed(picture(101, 16, 12)))
        self._at("gif", "/animation.gif", fixed(GIF, "image/gif"))
        self._at("noai", "/noai.jpg", fixed(picture(102), X_Robots_Tag="noai, noimageai"))
        self._at("noindex", "/noindex.jpg", fixed(picture(103), X_Robots_Tag="otherbot: noindex"))
        self._at("redirect_loop", "/loop/1", redirect("/loop/2"))
        self.serve("/loop/2", redirect("/loop/1"))
        self._at("redirect_on", "/on/0", redirect("/on/1"))
        for number in range(1, 100):
            self.serve(f"/on/{number}", redirect(f"/on/{number + 1}"))
        self._at("redirect_nowhere", "/nowhere", redirect(""))
        self.addresses["refused"] = refusing_address()
        self._found_by("hostile", [self.addresses[n] for n in self.addresses if n not in before])

    def _recovering(self) -> None:
        self._at("busy", "/busy.jpg", flaky(picture(200), 429, Retry_After="1"))
        self._at("broken_once", "/broken_once.jpg", flaky(picture(201), 500))
        self._at("away_twice", "/away_twice.jpg", flaky(picture(202), 503, 2))
        names = ("busy", "broken_once", "away_twice")
        self._found_by("recovering", [self.addresses[name] for name in names])

    def _forbidden(self) -> None:
        targets = {
            "file": "file:///etc/passwd",
            "ftp": "ftp://example.invalid/a.jpg",
            "private": "http://10.11.12.13/a.jpg",
            "link_local": "http://169.254.169.254/latest/meta-data",
            "localhost": f"http://localhost:{self.port}/UPPER.JPG",
            "decimal": f"http://2130706433:{self.port}/UPPER.JPG",
            "mapped": f"http://[::ffff:127.0.0.1]:{self.port}/UPPER.JPG",
            "credentials": f"http://example.invalid@127.0.0.1:{self.port}/UPPER.JPG",
        }
        for name, target in targets.items():
            self.addresses[name] = target
            self._at(f"redirect_{name}", f"/redirect/{name}.jpg", redirect(target))
        self._found_by("forbidden", [self.addresses[name] for name in targets])
        self._found_by("forbidden", [self.addresses[f"redirect_{name}"] for name in targets])


_SAVEABLE = {
    *("upper_case", "no_extension", "query", "percent", "not_ascii", "png_as_jpg", "webp"),
    *("wrong_type", "redirected"),
}

GIF = bytes.fromhex("474946383961010001008000000000ffffff2c00000000010001000002024401003b")
"""A GIF file of one pixel."""
