"""A screen for the tests of windows: an X server without hardware, and a hand on its keys."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from maskdet.images import Bgr


class Screen:
    """An X display; ``environment`` is what a program needs to open its windows there."""

    def __init__(self, display: str, memory: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": display}
        self._memory = memory

    def tool(self, *arguments: str) -> str:
        """Run xdotool and return what it prints."""
        done = subprocess.run(
            ["xdotool", *arguments], env=self.environment, capture_output=True, text=True
        )
        return done.stdout.strip()

    def wait_for_window(self, name: str, timeout_s: float = 60) -> str:
        """Return the id of the visible window whose title contains ``name``."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if found := self.tool("search", "--onlyvisible", "--name", name):
                return found.split()[-1]
            time.sleep(0.1)
        raise AssertionError(f"no window named {name!r} appeared")

    def picture(self) -> Bgr:
        """Return what is on the screen: uint8, shape (1024, 1280, 3), BGR."""
        # The X Window Dump format: big-endian header, colour map, then BGRX pixels.
        data = self._memory.read_bytes()
        header = struct.unpack(">25I", data[:100])
        start, width, height, colours = header[0], header[4], header[5], header[19]
        pixels = np.frombuffer(data, np.uint8, width * height * 4, start + 12 * colours)
        return pixels.reshape(height, width, 4)[:, :, :3].copy()

    def remap(self, window: str) -> None:
        """Hide a window and show it again.

        Without a window manager, Qt misses one time in five that its window was shown, and
        leaves it black for good.
        """
        self.tool("windowunmap", window)
        self.tool("windowmap", window)
        time.sleep(0.5)

    def press(self, window: str, key: str) -> None:
        self.tool("windowfocus", "--sync", window)
        self.tool("key", key)

    def close(self, window: str) -> None:
        """Do what a window manager does when the user presses the window's closing button."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(self.environment["DISPLAY"].encode()))
        event = _ClientMessage(type=33, window=int(window), format=32)
        event.message_type = x11.XInternAtom(display, b"WM_PROTOCOLS", 0)
        event.data[0] = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
        x11.XSendEvent(display, ctypes.c_ulong(int(window)), 0, 0, ctypes.byref(event))
        x11.XCloseDisplay(display)


class _ClientMessage(ctypes.Structure):
    """``XClientMessageEvent`` of Xlib, filled up to the size of an ``XEvent``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 12),
    )


@contextmanager
def open_screen() -> Iterator[Screen]:
    """Start Xvfb on a free display."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed: apt-get install xvfb xdotool")
    memory = tempfile.TemporaryDirectory()
    read, write = os.pipe()
    # -noreset: else the server starts anew, refusing everybody, whenever its last client leaves.
    # -r: else a key repeats itself where xdotool is slow to release it.
    options = ["-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset", "-r"]
    options += ["-fbdir", memory.name]
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), *options], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            pytest.fail(f"Xvfb ended with {server.wait()}")
        yield Screen(f":{number}", Path(memory.name) / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait()
        memory.cleanup()
