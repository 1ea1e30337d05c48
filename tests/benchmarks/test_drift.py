"""Streams of pictures that drift and that do not: known readings in, known figures out."""

import numpy as np
import pytest
from scipy.stats import hypergeom, ks_2samp, mannwhitneyu

from benchmarks import drift as bench
from benchmarks.drift_pictures import KINDS, LINE, drifted
from benchmarks.results import write
from fullcircle.core.progress import silent
from fullcircle.evaluation import drift
from fullcircle.reading.reader import Reading

TINY = bench.DriftSettings(streams=2, reference=30, pictures=30, drifted=20, repetitions=3)


def made(n, rng):
    """Readings of lines at every level, as good as their noise lets them be; one in fifty is explained badly."""
    sigmas = np.tile(bench.SIGMAS, (n, 1))
    explained = np.where(rng.random((n, 4)) < 0.02, rng.random((n, 4)), 1)
    error = (sigmas / 255) ** 2 * rng.normal(1, 0.02, (n, 4))
    return np.stack([explained, -error, 1 - rng.random((n, 4)) * (sigmas + 1) / 100, sigmas], axis=-1)


def test_alarms_of_a_stream_are_those_of_the_library(rng):
    test, mixed = made(40, rng), made(200, rng)[np.arange(200), rng.integers(4, size=200)]
    mixed[120:, 0] -= rng.random(80) * (rng.random(80) < 0.3)
    ends = np.arange(100, 201, 4)
    reference = {"id": np.repeat(np.arange(40), 4), "noise_sigma_level": test[..., 3].ravel()}
    reference |= {
        name: sign * test[..., i].ravel() for i, (name, sign) in enumerate(zip(drift.FIGURES, bench.SIGNS, strict=True))
    }
    expected = []
    for end in ends:
        rows = mixed[end - 100 : end]
        window = {name: sign * rows[:, i] for i, (name, sign) in enumerate(zip(drift.FIGURES, bench.SIGNS, strict=True))}
        expected.append(drift.compare(reference, window | {"noise_sigma_level": rows[:, 3]}, 0.05).alarm)
    assert bench.alarms(test, mixed, ends, level=0.05).tolist() == expected
    assert {True, False} == set(expected)


def test_the_other_tests_are_those_of_scipy(rng):
    reference, window = rng.normal(size=(40, 250)), rng.normal(rng.uniform(-0.9, 0, (40, 1)), 1, (40, 100))
    window = np.round(window, 1)  # ties
    reference = np.round(reference, 1)
    level, which = 1e-3, np.arange(40)[::-1]
    pairs = list(zip(window, reference[which], strict=True))
    ranked = [mannwhitneyu(w, r, alternative="less", method="asymptotic").pvalue <= level for w, r in pairs]
    assert bench.by_mann_whitney(reference, which, window, level).tolist() == ranked
    # The limit law of D, which SciPy corrects for the sizes: D itself is compared.
    least = np.sqrt(-np.log(level) / 2 * (1 / 250 + 1 / 100))
    apart = [ks_2samp(w, r, alternative="greater").statistic >= least for w, r in pairs]
    assert bench.by_kolmogorov(reference, which, window, level).tolist() == apart
    assert {True, False} == set(ranked) == set(apart)


def test_the_normal_law_of_mann_and_whitney_is_too_bold_where_values_are_tied():
    """Seven of 350 readings are bad: how often all are among the last 100 by chance, and how often it says so."""
    n, m, bad = 250, 100, 7
    level = bench.LEVEL / 3
    p_value = mannwhitneyu(np.arange(m) >= bad, np.ones(n), alternative="less", method="asymptotic").pvalue
    chance = hypergeom.sf(bad - 1, n + m, m, bad)
    assert p_value <= level < chance / 3
    assert (drift.chances(np.full(4, bad), n, m) >= chance).all()


def test_so_many_are_enough_for_a_share():
    assert bench._within(np.array([3.0, 1, np.inf, 2]), 0.5) == 2
    assert bench._within(np.array([3.0, 1, np.inf, 2]), 0.75) == 3
    assert bench._within(np.array([3.0, 1, np.inf, 2]), 0.9) == np.inf


@pytest.mark.parametrize("name", KINDS)
def test_pictures_of_a_kind_are_pictures_of_the_canvas(name):
    kind = KINDS[name]
    for noise in (False, True):
        images = drifted(kind, 12, noise, np.random.default_rng(5))
        assert (images.shape, images.dtype) == ((12, *LINE.image_shape), np.uint8)
        before = drifted(KINDS["none"], 12, noise, np.random.default_rng(5))
        changed = (images != before).any(axis=(1, 2))
        assert changed.sum() == 0 if name == "none" else 0 < changed.mean() <= 1
    again = drifted(kind, 12, True, np.random.default_rng(5))
    assert np.array_equal(images, again)


def test_a_share_of_a_kind_leaves_the_others_as_they_are():
    before, after = (drifted(KINDS[name], 200, False, np.random.default_rng(6)) for name in ("none", "some arcs"))
    assert 20 <= (before != after).any(axis=(1, 2)).sum() <= 60


def test_what_is_harmless_is_drawn_by_the_class_too(rng):
    specs = LINE.factors.sample(5, rng)
    turned = specs.copy()
    for name in ("line_grey", "background_grey"):
        turned[:, LINE.factors.index(name)] = 255 - specs[:, LINE.factors.index(name)]
    assert np.array_equal(KINDS["inverted"].make(specs, rng), LINE.render(turned))


class Sharp:
    """A reader that knows noise, and what is no line by its mean being odd."""

    def read(self, images, rng):
        n = len(images)
        sigmas = images[:, :8].reshape(n, -1).std(axis=1)
        known = np.where(images.reshape(n, -1).astype(int).sum(axis=1) % 50, 1.0, 0.9)
        return Reading(np.zeros((n, 7)), (sigmas / 255) ** 2, sigmas < 0, known, np.ones(n, int), sigmas, known, known)


def test_a_run_reads_everything_once_and_makes_three_tables(monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "KINDS", {name: KINDS[name] for name in ("noise", "none")})
    monkeypatch.setattr(bench, "TICKS", 60)
    pool = bench.gather(Sharp(), TINY, silent)
    assert pool.test.shape == (60, 4, 4)
    assert {name: values.shape for name, values in pool.mixes.items()} == dict.fromkeys(
        (bench.CLEAN, bench.TRAINED, bench.TESTED), (60, 4)
    )
    assert np.array_equal(pool.mixes[bench.CLEAN], pool.test[:, 0])
    assert [(len(clean), len(noisy)) for clean, noisy in pool.kinds.values()] == [(20, 20), (20, 20)]
    # Known readings instead: noise is twice what was tested, so that its redraw error is beyond all of test.
    rng = np.random.default_rng(1)
    test = made(60, rng)
    twice = test[:20, 3] * [1, 4, 1, 2]
    pool = bench.Pool(
        test, {bench.CLEAN: test[:, 0], bench.TRAINED: test[:, 2]}, {"noise": (twice,) * 2, "none": (test[:20, 0],) * 2}
    )
    outcome = bench.outcome(pool, {"encoder": "e" * 20}, TINY, silent)
    found, beside, years = outcome.tables
    assert [row["pictures"] for row in found.rows] == [KINDS["noise"].about, "no drift"]
    assert 5 < found.rows[0]["clean: half"] == found.rows[0]["clean: 90 %"] < 40
    assert found.rows[1]["clean: half"] == np.inf
    assert beside.rows[0]["Kolmogorov-Smirnov, clean"] > beside.rows[0]["ours, clean"] == found.rows[0]["clean: half"]
    assert [row["years"] for row in years.rows] == [2, 2]
    assert [row["false alarms a year"] for row in years.rows] == [0, 0]
    assert all(30 < row["tests a year"] < 60 for row in years.rows)  # no test where nothing came
    machine = {"date": "", "cores": 2, "processor": "", "memory_gib": 1, "load_at_start": 0.0}
    page = write(tmp_path, bench.BENCHMARK, TINY, machine, 0.0, 2.0, outcome)
    assert "encoder `eeeeeeeeeeee`" in page.read_text()


def test_an_alarm_within_a_window_of_another_is_the_same(monkeypatch, rng):
    monkeypatch.setattr(bench, "TICKS", 100)
    monkeypatch.setattr(bench, "alarms", lambda test, stream, ends: np.ones(len(ends), bool))
    pool = bench.Pool(made(60, rng), {bench.CLEAN: made(60, rng)[:, 0]}, {})
    assert bench.false_alarms(pool, bench.CLEAN, TINY, np.random.default_rng(2))[0] == 2  # about 200 pictures
