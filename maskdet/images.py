"""The only place where an image is read, checked or written."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from maskdet.errors import InputError, OutputError
from maskdet.files import write_bytes
from maskdet.upright import to_rgb, upright, upright_size

Bgr = npt.NDArray[np.uint8]
"""An image in memory: uint8, shape (height, width, 3), channels blue, green, red."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif"}
)
"""File endings that are looked for in folders (what is in the file decides how it is read)."""

MARK = ".maskdet"
"""Stands before the ending of every annotated picture: ``a.maskdet.jpg``."""

WRITABLE = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""File endings that ``write`` knows."""

MAX_PIXELS = 178_956_970
"""Larger pictures are taken for decompression bombs; Pillow's own limit (2 x 2**30 / 4 / 3)."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
"""What is read. Pillow knows more, but runs Ghostscript on whatever looks like EPS."""

_BROKEN = (
    *(OSError, SyntaxError, ValueError, EOFError),
    RuntimeError,  # the AVIF decoder's
    struct.error,  # broken EXIF
)


# What it warns of is either an error here or does not matter. For good, because
# ``warnings.catch_warnings`` is not safe with several threads.
warnings.filterwarnings("ignore", module="PIL")


class TooLargeError(InputError):
    """A picture has more pixels than anybody should decode."""


def read(source: str | os.PathLike[str] | bytes) -> Bgr:
    """Read an image file, or the bytes of one, as it should be seen.

    The EXIF orientation is applied, transparency is laid on white, and grey, 16-bit,
    CMYK and palette pictures are converted. Of an animation the first frame is taken.

    Args:
        source: a path, or the content of an image file.

    Returns:
        uint8 array of shape (height, width, 3), BGR.

    Raises:
        InputError: the file is missing, no image, broken, truncated or too large.
    """
    with _opened(source) as image:
        image.load()
        rgb = to_rgb(upright(image))
    return cv2.cvtColor(np.asarray(rgb), cv2.COLOR_RGB2BGR)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Reduced:
    """A picture at reduced scale.

    ``pixels`` is uint8: (h, w) grey or (h, w, 3) BGR; ``width`` and ``height`` are those of the
    whole, upright picture.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int


def read_reduced(source: str | os.PathLike[str] | bytes, side: int, grey: bool = False) -> Reduced:
    """Read an image file, or the bytes of one, at a fraction of its size: much faster for JPEG.

    Like ``read``, but reduced by a whole number, so that the shorter side has at least ``side``
    pixels and fewer than twice as many (a smaller picture stays as it is). JPEG is decoded at
    1/2, 1/4 or 1/8 (libjpeg's scaled inverse DCT); the rest is by averaging. What comes out
    differs a little between formats and from ``read``: compare only pictures that were read
    the same way.

    Args:
        source: a path, or the content of an image file.
        side: least number of pixels along the shorter side.
        grey: return luminance (ITU-R BT.601) instead of BGR.

    Raises:
        InputError: as ``read``.
    """
    with _opened(source) as image:
        width, height = upright_size(image)
        image.draft("L" if grey else None, (side, side))
        image.load()
        picture = upright(image)
        wanted = "L" if grey else "RGB"
        if picture.mode != wanted or picture.has_transparency_data:
            picture = to_rgb(picture).convert(wanted)
    factor = min(picture.size) // side
    pixels = np.asarray(picture.reduce(factor) if factor > 1 else picture)
    if not grey:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    return Reduced(pixels, width, height)


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of an image file says: ``format`` is Pillow's name (JPEG, PNG, ...)."""

    format: str
    width: int
    height: int


def check(source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS) -> Header:
    """Decode an image file to its end, as ``read`` does, but make no array of it.

    Args:
        source: a path, or the content of an image file.
        max_pixels: a larger picture is not decoded.

    Returns:
        What ``header`` does.

    Raises:
        TooLargeError: it has more than ``max_pixels`` pixels.
        InputError: the file is missing, no image, broken or truncated.
    """
    with _opened(source, max_pixels) as image:
        image.load()
        return _header(image)


@contextlib.contextmanager
def _opened(
    source: str | os.PathLike[str] | bytes, max_pixels: int = MAX_PIXELS
) -> Iterator[Image.Image]:
    """Open an image; inside, what Pillow raises becomes an InputError."""
    name = "the input" if isinstance(source, bytes) else os.fspath(source)
    try:
        # Not read as a whole: somebody may name a film of many gigabytes.
        file = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115, PTH123
    except OSError as error:
        raise InputError(f"cannot read {name}: {error.strerror or error}") from error
    try:
        with file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise TooLargeError(
                    f"{name} has {image.width} x {image.height} pixels: over the limit of "
                    f"{max_pixels / 1e6:.0f} million, it may be a decompression bomb"
                )
            yield image
    except Image.DecompressionBombError as error:
        raise TooLargeError(f"{name}: {error}") from error
    except UnidentifiedImageError as error:
        if _is_empty(source):
            raise InputError(f"{name} is empty") from error
        raise InputError(f"{name} is not an image that maskdet can read") from error
    except _BROKEN as error:
        raise InputError(f"{name} is broken: {error}") from error


def header(source: str | os.PathLike[str] | bytes) -> Header:
    """Return the format of an image file, and its size in pixels as ``read`` would give it.

    Only the file's head is read, so a broken body is not noticed (but of PNG, whose EXIF may
    stand at the end).

    Args:
        source: a path, or the content of an image file.

    Raises:
        InputError: the file is missing, no image or too large.
    """
    with _opened(source) as image:
        return _header(image)


def _header(image: Image.Image) -> Header:
    return Header(image.format or "", *upright_size(image))


def size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Return width and height in pixels, see ``header``."""
    head = header(path)
    return head.width, head.height


def _is_empty(source: str | os.PathLike[str] | bytes) -> bool:
    return not source if isinstance(source, bytes) else Path(source).stat().st_size == 0


def write(path: str | os.PathLike[str], image: Bgr, quality: int = 92) -> None:
    """Write an image; its format follows from the file's ending.

    The file appears whole or not at all: it is written beside its place and renamed.

    Args:
        path: where to; the folder must exist.
        image: uint8 array of shape (height, width, 3), BGR.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        OutputError: the format is not known or the file cannot be written.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in WRITABLE:
        raise OutputError(
            f"cannot write {target}: unknown format {suffix!r}, use .jpg, .png or .webp"
        )
    data = encode(image, suffix, quality)
    if data is None:
        height, width = image.shape[:2]
        raise OutputError(
            f"cannot write {target}: {width} x {height} pixels are too many for {suffix}"
        )
    write_bytes(target, data)


def encode(image: Bgr, suffix: str, quality: int = 92) -> bytes | None:
    """Return what ``write`` would put into a file; None if the format holds fewer pixels.

    Args:
        image, quality: as in ``write``.
        suffix: one of ``WRITABLE``.
    """
    options = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    encoded, buffer = cv2.imencode(suffix, image, options.get(suffix, []))
    return buffer.tobytes() if encoded else None


def is_annotated(path: Path) -> bool:
    """Tell by its name whether a file is a picture, or film, that ``detect`` has drawn on."""
    return Path(path.stem).suffix == MARK


def find(
    folder: str | os.PathLike[str],
    unreadable: Callable[[OSError], None] | None = None,
    suffixes: Container[str] = SUFFIXES,
) -> list[Path]:
    """Return the image files below ``folder`` by their ending, sorted.

    Hidden ones are left out, and so are the copies that maskdet has drawn on (``is_annotated``).

    Args:
        folder: is searched with all below it, links to folders left out.
        unreadable: is called with the error for each folder or file that cannot be looked at;
            its ``filename`` says which. Without it, the first one ends the search.
        suffixes: the endings, in lower case.

    Raises:
        InputError: a folder or file cannot be looked at, and ``unreadable`` is None.
    """

    def fail(error: OSError) -> None:
        if unreadable is None:
            raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
        unreadable(error)

    found = []
    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in suffixes or is_annotated(path):
                continue
            try:
                if path.is_file():
                    found.append(path)
            except OSError as error:
                fail(error)
    return sorted(found)
