"""What a mask covers, from the points of a face to the layer that is laid over it."""

from __future__ import annotations

import numpy as np
import pytest

from maskdet.synth import drawn, styles
from maskdet.synth.landmarks import CHIN, LEFT_EAR, NOSE_TIP, RIGHT_EAR, UNDER_NOSE, Mesh
from maskdet.synth.place import place
from maskdet.synth.straps import straps
from maskdet.synth.warp import Layer, warp

EYES = [33, 133, 362, 263, 145, 374]
FOREHEAD, TIP, NOSTRILS = [10, 151], [1, NOSE_TIP], [UNDER_NOSE]
LIPS, LOWER_LIP, UNDER_LIP, ON_CHIN = [13, 14], [17], [18], [175, 199]

COVERED = {
    styles.CORRECT: [*TIP, *NOSTRILS, *LIPS, *LOWER_LIP, *ON_CHIN, CHIN, 205, 425],
    styles.UNDER_NOSE: [*LIPS, *LOWER_LIP, *ON_CHIN, CHIN],
    styles.UNDER_MOUTH: [*ON_CHIN, CHIN],
    styles.CHIN: [CHIN],
}
BARE = {
    styles.CORRECT: [*EYES, *FOREHEAD],
    styles.UNDER_NOSE: [*EYES, *FOREHEAD, *TIP, *NOSTRILS],
    styles.UNDER_MOUTH: [*EYES, *FOREHEAD, *TIP, *NOSTRILS, *LIPS],
    styles.CHIN: [*EYES, *FOREHEAD, *TIP, *NOSTRILS, *LIPS, *LOWER_LIP, *UNDER_LIP],
}


def turned(mesh: Mesh, degrees: float) -> Mesh:
    """Turn a face aside, as if it had been looking at the camera."""
    angle = np.radians(degrees)
    right, down, back = np.eye(3)
    axes = np.stack(
        [np.cos(angle) * right + np.sin(angle) * back, down,
         np.cos(angle) * back - np.sin(angle) * right]
    )  # fmt: skip
    return Mesh(mesh.frontal * mesh.unit @ axes + mesh.middle, mesh.score)


def mask(mesh: Mesh, style: str, seed: int) -> Layer:
    rng = np.random.default_rng(seed)
    template = drawn.draw(rng)
    return warp(template, place(mesh, style, template, rng))


def alpha_at(layer: Layer, mesh: Mesh, points: list[int]) -> list[float]:
    """Return how far each point is covered, 0 to 1."""
    found = []
    for x, y in mesh.points[points, :2]:
        row, column = round(y) - layer.y, round(x) - layer.x
        inside = 0 <= row < layer.alpha.shape[0] and 0 <= column < layer.alpha.shape[1]
        found.append(float(layer.alpha[row, column]) if inside else 0.0)
    return found


@pytest.mark.parametrize("yaw", [-30, 0, 30])
@pytest.mark.parametrize("style", styles.MASK_STYLES)
def test_a_mask_covers_what_its_style_says(astronaut_mesh: Mesh, style: str, yaw: float) -> None:
    mesh = turned(astronaut_mesh, yaw)
    assert mesh.yaw == pytest.approx(yaw, abs=1)
    for seed in range(4):
        layer = mask(mesh, style, seed)
        assert min(alpha_at(layer, mesh, COVERED[style])) > 0.9, seed
        assert max(alpha_at(layer, mesh, BARE[style])) < 0.1, seed


def test_a_mask_turns_with_the_face(astronaut_mesh: Mesh) -> None:
    def widths(yaw: float) -> tuple[float, float]:
        """Return how far the mask reaches to the left and to the right of the nose."""
        mesh = turned(astronaut_mesh, yaw)
        layer = mask(mesh, styles.CORRECT, 0)
        columns = np.nonzero((layer.alpha > 0.5).any(axis=0))[0] + layer.x
        nose = mesh.points[NOSE_TIP, 0]
        return nose - columns.min(), columns.max() - nose

    left, right = widths(0)
    assert left == pytest.approx(right, rel=0.25)
    for yaw in (-30, 30):
        left, right = widths(yaw)
        far, near = (right, left) if yaw > 0 else (left, right)
        assert far < 0.6 * near


def test_no_hole_is_in_a_mask(astronaut_mesh: Mesh) -> None:
    for size in (0.3, 1, 6, 20):  # faces of 30 to 2000 pixels
        mesh = Mesh(astronaut_mesh.points * size, 1.0)
        layer = mask(mesh, styles.CORRECT, 3)
        rows, columns = np.nonzero(layer.alpha > 0.9)
        filled = layer.alpha[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        middle = filled.shape[1] // 2
        inner = filled[filled.shape[0] // 6 : -filled.shape[0] // 6, middle // 2 : -middle // 2]
        assert inner.min() > 0.9, size


def test_a_mask_on_a_large_face_lies_where_it_does_on_a_small_one(astronaut_mesh: Mesh) -> None:
    def edges(size: float) -> np.ndarray:
        layer = mask(Mesh(astronaut_mesh.points * size, 1.0), styles.UNDER_NOSE, 3)
        rows, columns = np.nonzero(layer.alpha > 0.5)
        begin, end = (rows.min(), columns.min()), (rows.max() + 1, columns.max() + 1)
        return (np.array([begin, end]) + np.array([layer.y, layer.x])) / size

    assert edges(9.3) == pytest.approx(edges(3), abs=0.5)


def test_loops_lead_to_the_ears_that_can_be_seen(astronaut_mesh: Mesh) -> None:
    template = drawn.draw(np.random.default_rng(0), "surgical")

    def reach(yaw: float) -> list[bool]:
        """Return whether a loop begins near the left and the right ear."""
        mesh, rng = turned(astronaut_mesh, yaw), np.random.default_rng(0)
        layer = straps(mesh, place(mesh, styles.CHIN, template, rng), rng)
        assert layer is not None
        columns = np.nonzero((layer.alpha > 0.3).any(axis=0))[0] + layer.x
        middle = mesh.points[CHIN, 0]
        ears = mesh.points[[LEFT_EAR, RIGHT_EAR], 0]
        left, right = ears + 0.35 * (middle - ears)
        return [bool((columns < left).any()), bool((columns > right).any())]

    assert reach(0) == [True, True]
    assert reach(30) == [True, False]
    assert reach(-30) == [False, True]
