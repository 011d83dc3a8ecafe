"""Flat pictures of masks: what they show, and which points of them belong where on a face."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maskdet.errors import InputError

Rgba = npt.NDArray[np.float32]
"""float32, shape (height, width, 4): blue, green, red 0 to 255, alpha 0 to 1."""

COLUMNS = np.linspace(0, 1, 9)
"""Where along the edges of a mask, from left to right, the points lie."""
ROWS = np.linspace(0, 1, 5)
"""Where between its upper and lower edge."""

_SOLID = 0.5
_STRAP = 0.09
"""What is narrower than this part of a template's width is no mask but its straps."""
_SYMMETRIC = 0.9
_LONGEST = 900

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Template:
    """A mask seen from the front, without its straps.

    ``grid`` is float64, shape (len(ROWS), len(COLUMNS), 2): x and y in pixels of ``picture``.
    ``side`` is how long its sides are, as a part of its height in the middle. ``bulge`` says how
    far it stands off the face, in half face widths.
    """

    name: str
    picture: Rgba
    grid: npt.NDArray[np.float64]
    side: float
    bulge: float = 0.06


def from_picture(name: str, picture: Rgba, bulge: float = 0.06) -> Template:
    """Find a template's edges in its alpha channel, and cut its straps off.

    Raises:
        ValueError: there is no mask, not cut out, or seen from the side.
    """
    alpha = picture[..., 3]
    solid = (alpha > _SOLID).astype(np.uint8)
    rows, columns = np.nonzero(solid)
    if not len(rows):
        raise ValueError("nothing in it is opaque")
    if solid.all():
        raise ValueError("nothing in it is transparent")
    width = int(columns.max() - columns.min() + 1)
    body = _body(solid, max(3, round(_STRAP * width)))
    if _symmetry(body) < _SYMMETRIC:
        raise ValueError("it does not show a mask from the front")
    soft = cv2.GaussianBlur(
        cv2.dilate(body, np.ones((3, 3), np.uint8)).astype(np.float32), (3, 3), 0
    )
    picture = picture.copy()
    picture[..., 3] = alpha * soft
    grid, side = _grid(body)
    return Template(name, picture, grid, side, bulge)


def load(folder: Path) -> list[Template]:
    """Read all templates below a folder: PNG or WebP pictures with an alpha channel.

    Those that are no mask seen from the front are left out, with a message to the log.

    Raises:
        InputError: it is no folder, or holds no template.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    found = []
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (".png", ".webp")]
    for path in paths:
        try:
            found.append(from_picture(path.stem, _read(path)))
        except ValueError as error:
            _LOG.info("template %s is left out: %s", path, error)
    if not found:
        raise InputError(f"{folder} holds no PNG picture of a mask from the front, cut out (RGBA)")
    return found


def _read(path: Path) -> Rgba:
    # Not images.read, which lays what is transparent on white.
    try:
        with Image.open(path, formats=("PNG", "WEBP")) as image:
            image.thumbnail((_LONGEST, _LONGEST))
            rgba = np.asarray(image.convert("RGBA"), np.float32)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(np.dstack([rgba[..., 2::-1], rgba[..., 3] / 255]))


def _body(solid: npt.NDArray[np.uint8], strap: int) -> npt.NDArray[np.uint8]:
    """Return the largest part of a shape that hangs together without narrow strips."""
    padded = cv2.copyMakeBorder(solid, strap, strap, strap, strap, cv2.BORDER_CONSTANT, value=0)
    # What a disc reaches that lies inside: by distances, as fast for a large disc.
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, 5) > strap / 2
    reached = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5) <= strap / 2
    opened = np.asarray(reached, np.uint8)
    # Corners that opening has rounded come back; straps, which are longer, hardly.
    reach = np.ones((1 + strap // 8 * 2,) * 2, np.uint8)
    opened = np.asarray(cv2.bitwise_and(cv2.dilate(opened, reach), padded), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count > 1:
        opened = (labels == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA])).astype(np.uint8)
    return np.ascontiguousarray(opened[strap:-strap, strap:-strap], np.uint8)


def _symmetry(body: npt.NDArray[np.uint8]) -> float:
    """Return how much of a shape and its mirror image is common to both, 0 to 1."""
    columns = np.nonzero(body.any(axis=0))[0]
    shape = body[:, columns.min() : columns.max() + 1]
    mirrored = shape[:, ::-1]
    return float((shape & mirrored).sum() / max(1, int((shape | mirrored).sum())))


def _grid(body: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float64], float]:
    """Return the points of a mask's edges and between them, and how long its sides are."""
    rows, columns = np.nonzero(body)
    x = (columns - columns.min()) / max(1, np.ptp(columns))
    y = (rows - rows.min()) / max(1, np.ptp(rows))
    corners = [
        np.argmin(2 * x + y),
        np.argmax(2 * x - y),
        np.argmin(2 * x - y),
        np.argmax(2 * x + y),
    ]
    top_left, top_right, low_left, low_right = (
        np.array([columns[i], rows[i]], np.float64) for i in corners
    )
    top = _edge(body, top_left, top_right, lower=False)
    low = _edge(body, low_left, low_right, lower=True)
    grid = top + (low - top) * ROWS[:, None, None]
    side = np.linalg.norm(grid[-1, [0, -1]] - grid[0, [0, -1]], axis=-1).mean()
    middle = len(COLUMNS) // 2
    return grid, float(side / max(1.0, np.linalg.norm(low[middle] - top[middle])))


def _edge(
    body: npt.NDArray[np.uint8],
    left: npt.NDArray[np.float64],
    right: npt.NDArray[np.float64],
    lower: bool,
) -> npt.NDArray[np.float64]:
    xs = left[0] + (right[0] - left[0]) * COLUMNS
    points = [left]
    for x in xs[1:-1]:
        filled = np.nonzero(body[:, round(x)])[0]
        points.append(np.array([x, filled.max() + 1 if lower else filled.min()], np.float64))
    return np.stack([*points, right])
