"""Annotated films, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from maskdet.detect import container, draw
from maskdet.detect.stream import set_up_opencv
from maskdet.errors import OutputError
from maskdet.files import make_folder, places
from maskdet.images import Bgr
from maskdet.types import ImageResult

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi"})
"""File endings that a film may have."""

LIVE_FPS = 25.0
"""Frames per second in the film of a camera, whatever the camera delivers."""

LONGEST_STILL_S = 10.0
"""A picture stands at most so long: the gap that a broken stream leaves is cut down to it."""

_CODEC = "mp4v"
"""MPEG-4 Part 2: OpenCV's own builds can write it everywhere; they carry no H.264 encoder."""

_FPS_OF_THREE_DECIMALS = 65.0
"""MPEG-4 Part 2 states a rate as a fraction of 16-bit numbers: 65.535 is 65535 / 1000."""


class AnnotatedFilm:
    """Writes frames with boxes and labels as a film of constant rate and right duration.

    A frame stands in the film from its ``time_s`` to that of the next one: it is repeated
    where frames come slower than ``fps`` and left out where they come faster. Sound is not
    taken over. The first frame decides on the size; others are scaled to it.

    Args:
        path: the film, or a link to it; its folder is made. It appears there when ``close`` has
            finished it, until then it is ``.<name>.<process>.part<suffix>`` beside.
        fps: its frames per second.
        blur: hide the faces.

    Attributes:
        finished: whether the film is there.

    Raises:
        OutputError: (also from ``write`` and ``close``) it cannot be written.
    """

    def __init__(self, path: Path, fps: float = LIVE_FPS, blur: bool = False) -> None:
        if path.suffix.lower() not in SUFFIXES:
            raise OutputError(
                f"cannot write {path}: a film's name ends with {', '.join(sorted(SUFFIXES))}"
            )
        if path.exists() and not path.is_file():
            raise OutputError(f"cannot write {path}: it is no file")
        self.path = path
        self.finished = False
        self._place, beside = places(path)
        self._beside = beside.with_name(beside.name + path.suffix)  # OpenCV goes by the ending
        self._fps = round(fps, 2 if fps > _FPS_OF_THREE_DECIMALS else 3)
        self._blur = blur
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._last: Bgr | None = None
        self._last_s = 0.0
        self._clock_s = 0.0
        self._written = 0

    def write(self, image: Bgr | None, result: ImageResult) -> None:
        """Take a frame; ``result.time_s`` says when it is to be seen."""
        if image is None:
            return
        now = result.time_s or 0.0
        if self._last is None:
            self._open(image)
        else:
            self._clock_s += min(max(now - self._last_s, 0.0), LONGEST_STILL_S)
            self._fill(round(self._clock_s * self._fps))
        annotated = draw.annotate(image, result, self._blur)
        if (image.shape[1], image.shape[0]) != self._size:
            annotated = cv2.resize(annotated, self._size)  # type: ignore[assignment]
        self._last, self._last_s = annotated, now

    def close(self) -> None:
        """Finish the film and give it its name; nothing appears where no frame was taken."""
        if self._writer is None:
            return
        self._fill(self._written + 1)
        self._writer.release()
        self._writer = None
        try:
            # OpenCV reports no failed write, not even on a full disk.
            if not _has(self._beside, self._written):
                self._beside.unlink(missing_ok=True)
                raise OutputError(f"cannot write {self.path}: is the disk full?")
            self._beside.replace(self._place)
            self.finished = True
        except OSError as error:
            raise OutputError(f"cannot write {self.path}: {error.strerror or error}") from error

    def _open(self, image: Bgr) -> None:
        make_folder(self.path.parent)
        set_up_opencv()
        self._size = image.shape[1], image.shape[0]
        codec = cv2.VideoWriter.fourcc(*_CODEC)
        writer = cv2.VideoWriter(  # type: ignore[call-overload]
            os.fsencode(self._beside), cv2.CAP_FFMPEG, codec, self._fps, self._size
        )
        if not writer.isOpened():
            raise OutputError(
                f"cannot write {self.path}: is its folder writable, and are "
                f"{self._size[0]} x {self._size[1]} pixels enough for a film?"
            )
        self._writer = writer

    def _fill(self, length: int) -> None:
        """Repeat the last frame until the film is ``length`` frames long."""
        assert self._writer is not None
        assert self._last is not None
        while self._written < length:
            self._writer.write(self._last)
            self._written += 1


def _has(path: Path, length: int) -> bool:
    """Tell whether a film is all there and has so many frames: by its header and by the last."""
    capture = cv2.VideoCapture(  # type: ignore[call-overload]
        os.fsencode(path), cv2.CAP_FFMPEG
    )
    try:
        # Where the header could not be finished, this is FFmpeg's guess: too high or too low.
        stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) >= length
        # OpenCV goes only as far as is stated.
        capture.set(cv2.CAP_PROP_POS_FRAMES, length - 1)
        return stated and capture.read()[0] and not container.is_cut_off(path)
    finally:
        capture.release()
