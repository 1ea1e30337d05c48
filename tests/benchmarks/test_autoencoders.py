"""Autoencoders: a clock that counts training alone, known ratios, and both ways for a moment."""

import numpy as np
import pytest

from benchmarks import autoencoders
from benchmarks.autoencoders import ARRAYS, LINEAR, OURS, PICTURES, AutoencodersSettings, Course, clock, tables
from fullcircle.core.progress import silent
from fullcircle.data.sources import SOURCES
from fullcircle.models.autoencoders import AUTOENCODERS


def test_every_model_has_pictures_that_it_takes():
    assert set(PICTURES) == set(AUTOENCODERS)
    for model, source in PICTURES.items():
        assert AUTOENCODERS[model].takes(SOURCES[source].canvas)


def test_the_clock_counts_neither_compiling_nor_looks_at_valid():
    now = 100.0
    watch = clock(5.0, 10, lambda: now)

    class Model:
        stop_training = False

    watch.set_model(model := Model())
    watch.on_epoch_begin(0)
    now += 60  # compiles
    for batch in range(3):
        watch.on_train_batch_end(batch)
        now += 2
    assert (watch.spent, watch.pictures) == (4.0, 20)
    watch.on_test_begin()
    now += 100
    watch.on_train_batch_end(0)
    now += 1
    assert not model.stop_training
    watch.on_train_batch_end(1)
    assert (watch.spent, watch.pictures) == (5.0, 30) and model.stop_training


def test_ratios_are_those_of_known_courses():
    courses = {
        "vae": {ARRAYS: Course(1000, 10.0, 300.0, 12.0), OURS: Course(2000, 10.0, 290.0, 12.5)},
        "residual_vae": {ARRAYS: Course(500, 10.0, 280.0, 13.0), OURS: Course(500, 10.0, 270.0, 13.0)},
    }
    of_models, elbo = tables(courses, {"vae": 11.0, "residual_vae": 11.0})
    ours = of_models.rows[1]
    assert (ours["pace, ratio"], ours["above PCA, dB"]) == (2.0, 1.5)
    assert ours["loss, ratio"] == pytest.approx(290 / 300)
    assert of_models.rows[2] == {"model": "vae", "pictures": "tifinagh", "way": LINEAR, "PSNR, dB": 11.0}
    assert [row["of the published"] for row in elbo.rows] == [1.0, pytest.approx(290 / 300), pytest.approx(0.9)]


def test_both_ways_learn_for_a_moment(monkeypatch):
    monkeypatch.setattr(autoencoders, "FOREVER", 2)
    outcome = autoencoders.run(AutoencodersSettings(seconds=1, pictures=2000), silent, ["dense_autoencoder"])
    (table,) = outcome.tables
    assert [row["way"] for row in table.rows] == [ARRAYS, OURS, LINEAR]
    for row in table.rows[:2]:
        assert row["pictures seen"] > 0 and np.isfinite(row["valid loss"])
        assert 5 < row["PSNR, dB"] < 40
    # Thirty-two numbers of PCA are worth more than a network that has hardly begun.
    assert table.rows[2]["PSNR, dB"] > table.rows[0]["PSNR, dB"]
