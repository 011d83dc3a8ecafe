"""Draws a surgical mask on a face, for the demo: a picture with a mask and a free licence."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import splev, splprep

from maskdet.images import Bgr
from maskdet.types import Box

Plane = npt.NDArray[np.float32]

# Places on the face as parts of its box: (0, 0) is the top left corner, (1, 1) the bottom right.
OUTLINE = (
    *((0.035, 0.54), (0.2, 0.515), (0.36, 0.475), (0.5, 0.445)),  # cheek to the bridge of the nose
    *((0.64, 0.475), (0.8, 0.525), (0.965, 0.56)),  # and down to the other cheek
    *((0.975, 0.69), (0.92, 0.82), (0.8, 0.93), (0.64, 1.01), (0.49, 1.03)),  # jaw, chin
    *((0.34, 1.01), (0.18, 0.92), (0.06, 0.8), (0.025, 0.67)),
)
EAR_LOOPS = (
    ((0.05, 0.55), (-0.01, 0.54), (-0.06, 0.515)),
    ((0.065, 0.8), (-0.005, 0.7), (-0.045, 0.59)),
    ((0.95, 0.57), (1.01, 0.565), (1.05, 0.55)),
    ((0.93, 0.81), (1.0, 0.73), (1.035, 0.63)),
)
PLEATS = (0.62, 0.74, 0.86)
FABRIC_BGR = (222, 205, 168)
LOOP_BGR = (238, 236, 232)
SURROUNDINGS = 0.25  # part of the box's width around the face that is painted on
OVERSAMPLING = 8


def draw_mask(image: Bgr, face: Box) -> Bgr:
    """Return a copy of a picture with a surgical mask on one face.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        face: the box of an upright face that looks at the camera, forehead to chin.
    """
    height, width = image.shape[:2]
    around = SURROUNDINGS * face.width
    area = Box(face.x1 - around, face.y1, face.x2 + around, face.y2 + around).clip(width, height)
    x1, y1, x2, y2 = (int(value) for value in area.to_list(0))
    size = ((x2 - x1) * OVERSAMPLING, (y2 - y1) * OVERSAMPLING)
    # Enlarged like this and averaged again, what is not painted on stays as it is.
    canvas = cv2.resize(
        image[y1:y2, x1:x2].astype(np.float32), size, interpolation=cv2.INTER_NEAREST
    )
    painted = _Painter(canvas, Box(face.x1 - x1, face.y1 - y1, face.x2 - x1, face.y2 - y1)).paint()
    painted = cv2.resize(painted, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA)
    result = image.copy()
    result[y1:y2, x1:x2] = painted.round().clip(0, 255)
    return result


class _Painter:
    """Works on an enlarged cut-out, float32 BGR, so that its edges come out smooth."""

    def __init__(self, canvas: Plane, face: Box) -> None:
        self.canvas = canvas
        self.face = face
        self.unit = face.width * OVERSAMPLING
        self.alpha = self._plane()
        cv2.fillPoly(self.alpha, [self._curve((*OUTLINE, OUTLINE[0]), closed=True)], 1.0)

    def paint(self) -> Plane:
        for loop in EAR_LOOPS:
            line = self._plane()
            cv2.polylines(line, [self._curve(loop)], False, 1.0, max(1, int(0.016 * self.unit)))
            self._darken(self._shadow(line, 0.012), 0.35)
            self._cover(np.asarray(LOOP_BGR, np.float32), line)
        self._darken(self._shadow(self.alpha, 0.03) * (1 - self.alpha), 0.35)
        fabric = np.float32(FABRIC_BGR) * self._shading()[..., None]
        self._cover(fabric, self._blur(self.alpha, 0.006))
        return self.canvas

    def _shading(self) -> Plane:
        """Return the brightness of the fabric, 1 where it is neither lit nor in the shade."""
        rows, columns = np.mgrid[: self.alpha.shape[0], : self.alpha.shape[1]].astype(np.float32)
        u = (columns / OVERSAMPLING - self.face.x1) / self.face.width
        v = (rows / OVERSAMPLING - self.face.y1) / self.face.height
        side = 2 * u - 1
        shading = 1.08 - 0.26 * side**2 - 0.3 * np.clip(v - 0.72, 0, 1)  # round as a face is
        shading += 0.1 * np.exp(-((u - 0.47) ** 2 + (v - 0.58) ** 2) / 0.012)  # over the nose
        for pleat in PLEATS:
            below = v - pleat - 0.09 * (1 - side**2) * (pleat - 0.65) - 0.02 * side
            depth = np.sqrt(np.clip(1.25 - np.abs(side), 0, 1))
            fold = np.exp(-np.where(below > 0, below / 0.018, -below / 0.003))
            ridge = np.where(below < 0, np.exp(-np.abs(below) / 0.02), 0)
            shading += depth * (0.08 * ridge - 0.24 * fold)
        inwards = cv2.distanceTransform(self.alpha.astype(np.uint8), cv2.DIST_L2, 5) / self.unit
        shading += 0.04 * (inwards < 0.04)  # the hem is double
        shading -= 0.09 * np.exp(-(((inwards - 0.04) / 0.006) ** 2))  # its seam
        shading -= 0.3 * np.exp(-inwards / 0.008)
        # The light of the photograph, and grain like a film's.
        light = self._blur(cv2.cvtColor(self.canvas, cv2.COLOR_BGR2GRAY), 0.12)
        shading *= 0.45 + 0.55 * light / light[self.alpha > 0].mean()
        height, width = self.alpha.shape
        grain = np.random.default_rng(0).normal(
            0, 0.02, (height // OVERSAMPLING, width // OVERSAMPLING)
        )
        shading += cv2.resize(grain, (width, height), interpolation=cv2.INTER_NEAREST)
        return shading.astype(np.float32)

    def _plane(self) -> Plane:
        return np.zeros(self.canvas.shape[:2], np.float32)

    def _curve(
        self, points: tuple[tuple[float, float], ...], closed: bool = False
    ) -> npt.NDArray[np.int32]:
        """Return a spline through places on the face, in pixels of the canvas."""
        spline, _ = splprep(np.transpose(points), s=0, per=closed, k=min(3, len(points) - 1))
        u, v = splev(np.linspace(0, 1, 200), spline)
        xs = self.face.x1 + u * self.face.width
        ys = self.face.y1 + v * self.face.height
        return np.rint(np.stack([xs, ys], axis=-1) * OVERSAMPLING).astype(np.int32)

    def _blur(self, plane: Plane, sigma: float) -> Plane:
        return cv2.GaussianBlur(plane, (0, 0), sigma * self.unit)

    def _shadow(self, plane: Plane, depth: float) -> Plane:
        return np.roll(self._blur(plane, depth), int(0.8 * depth * self.unit), axis=0)

    def _darken(self, shadow: Plane, strength: float) -> None:
        self.canvas *= 1 - strength * shadow[..., None]

    def _cover(self, colour: Plane, alpha: Plane) -> None:
        self.canvas += (colour - self.canvas) * alpha[..., None]
