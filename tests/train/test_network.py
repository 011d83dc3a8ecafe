from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import keras
import numpy as np
import pytest

from maskdet import files
from maskdet.errors import InputError, MaskdetError, ModelError
from maskdet.models import store
from maskdet.train import network
from maskdet.train.detector import network as detector
from maskdet.train.export import save_bare

TWO = ("with_mask", "without_mask")


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
    features, backbone = model.get_layer(network.FEATURES), network.classifier_backbone(model)
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
    backbone = network.classifier_backbone(model)
    network.fine_tune_from(backbone, block)
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


def kept(folder: Path, model: keras.Model, task: str) -> str:
    """Save a network as a trained model's folder would have it."""
    folder.mkdir()
    save_bare(model, folder / store.KERAS)
    hashes = {store.KERAS: files.sha256(folder / store.KERAS)}
    store.save_info(folder, store.ModelInfo(folder.name, TWO, 64, 0.1, hashes, task=task))
    return str(folder)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of models of both tasks, with random weights."""
    root = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(1)
    classifier = network.build(2, 64, 0.35, "none")
    return {
        "classification": kept(root / "c", classifier, "classification"),
        "detection": kept(root / "d", detector.build(TWO, 0.35, "none"), "detection"),
    }


def same(first: keras.Model, second: keras.Model) -> set[str]:
    """The names of the layers with weights that both have alike."""
    other = {layer.name: layer for layer in network.leaves(second)}
    return {
        layer.name
        for layer in network.leaves(first)
        if layer.weights
        and layer.name in other
        and all(
            np.array_equal(*pair)
            for pair in zip(layer.get_weights(), other[layer.name].get_weights(), strict=True)
        )
    }


@pytest.mark.parametrize(
    ("task", "classes", "whole"),
    [
        ("classification", TWO, False),
        ("detection", TWO, True),
        ("detection", (*TWO, "mask_worn_incorrectly"), False),
    ],
)
def test_a_detector_begins_with_the_weights_of_a_model(
    saved: dict[str, str], task: str, classes: tuple[str, ...], whole: bool
) -> None:
    model = detector.build(classes, 0.35, saved[task], block=3)
    there = keras.models.load_model(Path(saved[task]) / store.KERAS)
    backbone = model.get_layer(detector.BACKBONE)
    named = {layer.name for layer in network.leaves(backbone) if layer.weights}
    assert named <= same(model, there)
    assert ("head_class" in same(model, there)) == whole
    trained = [layer.name for layer in backbone.layers if layer.trainable and layer.weights]
    assert trained[0] == "block_3_expand"
    assert not [name for name in trained if name.endswith("BN")]


def test_a_classifier_begins_with_the_backbone_of_another_one(saved: dict[str, str]) -> None:
    model = network.build(3, 96, 0.35, saved["classification"])
    alike = same(model, keras.models.load_model(Path(saved["classification"]) / store.KERAS))
    assert alike == {
        layer.name for layer in network.leaves(network.classifier_backbone(model)) if layer.weights
    }


def test_weights_that_do_not_fit_are_refused(saved: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is a model for detection"):
        network.build(2, 64, 0.35, saved["detection"])
    with pytest.raises(ModelError, match="its layer Conv_1 is missing"):
        network.backbone((64, 64, 3), 0.35, saved["detection"])
    with pytest.raises(ModelError, match="has another shape"):
        detector.build(TWO, 0.5, saved["classification"])
    altered = kept(tmp_path / "altered", network.build(2, 64, 0.35, "none"), "classification")
    with (tmp_path / "altered" / store.KERAS).open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="altered"):
        network.build(2, 64, 0.35, altered)
    for name in (store.DESCRIPTION, store.KERAS):
        assert network.trained(str(Path(altered) / name)) == Path(altered)
    (tmp_path / "altered" / store.KERAS).unlink()
    with pytest.raises(ModelError, match=r"has no model\.keras"):
        network.check(64, altered, 0.35, ("classification",))


def test_weights_that_cannot_be_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Mock(side_effect=Exception("URL fetch failure on https://..."))
    monkeypatch.setattr(keras.applications, "MobileNetV2", failure)
    with pytest.raises(ModelError, match=r"URL fetch failure.*--weights takes a file"):
        network.backbone((64, 64, 3), 0.35, "imagenet")


def test_weights_of_a_model_of_another_alpha_are_refused_at_once(tmp_path: Path) -> None:
    info = store.ModelInfo("m", TWO, 64, 0.1, {}, training={"options": {"alpha": 0.5}})
    store.save_info(tmp_path, info)
    (tmp_path / store.KERAS).touch()
    network.check(64, str(tmp_path), 0.5, ("classification",))
    with pytest.raises(ModelError, match=r"with alpha 0\.5, not 0\.35"):
        network.check(64, str(tmp_path), 0.35, ("classification",))
