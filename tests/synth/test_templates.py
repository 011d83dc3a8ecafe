from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maskdet.errors import InputError
from maskdet.synth import drawn, templates

CORNERS = np.array([[60, 40], [239, 40], [60, 159], [239, 159]])


def canvas() -> np.ndarray:
    """A red mask from (60, 40) to (240, 160) with two loops, on nothing."""
    picture = np.zeros((200, 300, 4), np.uint8)
    for x in (60, 240):
        cv2.ellipse(picture, (x, 100), (40, 50), 0, 0, 360, (255, 255, 255, 255), 5)
    picture[40:160, 60:240] = (200, 30, 30, 255)  # RGBA
    return picture


def as_rgba(picture: np.ndarray) -> templates.Rgba:
    return np.dstack([picture[..., 2::-1], picture[..., 3] / 255]).astype(np.float32)


def grid_corners(template: templates.Template) -> np.ndarray:
    return template.grid[[0, 0, -1, -1], [0, -1, 0, -1]]


def test_the_corners_are_those_of_the_mask_without_its_loops() -> None:
    template = templates.from_picture("red", as_rgba(canvas()))
    assert grid_corners(template) == pytest.approx(CORNERS, abs=6)
    assert template.side == pytest.approx(1, abs=0.05)
    alpha = template.picture[..., 3]
    assert (alpha[50:150, 70:230] == 1).all()
    assert alpha[:, :50].max() == alpha[:, 250:].max() == 0


def test_a_pointed_mask_has_short_sides() -> None:
    picture = np.zeros((200, 300, 4), np.uint8)
    outline = np.array([[30, 90], [150, 20], [270, 90], [270, 110], [150, 190], [30, 110]])
    cv2.fillPoly(picture, [outline], (255, 255, 255, 255))
    template = templates.from_picture("pointed", as_rgba(picture))
    middle = template.grid[:, len(templates.COLUMNS) // 2]
    assert middle[[0, -1]] == pytest.approx(np.array([[150, 20], [150, 190]]), abs=4)
    assert template.side < 0.3


def test_what_is_no_mask_from_the_front_is_refused() -> None:
    with pytest.raises(ValueError, match="opaque"):
        templates.from_picture("nothing", np.zeros((50, 50, 4), np.float32))
    with pytest.raises(ValueError, match="transparent"):
        templates.from_picture("a photograph", np.ones((50, 50, 4), np.float32))
    slanting = np.zeros((200, 300, 4), np.uint8)
    cv2.fillPoly(
        slanting, [np.array([[20, 20], [280, 120], [280, 180], [20, 180]])], (9, 9, 9, 255)
    )
    with pytest.raises(ValueError, match="from the front"):
        templates.from_picture("slanting", as_rgba(slanting))


def test_a_folder_gives_what_is_usable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        templates.load(tmp_path / "none")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match="holds no PNG"):
        templates.load(tmp_path)
    (tmp_path / "below").mkdir()
    Image.fromarray(canvas()).save(tmp_path / "below" / "red.png")
    (template,) = templates.load(tmp_path)
    assert template.name == "red"
    assert template.picture[100, 150].tolist() == [30, 30, 200, 1]  # BGR


@pytest.mark.corpus
def test_real_templates(corpus: Path) -> None:
    found = {template.name: template for template in templates.load(corpus / "mask_templates")}
    assert {"surgical_blue", "cloth", "KN95", "N95", "black-mask", "light-green"} <= found.keys()
    assert not [name for name in found if name.endswith(("_left", "_right"))]
    for template in found.values():
        (left, top), (right, low) = template.grid[0, 0], template.grid[-1, -1]
        assert right - left > 0.4 * template.picture.shape[1], template.name
        assert low > top, template.name


@pytest.mark.parametrize("kind", drawn.KINDS)
def test_drawn_masks_differ_by_seed_alone(kind: str) -> None:
    first, again, other = (drawn.draw(np.random.default_rng(seed), kind) for seed in (1, 1, 2))
    assert first.picture.tobytes() == again.picture.tobytes()
    assert np.abs(first.picture - other.picture).max() > 10
    for template in (first, other):
        assert (template.picture[..., 3] > 0.5).mean() > 0.4
        assert 0 <= template.picture[..., :3].min() < template.picture[..., :3].max() <= 255


def test_all_kinds_are_drawn() -> None:
    rng = np.random.default_rng(0)
    names = {drawn.draw(rng).name for _ in range(24)}
    assert len(names) == len(drawn.KINDS)
