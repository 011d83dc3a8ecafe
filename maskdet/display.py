"""Windows on the screen, where there is one."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from maskdet.errors import OutputError
from maskdet.images import Bgr

LARGEST = (1280, 800)
"""Width and height in pixels above which a picture is shown smaller."""

END_KEYS = frozenset({ord("q"), ord("Q"), 27})
"""``q`` and Esc, as ``cv2.waitKeyEx`` tells them: of an arrow key, ``waitKey`` makes a ``Q``."""


def has_display() -> bool:
    """Tell whether a window can be opened; where that is doubtful, it takes half a second.

    OpenCV's window library ends the whole process if it cannot reach a display, so this is
    tried out in another one.
    """
    if sys.platform in ("win32", "darwin"):
        return True
    if not os.environ.get("DISPLAY"):
        return False
    probe = "import cv2; cv2.namedWindow('maskdet'); cv2.destroyAllWindows()"
    try:
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def require(instead: str) -> None:
    """Raise OutputError where no window can be opened; ``instead`` says what to do then."""
    if not has_display():
        raise OutputError(
            f"no window can be opened here (no display, or OpenCV without windows): {instead}"
        )


def fit(image: Bgr, enlarge: float = 1) -> Bgr:
    """Return a picture (uint8, shape (height, width, 3), BGR) at most as large as ``LARGEST``.

    A smaller one is shown at most ``enlarge`` times as large as it is.
    """
    height, width = image.shape[:2]
    scale = min(LARGEST[0] / width, LARGEST[1] / height, enlarge)
    if scale == 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, size, interpolation=kind)  # type: ignore[return-value]


def is_closed(title: str) -> bool:
    """Tell whether the user has closed the window with its own button."""
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:  # Qt's answer once the last window is gone
        return True
