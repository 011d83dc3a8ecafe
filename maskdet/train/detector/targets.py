"""What the detector should say at each place of a picture: which face, or none.

Assignment as in FCOS (Tian et al., 2019) with centre sampling: a face is to be seen at the places
of one level that are near its centre.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

STRIDES = (8, 16, 32, 64)
"""Pixels between the places of each level."""

SIZES = (40.0, 96.0, 192.0)
"""Faces whose longer side is up to so many pixels belong to the first, second, third level; all
others to the last."""

RADIUS = 1.5
"""How far from a face's centre it is seen, in strides, each way."""

BEYOND_CLASSES = 6
"""Columns of a target after those of the classes: four of the box, positive, counted."""

Floats = npt.NDArray[np.float32]
Boxes = npt.NDArray[np.float32]
"""float32, shape (n, 4): x1, y1, x2, y2 in pixels."""


@lru_cache(maxsize=8)
def places(height: int, width: int) -> Floats:
    """Return all places of an input, in the order of the network's results.

    Returns:
        float32, shape (places, 3): x and y of the middle of each cell, and its level's stride,
        in pixels; read-only.
    """
    parts = []
    for stride in STRIDES:
        y, x = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
        middle = (np.stack([x.ravel(), y.ravel()], axis=1) + 0.5) * stride
        parts.append(np.hstack([middle, np.full((len(middle), 1), stride)]))
    result = np.concatenate(parts).astype(np.float32)
    result.setflags(write=False)
    return result


def level_strides(boxes: Boxes) -> npt.NDArray[np.int64]:
    """Return the stride of the level that each box belongs to: int64, shape (n,)."""
    longer = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return np.asarray(np.array(STRIDES)[np.searchsorted(SIZES, longer)], np.int64)


def assign(
    boxes: Boxes,
    labels: npt.NDArray[np.int64],
    ignored: Boxes,
    height: int,
    width: int,
    classes: int,
) -> Floats:
    """Say for each place what the network should.

    A face has all places of its level that lie in it and within ``RADIUS`` of its centre, and at
    least the one that is nearest to it. Where several faces want a place, the smallest gets it.
    A place without a face that lies in an ignored region does not count.

    Args:
        boxes: the faces.
        labels: the class of each, from 0.
        ignored: regions of which nothing is known, perhaps with faces.
        height, width: of the input in pixels.
        classes: how many there are.

    Returns:
        float32, shape (places, classes + 6): the class (one-hot; zeros for none), the box
        x1, y1, x2, y2 (zeros for none), 1 where there is a face, and 1 where it counts.
    """
    spots = places(height, width)
    target = np.zeros((len(spots), classes + BEYOND_CLASSES), np.float32)
    target[:, -1] = ~_inside(spots, ignored).any(axis=1)
    if not len(boxes):
        return target
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    strides = level_strides(boxes)
    own = spots[:, 2:] == strides
    offset = np.abs(spots[:, None, :2] - centres).max(axis=2)
    wanted = own & (offset <= RADIUS * strides) & _inside(spots, boxes)
    nearest = np.where(own, offset, np.inf).argmin(axis=0)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    cost = np.where(wanted, areas, np.inf)
    chosen = cost.argmin(axis=1)
    chosen[~wanted.any(axis=1)] = -1
    # The smallest last, so that it stays.
    for face in np.argsort(-areas, kind="stable"):
        if not (chosen == face).any():
            chosen[nearest[face]] = face
    positive = chosen >= 0
    faces = chosen[positive]
    target[positive, labels[faces]] = 1
    target[positive, classes : classes + 4] = boxes[faces]
    target[positive, classes + 4 :] = 1
    return target


def _inside(spots: Floats, boxes: Boxes) -> npt.NDArray[np.bool_]:
    """Return whether each place lies in each box: bool, shape (places, boxes)."""
    x, y = spots[:, 0:1], spots[:, 1:2]
    return (x >= boxes[:, 0]) & (y >= boxes[:, 1]) & (x < boxes[:, 2]) & (y < boxes[:, 3])
