"""Drift against what mathematics says of it: exact laws by counting, false alarms by the binomial law, known drifts."""

import itertools
import json

import numpy as np
import pytest
from scipy.stats import binom

from fullcircle.data.settings import ExamplesSettings
from fullcircle.evaluation import drift
from fullcircle.evaluation.drift import FIGURES, compare, level_per_test, matched, widened

SIGMAS = np.array([0, 5.1, 12.75, 25.5], np.float32)
HOURLY = level_per_test(1, 3600)


def readings(sigmas, rng):
    """As a reader has them that is as good as its pictures: what is left is noise, and noise makes it less sure."""
    n = len(sigmas)
    return {
        "noise_sigma_level": np.asarray(sigmas),
        "explained": 1 - rng.exponential(0.01, n),
        "redraw_mse": np.asarray(sigmas) ** 2 / 255**2 * rng.normal(1, 0.02, n),
        "confidence": 1 - rng.uniform(size=n) * (0.01 + np.asarray(sigmas) / 100),
    }


def on_test(n, rng):
    """Readings of n test pictures at every level."""
    return {"id": np.repeat([f"{i:x}" for i in rng.permutation(n)], len(SIGMAS))} | readings(np.tile(SIGMAS, n), rng)


def replaced(rows, **columns):
    return rows | {name: np.asarray(values) for name, values in columns.items()}


def test_the_levels_of_a_year_add_up_to_its_false_alarms():
    assert level_per_test(1, 3600) * 365.25 * 24 == pytest.approx(1)
    assert level_per_test(0.5, 86400) * 365.25 == pytest.approx(0.5)
    assert level_per_test(500, 86400) == 1


@pytest.mark.parametrize(("rate", "seconds", "name"), [(0, 60, "false_alarms_per_year"), (1, -1, "seconds")])
def test_a_level_needs_a_rate_and_a_time(rate, seconds, name):
    with pytest.raises(ValueError, match=f"{name} is expected to be greater than 0. Received: "):
        level_per_test(rate, seconds)


def test_chances_are_those_of_all_orders_counted():
    n, m = 6, 4
    orders = np.array([[i in chosen for i in range(n + m)] for chosen in itertools.combinations(range(n + m), m)])
    values = np.arange(n + m)
    ours = np.array([values[order] for order in orders])
    theirs = np.array([values[~order] for order in orders])
    beyond = drift.count_beyond(ours, drift.limits_of(theirs))
    for x in range(m + 1):
        counted = (beyond >= x).mean(axis=0)
        assert drift.chances(np.full(len(drift.DEPTHS), x), n, m) == pytest.approx(counted)
    assert drift.ranks(n).tolist() == [1, 1, 1, 3]


def test_ranks_are_shares_of_the_test_pictures():
    assert drift.ranks(250).tolist() == [1, 5, 25, 100]


@pytest.mark.parametrize("tied", [False, True])
def test_alarms_are_no_more_frequent_than_their_level(tied):
    """At a level where the test is nearly exhausted, so that any error of the law or of the shares shows."""
    rng, level, times = np.random.default_rng(3), 0.3, 250
    alarms = 0
    for _ in range(times):
        reference, window = on_test(25, rng), readings(rng.choice(SIGMAS, 30), rng)
        if tied:
            for rows in (reference, window):
                rows["explained"] = np.where(rng.random(len(rows["explained"])) < 0.1, 0.5, 1)
                rows["redraw_mse"] = np.where(rows["noise_sigma_level"] == 0, 0, rows["redraw_mse"])
        alarms += compare(reference, window, level).alarm
    assert alarms <= binom.ppf(0.9999, times, level)
    assert tied or alarms >= 10  # it is a test that can alarm


def test_a_year_of_tests_has_the_alarms_of_a_year():
    """Fails where each test has the level of the whole year, or each figure or depth that of the test."""
    rng, years, tests = np.random.default_rng(4), 10, 40
    level = level_per_test(2, drift.YEAR / tests)
    found = [compare(on_test(40, rng), readings(rng.choice(SIGMAS, 40), rng), level).alarm for _ in range(years * tests)]
    assert sum(found) <= binom.ppf(0.9999, years * tests, 2 / tests)
    undivided = [compare(on_test(40, rng), readings(rng.choice(SIGMAS, 40), rng), 1.0).alarm for _ in range(tests)]
    assert sum(undivided) > binom.ppf(0.9999, tests, 2 / tests)


def test_figures_and_depths_share_the_level(rng):
    """One figure alone is compared at a third of it, one depth alone at a quarter of that."""
    n, m = 250, 100
    reference = on_test(n, rng)
    window = readings(np.zeros(m), rng)
    worst = reference["explained"][reference["noise_sigma_level"] == 0].min()
    for beyond in (9, 10):
        few = replaced(window, explained=np.where(np.arange(m) < beyond, worst - 0.1, 1.0), redraw_mse=np.zeros(m))
        found = compare(reference, few, HOURLY)
        one = float(drift.chances(np.full(len(drift.DEPTHS), beyond), n, m)[0])
        assert found.figures["explained"].p_value == pytest.approx(4 * one)
        assert found.alarm == (12 * one <= HOURLY) == (beyond == 10)


@pytest.mark.parametrize("name", FIGURES)
def test_what_is_worse_alarms_and_what_is_better_does_not(name, rng):
    reference, window = on_test(100, rng), readings(rng.choice(SIGMAS, 50), rng)
    sign = -1 if FIGURES[name] == "less" else 1
    worse = compare(reference, replaced(window, **{name: window[name] + sign * 0.5}), HOURLY)
    better = compare(reference, replaced(window, **{name: window[name] - sign * 0.5}), HOURLY)
    assert (worse.alarm, worse.worst) == (True, name)
    assert worse.figures[name].now - worse.figures[name].on_test == pytest.approx(sign * 0.5, abs=0.1)
    assert not better.alarm
    assert better.figures[name].p_value == 1


def test_clean_pictures_that_are_read_exactly_are_no_drift(rng):
    reference = on_test(100, rng)
    clean = reference["noise_sigma_level"] == 0
    reference |= {"explained": np.where(clean, 1.0, 0.9), "redraw_mse": np.where(clean, 0.0, 0.1)}
    window = {name: values[clean][:50] for name, values in reference.items()}
    found = compare(reference, window, HOURLY)
    assert {name: figure.p_value for name, figure in found.figures.items() if name != "confidence"} == {
        "explained": 1,
        "redraw_mse": 1,
    }
    assert not found.alarm


@pytest.mark.parametrize(
    ("noise", "alarm"),
    [((0, 0), False), ((0.1, 0.3), False), ((0, 25.5), False), ((20, 25.5), False), ((4, 6), False), ((35, 45), True)],
)
def test_noise_within_the_tested_range_is_no_drift_in_any_mix(noise, alarm, rng):
    found = compare(on_test(250, rng), readings(rng.uniform(*noise, 100), rng), HOURLY)
    assert (found.alarm, found.worst == "redraw_mse") == (alarm, alarm or found.worst == "redraw_mse")


def test_each_test_picture_is_compared_at_one_level_in_shares_as_they_arrive(rng):
    reference = on_test(40, rng)
    like = matched(reference, np.array([0, 0, 0.1, 5.9, 11, 13, 26, 90.0]))
    assert np.array_equal(np.unique(like["noise_sigma_level"], return_counts=True), [SIGMAS, [10, 5, 15, 10]])
    assert like["noise_sigma_level"][:10].tolist() == [0] * 10
    for name, values in like.items():
        assert np.array_equal(values[:10], reference[name][:40:4])  # the first pictures, clean
        assert np.array_equal(values[30:], reference[name][123::4])  # the last ones, at the highest level


def test_what_was_found_is_one_sentence_and_plain_data(rng):
    reference = replaced(on_test(25, rng), explained=np.ones(100))
    window = replaced(readings(np.zeros(20), rng), explained=np.r_[np.full(12, 0.25), np.ones(8)], redraw_mse=np.zeros(20))
    found = compare(reference, window, HOURLY)
    assert found.sentence.startswith(
        "Drift: explained is below 1 in 12 of the last 20 pictures, and in 0 of 25 test pictures with as much noise (p "
    )
    assert found.sentence.endswith(", alarm from 3.8e-05).")
    plain = json.loads(json.dumps(found.as_dict()))
    assert (plain["alarm"], plain["worst"], plain["pictures"], plain["reference"]) == (True, "explained", 20, 25)
    assert plain["figures"]["explained"] == {
        "p_value": pytest.approx(4 * float(drift.chances(np.full(4, 12), 25, 20)[0])),
        "rank": 1,
        "limit": 1.0,
        "beyond": 12,
        "beyond_on_test": 0,
        "on_test": 1.0,
        "now": 0.25,
    }
    reference["explained"][::40] = 0.5  # three of the 25 pictures without noise: the limit of a deeper rank is 1 all the same
    assert " is below 1 in 19 of the last 20 pictures, and in 3 of 25 test pictures " in (
        compare(reference, replaced(window, explained=np.r_[np.full(19, 0.6), 1]), HOURLY).sentence
    )
    assert compare(reference, replaced(window, explained=np.ones(20)), HOURLY).sentence.startswith("No drift: ")


def test_readings_that_cannot_be_compared_are_refused(rng):
    reference, window = on_test(30, rng), readings(np.zeros(30), rng)

    def some(rows, n):
        return {name: values[:n] for name, values in rows.items()}

    unsure = np.full(30, np.nan)
    for arguments, message in (
        ((reference, some(window, 19)), "At least 20 pictures are expected. Received: 19."),
        ((some(reference, 40), window), "At least 20 test pictures are expected. Received: 10."),
        (
            (some(reference, 119), window),
            "one for each of 30 pictures at each of 4 noise levels, of one step of the reader. Rec",
        ),
        ((reference, replaced(window, confidence=unsure)), "Readings of what arrived are expected to have a confidence each."),
        ((replaced(reference, confidence=np.full(120, np.nan)), window), "Readings of test are expected to have a confidence"),
    ):
        with pytest.raises(ValueError, match=message):
            compare(*arguments, HOURLY)


@pytest.mark.parametrize(
    ("seen", "law", "most", "overrides", "sentence"),
    [
        (
            38.2,
            "uniform",
            25.5,
            {"noise_max_sigma": 41.0},
            "examples.noise_max_sigma 25.5 -> 41: the noise of 95% of the last 100",
        ),
        (27.0, "uniform", 25.5, {}, "examples.noise_max_sigma stays 25.5: the noise of 95% of the last 100"),
        (3.0, "uniform", 25.5, {}, "examples.noise_max_sigma stays 25.5: the noise of 95% of the last 100"),
        (254.0, "uniform", 25.5, {"noise_max_sigma": 255.0}, "examples.noise_max_sigma 25.5 -> 255: "),
        (
            5.0,
            "none",
            25.5,
            {"noise_law": "uniform", "noise_max_sigma": 6.0},
            "examples.noise_law none -> uniform, examples.noise",
        ),
        (0.0, "none", 25.5, {}, "examples.noise_max_sigma stays 25.5: "),
        (1.2, "article", 25.5, {}, "examples.noise_max_sigma stays 25.5: "),
        (9.0, "article", 25.5, {"noise_law": "uniform", "noise_max_sigma": 10.0}, "examples.noise_law article -> uniform, "),
    ],
)
def test_examples_are_widened_to_the_noise_that_was_seen(seen, law, most, overrides, sentence):
    sigmas = np.r_[np.full(97, seen), [200, 220, 240]]  # three pictures of gravel are not what arrives
    found = widened(sigmas, most, law)
    assert found.overrides == ({"examples": overrides} if overrides else {})
    assert found.sentence.startswith(sentence)
    assert found.sentence.endswith(f"pictures was at most {seen:.1f} grey levels.")
    ExamplesSettings(**overrides)


def test_laws_that_are_not_uniform_cover_what_they_are_known_for(rng):
    from fullcircle.images.noise import NOISE_LAWS, sample_sigmas

    assert set(drift.COVERED) == set(NOISE_LAWS) - {"uniform"}
    for law, most in drift.COVERED.items():
        assert np.quantile(sample_sigmas(law, 20_000, 25.5, rng), drift.SEEN) == pytest.approx(most, abs=0.02)
