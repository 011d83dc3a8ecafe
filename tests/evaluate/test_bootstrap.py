from __future__ import annotations

import math

import numpy as np
import pytest

from maskdet.evaluate.bootstrap import Bootstrap, nested


def test_a_draw_has_as_many_pictures() -> None:
    bootstrap = Bootstrap(7, 50)
    assert bootstrap.weights.shape == (50, 7)
    assert set(bootstrap.weights.sum(1)) == {7.0}
    np.testing.assert_array_equal(bootstrap.weights, Bootstrap(7, 50).weights)


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution() -> None:
    hits = np.repeat([1, 0], [80, 20])
    figure = Bootstrap(100, 4000).share(hits, np.ones(100))
    assert figure["value"] == 0.8
    # The 2.5 and 97.5 percentiles of 100 throws at 0.8.
    assert figure["low"] == pytest.approx(0.72, abs=0.015)
    assert figure["high"] == pytest.approx(0.87, abs=0.015)


def test_faces_of_one_picture_stay_together() -> None:
    one_picture = Bootstrap(1, 20).share([3], [4])
    assert one_picture == {"value": 0.75, "low": 0.75, "high": 0.75}
    apart = Bootstrap(4, 200).share([1, 1, 1, 0], [1, 1, 1, 1])
    assert apart["low"] is not None
    assert apart["low"] < 0.75


def test_figures_and_shares_agree() -> None:
    part, whole = np.array([1, 0, 3]), np.array([2, 1, 3])
    bootstrap = Bootstrap(3, 100)
    figures = bootstrap.figures(lambda weights: {"share": weights @ part / (weights @ whole)})
    assert figures["share"] == bootstrap.share(part, whole)


@pytest.mark.parametrize("bootstrap", [Bootstrap(2, 0), Bootstrap(2, 5)])
def test_what_has_no_value_has_no_interval(bootstrap: Bootstrap) -> None:
    nothing = {"value": None, "low": None, "high": None}
    assert bootstrap.share([0, 0], [0, 0]) == nothing
    assert bootstrap.figures(lambda _: {"a": math.nan}) == {"a": nothing}


def test_without_draws_there_is_a_value() -> None:
    assert Bootstrap(2, 0).share([1, 0], [1, 1]) == {"value": 0.5, "low": None, "high": None}


def test_paths_become_folders() -> None:
    figure = Bootstrap(1, 0).share([1], [1])
    assert nested({"a/b/c": figure, "a/d": figure, "e": figure}) == {
        "a": {"b": {"c": figure}, "d": figure},
        "e": figure,
    }
