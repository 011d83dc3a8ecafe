"""The network: one stage, without anchors, on MobileNetV2.

FCOS (Tian et al., 2019) with quality-aware scores (GFL: Li et al., 2020), as small as NanoDet,
SCRFD and YuNet are. Only layers and operations of Keras' own: the saved model needs no code of
ours, and every backend can train it.
"""

from __future__ import annotations

import logging
import math

import keras
from keras import KerasTensor, layers, ops

from maskdet.models import store
from maskdet.train import network
from maskdet.train.detector.targets import STRIDES

log = logging.getLogger(__name__)

CHANNELS = 64
"""Of the feature pyramid and the head."""

BACKBONE = "backbone"

_TAPS = ("block_6_expand_relu", "block_13_expand_relu", "block_16_project_BN")
"""Layers of MobileNetV2 whose results are 8, 16 and 32 times smaller than the picture."""

_CONVOLUTIONS = 2
_PRIOR = 0.01
"""What the untrained head holds to be the probability of a face at any place (Lin et al., 2017)."""

_LARGEST = 6.0
"""Logarithm of the largest distance in strides: a bad start must not overflow."""

# Its statistics have to follow the averaged weights, also in a short run.
_MOMENTUM = 0.9


def build(
    classes: tuple[str, ...], alpha: float = 1.0, weights: str = "imagenet", block: int = 0
) -> keras.Model:
    """Build the network as it is trained.

    The input is uint8 RGB 0..255 of shape (n, height, width, 3), both sides multiples of 32;
    scaling is part of the graph. The result is float32 of shape (n, places, classes + 5): at
    each place (see ``targets.places``) the logits of the classes, of the quality (how well the
    box fits, as an IoU), and the box x1, y1, x2, y2 in pixels of the input.

    Unless its weights are random, the backbone's batch norm keeps the statistics that it was
    trained with on ImageNet, and so do the blocks before ``block`` (0 to 17) all their weights.

    Args:
        classes: their names, in the order of the result.
        alpha, weights: as in ``train.network.build``, but for the models: of a detector of these
            classes, all weights are taken; of another, or a classifier, the backbone's.

    Raises:
        ModelError: the weights cannot be loaded or belong to another alpha.
    """
    folder = network.trained(weights)
    base = network.backbone((None, None, 3), alpha, "none" if folder else weights)
    backbone = keras.Model(
        base.input, [base.get_layer(name).output for name in _TAPS], name=BACKBONE
    )
    if weights != "none":
        network.fine_tune_from(backbone, block)
    else:
        for layer in backbone.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = _MOMENTUM
    image = keras.Input((None, None, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, offset=-1)(image)
    levels = _pyramid(backbone(scaled))
    head = _Head(len(classes))
    results = [head(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
    model = keras.Model(image, layers.Concatenate(axis=1)(results), name="mask_detector")
    if folder:
        info = store.load_info(folder)
        whole = (info.task, info.classes) == ("detection", classes)
        network.start_from(model if whole else backbone, folder)
        log.info("begun with the %s of %s", "weights" if whole else "backbone", folder)
    return model


def with_scores(model: keras.Model, classes: int) -> keras.Model:
    """Return a network that ``build`` made as it is run, sharing its weights.

    Its results are ``boxes``, float32 (n, places, 4), in pixels of the input, and ``scores``,
    float32 (n, places, classes): the square root of the probability of the class times the
    quality.
    """
    # As a whole: operations of a loaded network may have the names that new ones get.
    image = keras.Input(model.input_shape[1:], dtype="uint8", name="image")
    values = model(image)
    quality = ops.sigmoid(values[..., classes : classes + 1])
    scores = ops.sqrt(ops.sigmoid(values[..., :classes]) * quality)
    result = keras.Model(image, {"boxes": values[..., classes + 1 :], "scores": scores})
    result.jit_compile = network.jit_compile() is not False
    return result


def _pyramid(taps: list[KerasTensor]) -> list[KerasTensor]:
    """Return features of ``CHANNELS`` at each of ``STRIDES`` (Lin et al., 2017)."""
    sides = [
        layers.Conv2D(CHANNELS, 1, name=f"lateral_{stride}")(tap)
        for tap, stride in zip(taps, STRIDES, strict=False)
    ]
    for place in (1, 0):
        above = layers.UpSampling2D(interpolation="nearest")(sides[place + 1])
        sides[place] = layers.Add()([sides[place], above])
    # Pooling, unlike a strided convolution, keeps a cell's middle where its place is.
    sides.append(layers.MaxPooling2D(padding="same")(sides[-1]))
    return sides


class _Head:
    """Separable convolutions that all levels share, with batch norm for each by itself."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.spread = [
            layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"head_spread_{number}")
            for number in range(_CONVOLUTIONS)
        ]
        self.mix = [
            layers.Conv2D(CHANNELS, 1, use_bias=False, name=f"head_mix_{number}")
            for number in range(_CONVOLUTIONS)
        ]
        prior = keras.initializers.Constant(-math.log((1 - _PRIOR) / _PRIOR))
        small = keras.initializers.RandomNormal(stddev=0.01)
        self.classify = layers.Conv2D(
            classes, 1, kernel_initializer=small, bias_initializer=prior, name="head_class"
        )
        self.judge = layers.Conv2D(1, 1, kernel_initializer=small, name="head_quality")
        self.measure = layers.Conv2D(4, 1, kernel_initializer=small, name="head_box")

    def __call__(self, features: KerasTensor, stride: int) -> KerasTensor:
        for number in range(_CONVOLUTIONS):
            features = self.mix[number](self.spread[number](features))
            features = layers.BatchNormalization(
                momentum=_MOMENTUM, name=f"head_norm_{number}_{stride}"
            )(features)
            features = layers.ReLU()(features)
        # A factor for each side of the box: sizes differ from level to level.
        factor = layers.DepthwiseConv2D(
            1, use_bias=False, depthwise_initializer="ones", name=f"head_scale_{stride}"
        )
        distances = factor(self.measure(features))
        values = ops.concatenate(
            [self.classify(features), self.judge(features), decode(distances, stride)], axis=-1
        )
        return layers.Reshape((-1, self.classes + 5))(values)


def decode(distances: KerasTensor, stride: int) -> KerasTensor:
    """Turn what the head says of a level into boxes.

    Args:
        distances: float32 (n, height, width, 4), logarithms of the distances from a place to
            the left, top, right and bottom side of its box, in strides.
        stride: of the level, in pixels.

    Returns:
        float32 (n, height, width, 4): x1, y1, x2, y2 in pixels.
    """
    lengths = ops.exp(ops.minimum(distances, _LARGEST))
    # Counting ones, as the size of the level is known only when the network runs.
    ones = ops.ones_like(distances[..., :1])
    x = ops.cumsum(ones, axis=2) - 0.5
    y = ops.cumsum(ones, axis=1) - 0.5
    corners = ops.concatenate(
        [
            x - lengths[..., 0:1],
            y - lengths[..., 1:2],
            x + lengths[..., 2:3],
            y + lengths[..., 3:4],
        ],
        axis=-1,
    )
    return corners * float(stride)
