"""From the bytes that a host sent to a picture worth keeping, or why it is none."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from hashlib import sha256

from maskdet import images
from maskdet.catalog.sources import Outcome
from maskdet.crawl.failure import Failure
from maskdet.errors import InputError

SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
"""The formats that are kept, by Pillow's names; MPO is a JPEG with further pictures behind it."""

# Decoding keeps a core busy and needs memory: no more of it at a time than there are cores.
_DECODING = threading.Semaphore(os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A picture to keep: its hash in hexadecimal, its head, its file's ending."""

    sha256: str
    head: images.Header
    suffix: str


def judge_head(start: bytes) -> None:
    """Look at the first bytes of a file (12 are enough).

    Raises:
        Failure: it is neither JPEG, PNG nor WebP, whatever its name and media type say.
    """
    webp = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    if not (webp or start.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))):
        begins = f"begins with {start[:8]!r}" if start else "empty"
        raise Failure(Outcome.NOT_IMAGE, begins)


def picture(data: bytes, min_side: int, max_pixels: int) -> Accepted:
    """Check a whole image file, and decode it to its end.

    Args:
        data: its bytes.
        min_side: least pixels of the shorter side.
        max_pixels: most pixels in all; a larger picture is not decoded.

    Raises:
        Failure: it is of another format, broken, too small or too large.
    """
    judge_head(data[:16])
    try:
        with _DECODING:
            head = images.check(data, max_pixels)
    except images.TooLargeError as error:
        raise Failure(Outcome.TOO_LARGE, f"more than {max_pixels} pixels") from error
    except InputError as error:
        raise Failure(Outcome.BROKEN, str(error.__cause__ or error)) from error
    if head.format not in SUFFIXES:
        raise Failure(Outcome.NOT_IMAGE, f"of the format {head.format}")
    if min(head.width, head.height) < min_side:
        raise Failure(Outcome.TOO_SMALL, f"{head.width} x {head.height} pixels")
    return Accepted(sha256(data).hexdigest(), head, SUFFIXES[head.format])
