"""Intervals against what mathematics says of them."""

import numpy as np
import pytest

from fullcircle.evaluation import bootstrap as module
from fullcircle.evaluation.bootstrap import resampled, split_differences


def mean(errors):
    return {"mean": float(errors["mse"].mean()), "none": None}


def of(values):
    return {"mse": np.asarray(values, np.float64)}


def test_the_spread_is_that_of_a_mean(rng):
    values = rng.normal(3, 2, 400)
    draws = resampled(of(values), mean, rng)
    assert draws["mean"].shape == (module.RESAMPLES,)
    assert draws["mean"].mean() == pytest.approx(values.mean(), abs=0.02)
    assert draws["mean"].std() == pytest.approx(values.std() / 20, rel=0.1)
    assert np.isnan(draws["none"]).all()


def test_a_gap_has_the_interval_of_a_difference(rng):
    valid, test = rng.normal(3, 2, 100), rng.normal(3, 2, 400)
    (difference,) = split_differences({"g": (of(valid), of(test), mean)}, seed=1)["g"].values()
    deviation = np.hypot(valid.std() / 10, test.std() / 20)
    assert difference["difference"] == pytest.approx(test.mean() - valid.mean())
    assert difference["deviation"] == pytest.approx(deviation, rel=0.1)
    assert difference["high"] - difference["low"] == pytest.approx(2 * 1.96 * deviation, rel=0.12)
    assert difference == split_differences({"g": (of(valid), of(test), mean)}, seed=1)["g"]["mean"]


def test_equal_laws_are_within_chance_and_others_are_not(rng):
    same, other = rng.normal(3, 2, 300), rng.normal(4, 2, 300)
    found = split_differences({"same": (of(same), of(same), mean), "other": (of(same), of(other), mean)}, seed=1)
    assert found["same"]["mean"]["holds_zero"]
    assert not found["same"]["mean"]["beyond_chance"]
    assert not found["other"]["mean"]["holds_zero"]
    assert found["other"]["mean"]["beyond_chance"]


def test_of_many_figures_one_in_twenty_may_leave_out_zero_but_none_is_beyond_chance(rng):
    groups = {str(i): (of(rng.normal(size=50)), of(rng.normal(size=50)), mean) for i in range(60)}
    found = [g["mean"] for g in split_differences(groups, seed=1).values()]
    assert 0 < sum(not g["holds_zero"] for g in found) < 10
    assert not any(g["beyond_chance"] for g in found)


def test_a_split_without_pictures_has_no_difference():
    assert split_differences({"g": (of([]), of([1.0]), mean)}, seed=1) == {}
