"""The network: MobileNetV2 with a small head (Sandler et al., 2018)."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from maskdet.errors import InputError, ModelError
from maskdet.models import store

LAST_BLOCK = 17
"""Keras numbers MobileNetV2's blocks 1 to 16; 0 is what comes before, 17 the last convolution."""

FEATURES = "features"
HEAD = "head"
SCORES = "scores"

NO_FILE = ("imagenet", "none")
"""What ``weights`` may be besides a file or a model."""


def check(image_size: int, weights: str, alpha: float, tasks: Collection[str]) -> None:
    """See whether a network can be built, before anything long starts.

    Args:
        image_size, weights, alpha: as in ``build``.
        tasks: of the models whose weights it can begin with.

    Raises:
        InputError: the image size is no multiple of 32.
        ModelError: the weights are missing, or are those of a model that does not fit.
    """
    if image_size % 32 or image_size < 32:
        raise InputError(f"the image size {image_size} is not a multiple of 32")
    if folder := trained(weights):
        info = store.load_info(folder)
        if info.task not in tasks:
            raise ModelError(f"{folder} is a model for {info.task}: its weights do not fit here")
        width = info.training.get("options", {}).get("alpha", alpha)
        if width != alpha:
            raise ModelError(f"{folder} was trained with alpha {width}, not {alpha}")


def trained(weights: str) -> Path | None:
    """Return the folder of the model that has the weights; None if it is no model of maskdet.

    Raises:
        ModelError: there is no such model, and no such file either.
    """
    path = Path(weights)
    if weights in NO_FILE or (path.is_file() and path.name not in store.FILES):
        return None
    try:
        folder = store.find(weights)
    except ModelError as error:
        raise ModelError(
            f"the backbone's weights {weights} are missing: there is neither such a file nor "
            "such a model"
        ) from error
    if not (folder / store.KERAS).is_file():
        raise ModelError(
            f"{folder} has no {store.KERAS}, the weights to train on: the models of an installed "
            "package lack it, those of a clone have it"
        )
    return folder


def build(
    classes: int, image_size: int, alpha: float = 1.0, weights: str = "imagenet", units: int = 128
) -> keras.Model:
    """Build the classifier: scaling, MobileNetV2, average pooling, Dense, Dropout, softmax.

    The input is uint8 RGB 0..255 of shape (n, image_size, image_size, 3); scaling to -1..1,
    which the ImageNet weights expect, is part of the graph. The result is float32 of shape
    (n, classes).

    Args:
        classes: number of outputs.
        image_size: side of the input in pixels, a multiple of 32.
        alpha: width of the backbone; ImageNet weights exist for 0.35, 0.5, 0.75, 1.0, 1.3, 1.4.
        weights: ``imagenet`` (Keras downloads them), ``none``, the path of a Keras file of
            backbone weights without top, or a classifier of maskdet, see ``models.store.find``.
        units: size of the hidden Dense layer.

    Raises:
        InputError: the image size is no multiple of 32.
        ModelError: the weights cannot be loaded or belong to another alpha.
    """
    check(image_size, weights, alpha, ("classification",))
    base = backbone((image_size, image_size, 3), alpha, weights, pooling="avg")
    image = keras.Input((image_size, image_size, 3), dtype="uint8", name="faces")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    # training=False: batch norm keeps the statistics that it was trained with on ImageNet.
    features = keras.Model(image, base(scaled, training=False), name=FEATURES)
    vector = keras.Input((base.output_shape[-1],))
    hidden = keras.layers.Dense(units, activation="relu")(vector)
    hidden = keras.layers.Dropout(0.5)(hidden)
    scores = keras.layers.Dense(classes, activation="softmax", name=SCORES)(hidden)
    head = keras.Model(vector, scores, name=HEAD)
    return keras.Model(image, head(features(image)), name="mask_classifier")


def backbone(
    shape: tuple[int | None, int | None, int],
    alpha: float,
    weights: str,
    pooling: str | None = None,
) -> keras.Model:
    """Return MobileNetV2 without its top.

    Args:
        shape: of the input; None for sides that are known only when the network runs.
        alpha, weights: as in ``build``.
        pooling: as in ``keras.applications.MobileNetV2``.

    Raises:
        ModelError: the weights cannot be loaded or belong to another alpha.
    """
    folder = trained(weights)
    try:
        # Keras prints what it downloads.
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            # The weights are those of 224 x 224, and fit any size.
            warnings.filterwarnings("ignore", "`input_shape` is undefined or non-square")
            base = keras.applications.MobileNetV2(
                input_shape=shape,
                alpha=alpha,
                include_top=False,
                pooling=pooling,
                weights=None if folder or weights == "none" else weights,
            )
    except Exception as error:  # a bare one where Keras cannot download them
        raise ModelError(
            f"cannot load the backbone's weights {weights!r} for alpha {alpha}: {error}; "
            "--weights takes a file of them, or a model"
        ) from error
    if folder:
        start_from(base, folder)
    return base


def start_from(model: keras.Model, folder: Path) -> None:
    """Give a network, or a part of one, the weights that a trained model's layers have.

    Args:
        model: each of its layers with weights has to have one of its name and shape there.
        folder: the trained model's.

    Raises:
        ModelError: a layer is missing there or has another shape, or the file was altered.
    """
    path = folder / store.KERAS
    store.verified_bytes(folder, store.load_info(folder), store.KERAS)
    there = {layer.name: layer for layer in leaves(keras.models.load_model(path, compile=False))}
    for layer in leaves(model):
        if layer.weights:
            try:
                layer.set_weights(there[layer.name].get_weights())
            except (KeyError, ValueError) as error:
                raise ModelError(
                    f"cannot begin with the weights of {folder}: its layer {layer.name} is missing "
                    "or has another shape, as of another alpha or task"
                ) from error


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Return all layers of a network and of the networks in it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def classifier_backbone(model: keras.Model) -> keras.Model:
    """Return the backbone of a network that ``build`` made."""
    return next(
        layer for layer in model.get_layer(FEATURES).layers if isinstance(layer, keras.Model)
    )


def fine_tune_from(base: keras.Model, block: int) -> None:
    """Make a backbone trainable from ``block`` (0 to 17) on, except for batch norm."""
    current = 0
    for layer in base.layers:
        name = layer.name
        if name.startswith("block_"):
            current = int(name.split("_")[1])
        elif name.startswith("Conv_1"):
            current = LAST_BLOCK
        layer.trainable = current >= block and not isinstance(
            layer, keras.layers.BatchNormalization
        )


def make_ready(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: Callable[[Any, Any], Any],
    metrics: Sequence[keras.metrics.Metric] = (),
) -> None:
    """Compile a network for training, with an optimizer that has its state already.

    One without makes it within the first step, which TensorFlow then traces twice.
    """
    model.compile(optimizer, loss, metrics=list(metrics), jit_compile=jit_compile())
    optimizer.build(model.trainable_variables)


def jit_compile() -> bool | str:
    """Return what Keras is to be told of compiling by XLA: False, or ``auto``.

    XLA makes a training step of TensorFlow longer on a CPU: a third for the classifier, six times
    as long for the detector.
    """
    on_cpu = keras.backend.backend() == "tensorflow" and not keras.distribution.list_devices("gpu")
    return False if on_cpu else "auto"
