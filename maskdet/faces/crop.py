"""From boxes to the network's input: the one function that training and inference share."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.images import Bgr
from maskdet.types import Box


def crop_faces(image: Bgr, boxes: Sequence[Box], size: int, margin: float) -> npt.NDArray[np.uint8]:
    """Cut faces out of an image, as squares of ``size`` x ``size`` pixels.

    The square lies around the box's centre; its side is the box's longer side plus
    ``margin`` of it on both ends, so the face keeps its proportions. What lies outside the
    image is filled with the image's border pixels.

    Args:
        image: uint8, shape (height, width, 3), BGR, not empty.
        boxes: in pixels of ``image``, any number, each at least partly inside.
        size: side of the result in pixels.
        margin: part of the box's longer side that is added on each end, e.g. 0.2.

    Returns:
        uint8, shape (len(boxes), size, size, 3), **RGB**, 0 to 255: what a maskdet
        classifier takes (it scales inside its own graph).
    """
    batch = np.empty((len(boxes), size, size, 3), np.uint8)
    for index, box in enumerate(boxes):
        cv2.cvtColor(picture_of(image, box, size, margin), cv2.COLOR_BGR2RGB, dst=batch[index])
    return batch


def picture_of(image: Bgr, box: Box, size: int, margin: float) -> Bgr:
    """Cut one face out as ``crop_faces`` does, but in BGR: uint8, shape (size, size, 3)."""
    square = cut_face(image, box, margin)
    shrinks = square.shape[0] > size
    return cv2.resize(  # type: ignore[return-value]
        square, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def region(image: Bgr, box: Box | None, margin: float) -> tuple[Box, float]:
    """Return the box and the margin of a labelled face; of a whole picture, if ``box`` is None.

    A face that fills its picture is tight already: it gets no margin of its own.
    """
    height, width = image.shape[:2]
    return (box, margin) if box else (Box(0, 0, width, height), 0.0)


def cut_face(image: Bgr, box: Box, margin: float) -> Bgr:
    """Cut one face out as ``crop_faces`` does, but at its own resolution and in BGR.

    Args:
        image, box, margin: as in ``crop_faces``.

    Returns:
        uint8, shape (side, side, 3), BGR; may share memory with ``image``.
    """
    return _cut(image, square_around(box, margin))


def square_around(box: Box, margin: float) -> Box:
    """Return the square that ``crop_faces`` cuts, in whole pixels, perhaps beyond the image."""
    side = max(1, round(max(box.width, box.height) * (1 + 2 * margin)))
    left = round((box.x1 + box.x2 - side) / 2)
    top = round((box.y1 + box.y2 - side) / 2)
    return Box(left, top, left + side, top + side)


def _cut(image: Bgr, square: Box) -> Bgr:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = (int(v) for v in (square.x1, square.y1, square.x2, square.y2))
    # At least one row and one column stay, so that there is a border to repeat.
    left, right = min(max(x1, 0), width - 1), max(min(x2, width), 1)
    top, bottom = min(max(y1, 0), height - 1), max(min(y2, height), 1)
    inside = image[top:bottom, left:right]
    if (left, top, right, bottom) == (x1, y1, x2, y2):
        return inside
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        inside,
        max(0, top - y1),
        max(0, y2 - bottom),
        max(0, left - x1),
        max(0, x2 - right),
        cv2.BORDER_REPLICATE,
    )
