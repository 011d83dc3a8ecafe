"""Calibrating a classifier's probabilities by one temperature (Guo et al., 2017)."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from maskdet.train import network

RANGE = (0.25, 4.0)
"""Temperatures that are looked at: what lies beyond is no calibration, but a broken network."""


def nll(
    probabilities: npt.NDArray[np.floating[Any]],
    label: npt.NDArray[np.int64],
    temperature: float = 1.0,
) -> float:
    """Return the mean negative log-likelihood of the labels, logits divided by ``temperature``.

    Args:
        probabilities: shape (n, classes), each row adding up to 1.
        label: shape (n,), which class is the true one.
        temperature: above 0; more than 1 makes probabilities less sure.
    """
    # A softmax's logarithm is its logits, but for a number that a softmax does not see.
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1))
    likely = log_softmax(logits / temperature, axis=1)
    return -float(np.mean(likely[np.arange(len(label)), label]))


def fit_temperature(
    probabilities: npt.NDArray[np.floating[Any]], label: npt.NDArray[np.int64]
) -> float:
    """Return the temperature, from 0.25 to 4, under which the labels are most likely.

    Args:
        probabilities: shape (n, classes), of faces that the network was not trained on.
        label: shape (n,), which class is the true one.
    """
    low, high = np.log(RANGE)
    found = minimize_scalar(
        lambda value: nll(probabilities, label, float(np.exp(value))),
        bounds=(low, high),
        method="bounded",
    )
    return float(np.exp(found.x))


def apply(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a network that ``network.build`` made; labels stay what they are."""
    layer = model.get_layer(network.HEAD).get_layer(network.SCORES)
    layer.set_weights([weight / temperature for weight in layer.get_weights()])
