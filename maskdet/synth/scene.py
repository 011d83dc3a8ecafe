"""A sheet before a face, on which things are drawn in the face's own measure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.synth.landmarks import LOWER_LIP, UPPER_LIP, Mesh
from maskdet.synth.warp import Layer, Plane, shrink

_REACH = 2.8
"""Half of the side of what is drawn, in half face widths around the mouth."""
_FINEST = 130
_OVERSAMPLING = 2
_RIM = 8


@dataclass
class Board:
    """A drawing that becomes a layer, see ``warp.Layer``."""

    colour: Plane
    alpha: Plane
    shade: Plane
    neutral: bool


@dataclass
class Scene:
    """What lies before a face, the lowest board first.

    ``x`` and ``y`` are the coordinates of every pixel in half face widths, 0 at the middle of the
    mouth, level with the face. ``skin`` is its colour in the picture, ``size`` is height and width
    of the picture.
    """

    mesh: Mesh
    skin: npt.NDArray[np.float32]
    size: tuple[int, int]
    rng: np.random.Generator
    boards: list[Board] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fine = int(np.clip(1.3 * self.mesh.unit, 24, _FINEST))
        side = round(2 * _REACH * self.fine)
        y, x = np.mgrid[:side, :side].astype(np.float32)
        self.x = (x + 0.5) / self.fine - _REACH
        self.y = (y + 0.5) / self.fine - _REACH

    def board(self, neutral: bool = True) -> Board:
        """Add a board on top of all others and return it."""
        plane = np.zeros_like(self.x)
        board = Board(np.zeros((*plane.shape, 3), np.float32), plane, plane + 1, neutral)
        self.boards.append(board)
        return board

    def turned(self, angle: float, x: float, y: float) -> tuple[Plane, Plane]:
        """Return coordinates with their origin at (x, y) and their x axis at ``angle``."""
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        dx, dy = self.x - np.float32(x), self.y - np.float32(y)
        return dx * cos + dy * sin, dy * cos - dx * sin

    def edge(self, distance: Plane) -> Plane:
        """Return 1 where a signed distance is negative, 0 where it is not, smooth between."""
        return np.clip(0.5 - distance * self.fine / 1.5, 0, 1)

    def paint(self, board: Board, colour: Plane, alpha: Plane, shade: Plane | float = 1) -> None:
        """Lay a colour over a board, and its shadow on what is there already."""
        dark = cv2.GaussianBlur(alpha, (0, 0), 0.04 * self.fine)
        board.shade *= 1 - 0.35 * dark * (1 - alpha)
        self.tint(board, colour, alpha, shade)

    def tint(self, board: Board, colour: Plane, alpha: Plane, shade: Plane | float) -> None:
        """Lay a colour over a board, without a shadow."""
        board.colour += (colour - board.colour) * alpha[..., None]
        board.shade += (shade - board.shade) * alpha
        board.alpha = np.maximum(board.alpha, alpha)

    def layers(self) -> list[Layer]:
        """Return all boards as they lie in the picture."""
        return [self._layer(board) for board in self.boards]

    def _layer(self, board: Board) -> Layer:
        unit, axes = self.mesh.unit, self.mesh.axes
        mouth = self.mesh.points[[UPPER_LIP, LOWER_LIP], :2].mean(0)
        across = axes[0, :2] / np.linalg.norm(axes[0, :2])
        down = np.array([-across[1], across[0]])
        reach = 1.45 * _REACH * unit
        height, width = self.size
        left, top = (max(-_RIM, int(v)) for v in np.floor(mouth - reach))
        right = min(width + _RIM, int(np.ceil(mouth[0] + reach)))
        low = min(height + _RIM, int(np.ceil(mouth[1] + reach)))
        scale = _OVERSAMPLING * unit / self.fine
        turn = np.stack([across, down], axis=1) * scale
        centre = (mouth - (left, top)) * _OVERSAMPLING
        shift = centre - turn @ np.full(2, _REACH * self.fine)
        stacked = np.dstack([board.colour * board.alpha[..., None], board.alpha, board.shade])
        size = ((right - left) * _OVERSAMPLING, (low - top) * _OVERSAMPLING)
        planes = [
            cv2.warpAffine(np.ascontiguousarray(part), np.column_stack([turn, shift]), size)
            for part in (stacked[..., :4], stacked[..., 4])
        ]
        alpha = planes[0][..., 3]
        colour = planes[0][..., :3] / np.maximum(alpha, 1e-4)[..., None]
        layer = shrink(left, top, colour, alpha, planes[1], _OVERSAMPLING)
        return replace(layer, neutral=board.neutral)
