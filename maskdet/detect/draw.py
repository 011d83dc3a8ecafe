"""What people look at: boxes, labels and hidden faces on a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.classes import SHORT
from maskdet.drawing import (
    BLACK,
    SMALLEST_TEXT,
    class_colour,
    frame,
    put_text,
    text_size,
    whole,
)
from maskdet.images import Bgr
from maskdet.types import Box, ImageResult, Prediction

BLUR_GROWTH = 0.15
"""Part of a face's box that is hidden beyond it on each side: hair and chin identify too."""

BLUR_BLOCKS = 6
"""The most blocks across a hidden face; fewer on small ones."""


def annotate(image: Bgr, result: ImageResult, blur: bool = False) -> Bgr:
    """Draw a box and a label for every face.

    Lines and letters grow with the picture and the face. A label stands above its box
    where there is room, else where it hides least of any face or other label.

    Args:
        image: uint8, shape (height, width, 3), BGR; it stays as it is.
        result: what was found in it.
        blur: hide the faces, see ``blur_faces``.

    Returns:
        A new picture of the same shape.
    """
    boxes = [face.box for face in result.faces]
    canvas = blur_faces(image, boxes) if blur else image.copy()
    for face in result.faces:
        _draw_box(canvas, face)
    # Faces, and labels as they come, keep later labels away.
    taken = np.zeros((2 * len(boxes), 4))
    for index, box in enumerate(boxes):
        taken[index] = box.x1, box.y1, box.x2, box.y2
    for index, face in enumerate(result.faces, start=len(boxes)):
        taken[index] = _draw_label(canvas, face, taken[:index])
    return canvas


def blur_faces(image: Bgr, boxes: Iterable[Box]) -> Bgr:
    """Hide faces for good: what is left of each are the mean colours of a few blocks.

    Args:
        image: uint8, shape (height, width, 3), BGR; it stays as it is.
        boxes: the faces; a little more than each box is hidden.

    Returns:
        A new picture of the same shape.
    """
    hidden = image.copy()
    height, width = image.shape[:2]
    for box in boxes:
        dx, dy = box.width * BLUR_GROWTH, box.height * BLUR_GROWTH
        x1, y1, x2, y2 = whole(
            Box(box.x1 - dx, box.y1 - dy, box.x2 + dx, box.y2 + dy).clip(width, height)
        )
        if x2 <= x1 or y2 <= y1:
            continue
        blocks = min(BLUR_BLOCKS, max(1, min(x2 - x1, y2 - y1) // 8))
        mosaic = cv2.resize(hidden[y1:y2, x1:x2], (blocks, blocks), interpolation=cv2.INTER_AREA)
        hidden[y1:y2, x1:x2] = cv2.resize(
            mosaic, (x2 - x1, y2 - y1), interpolation=cv2.INTER_NEAREST
        )
    return hidden


def put_lines(image: Bgr, lines: Sequence[str]) -> None:
    """Write lines of text into the top left corner of a BGR uint8 picture, in place."""
    size = _text_limits(image)[1]
    y = size // 2
    for line in lines:
        y += put_text(image, line, size, size // 2, y, BLACK)[1]


def _draw_box(canvas: Bgr, face: Prediction) -> None:
    x1, y1, x2, y2 = whole(face.box)
    thick = max(1, round(min(max(canvas.shape[:2]) / 300, min(x2 - x1, y2 - y1) / 10)))
    frame(canvas, face.box, class_colour(face.label), thick)


def _draw_label(
    canvas: Bgr, face: Prediction, taken: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Draw the label where it hides least of ``taken``, boxes of shape (n, 4); return its box."""
    height, width = canvas.shape[:2]
    smallest, largest = _text_limits(canvas)
    text = f"{SHORT.get(face.label, face.label)} {face.score:.0%}"
    size = round(min(max(face.box.width / 6, smallest), largest))
    while size > SMALLEST_TEXT // 2 and text_size(text, size)[0] > width:
        size -= 1
    w, h = text_size(text, size)
    x1, y1, x2, y2 = whole(face.box)
    # Best first: above, below, beside, inside.
    places = [(x1, y1 - h), (x2 - w, y1 - h), (x1, y2), (x2 - w, y2)]
    places += [(x2, y1), (x1 - w, y1), (x1, y1), (x1, y2 - h)]
    corners = np.clip(places, 0, (max(0, width - w), max(0, height - h)))
    labels = np.hstack([corners, np.add(corners, (w, h))])
    starts = np.maximum(labels[:, None, :2], taken[:, :2])
    ends = np.minimum(labels[:, None, 2:], taken[:, 2:])
    hidden = (ends - starts).clip(0).prod(axis=2).sum(axis=1)
    place: npt.NDArray[np.float64] = labels[hidden.argmin()]
    put_text(canvas, text, size, int(place[0]), int(place[1]), class_colour(face.label))
    return place


def _text_limits(image: Bgr) -> tuple[int, int]:
    """Return the smallest and largest height of text in pixels for a picture."""
    side = max(image.shape[:2])
    return max(SMALLEST_TEXT, side // 150), max(SMALLEST_TEXT + 2, side // 45)
