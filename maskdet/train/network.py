"""The network: MobileNetV2 with a small head (Sandler et al., 2018)."""

from __future__ import annotations

from pathlib import Path

import keras

from maskdet.errors import InputError, ModelError

LAST_BLOCK = 17
"""Keras numbers MobileNetV2's blocks 1 to 16; 0 is what comes before, 17 the last convolution."""

FEATURES = "features"
HEAD = "head"
SCORES = "scores"


def check(image_size: int, weights: str) -> None:
    """See whether a network can be built, before anything long starts.

    Raises:
        InputError: the image size is no multiple of 32.
        ModelError: the file of the backbone's weights is missing.
    """
    if image_size % 32 or image_size < 32:
        raise InputError(f"the image size {image_size} is not a multiple of 32")
    if weights not in ("imagenet", "none") and not Path(weights).is_file():
        raise ModelError(f"the backbone's weights {weights} are missing")


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
        weights: ``imagenet`` (Keras downloads them), ``none``, or the path of a Keras file of
            backbone weights without top.
        units: size of the hidden Dense layer.

    Raises:
        InputError: the image size is no multiple of 32.
        ModelError: the weights cannot be loaded or belong to another alpha.
    """
    check(image_size, weights)
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
    try:
        return keras.applications.MobileNetV2(
            input_shape=shape,
            alpha=alpha,
            include_top=False,
            pooling=pooling,
            weights=None if weights == "none" else weights,
        )
    except (ValueError, OSError) as error:
        raise ModelError(
            f"cannot load the backbone's weights {weights!r} for alpha {alpha}: {error}"
        ) from error


def fine_tune_from(model: keras.Model, block: int) -> None:
    """Make the backbone trainable from ``block`` (0 to 17) on, except for batch norm."""
    base = next(
        layer for layer in model.get_layer(FEATURES).layers if isinstance(layer, keras.Model)
    )
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
