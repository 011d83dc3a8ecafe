"""Contact sheets: many faces on one picture, each with what is said of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from maskdet import images
from maskdet.drawing import WHITE, Colour, put_text, text_size
from maskdet.images import Bgr

_TEXT = 13

Caption = Sequence[tuple[str, Colour]]
"""Lines of text, each with the colour of the strip that it stands on."""


def data_uri(image: Bgr) -> str:
    """Return a picture as an address that holds it, as JPEG, for pages that need no other file.

    Args:
        image: uint8, shape (height, width, 3), BGR; neither side has more than 65,500 pixels.
    """
    jpeg = images.encode(image, ".jpg")
    assert jpeg is not None, "what is shown is small"
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def contact_sheet(faces: Sequence[Bgr], captions: Sequence[Caption], columns: int) -> Bgr:
    """Lay faces out in a grid, row by row, the lines of each one's caption below it.

    Args:
        faces: at least one, uint8, shape (side, side, 3), BGR, all of one size.
        captions: as many; what is too wide is cut off.
        columns: faces a row.

    Returns:
        uint8, shape (height, width, 3), BGR.
    """
    side = max(96, faces[0].shape[0])
    line = text_size("M", _TEXT)[1]
    height = side + line * max(map(len, captions)) + 2
    columns = min(columns, len(faces))
    rows = -(-len(faces) // columns)
    sheet = np.full((rows * height, columns * side, 3), WHITE, np.uint8)
    for index, (face, caption) in enumerate(zip(faces, captions, strict=True)):
        top, left = index // columns * height, index % columns * side
        cell = sheet[top : top + height, left : left + side]
        cell[:side] = cv2.resize(face, (side, side))
        for number, (text, colour) in enumerate(caption):
            put_text(cell, text, _TEXT, 0, side + number * line, colour)
    return sheet
