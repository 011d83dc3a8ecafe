"""Windows on the screen, where there is one."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2

from maskdet.detect import draw
from maskdet.detect.run import StopRun
from maskdet.errors import OutputError
from maskdet.images import Bgr
from maskdet.types import ImageResult

LARGEST = (1280, 800)
"""Width and height in pixels above which a picture is shown smaller."""

END_KEYS = frozenset({ord("q"), ord("Q"), 27})
"""``q`` and Esc."""


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


def require_display() -> None:
    """Raise OutputError where no window can be opened."""
    if not has_display():
        raise OutputError(
            "no window can be opened here (no display, or OpenCV without windows): "
            "leave --show out and look at the files that --out writes"
        )


def is_closed(title: str) -> bool:
    """Tell whether the user has closed the window with its own button."""
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) < 1
    except cv2.error:  # Qt's answer once the last window is gone
        return True


class PictureWindow:
    """The sink that shows one picture after the other: any key goes on, q and Esc end.

    Raises:
        OutputError: no window can be opened here.
    """

    TITLE = "maskdet"

    def __init__(self, blur: bool = False) -> None:
        require_display()
        self._blur = blur

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Show a picture and wait for a key.

        Raises:
            StopRun: the user has seen enough.
        """
        if image is None:
            return
        shown = draw.annotate(image, result, self._blur)
        height, width = image.shape[:2]
        scale = min(LARGEST[0] / width, LARGEST[1] / height)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        cv2.namedWindow(self.TITLE, cv2.WINDOW_AUTOSIZE | cv2.WINDOW_GUI_NORMAL)
        cv2.setWindowTitle(self.TITLE, f"{result.image} - maskdet")
        cv2.imshow(self.TITLE, shown)
        while (key := cv2.waitKey(50)) == -1:
            if is_closed(self.TITLE):
                raise StopRun
        if key & 0xFF in END_KEYS:
            raise StopRun

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
