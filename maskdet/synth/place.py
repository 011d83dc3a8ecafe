"""From the points of a face to where a mask lies on it, worn properly or in some wrong way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator, RBFInterpolator

from maskdet.synth import styles
from maskdet.synth.landmarks import (
    BRIDGE,
    CHIN,
    JAW,
    LEFT_LID,
    LOWER_LIP,
    NOSE_TIP,
    RIGHT_LID,
    UNDER_NOSE,
    UPPER_LIP,
    Mesh,
)
from maskdet.synth.templates import COLUMNS, ROWS, Template

Grid = npt.NDArray[np.float64]
Span = tuple[float, float]

_NOSE_ROW = 195  # on the bridge, half way to the tip
_SMOOTHING = 0.02
_FLAT_SIDE = 0.55
"""Length of the sides of a usual mask, as a part of its height."""


def place(mesh: Mesh, style: str, template: Template, rng: np.random.Generator) -> Grid:
    """Return where the points of a template lie on a face.

    Args:
        mesh: the face.
        style: one of ``styles.MASK_STYLES``.
        template: its ``side`` and ``bulge`` count.
        rng: shifts the edges a little.

    Returns:
        float64, shape (len(ROWS), len(COLUMNS), 3): x, y, z as in ``Mesh.points``.
    """
    face = mesh.frontal
    top, low = _EDGES[style](face, rng)
    tilt = rng.normal(0, 0.025)
    top[:, 1] += tilt * top[:, 0]
    low[:, 1] += tilt * low[:, 0]
    top, low = _narrow_sides(top, low, template.side)
    flat = top + (low - top) * ROWS[:, None, None]
    depth = _depth(face, flat.reshape(-1, 2)).reshape(flat.shape[:2])
    across = 1 - np.abs(2 * COLUMNS - 1) ** 3
    stand_off = template.bulge * np.sin(np.pi * (0.03 + 0.9 * ROWS))[:, None] * across
    return mesh.to_picture(np.dstack([flat, depth - 0.02 - stand_off]))


def _depth(face: Grid, places: Grid) -> Grid:
    """Return how far back the surface of the face lies at places (x, y), bridging its hollows."""
    surface = RBFInterpolator(face[::3, :2], face[::3, 2], smoothing=_SMOOTHING)
    jaw = face[list(JAW)]
    found = surface(places)
    # Below the chin, a mask hangs rather than follow the throat.
    return np.asarray(np.minimum(found, jaw[:, 2].max() + 0.1))


def _narrow_sides(top: Grid, low: Grid, side: float) -> tuple[Grid, Grid]:
    """Draw the ends of the edges together for templates with short sides."""
    short = 1 - np.clip(side / _FLAT_SIDE, 0.2, 1)
    weight = short * np.abs(2 * COLUMNS - 1)[:, None] ** 3
    middle = (top + low) / 2
    return top + (middle - top) * weight, low + (middle - low) * weight


def _level(face: Grid, *points: int) -> float:
    return float(face[list(points), 1].mean())


def _upper(xs: tuple[float, ...], ys: tuple[float, ...]) -> Grid:
    """Return a smooth curve through places from left to right, evenly spaced along its length."""
    fine = np.linspace(xs[0], xs[-1], 200)
    return _even(np.stack([fine, PchipInterpolator(xs, ys)(fine)], axis=-1))


def _even(curve: Grid) -> Grid:
    """Return the points at ``COLUMNS`` of a curve's length."""
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    length = np.concatenate([[0], np.cumsum(steps)])
    at = COLUMNS * length[-1]
    return np.stack([np.interp(at, length, curve[:, axis]) for axis in (0, 1)], axis=-1)


def _along_jaw(face: Grid, begin: float, out: float, down: float) -> Grid:
    """Return a curve along the jaw.

    Args:
        face: frontal points.
        begin: from which point of ``JAW`` on, counted from either ear.
        out: how many times as far from the mouth as the jaw.
        down: how far below it under the chin.
    """
    jaw = face[list(JAW), :2]
    at = np.linspace(begin, len(JAW) - 1 - begin, 200)
    curve = np.stack([np.interp(at, np.arange(len(JAW)), jaw[:, axis]) for axis in (0, 1)], axis=-1)
    centre = np.array([jaw[:, 0].mean(), _level(face, UPPER_LIP)])
    curve = centre + (curve - centre) * out
    curve[:, 1] += down * np.sin(np.linspace(0, np.pi, 200))
    return _even(curve)


def _correct(face: Grid, rng: np.random.Generator) -> tuple[Grid, Grid]:
    lid = _level(face, LEFT_LID, RIGHT_LID)
    nose = _level(face, NOSE_TIP) - lid
    peak = _level(face, BRIDGE) + rng.uniform(0.25, 0.8) * (
        _level(face, _NOSE_ROW) - _level(face, BRIDGE)
    )
    cheek = lid + rng.uniform(0.45, 0.62) * nose
    ends = lid + rng.uniform(0.5, 0.95, 2) * nose
    wing = peak + 0.65 * (cheek - peak)
    edge = rng.uniform(0.9, 0.98)
    top = _upper(
        (-edge, -0.5, -0.2, 0, 0.2, 0.5, edge), (ends[0], cheek, wing, peak, wing, cheek, ends[1])
    )
    return top, _along_jaw(face, rng.uniform(2.6, 3.6), 1.04, rng.uniform(0.02, 0.08))


def _below(
    face: Grid,
    rng: np.random.Generator,
    *,
    between: tuple[int, int],
    peak: Span,
    rise: Span,
    edge: Span,
    bend: float,
    begin: Span,
    out: float,
    down: Span,
) -> tuple[Grid, Grid]:
    """Return the edges of a mask that has slipped.

    Args:
        face: frontal points.
        rng: draws from the spans.
        between: the points between which its upper edge lies.
        peak: how far from the first of them to the second.
        rise: how much higher its ends are.
        edge: how far out these are.
        bend: how far out it begins to rise.
        begin, out, down: of its lower edge, as in ``_along_jaw``.
    """
    over, under = (_level(face, point) for point in between)
    middle = over + rng.uniform(*peak) * (under - over)
    cheek = middle - rng.uniform(0, 0.1)
    ends = middle - rng.uniform(*rise, 2)
    x = rng.uniform(*edge)
    top = _upper((-x, -bend, 0, bend, x), (ends[0], cheek, middle, cheek, ends[1]))
    return top, _along_jaw(face, rng.uniform(*begin), out, rng.uniform(*down))


def _chin(face: Grid, rng: np.random.Generator) -> tuple[Grid, Grid]:
    begin = rng.uniform(2.8, 4)
    inside = rng.uniform(0.84, 0.98)
    top = _along_jaw(face, begin, inside, 0)
    low = _along_jaw(face, begin + 0.8, 1.08, rng.uniform(0.22, 0.42))
    return top, low


_EDGES: dict[str, Callable[[Grid, np.random.Generator], tuple[Grid, Grid]]] = {
    styles.CORRECT: _correct,
    styles.UNDER_NOSE: partial(
        _below,
        between=(UNDER_NOSE, UPPER_LIP),
        peak=(0.15, 0.8),
        rise=(0.05, 0.3),
        edge=(0.9, 0.97),
        bend=0.45,
        begin=(3, 4),
        out=1.06,
        down=(0.05, 0.16),
    ),
    styles.UNDER_MOUTH: partial(
        _below,
        between=(LOWER_LIP, CHIN),
        peak=(0.12, 0.45),
        rise=(0.2, 0.45),
        edge=(0.86, 0.95),
        bend=0.4,
        begin=(3.6, 4.6),
        out=1.07,
        down=(0.12, 0.28),
    ),
    styles.CHIN: _chin,
}
