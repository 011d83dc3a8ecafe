from __future__ import annotations

import numpy as np
import pytest
from pictures import photo, view

from maskdet.dedup import features
from maskdet.dedup.index import feature_pairs
from maskdet.images import Bgr


@pytest.mark.parametrize("shape", [(512, 300), (57, 76), (3, 900), (1, 1)])
def test_pictures_are_scaled_by_their_longer_side(shape: tuple[int, int]) -> None:
    scaled = features.scale(np.zeros(shape, np.uint8))
    assert max(scaled.shape) == features.SIDE
    assert min(scaled.shape) >= 8


def test_features_say_how_a_part_lies_on_the_whole(astronaut: Bgr) -> None:
    whole, part = view(astronaut), view(astronaut[100:420, 60:380])
    affine, agree = features.align(whole.features, part.features)
    assert affine is not None
    assert agree >= 20
    shrunk = features.SIDE / 512
    expected = [[320 / 512, 0, 60 * shrunk], [0, 320 / 512, 100 * shrunk]]
    np.testing.assert_allclose(affine[:, :2], np.array(expected)[:, :2], atol=0.03)
    np.testing.assert_allclose(affine[:, 2], np.array(expected)[:, 2], atol=2)


def test_of_a_blank_picture_there_are_none(astronaut: Bgr) -> None:
    blank = features.extract(np.full((192, 100), 128, np.uint8))
    assert len(blank) == 0
    assert blank.width == 100
    assert features.align(view(astronaut).features, blank) == (None, 0)
    assert len(features.mirror(blank)) == 0


def test_mirrored_features_are_those_of_the_mirrored_picture(astronaut: Bgr) -> None:
    own = view(astronaut)
    flipped = features.extract(np.ascontiguousarray(own.grey[:, ::-1]))
    _, unturned = features.align(own.features, flipped)
    affine, agree = features.align(features.mirror(own.features), flipped)
    assert affine is not None
    assert agree > 40 > 2 * unturned
    np.testing.assert_allclose(affine, [[1, 0, 0], [0, 1, 0]], atol=0.5)


def test_the_index_finds_pictures_with_the_same_parts(astronaut: Bgr) -> None:
    pictures = [
        astronaut,
        photo("coffee"),
        astronaut[60:400, 40:400],
        photo("chelsea"),
        photo("coffee")[:, 50:],
        photo("rocket"),
        np.full((50, 50, 3), 9, np.uint8),
    ]
    found = feature_pairs([view(image).features for image in pictures])
    assert found.tolist() == [[0, 2], [1, 4]]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_index_of_nothing_is_empty(count: int) -> None:
    assert feature_pairs([features.NONE] * count).shape == (0, 2)
