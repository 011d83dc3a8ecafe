"""Whether a film's file is all there, told from its container alone."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BOX_HEAD = 8


def is_text(path: Path) -> bool:
    """Tell whether a file is text: no container is, and FFmpeg would play text as a film.

    Play lists are text, too, and could make it open other files and addresses.
    """
    with path.open("rb") as file:
        return b"\0" not in file.read(4096)


def is_cut_off(path: Path) -> bool | None:
    """Tell whether the end of a file is missing; None for a container that is not known here.

    Known are MP4 and QuickTime (ISO/IEC 14496-12: the sizes of the boxes add up), AVI (the
    size of the first RIFF chunk) and GIF89a (the trailer byte).
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"):
            return _boxes_end(file, length) > length
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:8], "little") > length
        if head[:4] == b"GIF8":
            file.seek(max(0, length - 64))
            return not file.read().rstrip(b"\0").endswith(b";")
    return None


def _boxes_end(file: BinaryIO, length: int) -> int:
    """Return where the last of the top-level boxes that are begun should end, in bytes."""
    end = 0
    while end + _BOX_HEAD <= length:
        file.seek(end)
        size = int.from_bytes(file.read(4), "big")
        kind = file.read(4)
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        # 0 stands for "up to the end of the file"; junk at the end is not missing data.
        if size < _BOX_HEAD or not kind.isalnum():
            return length
        end += size
    return end
