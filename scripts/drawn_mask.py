"""Puts a drawn mask on a face, for the demo: a picture with a mask and a free licence.

``maskdet synth`` does this by the points of the face, whose network is no part of the demo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import splev, splprep

from maskdet.images import Bgr
from maskdet.synth import drawn, straps
from maskdet.synth.light import blend
from maskdet.synth.templates import COLUMNS, ROWS
from maskdet.synth.warp import warp
from maskdet.types import Box

Curve = tuple[tuple[float, float], ...]

# Places on the face as parts of its box: (0, 0) is the top left corner, (1, 1) the bottom right.
TOP: Curve = (  # from cheek to cheek over the bridge of the nose
    *((0.035, 0.55), (0.2, 0.515), (0.36, 0.475), (0.5, 0.445)),
    *((0.64, 0.475), (0.8, 0.525), (0.965, 0.57)),
)
LOW: Curve = (  # and under the chin
    *((0.05, 0.77), (0.17, 0.92), (0.33, 1.01), (0.49, 1.03)),
    *((0.65, 1.01), (0.81, 0.93), (0.94, 0.79)),
)
EAR_LOOPS: tuple[Curve, ...] = (
    ((0.05, 0.56), (-0.01, 0.545), (-0.06, 0.515)),
    ((0.065, 0.77), (-0.005, 0.68), (-0.045, 0.59)),
    ((0.95, 0.58), (1.01, 0.57), (1.05, 0.55)),
    ((0.93, 0.78), (1.0, 0.71), (1.035, 0.63)),
)
LOOP_BGR = (238, 236, 232)
THICKNESS = 0.016  # of a loop, as a part of the face's width
ROUNDNESS = 0.5  # how far the cheeks lie behind the nose, in half face widths
SEED = 3


@dataclass(frozen=True)
class Oval:
    """A face of which nothing is known but its box."""

    box: Box

    @property
    def unit(self) -> float:
        return self.box.width / 2

    @property
    def outline(self) -> npt.NDArray[np.float32]:
        box = self.box
        centre = round((box.x1 + box.x2) / 2), round((box.y1 + box.y2) / 2)
        axes = round(box.width / 2), round(box.height / 2)
        return np.array(cv2.ellipse2Poly(centre, axes, 0, 0, 360, 10), np.float32)


def draw_mask(image: Bgr, face: Box) -> Bgr:
    """Return a copy of a picture with a surgical mask on one face.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        face: the box of an upright face that looks at the camera, forehead to chin.
    """
    rng, oval = np.random.default_rng(SEED), Oval(face)
    top, low = (_spline(curve, face, len(COLUMNS)) for curve in (TOP, LOW))
    flat = top + (low - top) * ROWS[:, None, None]
    depth = ROUNDNESS * oval.unit * np.broadcast_to((2 * COLUMNS - 1) ** 2, flat.shape[:2])
    mask = warp(drawn.draw(rng, "surgical"), np.dstack([flat, depth]))
    lines = [_spline(curve, face, 40) for curve in EAR_LOOPS]
    loops = straps.draw(lines, LOOP_BGR, THICKNESS * face.width)
    return blend(image, [loops, mask], oval, rng)


def _spline(curve: Curve, face: Box, count: int) -> npt.NDArray[np.float64]:
    """Return evenly spaced points of a curve through places on the face, in pixels."""
    spline, _ = splprep(np.transpose(curve), s=0, k=min(3, len(curve) - 1))
    u, v = splev(np.linspace(0, 1, count), spline)
    return np.stack([face.x1 + u * face.width, face.y1 + v * face.height], axis=-1)
