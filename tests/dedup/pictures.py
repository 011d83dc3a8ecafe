"""Photographs that come with scikit-image, and what becomes of them on the web."""

from __future__ import annotations

import cv2
import numpy as np
from skimage import data

from maskdet.dedup import features
from maskdet.dedup.verify import View
from maskdet.images import Bgr


def photo(name: str) -> Bgr:
    """Return one of scikit-image's pictures: uint8, BGR."""
    return cv2.cvtColor(getattr(data, name)(), cv2.COLOR_RGB2BGR)


def jpeg(image: Bgr, quality: int) -> Bgr:
    """Return a picture after JPEG at a quality."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def half(image: Bgr) -> Bgr:
    """Return a picture at half its size."""
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def masked(astronaut: Bgr) -> Bgr:
    """Return the astronaut with a mask painted on her face."""
    image = astronaut.copy()
    shape = np.array([[180, 120], [225, 110], [270, 120], [262, 175], [225, 195], [188, 175]])
    cv2.fillPoly(image, [shape], (235, 225, 180), cv2.LINE_AA)
    return image


def blue_masked(astronaut: Bgr) -> Bgr:
    """Return the astronaut with a mask painted on that is about as bright as her face."""
    image = astronaut.copy()
    shape = np.array([[180, 120], [225, 110], [270, 120], [262, 175], [225, 195], [188, 175]])
    face = image[110:195, 180:270].mean(axis=(0, 1)) @ [0.114, 0.587, 0.299]
    colour = np.array([230.0, 0, 0])
    colour[1:] = (face - 0.114 * 230) / (0.587 + 0.299)
    cv2.fillPoly(image, [shape], colour.tolist(), cv2.LINE_AA)
    return cv2.addWeighted(image, 0.8, astronaut, 0.2, 0)


def moved(astronaut: Bgr) -> Bgr:
    """Return the astronaut as if she had moved her head against the background."""
    image = astronaut.copy()
    head = astronaut[40:200, 150:300]
    cv2.seamlessClone(
        head, image, np.full(head.shape, 255, np.uint8), (245, 128), cv2.NORMAL_CLONE, image
    )
    return image


def view(image: Bgr) -> View:
    """Return a picture as it is compared."""
    colour = features.scale(image)
    return View(colour, features.extract(cv2.cvtColor(colour, cv2.COLOR_BGR2GRAY)))
