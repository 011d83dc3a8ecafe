from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import ModelMaker

from maskdet import files
from maskdet.errors import ModelError
from maskdet.models import store
from maskdet.models.classifier import BATCH, Classifier
from maskdet.types import Box

BY_COLOUR = [[20, 0, 0], [0, 20, 0], [0, 0, 20]]
"""Weights of a model that takes red for the first class, green and blue for the others."""


def test_probabilities_come_in_the_order_of_the_classes(
    tmp_path: Path, make_model: ModelMaker
) -> None:
    classifier = Classifier(make_model(tmp_path / "tiny", weights=BY_COLOUR))
    batch = np.zeros((3, 32, 32, 3), np.uint8)
    for index in range(3):
        batch[index, :, :, index] = 255
    probabilities = classifier.predict(batch)
    assert probabilities.dtype == np.float32
    assert probabilities == pytest.approx(np.eye(3), abs=1e-6)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1, 3 * BATCH - 1])
def test_any_number_of_faces_is_classified_each_for_itself(
    count: int, tmp_path: Path, make_model: ModelMaker
) -> None:
    classifier = Classifier(make_model(tmp_path / "tiny", weights=BY_COLOUR))
    batch = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
    together = classifier.predict(batch)
    assert together.shape == (count, 3)
    for index in range(count):
        assert together[index] == pytest.approx(classifier.predict(batch[index : index + 1])[0])


def test_faces_reach_the_network_in_rgb(tmp_path: Path, make_model: ModelMaker) -> None:
    classifier = Classifier(make_model(tmp_path / "tiny", weights=BY_COLOUR))
    image = np.zeros((100, 200, 3), np.uint8)
    image[:, :100] = (0, 0, 255)  # BGR: red
    image[:, 100:] = (255, 0, 0)  # blue
    probabilities = classifier.classify(image, [Box(10, 10, 90, 90), Box(110, 10, 190, 90)])
    assert probabilities.argmax(axis=1).tolist() == [0, 2]


def test_the_shipped_model_answers_with_probabilities() -> None:
    classifier = Classifier()
    size = classifier.info.image_size
    batch = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8)
    probabilities = classifier.predict(batch)
    assert probabilities.shape == (2, len(classifier.info.classes))
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert (probabilities >= 0).all()


def test_two_runs_agree_whatever_the_threads() -> None:
    size = Classifier().info.image_size
    batch = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)
    one, two = (Classifier(threads=threads).predict(batch) for threads in (1, 2))
    assert one == pytest.approx(two, abs=1e-5)


def describe(folder: Path, **changes: object) -> None:
    path = folder / store.DESCRIPTION
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_altered_model_is_refused(tmp_path: Path, make_model: ModelMaker) -> None:
    folder = make_model(tmp_path / "tiny")
    data = bytearray((folder / store.ONNX).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / store.ONNX).write_bytes(data)
    with pytest.raises(ModelError, match="altered"):
        Classifier(folder)


def test_a_network_that_cannot_be_run_is_told(tmp_path: Path, make_model: ModelMaker) -> None:
    folder = make_model(tmp_path / "tiny")
    (folder / store.ONNX).write_bytes(b"no network")
    describe(folder, files={store.ONNX: files.sha256(folder / store.ONNX)})
    with pytest.raises(ModelError, match=r"cannot run .*model\.onnx"):
        Classifier(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "detection"}, "is a detector, not a classifier"),
        ({"image_size": 64}, "does not fit"),
        ({"classes": ["with_mask", "without_mask"]}, "does not fit"),
    ],
)
def test_a_network_that_is_not_what_is_described_is_refused(
    change: dict[str, object], message: str, tmp_path: Path, make_model: ModelMaker
) -> None:
    folder = make_model(tmp_path / "tiny")
    describe(folder, **change)
    with pytest.raises(ModelError, match=message):
        Classifier(folder)
