"""How far a figure may be off by the choice of pictures: bootstrap intervals."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from maskdet.labels.ap import ratio
from maskdet.progress import SILENT, Progress

RESAMPLES = 1000

Floats = npt.NDArray[np.float64]
Figure = dict[str, float | None]
"""``value``, and ``low`` and ``high`` of its 95 % interval; None where there is none."""

_PERCENTILES = (2.5, 97.5)


class Bootstrap:
    """Draws whole pictures with replacement (Efron, 1979): faces of one picture are alike.

    ``weights`` says how often each draw has each picture: float64, shape (resamples, pictures).
    """

    def __init__(self, pictures: int, resamples: int = RESAMPLES, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.pictures = pictures
        self.weights = np.zeros((resamples if pictures else 0, pictures))
        for row in self.weights:
            row[:] = np.bincount(random.integers(0, pictures, pictures), minlength=pictures)

    def figures(
        self, measure: Callable[[Floats], Mapping[str, float]], progress: Progress = SILENT
    ) -> dict[str, Figure]:
        """Return figures with their intervals.

        Args:
            measure: returns figures by name (nan for one that has no value), given how often
                each picture counts: float64, shape (pictures,).
            progress: makes the bar.
        """
        drawn = [
            measure(weights)
            for weights in progress(self.weights, desc="bootstrap", unit="draw", leave=False)
        ]
        return {
            name: _figure(value, np.array([values[name] for values in drawn]))
            for name, value in measure(np.ones(self.pictures)).items()
        }

    def counts(self, pictures: npt.ArrayLike) -> Floats:
        """Return how many faces each picture has: float64, shape (pictures,).

        Args:
            pictures: the number of the picture of each face.
        """
        numbers = np.asarray(pictures, np.int64)
        return np.bincount(numbers, minlength=self.pictures).astype(np.float64)

    def share(self, part: npt.ArrayLike, whole: npt.ArrayLike) -> Figure:
        """Return a share of faces with its interval.

        Args:
            part, whole: how many faces each picture has, shape (pictures,).
        """
        some, every = np.asarray(part, np.float64), np.asarray(whole, np.float64)
        return _figure(
            ratio(some.sum(), every.sum()),
            np.divide(
                self.weights @ some,
                totals := self.weights @ every,
                out=np.full(len(totals), np.nan),
                where=totals > 0,
            ),
        )


def _figure(value: float, drawn: Floats) -> Figure:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of draws that are all nan
        low, high = np.nanpercentile(drawn, _PERCENTILES) if len(drawn) else (np.nan, np.nan)
    return {"value": _rounded(value), "low": _rounded(low), "high": _rounded(high)}


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def nested(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Return figures whose names are paths (``by_class/with_mask/f1``) as dicts of dicts."""
    tree: dict[str, Any] = {}
    for name, figure in figures.items():
        *folders, last = name.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = figure
    return tree
