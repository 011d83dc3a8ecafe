from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskdet import images
from maskdet.labels.voc import VocObject
from maskdet.types import Box

SIZE = 96
FACE = Box(0, 20, 60, 80)


class Network:
    """Sees a face that reaches beyond the left border, and one outside."""

    def predict_on_batch(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        boxes = np.array([[-30, 10, 30, 40], [-30, 60, -1, 90]], np.float32)
        scores = np.array([[0.9, 0.1], [0.8, 0.1]], np.float32)
        return {"boxes": np.stack([boxes] * len(batch)), "scores": np.stack([scores] * len(batch))}


@pytest.mark.train
def test_faces_at_the_border_are_measured_as_the_detector_gives_them(tmp_path: Path) -> None:
    from maskdet.train.detector import validate
    from maskdet.train.detector.photos import Photo

    photos = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        images.write(path, np.zeros((192, 192, 3), np.uint8))
        face = VocObject(0, "with_mask", FACE)
        photos.append(Photo(path, path.name, path.name, (face,)))
    views = validate.batches(photos, SIZE)
    seen = validate.look(Network(), views, ("with_mask", "without_mask"))
    assert [item.photo for item in seen] == photos
    for item in seen:
        (face,) = item.found
        assert face.box == FACE
    assert validate.figures(seen, ["with_mask"])["face_ap"] == 1
