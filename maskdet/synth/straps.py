"""The loops that hold a mask on the ears."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.synth.landmarks import Mesh
from maskdet.synth.warp import Layer, shrink

_TIMES = 4
_RIM = 8
_HIDDEN_YAW = 14
"""Degrees from which on the loop of the far side is not seen."""
_COLOURS = ((240, 240, 240), (240, 240, 240), (225, 225, 228), (35, 35, 35))
_UPPER, _LOWER = -0.2, 0.12
"""Where the loops reach the ears: heights in half face widths, 0 being the ear's opening."""
_STEPS = 40
_FADES = 0.7
"""Part of its way after which a loop gets lost in hair or behind the ear."""


def straps(mesh: Mesh, grid: npt.NDArray[np.float64], rng: np.random.Generator) -> Layer | None:
    """Draw loops from the corners of a mask to the ears, as far as they can be seen.

    Args:
        mesh: the face.
        grid: where the mask lies, see ``place.place``.
        rng: chooses the colour.
    """
    lines = [
        _line(mesh, grid[row, column], side, height)
        for column, side in ((0, -1), (-1, 1))
        if side * mesh.yaw < _HIDDEN_YAW
        for row, height in ((0, _UPPER), (-1, _LOWER))
    ]
    colour = _COLOURS[int(rng.integers(len(_COLOURS)))]
    thick = rng.uniform(0.025, 0.045) * mesh.unit
    return draw(lines, colour, thick) if lines else None


def draw(
    lines: Sequence[npt.NDArray[np.float64]], colour: tuple[int, int, int], thick: float
) -> Layer:
    """Draw loops that get lost towards their ends.

    Args:
        lines: each from the mask to the ear, shape (n, 2), in pixels of the picture.
        colour: BGR, 0 to 255.
        thick: in pixels.
    """
    every = np.concatenate(lines)
    left, top = (int(v) for v in np.floor(every.min(0) - thick - _RIM))
    right, low = (int(v) for v in np.ceil(every.max(0) + thick + _RIM))
    canvas = np.zeros(((low - top) * _TIMES, (right - left) * _TIMES), np.float32)
    for line in lines:
        points = np.rint((line - (left, top)) * _TIMES).astype(np.int32).tolist()
        fades = np.clip(np.linspace(1, 0, len(points)) / (1 - _FADES), 0, 1)
        for begin, end, fade in zip(points, points[1:], fades.tolist(), strict=False):
            cv2.line(canvas, begin, end, fade, max(1, round(thick * _TIMES)))
    inside = cv2.distanceTransform((canvas > 0).astype(np.uint8), cv2.DIST_L2, 3)
    shade = 0.75 + 0.3 * np.clip(inside / max(0.5 * thick * _TIMES, 1), 0, 1)
    paint = np.broadcast_to(np.array(colour, np.float32), (*canvas.shape, 3))
    return shrink(left, top, paint, 0.92 * canvas, shade, _TIMES)


def _line(
    mesh: Mesh, corner: npt.NDArray[np.float64], side: int, height: float
) -> npt.NDArray[np.float64]:
    """Return a curve from a corner of the mask to the ear, shape (_STEPS, 2), in pixels."""
    end = mesh.to_picture(np.array([1.05 * side, height, 0.3]))
    middle = (corner + end) / 2 + mesh.axes[0] * side * 0.04 * mesh.unit
    t = np.linspace(0, 1, _STEPS)[:, None]
    curve = (1 - t) ** 2 * corner + 2 * t * (1 - t) * middle + t**2 * end
    return np.asarray(curve[:, :2])
