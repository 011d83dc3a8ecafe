from __future__ import annotations

from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from maskdet import hashing, images
from maskdet.images import Bgr


def phash(image: Bgr, path: Path) -> int:
    images.write(path, image)
    reduced = images.read_reduced(path, hashing.SIDE, grey=True)
    return int.from_bytes(hashing.compute(reduced.pixels).tobytes(), "big")


def distance(a: int, b: int) -> int:
    return (a ^ b).bit_count()


@pytest.mark.parametrize("scale", [0.3, 0.7, 2.0])
def test_a_resized_copy_is_near(tmp_path: Path, astronaut: Bgr, scale: float) -> None:
    copy = cv2.resize(astronaut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    path = tmp_path / "a.jpg"
    assert distance(phash(astronaut, path), phash(copy, path)) <= hashing.NEAR_DUPLICATE


def test_another_picture_is_far(tmp_path: Path, astronaut: Bgr) -> None:
    from skimage import data

    other = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    path = tmp_path / "a.jpg"
    assert distance(phash(astronaut, path), phash(other, path)) > 2 * hashing.NEAR_DUPLICATE


@pytest.mark.parametrize("size", [4, 5, 8, 16, 20])
def test_it_is_the_phash_of_imagehash(astronaut: Bgr, size: int) -> None:
    for picture in (astronaut, astronaut[::-1, 100:], np.full_like(astronaut, 200)):
        grey = hashing.square(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
        assert np.array_equal(hashing.compute(grey, size=size), phash_of_imagehash(grey, size))


@pytest.mark.parametrize("size", [2, 8, 16, 20])
def test_it_is_the_phash_of_imagehash_on_noise(size: int) -> None:
    for grey in np.random.default_rng(0).integers(0, 256, (50, hashing.SIDE, hashing.SIDE)):
        grey = grey.astype(np.uint8)
        assert np.array_equal(hashing.compute(grey, size=size), phash_of_imagehash(grey, size))


def phash_of_imagehash(grey: np.ndarray, size: int) -> np.ndarray:
    return np.packbits(imagehash.phash(Image.fromarray(grey), size, hashing.SIDE // size).hash)
