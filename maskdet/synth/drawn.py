"""Masks that are drawn: flat pictures in many cuts and colours, none of them anybody else's."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.synth.templates import Template, from_picture

Plane = npt.NDArray[Any]
Colour = tuple[float, float, float]

WIDTH, HEIGHT = 480, 340
_RIM = 10
_TIMES = 2
"""The outline is drawn this many times as large, and made small, so that it is smooth."""


def draw(rng: np.random.Generator, kind: str | None = None) -> Template:
    """Draw a mask of a kind (one of ``KINDS``), cut and colour that ``rng`` chooses."""
    return _DRAW[kind or str(rng.choice(KINDS, p=_SHARES))](rng)


class _Cloth:
    """A mask that is being drawn.

    ``u`` and ``v`` run over its picture, 0 to 1 from side to side and from top to bottom;
    ``inwards`` is the distance to its edge in parts of the width.
    """

    def __init__(self, top: Plane, low: Plane, left: float, right: float) -> None:
        """Cut it out: ``top`` and ``low`` are the edges in parts of the height, evenly spaced."""
        xs = np.linspace(left, right, len(top))
        points = np.concatenate([np.stack([xs, top], -1), np.stack([xs[::-1], low[::-1]], -1)]) * (
            WIDTH - 2 * _RIM,
            HEIGHT - 2 * _RIM,
        )
        large: Plane = np.zeros((HEIGHT * _TIMES, WIDTH * _TIMES), np.uint8)
        cv2.fillPoly(large, [np.rint((points + _RIM) * _TIMES).astype(np.int32)], 255)
        large = cv2.GaussianBlur(large, (0, 0), 2.5 * _TIMES)
        large = np.clip((large.astype(np.float32) - 102) * (255 / 51), 0, 255)
        self.alpha = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255
        y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
        self.u = (x - _RIM) / (WIDTH - 2 * _RIM)
        self.v = (y - _RIM) / (HEIGHT - 2 * _RIM)
        column = np.clip((self.u[0] - left) / (right - left), 0, 1)
        place = np.linspace(0, 1, len(top))
        self.top = np.interp(column, place, top).astype(np.float32)
        self.low = np.interp(column, place, low).astype(np.float32)
        solid = (self.alpha > 0.5).astype(np.uint8)
        self.inwards = cv2.distanceTransform(solid, cv2.DIST_L2, 5) / WIDTH
        self.depth = (self.v - self.top) / np.maximum(self.low - self.top, 1e-3)
        self.shade = np.ones_like(self.alpha)
        self.colour = np.ones((HEIGHT, WIDTH, 3), np.float32)

    def line(self, place: Plane, width: float, strength: float) -> None:
        """Darken (or, with a negative strength, brighten) where ``place`` is 0."""
        self.shade -= strength * np.exp(-((place / width) ** 2))

    def weave(self, rng: np.random.Generator, strength: float) -> None:
        """Add the unevenness of cloth: threads, and broad wrinkles."""
        fine = rng.normal(0, strength, self.shade.shape).astype(np.float32)
        broad: Plane = rng.normal(0, 1, (6, 9)).astype(np.float32)
        broad = cv2.resize(broad, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        self.shade += cv2.GaussianBlur(fine, (0, 0), 0.8) + 0.03 * broad

    def hem(self, width: float, rng: np.random.Generator) -> None:
        """Double the cloth along the edge, with a seam."""
        self.shade += 0.04 * (self.inwards < width)
        self.line(self.inwards - width, 0.005, 0.12 if rng.random() < 0.7 else 0.04)
        self.shade -= 0.25 * np.exp(-self.inwards / 0.006)

    def template(self, name: str, bulge: float) -> Template:
        colour = np.clip(self.colour * self.shade[..., None] * 255, 0, 255)
        return from_picture(name, np.dstack([colour, self.alpha]).astype(np.float32), bulge)


def _surgical(rng: np.random.Generator) -> Template:
    s = np.linspace(-1, 1, 33).astype(np.float32)
    peak, sag = rng.uniform(0.03, 0.1), rng.uniform(0.05, 0.16)
    cloth = _Cloth(peak * np.abs(s) ** 1.6, 1 - sag * np.abs(s) ** 1.8, 0, 1)
    cloth.colour *= np.array(_choice(rng, _SURGICAL), np.float32) / 255
    cloth.weave(rng, 0.012)
    side = 2 * cloth.u - 1
    pleats = rng.integers(3, 5)
    for number in range(pleats):
        at = 0.24 + 0.56 * number / (pleats - 1) + rng.normal(0, 0.015)
        below = cloth.depth - at - rng.normal(0, 0.02) * side - 0.05 * (at - 0.45) * (1 - side**2)
        depth = np.sqrt(np.clip(1.15 - np.abs(side), 0, 1)) * rng.uniform(0.7, 1.2)
        cloth.shade -= depth * 0.2 * np.exp(-np.where(below > 0, below / 0.03, -below / 0.006))
        cloth.shade += depth * 0.07 * np.where(below < 0, np.exp(-np.abs(below) / 0.05), 0)
    for edge in (cloth.depth, 1 - cloth.depth):
        cloth.shade += 0.04 * (edge < 0.07)
        cloth.line(edge - 0.07, 0.008, 0.12)
    binding = np.minimum(cloth.u, 1 - cloth.u)
    cloth.shade += 0.05 * (binding < 0.025)
    cloth.line(binding - 0.028, 0.006, 0.15)
    wire = np.exp(-(((cloth.depth - 0.035) / 0.02) ** 2)) * (np.abs(side) < 0.35)
    cloth.shade += 0.05 * wire
    cloth.shade -= 0.2 * np.exp(-cloth.inwards / 0.005)
    if rng.random() < 0.3:  # a white rim
        rim = cloth.inwards < 0.022
        cloth.colour[rim] = 0.5 * cloth.colour[rim] + 0.5
    return cloth.template("drawn-surgical", 0.06)


def _shaped(rng: np.random.Generator) -> _Cloth:
    """Cut a cloth mask: with a peak over the nose, and round at the chin."""
    s = np.linspace(-1, 1, 49).astype(np.float32)
    peak, sag = rng.uniform(0.12, 0.26), rng.uniform(0.14, 0.32)
    sharp = rng.uniform(1.0, 1.8)
    top = peak * (1 - np.exp(-((np.abs(s) / 0.42) ** sharp)))
    low = 1 - sag * np.abs(s) ** rng.uniform(1.6, 2.6)
    return _Cloth(top, low, 0, 1)


def _sew(cloth: _Cloth, rng: np.random.Generator) -> None:
    cloth.weave(rng, 0.03)
    if rng.random() < 0.6:
        middle = cloth.u - 0.5
        cloth.line(middle, 0.005, 0.16)
        cloth.line(middle - 0.012, 0.01, -0.05)
    elif rng.random() < 0.5:
        for side in (-1, 1):
            fold = cloth.v - 0.45 - side * 0.6 * (cloth.u - 0.5)
            cloth.line(fold, 0.02, 0.06)
    cloth.hem(rng.uniform(0.018, 0.035), rng)


def _plain(rng: np.random.Generator) -> Template:
    cloth = _shaped(rng)
    hue, strong, light = rng.random(), rng.uniform(0.15, 0.75), rng.uniform(0.3, 0.9)
    cloth.colour *= np.array(_bgr(hue, strong, light), np.float32)
    _sew(cloth, rng)
    return cloth.template("drawn-cloth", rng.uniform(0.05, 0.12))


def _black(rng: np.random.Generator) -> Template:
    cloth = _shaped(rng)
    light = rng.uniform(0.06, 0.2)
    cloth.colour *= np.array([light * rng.uniform(0.95, 1.15), light, light], np.float32)
    _sew(cloth, rng)
    cloth.shade = 1 + 1.6 * (cloth.shade - 1)
    return cloth.template("drawn-black", rng.uniform(0.05, 0.1))


def _patterned(rng: np.random.Generator) -> Template:
    cloth = _shaped(rng)
    hues = rng.random(3)
    ground, *inks = (
        np.array(_bgr(hue, rng.uniform(0.1, 0.8), rng.uniform(0.25, 0.95)), np.float32)
        for hue in hues
    )
    cloth.colour *= ground
    angle, pitch = rng.uniform(0, np.pi), rng.uniform(0.04, 0.12)
    x = cloth.u * np.cos(angle) + cloth.v * 0.7 * np.sin(angle)
    y = -cloth.u * np.sin(angle) + cloth.v * 0.7 * np.cos(angle)
    for ink, mark in zip(inks, _marks(x / pitch, y / pitch, rng), strict=False):
        cloth.colour += (ink - cloth.colour) * mark[..., None]
    _sew(cloth, rng)
    return cloth.template("drawn-patterned", rng.uniform(0.05, 0.1))


def _marks(x: Plane, y: Plane, rng: np.random.Generator) -> list[Plane]:
    """Return where the inks of a pattern go, 0 to 1."""
    match rng.integers(5):
        case 0:  # stripes
            return [_step(np.sin(2 * np.pi * x) - rng.uniform(-0.4, 0.6))]
        case 1:  # checks
            half = rng.uniform(0.4, 0.6)
            return [half * _step(np.sin(2 * np.pi * x)), half * _step(np.sin(2 * np.pi * y))]
        case 2:  # dots
            shifted = x + 0.5 * (np.floor(y) % 2)
            away = np.hypot(shifted - np.floor(shifted) - 0.5, y - np.floor(y) - 0.5)
            return [_step((rng.uniform(0.18, 0.35) - away) * 8)]
    marks = []
    for _ in range(2):  # blots
        noise = cv2.resize(
            rng.normal(0, 1, (int(rng.integers(10, 24)),) * 2).astype(np.float32),
            (WIDTH, HEIGHT),
            interpolation=cv2.INTER_CUBIC,
        )
        marks.append(_step(3 * (noise - rng.uniform(0.2, 0.8))))
    return marks


def _respirator(rng: np.random.Generator) -> Template:
    """Draw a folded FFP2 or KN95: a ridge down the middle, welded lines, sometimes a valve."""
    s = np.linspace(-1, 1, 49).astype(np.float32)
    peak, point = rng.uniform(0.12, 0.22), rng.uniform(0.3, 0.45)
    top = peak * np.abs(s) ** 0.9
    low = 1 - point * np.abs(s) ** rng.uniform(1.0, 1.4)
    cloth = _Cloth(top, low, 0, 1)
    light = rng.uniform(0.9, 1.0) if rng.random() < 0.8 else rng.uniform(0.1, 0.6)
    cloth.colour *= np.array([light, light, light * rng.uniform(0.97, 1)], np.float32)
    cloth.weave(rng, 0.012)
    side = cloth.u - 0.5
    cloth.shade -= 0.16 * np.abs(side) + 0.05 * np.sign(side) * rng.choice([-1, 1])
    cloth.line(side, 0.006, 0.2)
    cloth.line(side - 0.012, 0.012, -0.08)
    for slope, at in ((0.45, 0.36), (-0.35, 0.74)):
        weld = cloth.v - at - slope * (np.abs(side) - 0.25)
        dots = 0.5 + 0.5 * np.sin(2 * np.pi * cloth.u * 55)
        inside = (np.abs(side) > 0.03) & (np.abs(side) < 0.42)
        cloth.shade -= 0.16 * np.exp(-((weld / 0.009) ** 2)) * dots * inside
    cloth.line(cloth.inwards - 0.03, 0.006, 0.12)
    cloth.shade -= 0.2 * np.exp(-cloth.inwards / 0.006)
    if rng.random() < 0.25:
        _valve(cloth, rng)
    return cloth.template("drawn-respirator", rng.uniform(0.14, 0.24))


def _valve(cloth: _Cloth, rng: np.random.Generator) -> None:
    x, y = 0.5 + rng.choice([-1, 1]) * rng.uniform(0.13, 0.2), rng.uniform(0.5, 0.6)
    away = np.hypot(cloth.u - x, (cloth.v - y) * HEIGHT / WIDTH)
    radius = rng.uniform(0.06, 0.08)
    disc = _step((radius - away) * 90)
    ink = np.array(_choice(rng, _VALVES), np.float32) / 255
    cloth.colour += (ink - cloth.colour) * disc[..., None]
    cloth.line(away - radius, 0.008, 0.35)
    for slit in (-0.5, 0, 0.5):
        row = (cloth.v - y) * HEIGHT / WIDTH - slit * radius
        cloth.shade -= 0.3 * np.exp(-((row / 0.006) ** 2)) * (away < 0.75 * radius)


_DRAW: dict[str, Callable[[np.random.Generator], Template]] = {
    "surgical": _surgical,
    "cloth": _plain,
    "black": _black,
    "patterned": _patterned,
    "respirator": _respirator,
}
KINDS = tuple(_DRAW)
_SHARES = (0.4, 0.15, 0.13, 0.14, 0.18)

_SURGICAL: tuple[Colour, ...] = (
    *((238, 214, 170), (232, 205, 150), (225, 190, 130), (236, 220, 190)),  # light blue
    *((205, 222, 170), (190, 215, 150)),  # green
    *((245, 245, 245), (238, 240, 242)),  # white
    *((215, 190, 235), (60, 58, 55), (120, 70, 40)),  # pink, black, dark blue
)
_VALVES: tuple[Colour, ...] = ((240, 240, 240), (90, 90, 90), (200, 120, 50), (60, 60, 200))


def _choice(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """Return one of some BGR colours, a little changed."""
    chosen = np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, 6, 3)
    blue, green, red = (float(v) for v in np.clip(chosen, 0, 255))
    return blue, green, red


def _bgr(hue: float, saturation: float, value: float) -> Colour:
    return colorsys.hsv_to_rgb(hue, saturation, value)[::-1]


def _step(values: Plane) -> Plane:
    """Return 0 for what is well below zero and 1 for what is well above."""
    return np.asarray(1 / (1 + np.exp(-np.clip(6 * values, -30, 30))), np.float32)
