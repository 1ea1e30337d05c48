"""Estimates of disk and time: near to what was measured, and what is refused."""

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import AugmentedSettings, OriginalsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import estimate as module
from fullcircle.steps.estimate import Estimate, estimate_drawing, estimate_pictures
from fullcircle.steps.profiles import GLYPH_PROFILES, PROFILES
from fullcircle.steps.settings import DrawingsSettings

LINE = DRAWINGS["line"]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_no_profile_of_a_drawing_class_is_large(name, drawing):
    assert not estimate_drawing(PROFILES[name].settings, drawing.canvas).is_large


@pytest.mark.parametrize("name", GLYPH_PROFILES)
def test_no_profile_of_a_source_is_large(name):
    settings = GLYPH_PROFILES[name].settings
    assert not estimate_pictures(settings.originals, settings.augmented, (96, 96, 3), draws=True).is_large


def test_bytes_are_those_of_the_files(store):
    settings = DrawingsSettings().replaced({"examples": {"n": 2048}})
    examples = drawing_steps.make_examples(store, LINE, settings.examples)
    splits = drawing_steps.make_splits(store, examples, settings.splits)
    made = examples.bytes + sum(split.bytes for split in splits.values())
    assert estimate_drawing(settings, LINE.canvas).bytes == pytest.approx(made, rel=0.2)


def test_seconds_count_every_epoch():
    one, two = ({"decoder": {"epochs": n, "balanced_epochs": 0}} for n in (1, 1001))
    seconds = [estimate_drawing(DrawingsSettings().replaced(overrides), LINE.canvas).seconds for overrides in (one, two)]
    assert seconds[1] - seconds[0] == pytest.approx(1000 * 18_000 / 1000, rel=0.1)  # about 1000 pictures a second
    spec = DrawingsSettings().replaced({"encoder": {"objective": "spec", "image_epochs": 1000}})
    assert "with 11 epochs" in estimate_drawing(spec, LINE.canvas).settings


def test_originals_count_where_the_source_draws_them():
    settings = OriginalsSettings(n=10**9), AugmentedSettings(n=10)
    with_them, without = (estimate_pictures(*settings, (96, 96, 3), draws=draws) for draws in (True, False))
    assert with_them.is_large
    assert not without.is_large
    assert with_them.settings == "augmented.n=10 with originals.n=1000000000"


def test_what_does_not_fit_is_refused_whatever_is_meant(tmp_path):
    with pytest.raises(SettingsError) as error:
        Estimate("examples.n=7", 8.2e15, 60.0).refuse(tmp_path / "not" / "there", meant=True)
    assert "Received: examples.n=7 is estimated to take 8.2 PB on disk and 1 minutes on 2 cores, and " in str(error.value)
    assert f"are free at {tmp_path / 'not' / 'there'}. Ask for less, make room, or let FULLCIRCLE_STORE name" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("estimate", "received"),
    [
        (Estimate("examples.n=7", 60e9, 60.0), "60 GB on disk and 1 minutes on 2 cores"),
        (Estimate("examples.n=7", 500.0, 25 * 3600.0), "500 B on disk and 25 hours on 2 cores"),
        (Estimate("examples.n=7", 0.0, 1e11), "0 B on disk and 1,157,407 days on 2 cores"),
    ],
)
def test_what_is_large_needs_a_word(tmp_path, monkeypatch, estimate, received):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10**12}))
    with pytest.raises(SettingsError) as error:
        estimate.refuse(tmp_path, meant=False)
    assert str(error.value) == (
        f"At most 50 GB and 24 hours are expected unless more is meant. Received: examples.n=7 is estimated to take {received}. "
        "Ask for less, or say that it is meant: make run LARGE=1, or --large."
    )
    estimate.refuse(tmp_path, meant=True)
