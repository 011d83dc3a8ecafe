"""Films as frames, each handed out once with its time."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from maskdet.detect import container
from maskdet.errors import InputError
from maskdet.images import Bgr

ODD_FPS = 30.0
"""Taken where a film states no rate, or one over ``HIGHEST_FPS`` (some browsers write 1000)."""

HIGHEST_FPS = 120.0

_TOLERANCE_S = 0.5
"""A film may be so much shorter than its header says."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: ``image`` is BGR uint8 of shape (height, width, 3).

    ``number`` counts from 0 what the source delivered; from a camera some are left out where
    they come faster than they are processed. ``time_s`` is in seconds: a film's own time
    stamp, for a camera the time since its first frame.
    """

    image: Bgr
    number: int
    time_s: float


def set_up_opencv() -> None:
    """Make OpenCV's films and streams quiet and independent of each other.

    Unless maskdet's loggers say more, OpenCV and its FFmpeg write nothing to stderr: what
    matters of their messages is in maskdet's own errors. And one stream that waits for its
    host must not keep others from being opened or closed; the lock with which OpenCV sees to
    that is of use only for FFmpeg before 4.0. To be called before the first film or stream
    is opened; settings of the user's own environment win.
    """
    os.environ.setdefault("OPENCV_FFMPEG_IS_THREAD_SAFE", "1")
    if log.isEnabledFor(logging.INFO):
        return
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Film:
    """A video file (or animated GIF), to be iterated over once.

    The iteration ends with an InputError when the file is seen to be cut off; the frames
    before that were good.

    Args:
        path: the file.

    Attributes:
        fps: frames per second as the file says, ``ODD_FPS`` where that makes no sense.
        length: number of frames as the file says, None where it does not.

    Raises:
        InputError: the file is missing or no film that can be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        try:
            if self.path.is_fifo():
                raise InputError(
                    f"{path} is a pipe, and no film can be read from one: save it first"
                )
            empty = self.path.stat().st_size == 0
            text = container.is_text(self.path)
            self._cut_off = container.is_cut_off(self.path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        if empty:
            raise InputError(f"{path} is empty")
        set_up_opencv()
        # Bytes, as OpenCV crashes on a name that is no UTF-8.
        self._capture: cv2.VideoCapture = cv2.VideoCapture(  # type: ignore[call-overload]
            os.fsencode(self.path), cv2.CAP_FFMPEG
        )
        if text or not self._capture.isOpened():
            raise InputError(f"{path} is not a film that can be read: broken or of unknown format")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= HIGHEST_FPS else ODD_FPS
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.length = int(count) if count > 0 else None
        self._duration_s = count / fps if self.length and fps > 0 else 0.0

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; raises InputError at the end of a film that is cut off."""
        number, time_s = 0, 0.0
        try:
            while True:
                read, image = self._capture.read()
                if not read:
                    break
                stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if number:
                    # Raw streams carry no time stamps, and joined ones jump back.
                    time_s = stamp if stamp > time_s else time_s + 1 / self.fps
                yield Frame(image, number, time_s)  # type: ignore[arg-type]
                number += 1
        finally:
            self._capture.release()
        if number == 0:
            raise InputError(f"{self.path} is not a film that can be read: no frame is in it")
        missing = time_s + 1 / self.fps < self._duration_s - _TOLERANCE_S
        of_all = f" of {self._duration_s:.1f} s" if missing else ""
        if self._cut_off or (self._cut_off is None and missing):
            raise InputError(
                f"{self.path} is cut off: it ends after {number} frames, {time_s:.1f} s{of_all}"
            )
        if missing:
            # No error: a film that was shortened without being written anew is like that, too.
            log.warning("%s ends after %d frames, %.1f s%s", self.path, number, time_s, of_all)
