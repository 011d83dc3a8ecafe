"""A screen for the tests of windows: an X server without hardware, and a hand on its keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Screen:
    """An X display; ``environment`` is what a program needs to open its windows there."""

    def __init__(self, display: str) -> None:
        self.environment = {**os.environ, "DISPLAY": display}

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

    def press(self, window: str, key: str) -> None:
        self.tool("windowfocus", "--sync", window)
        self.tool("key", key)


@contextmanager
def open_screen() -> Iterator[Screen]:
    """Start Xvfb on a free display."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed: apt-get install xvfb xdotool")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            pytest.fail(f"Xvfb ended with {server.wait()}")
        yield Screen(f":{number}")
    finally:
        server.terminate()
        server.wait()
