from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.errors import InputError
from maskdet.faces.crop import crop_faces
from maskdet.images import Bgr
from maskdet.labels.dataset import Sample
from maskdet.train.faces import canvas_side, center, cut
from maskdet.types import Box

FACE = Box(170, 60, 290, 200)


def sample(path: Path, box: Box | None = FACE, label: str = "without_mask") -> Sample:
    return Sample(path, path.name, label, path.name, box)


@pytest.mark.parametrize("size", [64, 96, 128])
@pytest.mark.parametrize("box", [FACE, None])
def test_the_middle_is_what_inference_sees(
    tmp_path: Path, astronaut: Bgr, size: int, box: Box | None
) -> None:
    path = tmp_path / "a.png"
    images.write(path, astronaut)
    kept = cut([sample(path, box)], tmp_path / "f.npy", size, margin=0.1)
    assert kept.faces.shape == (1, canvas_side(size), canvas_side(size), 3)
    height, width = astronaut.shape[:2]
    expected = crop_faces(astronaut, [box or Box(0, 0, width, height)], size, 0.1 if box else 0)
    got = center(kept.faces, size)
    # The same face at the same place: only the sampling grid may be off by part of a pixel.
    difference = np.abs(got.astype(int) - expected.astype(int))
    assert difference.mean() < 6
    shifted = np.roll(expected, 4, axis=2).astype(int)
    assert difference.mean() < 0.5 * np.abs(got.astype(int) - shifted).mean()


def test_broken_pictures_are_listed_and_the_rest_moves_up(
    tmp_path: Path, astronaut_jpg: Path
) -> None:
    cut_off = tmp_path / "cut.jpg"
    cut_off.write_bytes(astronaut_jpg.read_bytes()[:9000])
    samples = [
        sample(cut_off),
        sample(astronaut_jpg, FACE, "with_mask"),
        sample(tmp_path / "none.jpg"),
        sample(astronaut_jpg, Box(0, 0, 90, 90)),
    ]
    kept = cut(samples, tmp_path / "f.npy", 64, margin=0.1)
    assert [item.label for item in kept.samples] == ["with_mask", "without_mask"]
    assert len(kept.problems) == 2
    alone = cut(samples[3:], tmp_path / "g.npy", 64, margin=0.1)
    assert np.array_equal(kept.faces[1], alone.faces[0])
    assert kept.hashes.any()
    assert np.array_equal(kept.hashes, alone.hashes[[0, 0]])


def test_nothing_readable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not one picture"):
        cut([sample(tmp_path / "none.jpg")], tmp_path / "f.npy", 64, margin=0.1)


def test_the_fingerprint_follows_pixels_and_labels(tmp_path: Path, astronaut_jpg: Path) -> None:
    sets = [
        cut([sample(astronaut_jpg, box, label)], tmp_path / f"{number}.npy", 64, 0.1)
        for number, (box, label) in enumerate(
            [(FACE, "with_mask"), (FACE, "with_mask"), (None, "with_mask"), (FACE, "background")]
        )
    ]
    prints = [item.fingerprint() for item in sets]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
