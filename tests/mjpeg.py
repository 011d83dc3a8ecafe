"""A camera for the tests: motion JPEG over HTTP, as network cameras send it."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np

from maskdet.images import Bgr


class MjpegServer:
    """Serves a picture over and over on a port of its own, the same after every start.

    The number of a picture stands in its bottom rows: bits of 16 x 16 pixels, lowest first.
    """

    def __init__(self, picture: Bgr, interval_s: float = 0.02) -> None:
        self.picture = picture
        self.interval_s = interval_s
        self.sent = 0
        self.connections = 0
        self.silent_after: int | None = None
        """How many pictures a connection gets before it stays open without any."""
        self.port = 0
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/camera"

    def start(self) -> None:
        camera = self
        stopping = self._stopping = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                camera._serve(self, stopping)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Break all connections off and refuse new ones."""
        if self._server is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def _serve(self, request: BaseHTTPRequestHandler, stopping: threading.Event) -> None:
        self.connections += 1
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        request.end_headers()
        here = 0
        try:
            while not stopping.wait(self.interval_s):
                if self.silent_after is not None and here >= self.silent_after:
                    continue
                request.wfile.write(self._part())
                self.sent += 1
                here += 1
        except OSError:
            return  # the client has gone

    def _part(self) -> bytes:
        picture = self.picture.copy()
        bits = (self.sent >> np.arange(picture.shape[1] // 16)) & 1
        picture[-16:] = np.repeat(bits * 255, 16)[:, None]
        body = cv2.imencode(".jpg", picture)[1].tobytes()
        head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body + b"\r\n"


def number_in(picture: Bgr) -> int:
    """Return the number that the server painted into a picture."""
    bits = picture[-8, 8::16, 1] > 127
    return int((bits.astype(int) << np.arange(len(bits))).sum())


class SilentServer:
    """Accepts connections and never answers."""

    def __init__(self, port: int = 0) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]

    def wait_for_client(self) -> socket.socket:
        return self._socket.accept()[0]

    def stop(self) -> None:
        self._socket.close()
