"""Pillow's images as they should be seen: turned upright, in plain colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import ExifTags, Image

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a picture of an EXIF orientation upright."""

_SWAPPING = (5, 6, 7, 8)
"""The orientations that swap width and height."""


def upright(image: Image.Image) -> Image.Image:
    """Return a decoded image turned as its EXIF orientation says; itself if that says nothing."""
    # ImageOps.exif_transpose writes the EXIF anew, and fails where that is a little off.
    turn = _TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return width and height of an image as ``upright`` returns it."""
    # Of a TIFF file, Pillow has swapped them already.
    turned = image.format != "TIFF" and _orientation(image) in _SWAPPING
    return (image.height, image.width) if turned else image.size


def _orientation(image: Image.Image) -> Any:
    return image.getexif().get(ExifTags.Base.Orientation)


def to_rgb(image: Image.Image) -> Image.Image:
    """Return an image of any mode in RGB, 8 bits each, transparency laid on white."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        # Pillow clips these to 0..255; what they hold is 16-bit or of unknown range.
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        top = 65535.0 if image.mode == "I" and values.max() > 255 else max(values.max(), 1.0)
        return Image.fromarray((values.clip(0, top) * (255 / top)).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
