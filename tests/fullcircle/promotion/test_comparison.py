"""Two models on the same pictures: gains, bounds, and how often a worse one passes."""

import numpy as np
import pytest

from fullcircle.promotion.comparison import Measure, compared, not_better, sentence, without_margin, worse


def measure(challenger, champion, margin=0.05, higher_is_better=True, **more):
    return Measure(
        "share", np.asarray(challenger, float), np.asarray(champion, float), margin, "exact_margin", higher_is_better,
        lambda v: f"{v:.3f}", **more,
    )  # fmt: skip


def test_the_gain_is_above_0_where_the_challenger_is_better_whatever_better_means(rng):
    up = compared([measure([1, 1, 0, 1], [0, 1, 0, 0])], 0.95, rng)["share"]
    down = compared([measure([1.0, 2.0], [2.0, 5.0], higher_is_better=False)], 0.95, rng)["share"]
    assert (up["challenger"], up["champion"], up["gain"]) == (0.75, 0.25, 0.5)
    assert down["gain"] == 2.0
    assert up["low"] <= up["gain"] <= up["high"]


def test_the_same_values_have_no_gain_and_no_width(rng):
    values = rng.random(50)
    found = compared([measure(values, values)], 0.95, rng)["share"]
    assert (found["gain"], found["low"], found["high"]) == (0, 0, 0)


def test_pairs_are_kept_together(rng):
    """Hard pictures are hard for both: the gain is known far better than either figure."""
    hard = rng.normal(size=400)
    found = compared([measure(hard + 0.01, hard)], 0.95, rng)["share"]
    assert found["high"] - found["low"] < 1e-9


def test_bounds_are_those_of_the_normal_law_for_a_mean(rng):
    gains = rng.normal(0.3, 2.0, 2000)
    found = compared([measure(gains, np.zeros(2000))], 0.95, rng)["share"]
    error = gains.std() / np.sqrt(2000)
    assert found["low"] == pytest.approx(gains.mean() - 1.645 * error, abs=0.3 * error)
    assert found["high"] == pytest.approx(gains.mean() + 1.645 * error, abs=0.3 * error)


def test_a_figure_of_all_pictures_is_made_of_each_draw(rng):
    summarise = lambda values: float(-10 * np.log10(values.mean()))  # noqa: E731
    found = compared([measure([0.01] * 9, [0.1] * 9, summarise=summarise)], 0.95, rng)["share"]
    assert found["gain"] == pytest.approx(10)
    assert found["low"] == pytest.approx(10)


def test_what_may_be_worse_and_what_is_not_certainly_better(rng):
    figures = compared([measure([0] * 40 + [1] * 60, [1] * 40 + [1] * 60)], 0.95, rng)
    assert worse(figures) == ["share"]
    assert not_better(figures) == ["share"]
    assert worse(compared([measure([1] * 100, [0] * 100)], 0.95, rng)) == []
    assert not_better(compared([measure([1] * 100, [0] * 100)], 0.95, rng)) == []


def test_a_margin_that_nobody_set_is_named_and_never_taken_for_kept(rng):
    figures = compared([measure([1, 1], [0, 0], margin=None)], 0.95, rng)
    assert without_margin(figures) == ["exact_margin"]


def test_figures_are_given_in_a_sentence(rng):
    figures = compared([measure([1, 1], [1, 1])], 0.95, rng)
    assert sentence(figures) == "share: 1.000 (champion 1.000), better by at least 0.000"


def passes(rng, true, pictures, figures=1, discordant=0.2):
    """Whether a challenger passes whose true share is so much smaller; pairs differ in a share of the pictures."""
    measures = []
    for _ in range(figures):
        draw = rng.random(pictures)
        loses, wins = (discordant + true) / 2, (discordant - true) / 2
        gain = np.where(draw < loses, -1, np.where(draw < loses + wins, 1, 0))
        measures.append(measure(gain, np.zeros(pictures)))
    return not worse(compared(measures, 0.95, rng))


def test_one_that_is_worse_by_the_margin_passes_no_more_often_than_stated():
    """At the margin itself 5 % pass; with 300 tries 5 standard errors above are 11.3 %."""
    rng = np.random.default_rng(11)
    share = np.mean([passes(rng, true=0.05, pictures=200) for _ in range(300)])
    assert share < 0.05 + 5 * np.sqrt(0.05 * 0.95 / 300)
    assert share > 0  # the bound is no idle one: the test is not so strict that nothing passes


def test_one_that_is_as_good_passes_mostly():
    rng = np.random.default_rng(12)
    assert np.mean([passes(rng, true=0.0, pictures=800, discordant=0.1) for _ in range(60)]) > 0.9
