"""The temperature that makes probabilities mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from maskdet.train import calibrate, network


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_a_network_that_is_too_sure_or_not_sure_enough(
    temperature: float,
) -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20_000, 3))
    truth = softmax(logits)
    label = np.array([random.choice(3, p=row) for row in truth])
    said = softmax(logits * temperature).astype(np.float32)
    found = calibrate.fit_temperature(said, label)
    assert found == pytest.approx(temperature, rel=0.05)
    assert calibrate.nll(said, label, found) <= calibrate.nll(said, label)


def test_a_network_that_is_never_wrong_gets_a_temperature_in_range() -> None:
    said = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    found = calibrate.fit_temperature(said, np.array([0, 1, 2, 0]))
    assert calibrate.RANGE[0] <= found <= calibrate.RANGE[1]


@pytest.mark.train
def test_applied_to_a_network_labels_stay_and_probabilities_follow() -> None:
    model = network.build(3, 32, alpha=0.35, weights="none")
    faces = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    before = model.predict(faces, verbose=0)
    calibrate.apply(model, 0.5)
    after = model.predict(faces, verbose=0)
    expected = softmax(np.log(before) / 0.5)
    assert np.allclose(after, expected, atol=1e-5)
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()
