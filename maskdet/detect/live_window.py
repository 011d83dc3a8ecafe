"""The window in which a film or a camera's view runs."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import cv2

from maskdet import files, images
from maskdet.classes import SHORT
from maskdet.detect import draw
from maskdet.detect.run import StopRun
from maskdet.display import END_KEYS, LARGEST, is_closed
from maskdet.errors import OutputError
from maskdet.images import Bgr
from maskdet.types import ImageResult

SAVE_KEYS = frozenset({ord("s"), ord("S")})

log = logging.getLogger(__name__)


class FrameRate:
    """Frames per second as an exponential mean over about a second."""

    def __init__(self) -> None:
        self.fps = 0.0
        self._last_s: float | None = None

    def tick(self, now_s: float) -> None:
        """Count a frame that came at ``now_s`` (seconds of any clock that never goes back)."""
        if self._last_s is not None and now_s > self._last_s:
            elapsed = now_s - self._last_s
            weight = 1 - math.exp(-elapsed)
            self.fps = self.fps + weight * (1 / elapsed - self.fps) if self.fps else 1 / elapsed
        self._last_s = now_s


class LiveWindow:
    """The sink that shows frames as they come, with the frame rate and counts by class.

    ``q``, Esc and closing the window end the run; ``s`` saves the annotated picture.
    Only for where ``display.has_display()``.

    Args:
        blur: hide the faces.
        stem: what the names of saved pictures begin with.
        folder: where they go.
    """

    def __init__(self, blur: bool = False, stem: str = "maskdet", folder: Path = Path()) -> None:
        self._blur = blur
        self._stem = stem
        self._folder = folder
        self._rate = FrameRate()
        self._annotated: Bgr | None = None
        self._title = ""
        self._notice: str | None = None

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Show a frame; raises StopRun when the user ends the run."""
        if image is None:
            return
        self._rate.tick(time.monotonic())
        self._annotated = draw.annotate(image, result, self._blur)
        self._notice = None
        lines = [f"{self._rate.fps:.1f} fps", counts(result)]
        self._show(lines, files.readable(result.source))
        self.poll()

    def poll(self, notice: str | None = None) -> None:
        """Attend to keys and to the window itself; to be called often.

        Args:
            notice: what to write on the last picture while no new one comes.

        Raises:
            StopRun: the user ends the run.
        """
        if self._annotated is None:
            return
        if notice != self._notice and notice is not None:
            self._show([notice], self._title)
        self._notice = notice
        key = cv2.waitKeyEx(1)  # pollKey makes an S of the right arrow
        if key in END_KEYS or is_closed(self._title):
            raise StopRun
        if key in SAVE_KEYS:
            self._save(self._annotated)

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()

    def _show(self, lines: list[str], title: str) -> None:
        assert self._annotated is not None
        if title != self._title:
            cv2.destroyAllWindows()
            self._title = title
            height, width = self._annotated.shape[:2]
            scale = min(1.0, LARGEST[0] / width, LARGEST[1] / height)
            flags = cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL
            cv2.namedWindow(title, flags)
            cv2.resizeWindow(title, max(1, round(width * scale)), max(1, round(height * scale)))
            cv2.setWindowTitle(title, f"{title} - maskdet")
        shown = self._annotated.copy()
        draw.put_lines(shown, lines)
        cv2.imshow(title, shown)

    def _save(self, picture: Bgr) -> None:
        """Save a picture; an unwritable folder must not end a live run."""
        moment = datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
        target = self._folder / f"{self._stem}-{moment}.maskdet.jpg"
        try:
            images.write(target, picture)
        except OutputError as error:
            log.error("%s", error)
        else:
            log.warning("saved %s", target)


def counts(result: ImageResult) -> str:
    """Return the faces of a frame by class, e.g. ``2 mask, 1 no mask``."""
    found = Counter(face.label for face in result.faces)
    parts = [f"{found[name]} {SHORT.get(name, name)}" for name in sorted(found, key=_place)]
    return ", ".join(parts) or "no face"


def _place(label: str) -> int:
    return list(SHORT).index(label) if label in SHORT else len(SHORT)
