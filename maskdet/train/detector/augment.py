"""Augmentation of crops with boxes by imgaug (Jung et al.): light, blur, JPEG, small rotations."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.faces.own import BORDER
from maskdet.train.augment import import_imgaug
from maskdet.train.detector.targets import Boxes
from maskdet.train.detector.zoom import Scene, keep_visible

_ANGLES = np.linspace(0, 2 * np.pi, 16, endpoint=False)


def augmenter() -> Any:
    """Return an imgaug augmenter for RGB crops of any size, which it keeps."""
    iaa = import_imgaug().augmenters
    return iaa.Sequential(
        [
            iaa.Fliplr(0.5),
            iaa.Sometimes(0.4, iaa.Affine(rotate=(-10, 10), shear=(-4, 4), cval=BORDER)),
            iaa.Sometimes(0.5, iaa.Multiply((0.5, 1.4))),
            iaa.Sometimes(0.4, iaa.LinearContrast((0.6, 1.4))),
            iaa.Sometimes(0.3, iaa.AddToHueAndSaturation((-20, 20))),
            iaa.Sometimes(0.2, iaa.Multiply((0.85, 1.15), per_channel=True)),
            iaa.Sometimes(0.1, iaa.Grayscale((0.5, 1.0))),
            iaa.Sometimes(0.2, iaa.OneOf([iaa.GaussianBlur((0.3, 1.2)), iaa.MotionBlur(k=(3, 5))])),
            iaa.Sometimes(0.2, iaa.AdditiveGaussianNoise(scale=(2, 12), per_channel=0.5)),
            iaa.Sometimes(0.3, iaa.JpegCompression((30, 85))),
        ]
    )


def augment(augmenter: Any, scene: Scene) -> Scene:
    """Augment a crop; see ``train.augment.seed_all`` for doing it the same way again.

    Faces are about ellipses: a box that turns goes on to fit the ellipse in it, where the hull
    of its corners would grow.
    """
    imgaug = import_imgaug()
    boxes = np.concatenate([scene.boxes, scene.ignored])
    points = imgaug.KeypointsOnImage.from_xy_array(
        _ellipses(boxes).reshape(-1, 2), shape=scene.image.shape
    )
    image, points = augmenter(image=scene.image, keypoints=points)
    rims = points.to_xy_array().reshape(-1, len(_ANGLES), 2)
    moved = np.hstack([rims.min(axis=1), rims.max(axis=1)]).astype(np.float32).reshape(-1, 4)
    count = len(scene.boxes)
    return keep_visible(Scene(np.asarray(image), moved[:count], scene.labels, moved[count:]))


def _ellipses(boxes: Boxes) -> npt.NDArray[np.float64]:
    """Return points on the ellipse in each box: float64, shape (n, points, 2)."""
    centres, halves = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    rim = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    return np.asarray(centres[:, None] + halves[:, None] * rim, np.float64)
