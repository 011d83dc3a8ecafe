"""A stand-in for Bing's image search on the loopback: result pages, and the pictures themselves.

Tries ``maskdet crawl`` out on a folder of pictures without touching the network:

    python scripts/local_bing.py photos/

A phrase that is the name of a subfolder finds the pictures in it, any other phrase finds all.
The tests and the benchmark use the class.
"""

from __future__ import annotations

import argparse
import html
import json
import mimetypes
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from maskdet import images
from maskdet.errors import InputError

ANY = ""
"""The phrase under which stands what all other phrases find."""

PAGE = "/images/async"
"""The path of the result pages, as at Bing."""

COUNT = 35
"""Results on a page for which no ``count`` was asked."""


@dataclass(frozen=True)
class Result:
    """One link of a result page. ``murl`` is the picture's address as it stands there.

    ``raw`` stands in the place of the whole JSON, as it is.
    """

    murl: str
    purl: str = ""
    title: str = ""
    raw: str | None = None


@dataclass(frozen=True)
class Request:
    """What has been asked: the path with percent signs resolved, the query, the headers.

    Names of headers are in lower case; ``time`` is ``time.monotonic()`` at the arrival;
    ``client`` is the same for all requests of one connection.
    """

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    time: float
    client: tuple[str, int]


Picture = Path | bytes
Route = Callable[["Handler"], None]


class LocalBing:
    """Serves from the moment it is made until ``close``, each connection in its own thread.

    ``requests`` is all that was asked, in order; ``hits`` counts the requests of each path.
    """

    def __init__(
        self,
        pictures: Mapping[str, Sequence[Picture | Result]],
        latency_s: float = 0.0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Begin to serve.

        Args:
            pictures: what each phrase finds, in this order: files, the bytes of image files,
                or a ``Result`` for any other address. ``ANY`` stands for all other phrases.
            latency_s: time between a request and its answer, in seconds.
            host: an address of this machine (all of 127.0.0.0/8 are, on Linux).
            port: 0 takes a free one.
        """
        self.latency_s = latency_s
        self.stopping = threading.Event()
        """Set by ``close``: a route that takes its time looks at it."""
        self.requests: list[Request] = []
        self.hits: Counter[str] = Counter()
        self.routes: dict[str, Route] = {}
        self._files: dict[str, Picture] = {}
        self._lock = threading.Lock()
        self._server = _Server((host, port), self)
        self.host, self.port = host, self._server.server_port
        self._results: dict[str, list[Result]] = {}
        for phrase, found in pictures.items():
            self.add(phrase, found)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    @property
    def endpoint(self) -> str:
        """The address of the result pages: what ``--endpoint`` takes."""
        return self.url + PAGE

    def add(self, phrase: str, found: Sequence[Picture | Result]) -> None:
        """Have a phrase find more; case and spaces in it do not count."""
        self._results.setdefault(_key(phrase), []).extend(map(self._result, found))

    def serve(self, path: str, route: Route) -> str:
        """Have a path (with percent signs resolved) answered by ``route``; return its address."""
        self.routes[path] = route
        return self.url + quote(path)

    def address(self, picture: Picture) -> str:
        """Serve a picture, and return its address: the same for the same file or bytes."""
        if isinstance(picture, bytes):
            suffix = images.header(picture).format.lower()
            path = f"/pictures/{sha256(picture).hexdigest()[:16]}.{suffix}"
        else:
            path = f"/pictures/{sha256(bytes(picture.parent)).hexdigest()[:8]}/{picture.name}"
        self._files[path] = picture
        return self.url + quote(path)

    def page(self, query: Mapping[str, str]) -> bytes:
        """Return the result page for a query's ``q``, ``first`` (from 1) and ``count``."""
        key = _key(query.get("q", ""))
        found = self._results.get(key, self._results.get(ANY, []))
        start = max(int(query.get("first", 1)) - 1, 0)
        shown = found[start : start + int(query.get("count", COUNT))]
        links = "".join(map(_link, range(start + 1, start + 1 + len(shown)), shown))
        return (
            f'<div class="dgControl hover"><ul class="dgControl_list">{links}</ul></div>'
            if shown
            else '<div class="no_results">No more results.</div>'
        ).encode()

    def answer(self, request: Handler) -> None:
        """Answer a request: by its route, with a result page, or with a picture."""
        address = urlsplit(request.path)
        path = unquote(address.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self.hits[path] += 1
            self.requests.append(
                Request(path, query, headers, time.monotonic(), request.client_address)
            )
        self.stopping.wait(self.latency_s)
        if path in self.routes:
            self.routes[path](request)
        elif path == PAGE:
            request.send(self.page(query), "text/html; charset=utf-8")
        elif path in self._files:
            picture = self._files[path]
            data = picture if isinstance(picture, bytes) else picture.read_bytes()
            request.send(data, mimetypes.guess_type(path)[0] or "application/octet-stream")
        else:
            request.send(b"Not here.", "text/plain", status=404)

    def close(self) -> None:
        """Stop serving, and break off every connection."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _result(self, item: Picture | Result) -> Result:
        if isinstance(item, Result):
            return item
        address = self.address(item)
        title = "" if isinstance(item, bytes) else item.stem.replace("_", " ")
        return Result(address, f"{self.url}/pages/{quote(urlsplit(address).path[1:])}.html", title)


class Handler(BaseHTTPRequestHandler):
    """One connection. A route answers with ``send``, or with the base class's means."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    bing: LocalBing

    def do_GET(self) -> None:
        self.bing.answer(self)

    def send(self, body: bytes, type: str, status: int = 200, **headers: str) -> None:
        """Answer with a body; ``Retry_After="1"`` stands for the header Retry-After."""
        self.send_response(status)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in (
            {"Content-Type": type, "Content-Length": str(len(body))} | given
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], bing: LocalBing) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, type("BoundHandler", (Handler,), {"bing": bing}))

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # has ended by itself

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that leaves early is none of the server's faults.
        if not isinstance(sys.exception(), OSError):
            socketserver.BaseServer.handle_error(self, request, client_address)


def _key(phrase: str) -> str:
    return " ".join(phrase.casefold().split())


def _link(place: int, result: Result) -> str:
    """Return one result as Bing's page holds it: JSON, escaped as an attribute."""
    described = result.raw
    if described is None:
        described = json.dumps(
            {
                "cid": f"{place:08x}",
                "purl": result.purl,
                "murl": result.murl,
                "turl": f"https://tse1.mm.bing.net/th?id=OIP.{place}&pid=15.1",
                "t": result.title,
                "desc": "",
            },
            ensure_ascii=False,
            separators=(",", ":"),  # as at Bing; some parsers count on it
        )
    return (
        f'<li data-idx="{place}"><div class="iuscp isv"><div class="imgpt">'
        f'<a class="iusc" m="{html.escape(described)}" href="/images/search?view=detailV2">'
        f'<img class="mimg" alt="{html.escape(result.title)}"/></a>'
        f'<div class="img_info hon"><span class="nowrap">800 x 600 · jpeg</span></div>'
        "</div></div></li>"
    )


def of_folder(folder: Path) -> dict[str, list[Path]]:
    """Return what ``LocalBing`` serves of a folder: each subfolder by its name, and all."""
    found: dict[str, list[Path]] = {}
    for path in images.find(folder):
        found.setdefault(ANY, []).append(path)
        for below in path.relative_to(folder).parts[:-1]:
            found.setdefault(below, []).append(path)
    return found


def main() -> None:
    """Serve a folder until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Serve a folder of pictures as Bing would.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0, help="seconds before each answer")
    options = parser.parse_args()
    try:
        pictures = of_folder(options.folder)
        if not pictures:
            parser.error(f"there is no picture in {options.folder}")
        serving = LocalBing(pictures, options.latency, port=options.port)
    except (InputError, OSError, OverflowError) as error:
        parser.error(str(error))
    with serving as bing:
        print(f"{len(pictures[ANY])} pictures; Ctrl-C ends. Try, for instance:")
        print(
            f"maskdet crawl 'any phrase' --class with_mask --endpoint {bing.endpoint} "
            "--allow-private",
            flush=True,
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
