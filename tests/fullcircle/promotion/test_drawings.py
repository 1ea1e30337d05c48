"""A challenger and a champion that read pictures: which pictures those are, and what is measured."""

import types

import numpy as np
import pytest

from fullcircle.core.progress import silent
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, Drawing, Factor, Factors
from fullcircle.images.arrays import picture_unit
from fullcircle.promotion import drawings
from fullcircle.promotion.drawings import compare_readers, errors, measures
from fullcircle.promotion.settings import ChampionSettings

LINE, ELLIPSE = DRAWINGS["line"], DRAWINGS["ellipse"]
FEW = ChampionSettings(pictures=30)


def pictures(drawing=LINE, settings=FEW, generation=0, trained_on=frozenset()):
    return drawings.test_pictures(drawing, settings, generation, trained_on)


def test_the_same_settings_and_generation_draw_the_same_pictures_and_others_others():
    specs, images = pictures()
    again, other = pictures(), pictures(generation=1)
    assert (len(specs), images.shape) == (30, (30, 64, 64))
    assert np.array_equal(LINE.render(specs), images)
    assert np.array_equal(specs, again[0])
    assert not np.array_equal(specs, other[0])
    assert not np.array_equal(specs, pictures(settings=ChampionSettings(pictures=30, seed=2))[0])


def test_pictures_that_a_model_was_trained_on_are_left_out():
    _, images = pictures()
    known = {picture_unit(image) for image in images[:10]}
    _, others = pictures(trained_on=known)
    assert len(others) == 30
    assert np.array_equal(others[:20], images[10:])


class Few(Drawing):
    """A class that draws three different pictures."""

    name = "few"
    factors = Factors(Factor("grey", 0, 2, unit="level"), Factor("unseen", 0, 9, unit="px"))
    width = height = 8

    def draw(self, *_, grey, unseen):
        return np.full((8, 8), grey, np.uint8)


def test_a_class_with_too_few_other_pictures_is_refused():
    known = {picture_unit(np.full((8, 8), grey, np.uint8)) for grey in range(3)}
    with pytest.raises(
        SettingsError, match="At least 20 pictures of few are expected that neither model was trained on. Received: 0 of"
    ):
        drawings.test_pictures(Few(), FEW, 0, known)


class Reads:
    """A reader that knows the answer, and is off by so much in every factor."""

    def __init__(self, specs, off=0.0):
        self._specs, self._off, self.images = specs, off, []

    def read(self, images, rng, progress):
        self.images.append(images)
        return types.SimpleNamespace(specs=self._specs + self._off)


def test_a_reader_that_is_right_has_no_errors_and_gets_clean_and_noisy_pictures():
    specs, images = pictures()
    reader = Reads(specs)
    found = errors(LINE, reader, specs, images, FEW, silent)
    for level in ("clean", "noisy"):
        assert found[level]["exact"].mean() == 1
        assert found[level]["points"].max() == found[level]["spec"].max() == 0
    clean, noisy = reader.images
    assert np.array_equal(clean, images)
    assert 8 < (noisy.astype(float) - images)[(images > 60) & (images < 190)].std() < 18  # .05 of 255 are 12.75


def test_one_that_has_learned_nothing_answers_the_middle():
    specs, images = pictures()
    found = errors(LINE, None, specs, images, FEW, silent)["clean"]
    assert found["exact"].mean() == 0
    middle = LINE.factors.snap(((LINE.factors.low + LINE.factors.high) / 2)[None])[0]
    far = np.hypot(*(specs[0, :2] - middle[:2])), np.hypot(*(specs[0, 2:4] - middle[2:4]))
    assert found["points"][0] <= np.mean(far) + 1e-9  # at most: the ends may be exchanged


def test_classes_without_points_are_compared_by_their_specs():
    specs, images = pictures(ELLIPSE)
    errors_of = errors(ELLIPSE, Reads(specs), specs, images, FEW, silent)
    names = {m.name: m.setting for m in measures(errors_of, errors_of, FEW)}
    lines = errors(LINE, None, *pictures(), FEW, silent)
    assert {m.name: m.setting for m in measures(lines, lines, FEW)} == {
        "pixel for pixel, clean": "exact_margin",
        "points off, clean": "points_margin",
        "pixel for pixel, noisy": "exact_margin",
        "points off, noisy": "points_margin",
    }
    assert ("spec error, clean" in names) == (not len(ELLIPSE.factors.points))


@pytest.fixture
def compare(monkeypatch):
    """Compares readers that are off by so much; models are these numbers."""
    asked = []
    monkeypatch.setattr(drawings, "trained_on", lambda store, partition, encoder: {f"unit of {encoder}"})

    def reader_of(drawing, models, settings):
        class Reader:
            def read(self, images, rng, progress):
                specs, _ = asked[-1]
                return types.SimpleNamespace(specs=LINE.factors.snap(specs + models["encoder"]))

        return Reader()

    real = drawings.test_pictures

    def drawn(*arguments):
        asked.append(real(*arguments))
        return asked[-1]

    monkeypatch.setattr(drawings, "reader_of", reader_of)
    monkeypatch.setattr(drawings, "test_pictures", drawn)

    def made(new, old, comparison=1, settings=FEW):
        models = [None if off is None else {"encoder": off} for off in (new, old)]
        return compare_readers(None, LINE, *models, settings, comparison)

    return made


def test_the_better_one_gains_in_every_figure(compare):
    found = compare(0, 3)
    assert found["pictures"] == 30
    assert all(figure["low"] > 0 for figure in found["figures"].values())
    assert all(figure["low"] < 0 for figure in compare(3, 0)["figures"].values())


def test_without_a_champion_the_share_pixel_for_pixel_may_be_equal(compare):
    figures = compare(0, None)["figures"]
    assert {name for name, figure in figures.items() if figure["may_be_equal"]} == {
        "pixel for pixel, clean",
        "pixel for pixel, noisy",
    }


def test_after_so_many_comparisons_other_pictures_are_drawn(compare):
    settings = ChampionSettings(pictures=30, comparisons=3)
    seen = [compare(0, 0, n, settings) for n in (1, 3, 4, 7)]
    assert [(s["generation"], s["looked_at"]) for s in seen] == [(0, 1), (0, 3), (1, 1), (2, 1)]
