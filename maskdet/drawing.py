"""What everything that draws shares: text that can be read, frames, the classes' colours."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from maskdet.classes import COLOURS
from maskdet.images import Bgr
from maskdet.types import Box

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
GREY: Colour = (110, 110, 110)

SMALLEST_TEXT = 11
"""Pixels: below this no label can be read."""


def frame(canvas: Bgr, box: Box, colour: Colour, thick: int) -> None:
    """Draw a frame inside a box, in place; so none of it is beyond the picture's border."""
    x1, y1, x2, y2 = whole(box)
    part = canvas[y1:y2, x1:x2]
    for side in (part[:thick], part[-thick:], part[:, :thick], part[:, -thick:]):
        side[:] = colour


def put_text(
    canvas: Bgr, text: str, size: int, x: int, y: int, background: Colour
) -> tuple[int, int]:
    """Write on a filled strip, in place; what does not fit on the picture is cut off.

    Args:
        canvas: uint8, shape (height, width, 3), BGR.
        text: one line.
        size: height of the letters' font in pixels.
        x, y: top left corner of the strip, not negative.
        background: of the strip; the letters are black or white, what can be read on it.

    Returns:
        The strip's width and height in pixels.
    """
    mask = _text_mask(text, size)
    height, width = mask.shape
    part = canvas[y : y + height, x : x + width]
    alpha = mask[: part.shape[0], : part.shape[1], None].astype(np.float32) / 255
    ink = BLACK if _luminance(background) > 140 else WHITE
    part[:] = np.array(background) * (1 - alpha) + np.array(ink) * alpha + 0.5
    return width, height


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return the width and height in pixels of the strip that ``put_text`` fills."""
    height, width = _text_mask(text, size).shape
    return width, height


@lru_cache(maxsize=256)
def _text_mask(text: str, size: int) -> npt.NDArray[np.uint8]:
    """Return the letters, 0 to 255, with a rim that has room for descenders, too."""
    font = _font(size)
    rim = max(2, size // 3)
    _, top, _, base = font.getbbox("M")
    width = math.ceil(font.getlength(text)) + 2 * rim
    mask = Image.new("L", (width, math.ceil(base - top) + 2 * rim))
    ImageDraw.Draw(mask).text((rim, rim - top), text, fill=255, font=font)
    return np.asarray(mask)


@lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # The font that Pillow carries: OpenCV's own is a stroke font that falls apart when small.
    return ImageFont.load_default(size)


def class_colour(label: str) -> Colour:
    """Return a class's colour; grey for what is none of them."""
    return COLOURS.get(label, GREY)


def _luminance(colour: Colour) -> float:
    """Return how bright a BGR colour is, 0 to 255 (ITU-R BT.601)."""
    blue, green, red = colour
    return 0.114 * blue + 0.587 * green + 0.299 * red


def whole(box: Box) -> tuple[int, int, int, int]:
    """Return the box in whole pixels, nothing of it cut off."""
    return math.floor(box.x1), math.floor(box.y1), math.ceil(box.x2), math.ceil(box.y2)
