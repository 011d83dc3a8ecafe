"""Laying a mask over a photograph so that it looks taken with it: light, colour, sharpness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from maskdet import images
from maskdet.images import Bgr
from maskdet.synth.warp import Layer, Plane
from maskdet.types import Box

Part = tuple[slice, slice]
"""Rows and columns of a picture."""

_GREY = np.array([0.114, 0.587, 0.299], np.float32)
_SHARPEST = 0.35
_OF_A_PIXEL = 0.2
"""Variance of the blur that even a sharp edge seems to have, and a layer has anyway."""
_WHITE = 232.0
"""How bright a white mask is in a well-lit photograph."""


class FaceShape(Protocol):
    """What is to be known of a face that shows the light; a ``Mesh`` is one."""

    @property
    def outline(self) -> npt.NDArray[np.float32]:
        """Points on its edge, shape (n, 2), in pixels of the picture."""
        ...

    @property
    def box(self) -> Box: ...

    @property
    def unit(self) -> float:
        """Half of its width in pixels."""
        ...


def blend(image: Bgr, layers: Sequence[Layer], face: FaceShape, rng: np.random.Generator) -> Bgr:
    """Return a copy of a picture with layers over it.

    The light is that of the picture as it was: none of them is measured with those below it.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        layers: what is laid over it, the lowest first.
        face: shows how the light falls.
        rng: for the noise.
    """
    result = image.copy()
    cut = [_inside(layer, *image.shape[:2]) for layer in layers]
    cut = [layer for layer in cut if layer.alpha.size]
    if cut:
        light = _Light(image, face, cut)
        for layer in cut:
            _lay(result, layer, light, face.unit, rng)
    return result


def _lay(image: Bgr, layer: Layer, light: _Light, unit: float, rng: np.random.Generator) -> None:
    """Change the part of a picture that a layer lies on."""
    part = _rows_and_columns(layer)
    region = image[part].astype(np.float32)
    shade = layer.shade * light.falloff(part)
    colour = light.fabric(layer.colour) if layer.neutral else layer.colour
    colour = light.black + (colour - light.black) * shade[..., None]
    sigma = light.blur
    alpha = cv2.GaussianBlur(layer.alpha, (0, 0), sigma)
    colour = cv2.GaussianBlur(colour * layer.alpha[..., None], (0, 0), sigma)
    colour /= np.maximum(alpha, 1e-4)[..., None]
    colour += light.grain(alpha.shape, rng)
    region *= 1 - 0.32 * _shadow(alpha, unit)[..., None]
    mixed = region + (colour - region) * alpha[..., None]
    mixed = _compressed(mixed, sigma, alpha)
    image[part] = mixed.round().clip(0, 255)


def _inside(layer: Layer, height: int, width: int) -> Layer:
    """Return the part of a layer that lies on the picture."""
    h, w = layer.alpha.shape
    x1, y1 = max(0, layer.x), max(0, layer.y)
    x2, y2 = max(x1, min(width, layer.x + w)), max(y1, min(height, layer.y + h))
    part = np.s_[y1 - layer.y : y2 - layer.y, x1 - layer.x : x2 - layer.x]
    return replace(
        layer,
        x=x1,
        y=y1,
        colour=layer.colour[part],
        alpha=layer.alpha[part],
        shade=layer.shade[part],
    )


def _rows_and_columns(layer: Layer) -> Part:
    """Return which of the picture's a layer lies on."""
    height, width = layer.alpha.shape
    return slice(layer.y, layer.y + height), slice(layer.x, layer.x + width)


class _Light:
    """How a face is lit and how sharp it is, as its own pixels show."""

    def __init__(self, image: Bgr, face: FaceShape, layers: Sequence[Layer]) -> None:
        """Measure it; ``layers`` say where the falloff is wanted."""
        self._unit = face.unit
        few = image[::4, ::4].astype(np.float32) @ _GREY
        part = _around(face, layers, *image.shape[:2])
        self._top, self._left = part[0].start, part[1].start
        image = image[part]
        grey = image.astype(np.float32) @ _GREY
        outline = cv2.convexHull(face.outline) - (self._left, self._top)
        skin = np.zeros(grey.shape, np.uint8)
        cv2.fillConvexPoly(skin, outline.astype(np.int32), 1)
        if not skin.any():
            skin[:] = 1
        on_face = image[skin > 0].astype(np.float32)
        bright = float(np.percentile(on_face @ _GREY, 85))
        white = float(np.percentile(few, 97))
        # The brightest of the picture tells the light whatever the colour of the skin.
        self._gain = float(np.clip(0.5 * bright / 185 + 0.5 * white / 240, 0.1, 1.08))
        self.black = float(np.clip(np.percentile(few, 1.5) * 0.7, 0, 40))
        self._cast = _cast(image, skin)
        spread = float(np.ptp(on_face.mean(0)))
        self._chroma = float(np.clip((spread - 2) / 14, 0, 1))
        self._falloff = self._measure_falloff(grey, skin)
        self.blur = _blur(grey, skin)
        self._noise = _noise(grey, skin)

    def fabric(self, colour: Plane) -> Plane:
        """Return what a colour under white light looks like in the photograph."""
        grey = (colour @ _GREY)[..., None]
        seen = grey + (colour - grey) * self._chroma
        top = _WHITE * self._gain
        return np.asarray(self.black + seen / 255 * (top - self.black) * self._cast, np.float32)

    def grain(self, shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
        noise: Plane = rng.normal(0, 1, shape).astype(np.float32)
        if self.blur > 0.8:
            noise = cv2.GaussianBlur(noise, (0, 0), 0.6) * 2
        return noise[..., None] * self._noise

    def falloff(self, part: Part) -> Plane:
        """Return how the light changes over a part of the picture that a layer lies on."""
        rows, columns = part
        return self._falloff[
            rows.start - self._top : rows.stop - self._top,
            columns.start - self._left : columns.stop - self._left,
        ]

    def _measure_falloff(self, grey: Plane, skin: npt.NDArray[np.uint8]) -> Plane:
        """Return how the light changes over the face: 1 in the mean, without its features."""
        weight = skin.astype(np.float32)
        sigma = max(1.0, 0.28 * self._unit)
        near = cv2.GaussianBlur(weight, (0, 0), sigma)
        smooth = cv2.GaussianBlur(grey * weight, (0, 0), sigma) / np.maximum(near, 1e-3)
        mean = float(smooth[skin > 0].mean()) or 1.0
        known = np.clip(near / 0.3, 0, 1)
        ratio = known * (smooth / mean) + (1 - known)
        return np.asarray(np.clip(ratio, 0.35, 1.5) ** 0.85, np.float32)


def _around(face: FaceShape, layers: Sequence[Layer], height: int, width: int) -> Part:
    """Return the rows and columns that a face, its surroundings and layers take."""
    box, rim = face.box, 0.5 * face.unit
    parts = [_rows_and_columns(layer) for layer in layers]
    y1 = min(int(box.y1 - rim), *(rows.start for rows, _ in parts))
    y2 = max(int(box.y2 + rim), *(rows.stop for rows, _ in parts))
    x1 = min(int(box.x1 - rim), *(columns.start for _, columns in parts))
    x2 = max(int(box.x2 + rim), *(columns.stop for _, columns in parts))
    return slice(max(0, y1), min(height, y2)), slice(max(0, x1), min(width, x2))


def _cast(image: Bgr, skin: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Return the colour of the light (Finlayson and Trezzi's shades of grey), 1 for neutral.

    Told by what is no skin: the less there is of it, the nearer to neutral.
    """
    others = image[skin == 0][::7].astype(np.float64)
    if not len(others):
        return np.ones(3, np.float32)
    norm = (others**6).mean(0) ** (1 / 6)
    cast = (norm / max(norm.mean(), 1e-6)) ** (0.7 * float((skin == 0).mean()) ** 0.5)
    return np.asarray(np.clip(cast, 0.85, 1.15), np.float32)


def _blur(grey: Plane, skin: npt.NDArray[np.uint8]) -> float:
    """Return the standard deviation in pixels of the blur of a face.

    An edge that is blurred once more loses the less contrast, the more it was blurred before
    (Zhuo and Sim, Defocus map estimation from a single image, 2011). The sharpest edges tell: soft
    ones may be soft in themselves.
    """
    if min(grey.shape) < 8:
        return _SHARPEST
    again = cv2.GaussianBlur(grey, (0, 0), 1.0)
    before, after = (
        cv2.magnitude(cv2.Sobel(g, cv2.CV_32F, 1, 0), cv2.Sobel(g, cv2.CV_32F, 0, 1))
        for g in (grey, again)
    )
    inside = before[skin > 0]
    strong = before >= np.percentile(inside, 97)
    ratio = float(np.percentile(before[strong] / np.maximum(after[strong], 1e-3), 75))
    variance = 1 / max(ratio**2 - 1, 1e-3) - _OF_A_PIXEL
    return float(np.clip(np.sqrt(max(variance, 0)), _SHARPEST, 4.0))


def _noise(grey: Plane, skin: npt.NDArray[np.uint8]) -> float:
    """Return the standard deviation of a face's noise (Immerkaer, 1996; by the median)."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    found = np.abs(cv2.filter2D(grey, cv2.CV_32F, kernel))[skin > 0]
    return float(np.clip(np.median(found) / 0.6745 / 6, 0, 8))


def _shadow(alpha: Plane, unit: float) -> Plane:
    """Return the shade that a mask throws on the skin around it, 0 to 1."""
    blurred = cv2.GaussianBlur(alpha, (0, 0), max(0.6, 0.035 * unit))
    down = max(1, round(0.025 * unit))
    moved = np.pad(blurred, ((down, 0), (0, 0)))[:-down]
    return np.asarray(moved * (1 - alpha), np.float32)


def _compressed(mixed: Plane, blur: float, alpha: Plane) -> Plane:
    """Give what is new the softness that JPEG gives."""
    quality = int(np.clip(95 - 12 * blur, 60, 90))
    data = images.encode(mixed.round().clip(0, 255).astype(np.uint8), ".jpg", quality)
    if data is None:
        return mixed
    again = images.read(data).astype(np.float32)
    return np.asarray(mixed + (again - mixed) * alpha[..., None], np.float32)
