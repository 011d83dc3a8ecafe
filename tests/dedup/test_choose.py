from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from pictures import photo

from maskdet import images
from maskdet.dedup import choose
from maskdet.dedup.signatures import signatures
from maskdet.images import Bgr


def best(folder: Path) -> tuple[str, str]:
    """Return the name of the picture that should stay, and why it comes before the next."""
    found = signatures(images.find(folder))
    first, second, *_ = choose.order(found)
    return Path(found.paths[first]).name, choose.because(found, first, second)


def enlarged(image: Bgr) -> Bgr:
    small = cv2.resize(image, None, fx=0.12, fy=0.12, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, image.shape[1::-1])  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_pixels_count_first_then_sharpness_then_bytes(tmp_path: Path, name: str) -> None:
    picture = photo(name)
    images.write(tmp_path / "low.jpg", picture, 60)
    images.write(tmp_path / "blurred.png", enlarged(picture))
    assert best(tmp_path) == ("low.jpg", "sharper")
    # Compression makes the reduced picture a trace sharper: that must not decide.
    images.write(tmp_path / "high.jpg", picture, 95)
    assert best(tmp_path) == ("high.jpg", "larger file")
    images.write(tmp_path / "large.jpg", cv2.resize(enlarged(picture), None, fx=2, fy=2), 60)  # type: ignore[arg-type]
    assert best(tmp_path) == ("large.jpg", "more pixels")


def test_the_labelled_one_stays(tmp_path: Path) -> None:
    for name in ("a.png", "longer.png"):
        images.write(tmp_path / name, photo("coffee"))
    assert best(tmp_path) == ("a.png", "no difference")
    images.write(tmp_path / "a.png", cv2.resize(photo("coffee"), None, fx=2, fy=2))  # type: ignore[arg-type]
    assert best(tmp_path) == ("a.png", "more pixels")
    (tmp_path / "longer.xml").touch()
    assert best(tmp_path) == ("longer.png", "labelled")
    (tmp_path / "a.xml").touch()
    assert best(tmp_path) == ("a.png", "more pixels")
