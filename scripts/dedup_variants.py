"""Copies of photographs as they turn up on the web, for ``bench_dedup.py``."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from maskdet.images import Bgr
from maskdet.types import Box


def jpeg(image: Bgr, quality: int) -> Bgr:
    """Return a picture after JPEG at a quality."""
    encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert encoded
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def scaled(image: Bgr, x: float, y: float) -> Bgr:
    """Return a picture scaled by factors."""
    return cv2.resize(image, None, fx=x, fy=y, interpolation=cv2.INTER_AREA)


def brighter(image: Bgr) -> Bgr:
    """Return a picture with more brightness and contrast; bright places burn out."""
    return np.clip(image * 1.2 + 15.0, 0, 255).astype(np.uint8)


def tinted(image: Bgr) -> Bgr:
    """Return a picture with warmer colours."""
    return np.clip(image * np.array([0.75, 1.0, 1.2]), 0, 255).astype(np.uint8)


def grey(image: Bgr) -> Bgr:
    """Return a picture without its colours."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


def framed(image: Bgr) -> Bgr:
    """Return a picture with a white border."""
    y, x = (side // 12 for side in image.shape[:2])
    return cv2.copyMakeBorder(image, y, y, x, x, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def cut(image: Bgr, share: float) -> Bgr:
    """Return a part of a picture, with ``share`` of its width and height, from the lower right."""
    height, width = (round(side * share) for side in image.shape[:2])
    top, left = (image.shape[0] - height) * 3 // 4, (image.shape[1] - width) * 3 // 4
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def marked(image: Bgr, share: float) -> Bgr:
    """Return a picture with white words at the bottom, ``share`` of its width wide."""
    marked, words = image.copy(), "(c) sample photo"
    height, width = image.shape[:2]
    ((full, _), _) = cv2.getTextSize(words, cv2.FONT_HERSHEY_DUPLEX, 1, 1)
    place = (width // 20, height - height // 20)
    size = width * share / full
    cv2.putText(marked, words, place, cv2.FONT_HERSHEY_DUPLEX, size, (255,) * 3, 1, cv2.LINE_AA)
    return marked


def painted(image: Bgr, face: Box, colour: tuple[int, int, int]) -> Bgr:
    """Return a picture with a mask painted over the lower half of a face, in a BGR colour."""
    outline = ((0.08, 0.55), (0.5, 0.45), (0.92, 0.55), (0.85, 0.85), (0.5, 0.98), (0.15, 0.85))
    points = [(face.x1 + x * face.width, face.y1 + y * face.height) for x, y in outline]
    painted = image.copy()
    cv2.fillPoly(painted, [np.array(points).astype(np.int32)], colour, cv2.LINE_AA)
    return painted


MASKS = ((235, 225, 180), (250, 250, 250), (25, 25, 25), (200, 170, 120))
"""Light blue, white, black, blue."""


VARIANTS: dict[str, Callable[[Bgr], Bgr]] = {
    "JPEG, quality 30": lambda image: jpeg(image, 30),
    "a third of the size, quality 50": lambda image: jpeg(scaled(image, 1 / 3, 1 / 3), 50),
    "height 85 %": lambda image: scaled(image, 1, 0.85),
    "brighter": brighter,
    "warmer colours": tinted,
    "black and white": grey,
    "a border": framed,
    "a small watermark (a quarter of the width)": lambda image: marked(image, 0.25),
    "a large watermark (two thirds)": lambda image: marked(image, 0.67),
    "cut to 85 %": lambda image: cut(image, 0.85),
    "cut to 70 %": lambda image: cut(image, 0.7),
    "flipped, with --mirror": lambda image: image[:, ::-1].copy(),
    "flipped, without": lambda image: image[:, ::-1].copy(),
}
"""What is done to a photograph."""
