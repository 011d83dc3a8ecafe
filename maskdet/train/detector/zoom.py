"""The zoom crop: a part of a photograph in which one of its faces has a size drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.faces.own import BORDER
from maskdet.images import Bgr
from maskdet.train.detector.targets import Boxes

SMALLEST = 12.0
"""Side in pixels of the smallest faces that are asked for, as the longer side of the box."""

LARGEST_SCALE = 4.0
"""A photograph is enlarged at most so much: beyond, there is nothing to see."""

VISIBLE = 0.4
"""Least part of a box that has to be in the crop for it to be a face there."""

SEEN = 7.0
"""Least longer side of a face in pixels; nobody can say of a smaller one whether it is there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture with its faces.

    ``image`` is uint8 (height, width, 3); ``labels`` int64 (n,), the class of each of
    ``boxes``; ``ignored`` are regions of which nothing is known.
    """

    image: Bgr
    boxes: Boxes
    labels: npt.NDArray[np.int64]
    ignored: Boxes


def zoom(
    scene: Scene,
    width: int,
    height: int,
    random: np.random.Generator,
    face: int | None = None,
    least_share: float = 0.5,
) -> Scene:
    """Cut a part out of a photograph, resized to ``width`` x ``height``.

    The scale is drawn so that the longer side of one face gets a size between ``SMALLEST`` and
    the crop's shorter side, all powers of two alike; the face is in the crop with all of it.
    What lies beyond the photograph is filled with ``BORDER``. Of faces of which less than
    ``VISIBLE`` is in the crop, or that have become too small, the region is ignored.

    Args:
        scene: the photograph.
        width, height: of the crop in pixels.
        random: draws size and place.
        face: which one; None where there is none: then any part of the photograph is cut.
        least_share: the photograph's longer side is at least this part of the crop's longer one.
    """
    rows, columns = scene.image.shape[:2]
    lowest = least_share * max(width, height) / max(columns, rows)
    if face is None:
        low, high = lowest, max(lowest, 1.0)
        around = np.array([columns, rows, columns, rows], np.float64) / 2
    else:
        around = scene.boxes[face].astype(np.float64)
        longer = max(around[2] - around[0], around[3] - around[1])
        high = min(width, height) / longer
        low = max(SMALLEST / longer, lowest)
        # A blurred giant teaches nothing, and neither does a speck.
        high = max(min(high, LARGEST_SCALE), SMALLEST / longer)
        low = min(low, high)
    scale = float(np.exp(random.uniform(np.log(low), np.log(high))))
    left = _start(around[0], around[2], columns, width / scale, random)
    top = _start(around[1], around[3], rows, height / scale, random)
    return _cut(scene, left, top, scale, width, height)


def _start(low: float, high: float, full: int, window: float, random: np.random.Generator) -> float:
    """Return where a window of a side begins that holds ``low`` to ``high``.

    It lies inside the picture if it can, and else has all of it inside.
    """
    first, last = high - window, low
    inside = sorted((0.0, full - window))
    first, last = max(first, inside[0]), min(last, inside[1])
    # A face that is cut off by the picture's own border, or a rounding, may leave no room.
    return float(random.uniform(min(first, last), max(first, last)))


def _cut(scene: Scene, left: float, top: float, scale: float, width: int, height: int) -> Scene:
    rows, columns = scene.image.shape[:2]
    x1, y1 = max(0, round(left)), max(0, round(top))
    x2 = min(columns, max(x1 + 1, round(left + width / scale)))
    y2 = min(rows, max(y1 + 1, round(top + height / scale)))
    x1, y1 = min(x1, x2 - 1), min(y1, y2 - 1)
    part = scene.image[y1:y2, x1:x2]
    # Where the part comes to lie: at the crop's border if it was cut off there.
    to_x1, to_x2 = _span((x1 - left) * scale, (x2 - left) * scale, width)
    to_y1, to_y2 = _span((y1 - top) * scale, (y2 - top) * scale, height)
    canvas = np.full((height, width, 3), BORDER, np.uint8)
    canvas[to_y1:to_y2, to_x1:to_x2] = cv2.resize(
        part,
        (to_x2 - to_x1, to_y2 - to_y1),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    unit = np.array([(to_x2 - to_x1) / (x2 - x1), (to_y2 - to_y1) / (y2 - y1)] * 2)
    move = np.array([to_x1, to_y1] * 2) - np.array([x1, y1] * 2) * unit
    return keep_visible(
        Scene(
            canvas, _moved(scene.boxes, unit, move), scene.labels, _moved(scene.ignored, unit, move)
        )
    )


def _span(low: float, high: float, full: int) -> tuple[int, int]:
    start = min(max(round(low), 0), full - 1)
    return start, min(max(round(high), start + 1), full)


def _moved(boxes: Boxes, unit: npt.NDArray[np.float64], move: npt.NDArray[np.float64]) -> Boxes:
    return (boxes * unit + move).astype(np.float32)


def keep_visible(scene: Scene) -> Scene:
    """Clip all boxes to the picture, and ignore those of which too little is left."""
    height, width = scene.image.shape[:2]
    sides = np.array([width, height] * 2, np.float32)
    clipped = np.clip(scene.boxes, 0, sides)
    area, before = _area(clipped), _area(scene.boxes)
    longer = np.maximum(clipped[:, 2] - clipped[:, 0], clipped[:, 3] - clipped[:, 1])
    good = (area >= VISIBLE * np.maximum(before, 1e-6)) & (longer >= SEEN) & (area > 0)
    ignored = np.clip(scene.ignored, 0, sides)
    ignored = np.concatenate([ignored, clipped[~good]])
    return Scene(scene.image, clipped[good], scene.labels[good], ignored[_area(ignored) > 0])


def mosaic(parts: list[Scene], width: int, height: int) -> Scene:
    """Lay four pictures together: left and right above, left and right below.

    Their sizes have to fit: those in a row have one height, those above each other one width.
    """
    split_y, split_x = parts[0].image.shape[:2]
    canvas = np.empty((height, width, 3), np.uint8)
    moved = []
    for number, part in enumerate(parts):
        x, y = (0, split_x)[number % 2], (0, split_y)[number // 2]
        rows, columns = part.image.shape[:2]
        canvas[y : y + rows, x : x + columns] = part.image
        move = np.array([x, y, x, y], np.float32)
        moved.append((part.boxes + move, part.ignored + move))
    return Scene(
        canvas,
        np.concatenate([boxes for boxes, _ in moved]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([ignored for _, ignored in moved]),
    )


def _area(boxes: Boxes) -> npt.NDArray[np.float32]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])
