from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskdet.evaluate.metrics import BINS, Faces, calibration_error, classification, reliability

WITH, WITHOUT, WRONG = range(3)


def faces(truth: list[int], scores: npt.ArrayLike, picture: list[int] | None = None) -> Faces:
    places = picture or list(range(len(truth)))
    return Faces(np.array(truth), np.array(scores, float).reshape(-1, 3), np.array(places))


def said(*labels: int) -> npt.NDArray[np.float64]:
    """Return probabilities of 0.8 for these classes."""
    return np.full((len(labels), 3), 0.1) + 0.7 * np.eye(3)[list(labels)]


def test_counted_by_hand() -> None:
    some = faces([WITH, WITH, WITH, WITHOUT, WRONG, WRONG], said(0, 0, 1, 1, 1, 2))
    figures = classification(some, np.ones(6))
    assert some.counts() == [[2, 1, 0], [0, 1, 0], [0, 1, 1]]
    assert figures["accuracy"] == pytest.approx(4 / 6)
    assert figures["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert figures["by_class/without_mask/precision"] == pytest.approx(1 / 3)
    assert figures["by_class/without_mask/f1"] == pytest.approx(1 / 2)
    assert figures["macro_f1"] == pytest.approx((4 / 5 + 1 / 2 + 2 / 3) / 3)
    # Worn wrongly and taken for none: right where there are two classes.
    assert figures["two_class_accuracy"] == pytest.approx(5 / 6)
    assert figures["ece"] == pytest.approx(0.8 - 4 / 6)
    # The bare face beside five others, of which two have the same score.
    assert figures["by_class/without_mask/roc_auc"] == pytest.approx((3 + 2 * 0.5) / 5)


def test_a_class_that_the_data_lack_has_no_figures() -> None:
    figures = classification(faces([WITH, WITHOUT], said(0, 2)), np.ones(2))
    assert all(math.isnan(value) for name, value in figures.items() if "incorrectly" in name)
    assert figures["macro_f1"] == 0.5
    assert figures["balanced_accuracy"] == 0.5


def test_a_draw_without_a_class_says_nothing_of_it() -> None:
    some = faces([WITH, WITHOUT, WRONG], said(0, 1, 2))
    figures = classification(some, np.array([1.0, 1.0, 0.0]))
    assert figures["macro_precision"] == figures["macro_f1"] == 1
    assert math.isnan(figures["by_class/mask_worn_incorrectly/precision"])


def test_a_class_that_the_model_lacks_is_never_right() -> None:
    figures = classification(faces([WITH, WRONG], [[0.9, 0.1, 0], [0.2, 0.8, 0]]), np.ones(2))
    assert figures["by_class/mask_worn_incorrectly/recall"] == 0
    assert figures["by_class/mask_worn_incorrectly/precision"] == 0
    assert figures["by_class/mask_worn_incorrectly/roc_auc"] == 0.5
    assert figures["macro_f1"] == 0.5


def test_weights_are_repetitions() -> None:
    random = np.random.default_rng(1)
    scores = random.dirichlet(np.ones(3), 30)
    truth = random.integers(0, 3, 30).tolist()
    picture = np.repeat(np.arange(10), 3).tolist()
    drawn = random.integers(0, 10, 10)
    weighted = classification(
        faces(truth, scores, picture), np.bincount(drawn, minlength=10).astype(float)
    )
    chosen = [3 * place + k for place in drawn for k in range(3)]
    repeated = classification(faces([truth[k] for k in chosen], scores[chosen]), np.ones(30))
    assert weighted == pytest.approx(repeated, nan_ok=True)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
def test_the_truth_itself_is_perfect(truth: list[int]) -> None:
    figures = classification(faces(truth, np.eye(3)[truth]), np.ones(len(truth)))
    assert figures.pop("ece") == 0
    assert {value for value in figures.values() if not math.isnan(value)} == {1.0}


def test_bins_hold_every_face_once() -> None:
    scores = np.array([[0.5, 0.5, 0], [1, 0, 0], [0.4, 0.3, 0.3]])
    bins = reliability(np.array([0, 1, 0]), scores)
    assert len(bins) == BINS
    assert [item.faces for item in bins if item.faces] == [1, 1, 1]
    assert bins[-1].confidence == 1
    assert bins[-1].accuracy == 0
    expected = (0.5 + 1 + 0.6) / 3
    assert calibration_error(np.array([0, 1, 0]), scores) == pytest.approx(expected)
