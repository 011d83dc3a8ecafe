"""What is no mask and yet hides a mouth: hands, cups, telephones, scarves, other things."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from maskdet.images import Bgr
from maskdet.synth.landmarks import LOWER_LIP, UNDER_NOSE, UPPER_LIP, Mesh
from maskdet.synth.scene import Board, Scene
from maskdet.synth.warp import Layer, Plane

PATCH = "patch"


def occlude(
    image: Bgr, mesh: Mesh, piece: Bgr | None, rng: np.random.Generator
) -> tuple[str, list[Layer]]:
    """Draw something before the mouth of a face.

    Args:
        image: uint8, shape (height, width, 3), BGR: shows the face.
        mesh: the face.
        piece: of a picture, in good light, without a face; may be what hides the mouth. None if
            there is none.
        rng: chooses what, and how.

    Returns:
        Its name, and the layers, the lowest first.
    """
    things: dict[str, Callable[[Scene], None]] = dict(_THINGS)
    if piece is not None:
        things[PATCH] = partial(_patch, piece=piece)
    shares = np.array([_SHARES[name] for name in things])
    name = str(rng.choice(list(things), p=shares / shares.sum()))
    scene = Scene(mesh, _skin(image, mesh), image.shape[:2], rng)
    things[name](scene)
    return name, scene.layers()


def _skin(image: Bgr, mesh: Mesh) -> npt.NDArray[np.float32]:
    """Return the colour of the cheeks in the picture."""
    height, width = image.shape[:2]
    at = mesh.points[[50, 280, 205, 425, 101, 330, 117, 346, 4], :2].round().astype(int)
    inside = at[(at >= 0).all(1) & (at < (width, height)).all(1)]
    if not len(inside):  # what is nearest to them
        inside = at.clip(0, (width - 1, height - 1))
    return np.asarray(np.median(image[inside[:, 1], inside[:, 0]], axis=0), np.float32)


def _limb(
    x: Plane, y: Plane, begin: tuple[float, float], end: tuple[float, float], r0: float, r1: float
) -> tuple[Plane, Plane]:
    """Return the signed distance to a round limb, and how far its surface leans, -1 to 1."""
    bx, by = end[0] - begin[0], end[1] - begin[1]
    t = np.clip(((x - begin[0]) * bx + (y - begin[1]) * by) / (bx * bx + by * by + 1e-9), 0, 1)
    dx, dy = x - begin[0] - t * bx, y - begin[1] - t * by
    radius = r0 + (r1 - r0) * t
    return np.hypot(dx, dy) - radius, np.clip((dx + 2 * dy) / (2.2 * radius), -1, 1)


def _finger(
    scene: Scene,
    board: Board,
    xy: tuple[Plane, Plane],
    begin: tuple[float, float],
    end: tuple[float, float],
    r0: float,
    r1: float,
    colour: Plane,
) -> None:
    distance, lean = _limb(*xy, begin, end, r0, r1)
    depth = np.clip(-distance / max(r0, r1), 0, 1)
    shade = 0.72 + 0.33 * np.sqrt(depth) - 0.12 * lean
    scene.paint(board, colour, scene.edge(distance), shade)


def _draw_hand(scene: Scene, angle: float, x: float, y: float, curl: float) -> None:
    """Draw a hand whose fingers point to ``angle``, their middle at (x, y)."""
    rng = scene.rng
    # The skin's colour is the photograph's already, a sleeve's is not.
    sleeve = scene.board() if rng.random() < 0.6 else None
    board = scene.board(neutral=False)
    skin = np.clip(scene.skin * rng.uniform(0.82, 1.12), 0, 255).astype(np.float32)
    size = rng.uniform(0.8, 1.0)
    mirror = float(rng.choice([-1, 1]))
    u, v = scene.turned(angle, x, y)
    u, v = u / size + 0.45 * curl, v * mirror / size
    colour = _any_colour(rng, 0.5) if sleeve else skin
    _finger(scene, sleeve or board, (u, v), (-4.5, 0.25), (-1.55, 0.05), 0.5, 0.36, colour)
    _finger(scene, board, (u, v), (-1.75, 0.05), (-0.9, 0.0), 0.33, 0.36, skin)
    for row in (-0.36, -0.12, 0.12, 0.36):
        distance, lean = _limb(u, v, (-1.15, 0.7 * row), (0.0, row), 0.2, 0.17)
        scene.tint(board, skin, scene.edge(distance), 0.97 - 0.08 * lean)
    gap = rng.uniform(0, 0.08)
    for row, long in ((-0.37, 0.92), (-0.125, 1.05), (0.125, 0.98), (0.36, 0.76)):
        tip = (long * curl, row * (1 + gap * 3) + rng.normal(0, 0.02))
        _finger(scene, board, (u, v), (-0.12, row), tip, 0.15, 0.115, skin)
        if curl > 0.7:
            nail, _ = _limb(u, v, (tip[0] - 0.02, tip[1]), (tip[0] + 0.05, tip[1]), 0.06, 0.06)
            pale = np.clip(skin * 1.18, 0, 255)
            board.colour += (pale - board.colour) * (0.6 * scene.edge(nail))[..., None]
    thumb = rng.uniform(0.0, 0.5)
    _finger(scene, board, (u, v), (-0.95, -0.4), (-0.25 + thumb, -0.62), 0.2, 0.13, skin)


def _hand(scene: Scene) -> None:
    rng = scene.rng
    # From below, left or right; fingers point up and to the other side.
    angle = -np.pi / 2 + rng.choice([-1, 1]) * rng.uniform(0.1, 1.45)
    curl = rng.uniform(0.35, 0.6) if rng.random() < 0.35 else rng.uniform(0.8, 1.05)
    _draw_hand(scene, angle, rng.normal(0, 0.08), rng.uniform(-0.12, 0.15), curl)


def _grip(scene: Scene, x: float, y: float, side: int) -> None:
    """Draw the fingers of a hand that holds something from the side."""
    angle = 0.0 if side < 0 else np.pi
    _draw_hand(scene, angle + side * scene.rng.uniform(-0.5, 0.1), x, y, 0.55)


def _cup(scene: Scene) -> None:
    rng = scene.rng
    board = scene.board()
    u, v = scene.turned(rng.normal(0, 0.15), rng.normal(0, 0.06), rng.uniform(-0.28, -0.02))
    wide, low = rng.uniform(0.42, 0.58), rng.uniform(0.3, 0.45)
    high = rng.uniform(0.9, 1.3)
    t = np.clip(v / high, 0, 1)
    half = wide + (low - wide) * t
    bow = 0.1 * np.sqrt(np.clip(1 - (u / half) ** 2, 0, 1))
    distance = np.maximum(np.abs(u) - half, np.maximum(-v - bow, v - high - bow))
    around = np.clip(u / half, -1, 1)
    shade = 1.02 - 0.3 * np.abs(around + 0.25 * rng.choice([-1, 1])) ** 2.2
    paint = np.broadcast_to(_any_colour(rng), board.colour.shape).copy()
    if rng.random() < 0.6:  # a sleeve, or a print
        begin, end = np.sort(rng.uniform(0.15, 0.95, 2))
        band = (t > begin) & (t < end) & (np.abs(around) < rng.choice([0.6, 2]))
        paint[band] = _any_colour(rng)
    scene.paint(board, paint, scene.edge(distance), shade)
    ring = np.hypot(u / wide, (v + 0.02) / 0.12)
    rim = np.exp(-(((ring - 1) / 0.13) ** 2)) * (np.abs(u) < wide * 1.02)
    inside = scene.edge((ring - 1) * 0.1)
    scene.paint(board, 0.6 * paint, inside * (ring < 1), 0.7)
    board.colour += (245 - board.colour) * (0.6 * rim * scene.edge(distance - 0.02))[..., None]
    if rng.random() < 0.75:
        side = int(rng.choice([-1, 1]))
        _grip(scene, 0.12 * side, rng.uniform(0.35, 0.6), side)


def _telephone(scene: Scene) -> None:
    rng = scene.rng
    board = scene.board()
    side = int(rng.choice([-1, 1]))
    tilt = side * rng.uniform(0.1, 0.7) if rng.random() < 0.7 else rng.normal(np.pi / 2, 0.2)
    u, v = scene.turned(tilt, rng.normal(0, 0.12), rng.uniform(-0.05, 0.35))
    half, long, round_ = rng.uniform(0.42, 0.5), rng.uniform(0.85, 1.0), 0.1
    outer = np.hypot(
        np.maximum(np.abs(u) - half + round_, 0), np.maximum(np.abs(v) - long + round_, 0)
    )
    distance = outer - round_
    case = _any_colour(rng) if rng.random() < 0.5 else np.full(3, rng.uniform(15, 60), np.float32)
    glare = 0.9 + 0.25 * np.clip((u + 0.4 * v) * rng.choice([-1, 1]), -0.5, 0.6)
    scene.paint(board, case, scene.edge(distance), glare)
    board.shade -= 0.25 * np.exp(-(((distance + 0.025) / 0.015) ** 2)) * board.alpha
    for number in range(int(rng.integers(1, 4))):
        away = np.hypot(u + half - 0.17, v + long - 0.18 - 0.2 * number)
        lens = np.full(3, 18, np.float32)
        scene.paint(board, lens, scene.edge(away - 0.075))
        scene.paint(board, lens + 70, scene.edge(away - 0.03))
    if rng.random() < 0.85:
        _grip(scene, side * rng.uniform(0.1, 0.2), rng.uniform(0.3, 0.7), side)


def _scarf(scene: Scene) -> None:
    rng = scene.rng
    board = scene.board()
    face = scene.mesh.frontal[:, 1]
    mouth = (face[UPPER_LIP] + face[LOWER_LIP]) / 2
    top = rng.uniform(face[UNDER_NOSE] + 0.03, face[UPPER_LIP] + 0.02) - mouth
    x, y = scene.x, scene.y
    upper = top - 0.2 * np.clip(np.abs(x), 0, 1.3) ** 2 + 0.05 * np.sin(3 * x + rng.uniform(0, 6))
    lower = rng.uniform(1.3, 1.9) + 0.25 * np.cos(1.6 * x)
    wide = rng.uniform(1.12, 1.3) + 0.25 * np.clip(y - 0.2, 0, 1)
    distance = np.maximum(np.maximum(upper - y, y - lower), np.abs(x) - wide)
    deep = y - upper
    shade = np.full_like(x, 0.98) - 0.16 * (np.abs(x) / wide) ** 2.5
    for _ in range(int(rng.integers(4, 7))):
        at = rng.uniform(0.08, 1.5)
        fold = deep - at - rng.uniform(-0.25, 0.25) * x - rng.uniform(0, 0.2) * x**2
        size = rng.uniform(0.05, 0.1)
        shade -= 0.26 * np.exp(-np.where(fold > 0, fold / size, -fold / (0.25 * size)))
        shade += 0.1 * np.where(fold < 0, np.exp(-np.abs(fold) / 0.1), 0)
    pitch = rng.uniform(0.03, 0.06)
    knit = np.sin(2 * np.pi * x / pitch) * np.sin(2 * np.pi * deep / pitch)
    shade += 0.12 * knit
    paint = np.broadcast_to(_any_colour(rng), board.colour.shape).copy()
    if rng.random() < 0.5:
        step, share = rng.uniform(0.15, 0.4), rng.uniform(0.2, 0.6)
        along = deep if rng.random() < 0.5 else x + 0.6 * deep
        paint[(along / step) % 1 < share] = _any_colour(rng)
    scene.paint(board, paint, scene.edge(distance), shade)


def _patch(scene: Scene, piece: Bgr) -> None:
    """Lay a piece of a picture before the mouth."""
    rng, board = scene.rng, scene.board()
    u, v = scene.turned(rng.uniform(0, np.pi), rng.normal(0, 0.15), rng.uniform(-0.1, 0.3))
    half, long = rng.uniform(0.45, 0.75), rng.uniform(0.5, 1.1)
    if rng.random() < 0.5:
        distance = np.maximum(np.abs(u) - long, np.abs(v) - half)
    else:
        angle = np.arctan2(v / half, u / long)
        wave = 1 + 0.12 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.08 * np.sin(5 * angle)
        distance = (np.hypot(u / long, v / half) - wave) * half
    height, width = piece.shape[:2]
    x = ((u / long / 2.4 + 0.5) * width).astype(np.float32)
    y = ((v / half / 2.4 + 0.5) * height).astype(np.float32)
    paint = cv2.remap(piece, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    scene.paint(board, paint.astype(np.float32), scene.edge(distance))


def _any_colour(rng: np.random.Generator, vivid: float = 0.85) -> npt.NDArray[np.float32]:
    """Return a colour that things have: often white, grey or dark, at most as vivid as told."""
    if rng.random() < 0.4:
        return np.full(3, rng.choice([25, 60, 130, 200, 240]), np.float32)
    rgb = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.25, vivid), rng.uniform(0.25, 0.95))
    return np.array(rgb[::-1], np.float32) * 255


_THINGS: dict[str, Callable[[Scene], None]] = {
    "hand": _hand,
    "cup": _cup,
    "telephone": _telephone,
    "scarf": _scarf,
}
_SHARES = {"hand": 0.46, "cup": 0.18, "telephone": 0.15, "scarf": 0.06, PATCH: 0.15}
