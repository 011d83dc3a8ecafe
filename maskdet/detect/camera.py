"""Cameras and network streams, of which only the newest frame matters."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from maskdet.detect.stream import Frame, set_up_opencv
from maskdet.errors import CameraError
from maskdet.images import Bgr

TIMEOUT_S = 10.0
"""How long an address may take to answer, and a stream to deliver its next frame."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
"""The pause before a broken stream is opened again doubles from the first to the longest."""

_ADDRESS = re.compile(r"(?:rtsps?|https?)://", re.IGNORECASE)

log = logging.getLogger(__name__)


class Camera:
    """A camera or network stream of which only the newest frame is kept.

    A thread reads without pause, so that frames that nobody took are dropped instead of
    queueing up. When the stream breaks, the thread opens it again, for as long as it takes.

    Args:
        source: a camera's number, a device path, or an ``rtsp://`` or ``http://`` address.
        timeout_s: how long opening and the wait for a frame may take.

    Attributes:
        name: the source, see ``without_password``.

    Raises:
        CameraError: it cannot be opened, or gives no picture; the message says what to try.
    """

    def __init__(self, source: str, timeout_s: float = TIMEOUT_S) -> None:
        self.name = without_password(source)
        self._source = source
        self._timeout_s = timeout_s
        self._newest: Frame | None = None
        self._error: BaseException | None = None
        self._started_s: float | None = None
        self._broken = False
        self._closing = threading.Event()
        self._changed = threading.Condition()
        set_up_opencv()
        # A daemon, because a name look-up that hangs must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=f"read {self.name}", daemon=True)
        self._thread.start()
        try:
            self._wait_for_start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def broken(self) -> bool:
        """Whether the stream has broken off and is waited for."""
        return self._broken

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame that was not handed out yet, waiting for it if need be.

        Returns:
            None when there is none within ``timeout_s`` seconds.

        Raises:
            Exception: whatever ended the reading thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest or self._error, timeout_s)
            if self._error:
                raise self._error
            frame, self._newest = self._newest, None
            return frame

    def close(self) -> None:
        """Let go of the camera. A thread that hangs in a network call is left behind."""
        self._closing.set()
        self._thread.join(1.0)

    def _wait_for_start(self) -> None:
        with self._changed:
            # Twice: for opening and for the first frame.
            self._changed.wait_for(lambda: self._newest or self._error, 2 * self._timeout_s + 1)
            if self._error:
                raise self._error
            if not self._newest:
                raise CameraError(f"{self.name} does not answer. {_advice(self._source)}")

    def _run(self) -> None:
        capture: cv2.VideoCapture | None = None
        number = 0
        try:
            capture, image = self._open()
            while not self._closing.is_set():
                now = time.monotonic()
                with self._changed:
                    self._started_s = self._started_s or now
                    self._newest = Frame(image, number, now - self._started_s)
                    self._changed.notify_all()
                number += 1
                read, image = capture.read()  # type: ignore[assignment]
                if not read:
                    capture.release()
                    reopened = self._open_again()
                    if reopened is None:
                        break
                    capture, image = reopened
        except BaseException as error:  # noqa: BLE001 (read() raises it in the caller's thread)
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            if capture is not None:
                capture.release()

    def _open_again(self) -> tuple[cv2.VideoCapture, Bgr] | None:
        """Open the stream as soon as it is there; None when the camera is closed meanwhile."""
        pause_s = FIRST_PAUSE_S
        self._broken = True
        log.warning("%s broke off, opening it again", self.name)
        while not self._closing.wait(pause_s):
            try:
                opened = self._open()
            except CameraError:
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                log.warning("%s is still away, next try in %g s", self.name, pause_s)
            else:
                self._broken = False
                log.warning("%s is back", self.name)
                return opened
        return None

    def _open(self) -> tuple[cv2.VideoCapture, Bgr]:
        """Open the source and read a first frame, since some open that never give one."""
        if _ADDRESS.match(self._source):
            timeout_ms = int(self._timeout_s * 1000)
            timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
            parameters = [value for name in timeouts for value in (name, timeout_ms)]
            capture = cv2.VideoCapture(self._source, cv2.CAP_FFMPEG, parameters)
        elif self._source.isdecimal():
            capture = cv2.VideoCapture(int(self._source))
        elif Path(self._source).is_char_device():
            capture = cv2.VideoCapture(self._source, cv2.CAP_V4L2)
        else:
            raise CameraError(f"cannot open {self.name}. {_advice(self._source)}")
        read, image = capture.read() if capture.isOpened() else (False, None)
        if not read:
            opened = capture.isOpened()
            capture.release()
            problem = "opens but gives no picture" if opened else "cannot be opened"
            name = f"camera {self.name}" if self.name.isdecimal() else self.name
            raise CameraError(f"{name} {problem}. {_advice(self._source)}")
        return capture, image  # type: ignore[return-value]


def without_password(source: str) -> str:
    """Return an address with what may be secret blotted out, anything else as it is.

    That is ``user:password@`` and, since many cameras take them there, all after a ``?``.
    """
    if "://" not in source:
        return source
    # As FFmpeg splits it: a password may hold an @ of its own.
    return re.sub(r"(?<=://)[^/?#\s]*@", "***@", re.sub(r"[?#].*", "?...", source, flags=re.DOTALL))


def _advice(source: str) -> str:
    """Return what to try when ``source`` cannot be opened."""
    if _ADDRESS.match(source):
        return (
            "Is the device on, is the address right (with user and password, if it asks for "
            "them), and can a player such as VLC show it?"
        )
    found = sorted(Path("/dev").glob("video*"), key=lambda path: (len(path.name), path.name))
    present = f"Devices found: {', '.join(map(str, found))}" if found else "No /dev/video* found"
    device = Path(f"/dev/video{source}" if source.isdecimal() else source)
    if device.is_file():
        return f"It is a file: give it with --video {source}"
    if not source.isdecimal() and not device.is_char_device():
        return f"It is no camera's number, device, rtsp:// or http:// address. {present}"
    if device.exists() and not os.access(device, os.R_OK | os.W_OK):
        return f"You have no permission for {device}: try 'sudo usermod -aG video $USER'. {present}"
    if device.exists():
        return f"Does another program use it? Or try another number (--webcam 1). {present}"
    return f"Is it plugged in? Try another number (--webcam 1) or a stream's address. {present}"
