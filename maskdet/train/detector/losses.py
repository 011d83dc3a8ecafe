"""The detector's loss, in operations that every backend of Keras has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

Tensor = Any

ALPHA = 0.25
GAMMA = 2.0
"""Of the focal loss: Lin et al., 2017."""

BOX_WEIGHT = 2.0

_LEAST = 1e-7


def detection_loss(classes: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the loss of a batch: focal loss + 2 x GIoU loss + cross-entropy of the quality.

    It is called with what ``targets.assign`` and ``network.build`` make, stacked: float32 of shapes
    (n, places, classes + 6) and (n, places, classes + 5), and returns a number, per face place.
    """

    def loss(truth: Tensor, values: Tensor) -> Tensor:
        known, boxes = truth[..., :classes], truth[..., classes : classes + 4]
        positive, counted = truth[..., classes + 4], truth[..., classes + 5]
        found = values[..., classes + 1 :]
        iou, giou = overlap(boxes, found)
        focal = ops.sum(focal_loss(known, values[..., :classes]), axis=-1) * counted
        # What the box is worth is a fact to the quality, not a thing to be changed by it.
        quality = ops.binary_crossentropy(
            ops.stop_gradient(iou), values[..., classes], from_logits=True
        )
        each = focal + positive * (BOX_WEIGHT * (1 - giou) + quality)
        return ops.sum(each) / ops.maximum(ops.sum(positive), 1.0)

    return loss


def focal_loss(truth: Tensor, logits: Tensor) -> Tensor:
    """Return the focal loss (Lin et al., 2017) of each logit, for truths 0 or 1."""
    probability = ops.sigmoid(logits)
    wrong = truth * (1 - probability) + (1 - truth) * probability
    weight = truth * ALPHA + (1 - truth) * (1 - ALPHA)
    return weight * wrong**GAMMA * ops.binary_crossentropy(truth, logits, from_logits=True)


def overlap(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU (Rezatofighi et al., 2019) of pairs of boxes.

    Args:
        first, second: of one shape (..., 4): x1, y1, x2, y2.

    Returns:
        Two tensors of shape (...): 0 to 1, and -1 to 1. Of two empty boxes, both are 0.
    """
    low = ops.maximum(first[..., :2], second[..., :2])
    high = ops.minimum(first[..., 2:], second[..., 2:])
    shared = _area(low, high)
    union = _area(first[..., :2], first[..., 2:]) + _area(second[..., :2], second[..., 2:]) - shared
    low = ops.minimum(first[..., :2], second[..., :2])
    high = ops.maximum(first[..., 2:], second[..., 2:])
    hull = _area(low, high)
    iou = shared / ops.maximum(union, _LEAST)
    return iou, iou - (hull - union) / ops.maximum(hull, _LEAST)


def _area(low: Tensor, high: Tensor) -> Tensor:
    sides = ops.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]
