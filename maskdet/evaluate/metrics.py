"""How good a classifier is on faces whose class is known. Needs scikit-learn (extra ``train``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from maskdet.classes import CLASSES, WITH_MASK
from maskdet.labels.ap import ratio

BINS = 15
"""Of the reliability diagram and the expected calibration error (Guo et al., 2017)."""

MASKED = CLASSES.index(WITH_MASK)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces with their true class and what was said of them.

    ``truth`` (int64, shape (n,)) counts in ``CLASSES``; ``scores`` are the probabilities of
    ``CLASSES`` (float64, shape (n, len(CLASSES))); ``picture`` (int64, shape (n,)) is the number
    of the picture that each face is in.
    """

    truth: Ints
    scores: Floats
    picture: Ints

    @property
    def guess(self) -> Ints:
        """The most probable class: int64, shape (n,)."""
        return np.asarray(self.scores.argmax(axis=1), np.int64)

    @property
    def present(self) -> list[int]:
        """The classes that there is a true face of."""
        return [label for label in range(len(CLASSES)) if (self.truth == label).any()]

    def counts(self) -> list[list[int]]:
        """Return the confusion matrix: a row a true class, a column a predicted one."""
        matrix = confusion_matrix(self.truth, self.guess, labels=range(len(CLASSES)))
        rows: list[list[int]] = matrix.tolist()
        return rows


def classification(faces: Faces, weights: Floats) -> dict[str, float]:
    """Measure a classifier.

    Means over classes (``balanced_accuracy``, which is the macro recall, and ``macro_...``) are
    over those that the data hold. Curves (``roc_auc``, ``average_precision``) are of one class
    against the others. What cannot be said, of a class without a face, is nan.

    Args:
        faces: at least one.
        weights: how often each picture counts, shape (pictures,).

    Returns:
        Figures by name, those of a class as ``by_class/CLASS/...``.
    """
    weight = weights[faces.picture]
    used = weight > 0
    truth, guess, scores = faces.truth[used], faces.guess[used], faces.scores[used]
    weight = weight[used]
    labels = range(len(CLASSES))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, guess, labels=labels, sample_weight=weight, zero_division=0
    )
    precision[support == 0] = recall[support == 0] = f1[support == 0] = np.nan
    present = faces.present
    figures = {
        "accuracy": _mean(truth == guess, weight),
        "balanced_accuracy": _over(recall, present),
        "macro_precision": _over(precision, present),
        "macro_f1": _over(f1, present),
        "two_class_accuracy": _mean((truth == MASKED) == (guess == MASKED), weight),
        "ece": calibration_error(truth, scores, weight),
    }
    for label in labels:
        place, own = f"by_class/{CLASSES[label]}", truth == label
        figures[f"{place}/precision"] = float(precision[label])
        figures[f"{place}/recall"] = float(recall[label])
        figures[f"{place}/f1"] = float(f1[label])
        both = own.any() and not own.all()
        for name, score in (("roc_auc", roc_auc_score), ("average_precision", _precision_score)):
            value = score(own, scores[:, label], sample_weight=weight) if both else math.nan
            figures[f"{place}/{name}"] = float(value)
    return figures


def _precision_score(truth: Any, score: Any, sample_weight: Floats) -> float:
    return float(average_precision_score(truth, score, sample_weight=sample_weight))


def _mean(values: npt.NDArray[np.bool_], weight: Floats) -> float:
    return ratio(float(weight @ values), float(weight.sum()))


def _over(values: Floats, labels: Sequence[int]) -> float:
    known = values[list(labels)]
    return float(np.nanmean(known)) if not np.isnan(known).all() else math.nan


@dataclass(frozen=True, slots=True)
class Bin:
    """Faces whose best class has a probability over ``low`` up to ``high``.

    ``confidence`` is its mean, ``accuracy`` the share that is right; both nan without a face.
    """

    low: float
    high: float
    faces: float
    confidence: float
    accuracy: float


def bins(scores: Floats) -> Ints:
    """Return the number of the bin of each face, by the probability of its best class.

    Args:
        scores: probabilities, shape (n, classes).
    """
    place = np.ceil(scores.max(axis=1) * BINS).astype(np.int64) - 1
    return np.asarray(place.clip(0, BINS - 1), np.int64)


def reliability(truth: Ints, scores: Floats, weight: Floats | None = None) -> list[Bin]:
    """Sort faces by the probability of their best class, and see how many are right.

    Args:
        truth: int64, shape (n,), columns of ``scores``.
        scores: probabilities, shape (n, classes).
        weight: how often each face counts, shape (n,); None for once.
    """
    counts = np.ones(len(truth)) if weight is None else weight
    best = scores.max(axis=1)
    right = scores.argmax(axis=1) == truth
    place = bins(scores)
    faces, sure, hits = (
        np.bincount(place, counts * values, BINS) for values in (np.ones(len(best)), best, right)
    )
    return [
        Bin(
            k / BINS,
            (k + 1) / BINS,
            float(faces[k]),
            ratio(sure[k], faces[k]),
            ratio(hits[k], faces[k]),
        )
        for k in range(BINS)
    ]


def calibration_error(truth: Ints, scores: Floats, weight: Floats | None = None) -> float:
    """Return the expected calibration error over ``BINS`` bins of equal width, 0 to 1.

    Naeini, Cooper, Hauskrecht, 2015; Guo et al., 2017. Arguments as of ``reliability``.
    """
    filled = [item for item in reliability(truth, scores, weight) if item.faces]
    gaps = sum(item.faces * abs(item.accuracy - item.confidence) for item in filled)
    return ratio(gaps, sum(item.faces for item in filled))
