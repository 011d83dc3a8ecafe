from __future__ import annotations

from collections import Counter

import cv2
import numpy as np

from maskdet.images import Bgr
from maskdet.synth.landmarks import FOREHEAD, LEFT_EYE, RIGHT_EYE, Mesh
from maskdet.synth.light import blend
from maskdet.synth.occlude import occlude

GREEN = np.full((40, 60, 3), (0, 200, 0), np.uint8)


def hidden(image: Bgr, mesh: Mesh, seed: int) -> tuple[str, Bgr]:
    rng = np.random.default_rng(seed)
    name, layers = occlude(image, mesh, GREEN, rng)
    return name, blend(image, layers, mesh, rng)


def change(before: Bgr, after: Bgr, mesh: Mesh, point: int) -> float:
    x, y = mesh.points[point, :2].round().astype(int)
    part = np.s_[y - 2 : y + 3, x - 2 : x + 3]
    return float(np.abs(before[part].astype(float) - after[part]).mean())


def test_things_hide_the_mouth_and_not_the_eyes(astronaut: Bgr, astronaut_mesh: Mesh) -> None:
    seeds = range(24)
    names: Counter[str] = Counter()
    mouths, eyes = 0, 0
    for seed in seeds:
        name, result = hidden(astronaut, astronaut_mesh, seed)
        names[name] += 1
        mouths += change(astronaut, result, astronaut_mesh, 13) > 12
        eyes += (
            min(change(astronaut, result, astronaut_mesh, point) for point in (LEFT_EYE, RIGHT_EYE))
            > 12
        )
        assert change(astronaut, result, astronaut_mesh, FOREHEAD) < 12, (name, seed)
        if name == "patch":
            x, y = astronaut_mesh.points[14, :2].round().astype(int)
            assert result[y, x].argmax() == 1  # the green of the piece
    assert names.keys() == {"hand", "cup", "telephone", "scarf", "patch"}
    assert mouths >= 0.9 * len(seeds)
    assert eyes <= 0.1 * len(seeds)


def test_without_a_piece_something_else_hides_the_mouth(
    astronaut: Bgr, astronaut_mesh: Mesh
) -> None:
    seeds = [seed for seed in range(24) if hidden(astronaut, astronaut_mesh, seed)[0] == "patch"]
    names = {occlude(astronaut, astronaut_mesh, None, np.random.default_rng(n))[0] for n in seeds}
    assert names
    assert names <= {"hand", "cup", "telephone", "scarf"}


def test_a_hand_has_the_colour_of_the_face(astronaut: Bgr, astronaut_mesh: Mesh) -> None:
    dark = (astronaut * 0.4).astype(np.uint8)
    seed = next(seed for seed in range(50) if hidden(dark, astronaut_mesh, seed)[0] == "hand")
    means = []
    for image in (astronaut, dark):
        _, result = hidden(image, astronaut_mesh, seed)
        x, y = astronaut_mesh.points[14, :2].round().astype(int)
        blue, green, red = result[y - 4 : y + 5, x - 4 : x + 5].mean((0, 1))
        assert blue < green < red
        means.append(red)
    assert means[1] < 0.6 * means[0]


def test_nothing_is_coloured_on_a_grey_photograph(astronaut: Bgr, astronaut_mesh: Mesh) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(astronaut, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    for seed in range(24):
        name, result = hidden(grey, astronaut_mesh, seed)
        assert np.ptp(result, axis=2).max() < 8, (name, seed)


def test_nothing_glows_in_the_dark(astronaut: Bgr, astronaut_mesh: Mesh) -> None:
    dark = (astronaut * 0.1).astype(np.uint8)
    for seed in range(24):
        name, result = hidden(dark, astronaut_mesh, seed)
        assert result.max() < 45, (name, seed)
        assert (result != dark).any()


def test_a_hand_in_the_dark_has_the_tone_of_the_face(astronaut: Bgr, astronaut_mesh: Mesh) -> None:
    dark = (astronaut * 0.15).astype(np.uint8)
    x, y = astronaut_mesh.points[14, :2].round().astype(int)
    seeds = [seed for seed in range(40) if hidden(dark, astronaut_mesh, seed)[0] == "hand"]
    for seed in seeds:
        result = hidden(dark, astronaut_mesh, seed)[1][y - 4 : y + 5, x - 4 : x + 5]
        blue, green, red = result.mean((0, 1))
        assert blue < green < red, seed
    assert seeds
