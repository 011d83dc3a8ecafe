from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from maskdet.errors import InputError, MaskdetError, ModelError
from maskdet.train import network


@pytest.fixture(scope="module")
def model() -> object:
    keras.utils.set_random_seed(0)
    return network.build(3, 64, 0.35, "none")


def test_it_takes_uint8_rgb_and_gives_probabilities(model: keras.Model) -> None:
    faces = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    result = model.predict(faces, verbose=0)
    assert model.input.dtype == "uint8"
    assert result.shape == (2, 3)
    assert result.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_scaling_to_minus_one_to_one_is_inside(model: keras.Model) -> None:
    features = model.get_layer(network.FEATURES)
    backbone = next(layer for layer in features.layers if isinstance(layer, keras.Model))
    faces = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8)
    scaled = faces.astype(np.float32) / 127.5 - 1
    assert np.allclose(
        features.predict(faces, verbose=0), backbone.predict(scaled, verbose=0), atol=1e-5
    )


@pytest.mark.parametrize(
    ("block", "first"),
    [(0, "Conv1"), (1, "block_1_expand"), (16, "block_16_expand"), (17, "Conv_1")],
)
def test_fine_tuning_starts_at_a_block_and_spares_batch_norm(
    model: keras.Model, block: int, first: str
) -> None:
    network.fine_tune_from(model, block)
    features = model.get_layer(network.FEATURES)
    backbone = next(layer for layer in features.layers if isinstance(layer, keras.Model))
    trained = [layer for layer in backbone.layers if layer.trainable and layer.weights]
    assert trained[0].name == first
    assert not [x for x in trained if isinstance(x, keras.layers.BatchNormalization)]
    assert model.get_layer(network.HEAD).trainable_weights


@pytest.mark.parametrize(
    ("size", "weights", "error", "message"),
    [
        (100, "none", InputError, "multiple of 32"),
        (64, "nowhere.h5", ModelError, "are missing"),
        (64, __file__, ModelError, "cannot load the backbone"),
    ],
)
def test_what_cannot_be_built(
    size: int, weights: str, error: type[MaskdetError], message: str
) -> None:
    with pytest.raises(error, match=message):
        network.build(3, size, 0.35, weights)


@pytest.mark.corpus
def test_weights_of_another_alpha_are_refused(corpus: Path) -> None:
    folder = corpus.parent / "weights"
    path = next(folder.glob("mobilenet_v2*_0.35_*.h5"))
    with pytest.raises(ModelError, match=r"alpha 1\.0"):
        network.build(3, 64, 1.0, str(path))
    assert network.build(3, 64, 0.35, str(path)).count_params() > 400_000
