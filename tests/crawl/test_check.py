"""Bytes that become a picture, or not."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hostile import GIF, bomb, picture
from PIL import Image

from maskdet.catalog.sources import Outcome
from maskdet.crawl import check
from maskdet.crawl.failure import Failure

JPEG = picture(1, 160, 120)


def judged(data: bytes, min_side: int = 100, max_pixels: int = 1_000_000) -> Outcome:
    with pytest.raises(Failure) as caught:
        check.picture(data, min_side, max_pixels)
    assert caught.value.reason
    return caught.value.outcome


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "format", "suffix"),
    [(".jpg", "JPEG", ".jpg"), (".png", "PNG", ".png"), (".webp", "WEBP", ".webp")],
)
def test_the_bytes_say_what_a_picture_is(kind: str, format: str, suffix: str) -> None:
    data = picture(1, 160, 120, kind)
    accepted = check.picture(data, 120, 160 * 120)
    assert accepted.sha256 == hashlib.sha256(data).hexdigest()
    assert (accepted.head.format, accepted.suffix) == (format, suffix)
    assert (accepted.head.width, accepted.head.height) == (160, 120)


def test_a_phones_jpeg_with_a_second_picture_in_it_is_a_jpeg() -> None:
    image = Image.open(io.BytesIO(JPEG))
    data = saved(image, format="MPO", save_all=True, append_images=[image])
    assert check.picture(data, 100, 10**6).suffix == ".jpg"


@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (b"", Outcome.NOT_IMAGE),
        (b"<html>", Outcome.NOT_IMAGE),
        (GIF, Outcome.NOT_IMAGE),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", Outcome.NOT_IMAGE),
        (b"%!PS-Adobe-3.0 EPSF-3.0", Outcome.NOT_IMAGE),
        (b"\xff\xd8\xff\xe0" + b"nonsense" * 9, Outcome.BROKEN),
        (JPEG[:-40], Outcome.BROKEN),
        (picture(1, 160, 120, ".png")[:-400], Outcome.BROKEN),
        (picture(1, 160, 120, ".webp")[:-400], Outcome.BROKEN),
        (bomb(20_000), Outcome.TOO_LARGE),
        (bomb(1_008), Outcome.TOO_LARGE),
        (picture(1, 99, 400), Outcome.TOO_SMALL),
        (picture(1, 400, 99), Outcome.TOO_SMALL),
    ],
)
def test_what_is_no_picture_to_keep_has_a_reason(data: bytes, outcome: Outcome) -> None:
    assert judged(data) == outcome


def test_a_size_is_that_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(Image.new("RGB", (300, 200)), format="JPEG", exif=exif)
    head = check.picture(data, 100, 10**6).head
    assert (head.width, head.height) == (200, 300)


def test_a_large_picture_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: object) -> None:
        pytest.fail("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    for kind in (".jpg", ".png"):
        assert judged(picture(1, 1100, 1000, kind)) == Outcome.TOO_LARGE


def test_the_portrait_is_kept(astronaut_jpg: Path) -> None:
    assert check.picture(astronaut_jpg.read_bytes(), 200, 10**6).head.width == 512
