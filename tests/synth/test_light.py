from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from maskdet.images import Bgr
from maskdet.synth import styles
from maskdet.synth.landmarks import LOWER_LIP, Mesh
from maskdet.synth.light import blend
from maskdet.synth.place import place
from maskdet.synth.templates import from_picture
from maskdet.synth.warp import Layer, warp


@pytest.fixture(scope="module")
def white(astronaut_mesh: Mesh) -> Layer:
    """A plain white mask on the astronaut's face."""
    picture = np.zeros((120, 180, 4), np.float32)
    picture[10:110, 10:170] = (255, 255, 255, 1)
    template = from_picture("white", picture)
    return warp(template, place(astronaut_mesh, styles.CORRECT, template, np.random.default_rng(0)))


def laid(image: Bgr, layer: Layer, mesh: Mesh, *below: Layer) -> Bgr:
    before = image.copy()
    result = blend(image, [*below, layer], mesh, np.random.default_rng(0))
    assert np.array_equal(image, before)
    return result


def on_mask(image: Bgr, mesh: Mesh) -> np.ndarray:
    """Return the pixels around the mouth."""
    x, y = mesh.points[LOWER_LIP, :2].round().astype(int)
    return image[y - 12 : y + 8, x - 15 : x + 15].astype(float)


def test_what_is_far_from_the_mask_stays(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh
) -> None:
    changed = (laid(astronaut, white, astronaut_mesh) != astronaut).any(axis=2)
    rows, columns = np.nonzero(changed)
    height, width = white.alpha.shape
    assert white.y <= rows.min() < rows.max() < white.y + height
    assert white.x <= columns.min() < columns.max() < white.x + width


def test_a_white_mask_is_as_bright_as_the_photograph_allows(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh
) -> None:
    bright, dark = (
        on_mask(laid(image, white, astronaut_mesh), astronaut_mesh).mean()
        for image in (astronaut, (astronaut * 0.4).astype(np.uint8))
    )
    assert bright > 170
    assert 0.3 < dark / bright < 0.65


@pytest.mark.parametrize("tint", [(1.0, 0.85, 0.7), (0.7, 0.9, 1.0)])
def test_the_light_has_its_colour_on_the_mask_too(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh, tint: tuple[float, ...]
) -> None:
    image = (astronaut * np.array(tint)).astype(np.uint8)
    blue, _, red = on_mask(laid(image, white, astronaut_mesh), astronaut_mesh).mean((0, 1))
    assert (blue > red + 5) == (tint[0] > tint[2])
    assert abs(blue - red) > 5


def test_a_grey_photograph_stays_grey(astronaut: Bgr, white: Layer, astronaut_mesh: Mesh) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    yellow = replace(white, colour=white.colour * np.array([0.5, 1, 1], np.float32))
    spread = np.ptp(on_mask(laid(grey, yellow, astronaut_mesh), astronaut_mesh), axis=2)
    assert spread.mean() < 4


def test_the_edge_is_as_soft_as_the_photograph(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh
) -> None:
    def steepest(image: Bgr) -> float:
        """Return the largest step from one pixel to the next at the side of the mask."""
        grey = cv2.cvtColor(laid(image, white, astronaut_mesh), cv2.COLOR_BGR2GRAY).astype(float)
        before = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(float)
        return float(np.abs(np.diff(grey - before, axis=0)).max())

    sharp, soft = (steepest(image) for image in (astronaut, cv2.GaussianBlur(astronaut, (0, 0), 3)))
    assert soft < 0.6 * sharp


def test_light_from_one_side_falls_on_the_mask(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh
) -> None:
    centre = astronaut_mesh.middle[0]
    ramp = 0.7 - 0.4 * np.clip((np.arange(512) - centre) / astronaut_mesh.unit, -1, 1)
    image = (astronaut * ramp[None, :, None]).clip(0, 255).astype(np.uint8)
    found = on_mask(laid(image, white, astronaut_mesh), astronaut_mesh).mean((0, 2))
    assert found[:8].mean() > found[-8:].mean() + 8


def test_what_lies_below_is_no_light(astronaut: Bgr, white: Layer, astronaut_mesh: Mesh) -> None:
    black = replace(white, colour=np.zeros_like(white.colour), neutral=False)
    alone, above = (laid(astronaut, white, astronaut_mesh, *below) for below in ([], [black]))
    found = (on_mask(image, astronaut_mesh).mean() for image in (alone, above))
    assert next(found) == pytest.approx(next(found), abs=2)


@pytest.mark.parametrize("shift", [-400, 60, 4000])
def test_a_mask_may_reach_beyond_the_picture(
    astronaut: Bgr, white: Layer, astronaut_mesh: Mesh, shift: int
) -> None:
    mesh = Mesh(astronaut_mesh.points + np.array([shift, 0, 0]), 1.0)
    layer = Layer(white.x + shift, white.y, white.colour, white.alpha, white.shade)
    image = np.ascontiguousarray(astronaut[:, :280])
    result = laid(image, layer, mesh)
    assert result.shape == image.shape
    assert np.array_equal(result, image) == (shift != 60)
