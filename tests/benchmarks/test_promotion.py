"""Simulated weeks: what is counted where the truth is known."""

import numpy as np
import pytest

from benchmarks import promotion
from fullcircle.core.progress import silent
from fullcircle.promotion.settings import ChampionSettings

SETTINGS = ChampionSettings(pictures=100)


def read(exact, points=1.0, n=400):
    level = {"exact": (np.arange(n) < exact * n).astype(float), "points": np.full(n, points), "spec": np.zeros(n)}
    return {"clean": level, "noisy": dict(level)}


def test_one_that_is_as_good_is_promoted_every_week_and_never_wrongly(rng):
    found = promotion.weeks_of([read(0.9), read(0.9)], 20, SETTINGS, rng)
    assert found == {"weeks": 20, "promoted": 1.0, "wrongly": 0.0, "least share served": 0.9}


def test_one_that_is_far_worse_never_is(rng):
    found = promotion.weeks_of([read(0.9), read(0.5)], 20, SETTINGS, rng)
    assert (found["promoted"], found["least share served"]) == (0.0, 0.9)


@pytest.mark.parametrize(("points", "worse"), [(1.5, False), (2.5, True)])
def test_truly_worse_is_beyond_a_margin_on_the_whole_pool(points, worse):
    assert promotion.truly_worse(read(0.9, points), read(0.9), SETTINGS) is worse
    assert not promotion.truly_worse(read(0.9), read(0.9, points), SETTINGS)


def test_readings_are_spoiled_by_the_share_that_is_asked_for(rng):
    bad = promotion.spoiled(read(0.9), 0.05, rng)
    assert bad["clean"]["exact"].mean() == pytest.approx(0.85)
    assert bad["noisy"]["exact"].mean() == pytest.approx(0.9)


def test_what_is_much_worse_is_refused_and_what_is_not_worse_is_not(rng):
    pool = [read(0.9), read(0.9)]
    assert promotion.refusals(pool, 0.5, 10, SETTINGS, rng)["refused"] == 1
    assert promotion.refusals(pool, 0.0, 10, SETTINGS, rng)["refused"] == 0


def test_the_outcome_has_three_tables(monkeypatch):
    monkeypatch.setattr(promotion, "pool_of", lambda settings, champion, progress: [read(0.9), read(0.88)])
    outcome = promotion.run(promotion.PromotionBenchmarkSettings(weeks=5), silent)
    assert [len(table.rows) for table in outcome.tables] == [2, 1, len(promotion.WORSE_POINTS)]
    assert all(table.markdown() for table in outcome.tables)
