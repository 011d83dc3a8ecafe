from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from pictures import blue_masked, half, jpeg, masked, moved, photo, view

from maskdet.dedup.verify import MAX_DIFFERENCE, MIN_OVERLAP, MIN_SIMILARITY, compare
from maskdet.images import Bgr


@pytest.mark.parametrize(
    ("change", "overlap"),
    [
        (lambda image: image.copy(), 1),
        (lambda image: jpeg(image, 30), 1),
        (half, 1),
        (lambda image: jpeg(half(half(image)), 50), 1),
        (lambda image: cv2.resize(image, None, fx=1, fy=0.85), 1),
        (lambda image: np.clip(image * 0.7 + 40.0, 0, 255).astype(np.uint8), 1),
        (lambda image: (255 * (image / 255) ** 1.5).astype(np.uint8), 1),
        (lambda image: cv2.cvtColor(cv2.cvtColor(image, 6), 8), 1),
        (lambda image: np.clip(image * [0.75, 1, 1.2], 0, 255).astype(np.uint8), 1),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 2), 1),
        (lambda image: image[50:460, 30:440], 0.64),
        (lambda image: image[100:, :380], 0.6),
        (lambda image: cv2.copyMakeBorder(image, 40, 40, 40, 40, 0, value=(255,) * 3), 0.75),
    ],
)
def test_copies_are_the_same(astronaut: Bgr, change: Callable[[Bgr], Bgr], overlap: float) -> None:
    copy = np.ascontiguousarray(change(astronaut))
    for one, other in ((astronaut, copy), (copy, astronaut)):
        verdict = compare(view(one), view(other))
        assert verdict.same
        assert verdict.similarity >= MIN_SIMILARITY
        assert verdict.overlap == pytest.approx(overlap, abs=0.06)


@pytest.mark.parametrize("change", [masked, moved])
@pytest.mark.parametrize("after", [lambda image: image, lambda image: jpeg(half(image), 60)])
def test_look_alikes_are_not(
    astronaut: Bgr, change: Callable[[Bgr], Bgr], after: Callable[[Bgr], Bgr]
) -> None:
    verdict = compare(view(astronaut), view(after(change(astronaut))), guess=True)
    assert not verdict.same
    assert verdict.difference > MAX_DIFFERENCE
    assert verdict.overlap > 0.9  # they were laid over each other


def test_a_mask_as_bright_as_the_skin_shows_in_its_colour(astronaut: Bgr) -> None:
    mask = blue_masked(astronaut)
    assert not compare(view(astronaut), view(mask)).same
    # In black and white it is the same for all that can be seen.
    verdict = compare(view(astronaut), view(cv2.cvtColor(cv2.cvtColor(mask, 6), 8)))
    assert verdict.difference < MAX_DIFFERENCE


@pytest.mark.parametrize("guess", [False, True])
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_other_pictures_are_not(astronaut: Bgr, name: str, guess: bool) -> None:
    assert not compare(view(astronaut), view(photo(name)), guess).same


def test_a_small_part_is_no_copy_of_the_whole(astronaut: Bgr) -> None:
    verdict = compare(view(astronaut), view(astronaut[30:300, 100:370]))
    assert not verdict.same
    assert verdict.overlap < MIN_OVERLAP


def test_blurred_pictures_without_features_are_compared_as_they_are_framed(
    astronaut: Bgr,
) -> None:
    blurred = cv2.GaussianBlur(astronaut, (0, 0), 60)
    copy, other = half(blurred), cv2.GaussianBlur(photo("chelsea"), (0, 0), 60)
    assert not compare(view(blurred), view(copy)).same
    assert compare(view(blurred), view(copy), guess=True).same
    assert not compare(view(blurred), view(other), guess=True).same


def test_blank_pictures_are_never_taken_for_the_same() -> None:
    white, black = (np.full((80, 60, 3), level, np.uint8) for level in (255, 0))
    assert not compare(view(white), view(black), guess=True).same
    assert not compare(view(white), view(white), guess=True).same
