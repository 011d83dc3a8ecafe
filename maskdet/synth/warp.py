"""Bending a flat template over a face: what of it is seen, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import RectBivariateSpline

from maskdet.synth.templates import COLUMNS, ROWS, Template

Plane = npt.NDArray[Any]
"""float32, shape (h, w) or (h, w, channels); OpenCV's stubs know no more than "some number"."""

OVERSAMPLING = 2
_BEYOND = 0.2
"""How far beyond its outermost points a template is looked at, as a part of its size."""
_DENSITY = 1.2
"""Points of the template for each of the finer pixels along either side."""
_SIDE = 480.0
"""Pixels along a mask's longer side up to which it is bent as it is; a larger one is bent small and
made large: drawn templates have no more to show, and memory would grow with the points."""
_COARSE = 64
"""Points along either side at which the splines are evaluated; between, straight lines will do."""
_PAD = 12
_FACING = 0.04


@dataclass(frozen=True)
class Layer:
    """What is to be laid over a part of a picture.

    ``x`` and ``y`` are the pixel of the picture that its first pixel lies on; it may reach beyond
    the picture. ``colour`` is float32, shape (h, w, 3), BGR, 0 to 255; ``alpha`` (h, w), 0 to 1;
    ``shade`` (h, w) is what multiplies the colour, 1 where it faces the camera. ``neutral``: the
    colours are those under white light, not yet the photograph's own.
    """

    x: int
    y: int
    colour: Plane
    alpha: Plane
    shade: Plane
    neutral: bool = True


def warp(template: Template, grid: npt.NDArray[np.float64]) -> Layer:
    """Bend a template so that its points come to lie on those of ``grid``.

    Between the points, both are smooth (cubic splines). What is turned away from the camera, and
    what lies behind another part of the mask, is not seen.

    Args:
        template: the mask.
        grid: float64, shape (len(ROWS), len(COLUMNS), 3): x, y in pixels of the picture, z away.
    """
    scale = min(1.0, _SIDE / max(_size(grid)))
    layer = _bend(template, grid * scale)
    return layer if scale == 1 else _enlarged(layer, 1 / scale)


def _bend(template: Template, grid: npt.NDArray[np.float64]) -> Layer:
    rows = np.linspace(-_BEYOND, 1 + _BEYOND, _COARSE)
    place: Plane = _spread(grid, rows)
    normal = np.cross(np.gradient(place, axis=1), np.gradient(place, axis=0))
    facing = normal[..., 2] / np.maximum(np.linalg.norm(normal, axis=-1), 1e-9)
    count = [
        max(48, int(_DENSITY * OVERSAMPLING * side * (1 + 2 * _BEYOND))) for side in _size(grid)
    ]
    place, looked_at, facing = (
        cv2.resize(_f(plane), count[::-1])
        for plane in (place, _spread(template.grid, rows), facing)
    )
    colour, alpha = _look_up(template, looked_at, count)
    shade = 0.62 + 0.38 * np.clip(facing, 0, 1)
    solid = alpha > 0.004
    seen = solid & (facing > _FACING)
    if not seen.any():
        seen = solid
    around = np.concatenate([place[solid].min(0), place[solid].max(0)])
    return _splat(place[seen], colour[seen], alpha[seen], shade[seen], around)


def _enlarged(layer: Layer, times: float) -> Layer:
    """Return a layer made large, in the place that it then has."""
    x, y = round(layer.x * times), round(layer.y * times)
    height, width = layer.alpha.shape
    # Where the corners come to lie, to the pixel: rounded once each, nothing drifts.
    size = (round((layer.x + width) * times) - x, round((layer.y + height) * times) - y)
    colour, alpha, shade = (
        cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
        for plane in (layer.colour * layer.alpha[..., None], layer.alpha, layer.shade * layer.alpha)
    )
    cover = np.maximum(alpha, 1e-6)
    return Layer(x, y, colour / cover[..., None], alpha, shade / cover)


def _f(values: npt.NDArray[np.float64]) -> Plane:
    return values.astype(np.float32)


def _size(grid: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return about how many pixels long and wide the bent template is."""
    steps_down = np.linalg.norm(np.diff(grid, axis=0), axis=-1).sum(0).max()
    steps_right = np.linalg.norm(np.diff(grid, axis=1), axis=-1).sum(1).max()
    return float(steps_down), float(steps_right)


def _spread(grid: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Interpolate a grid of points at rows and columns, going on straight beyond its edges."""
    wide = np.concatenate(
        [grid[:, :1] + _slope(grid, 0), grid, grid[:, -1:] + _slope(grid, -1)], axis=1
    )
    tall = np.concatenate([2 * wide[:1] - wide[1:2], wide, 2 * wide[-1:] - wide[-2:-1]], axis=0)
    y = np.concatenate([[2 * ROWS[0] - ROWS[1]], ROWS, [2 * ROWS[-1] - ROWS[-2]]])
    x = np.concatenate([[2 * COLUMNS[0] - COLUMNS[2]], COLUMNS, [2 * COLUMNS[-1] - COLUMNS[-3]]])
    return np.stack(
        [
            RectBivariateSpline(y, x, tall[..., axis], kx=3, ky=3)(at, at)
            for axis in range(grid.shape[-1])
        ],
        axis=-1,
    )


def _slope(grid: npt.NDArray[np.float64], end: int) -> npt.NDArray[np.float64]:
    inner = 2 if end == 0 else -3
    return grid[:, [end]] - grid[:, [inner]]


def _look_up(template: Template, at: Plane, count: list[int]) -> tuple[Plane, Plane]:
    """Return the template's colour times alpha, and its alpha, at many places."""
    picture = template.picture * np.concatenate(
        [np.repeat(template.picture[..., 3:], 3, -1), np.ones_like(template.picture[..., 3:])], -1
    )
    # Made about as coarse as it is looked at, or fine lines would break up.
    scale = min(1.0, count[1] / _DENSITY / (1 + 2 * _BEYOND) / np.ptp(template.grid[..., 0]))
    if scale < 1:
        size = [max(8, round(scale * side)) for side in picture.shape[1::-1]]
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    ratio = np.array(picture.shape[1::-1]) / template.picture.shape[1::-1]
    x, y = np.moveaxis((at + 0.5) * _f(ratio) - 0.5, -1, 0)
    seen = cv2.remap(picture, x.copy(), y.copy(), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return seen[..., :3], seen[..., 3]


def _splat(
    place: Plane, colour: Plane, alpha: Plane, shade: Plane, around: npt.NDArray[np.float64]
) -> Layer:
    """Add many points up to a picture: each of its pixels is the mean of those on it."""
    left, top = (int(v) for v in np.floor(around[:2]) - _PAD)
    right, bottom = (int(v) for v in np.ceil(around[3:5]) + _PAD)
    width, height = (right - left) * OVERSAMPLING, (bottom - top) * OVERSAMPLING
    x, y = np.floor((place[:, :2] - (left, top)) * OVERSAMPLING).astype(np.int64).T
    where = y * width + x
    depth = np.full(width * height, np.inf)
    np.minimum.at(depth, where, place[:, 2])
    nearest = place[:, 2] <= depth[where] + 0.04 * max(width, height) / OVERSAMPLING
    where = where[nearest]

    sums = [np.bincount(where, values[nearest], width * height) for values in (*colour.T, alpha)]
    sums.append(np.bincount(where, (shade * alpha)[nearest], width * height))
    sums.append(np.bincount(where, minlength=width * height))
    total = np.stack(sums, -1).reshape(height, width, 6).astype(np.float32)
    # A pixel that no point has fallen on has what is around it.
    holes = total[..., 5] == 0
    total[holes] = cv2.blur(total, (3, 3))[holes]
    cover = np.maximum(total[..., 3], 1e-6)
    mean_alpha = total[..., 3] / np.maximum(total[..., 5], 1e-6)
    return shrink(
        left,
        top,
        total[..., :3] / cover[..., None],
        mean_alpha,
        total[..., 4] / cover,
        OVERSAMPLING,
    )


def shrink(x: int, y: int, colour: Plane, alpha: Plane, shade: Plane, times: int) -> Layer:
    """Return a layer that has been painted ``times`` as large, made small."""
    size = (alpha.shape[1] // times, alpha.shape[0] // times)
    stacked = np.dstack([colour * alpha[..., None], alpha, shade * alpha])
    small = cv2.resize(stacked, size, interpolation=cv2.INTER_AREA)
    cover = np.maximum(small[..., 3], 1e-6)
    return Layer(x, y, small[..., :3] / cover[..., None], small[..., 3], small[..., 4] / cover)
