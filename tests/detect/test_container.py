from __future__ import annotations

from pathlib import Path

import pytest

from maskdet.detect.container import is_cut_off, is_text


def box(kind: bytes, content: bytes, large: bool = False) -> bytes:
    if large:
        return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content
    return (8 + len(content)).to_bytes(4, "big") + kind + content


MP4 = box(b"ftyp", b"isom" * 4) + box(b"mdat", bytes(100)) + box(b"moov", bytes(50))
LARGE = box(b"ftyp", b"isom" * 4) + box(b"mdat", bytes(100), large=True)
AVI = b"RIFF" + (104).to_bytes(4, "little") + b"AVI " + bytes(100)
GIF = b"GIF89a" + bytes(50) + b";"


@pytest.mark.parametrize(
    ("content", "cut_off"),
    [
        (MP4, False),
        (MP4[:-1], True),
        (MP4[:90], True),
        (MP4 + b"\0\0\0", False),
        (MP4 + b"some junk that is no box", False),
        (LARGE, False),
        (LARGE[:-1], True),
        (box(b"ftyp", b"qt  ") + b"\0\0\0\0mdat" + bytes(40), False),
        (AVI, False),
        (AVI + bytes(100), False),
        (AVI[:-1], True),
        (GIF, False),
        (GIF + bytes(10), False),
        (GIF[:-1], True),
        (b"\x1a\x45\xdf\xa3" + bytes(50), None),
        (b"", None),
        (b"\0", None),
    ],
)
def test_is_cut_off(tmp_path: Path, content: bytes, cut_off: bool | None) -> None:
    path = tmp_path / "film"
    path.write_bytes(content)
    assert is_cut_off(path) is cut_off


@pytest.mark.parametrize(
    ("content", "text"), [(b"#EXTM3U\nhttp://example.org/a.ts\n", True), (MP4, False), (b"", True)]
)
def test_is_text(tmp_path: Path, content: bytes, text: bool) -> None:
    path = tmp_path / "film"
    path.write_bytes(content)
    assert is_text(path) is text
