"""Settings of the glyph rooms: each rule by its message."""

import dataclasses

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.images.augmentation import Pipeline
from fullcircle.steps.profiles import GLYPH_PROFILES, PROFILES, glyph_profile
from fullcircle.steps.settings import GlyphsSettings


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OriginalsSettings(height=7), "originals.height is expected to be 0 or at least 8. Received: 7."),
        (lambda: OriginalsSettings(width=2000), "originals.width is expected to be at least 0 and at most 1024."),
        (lambda: OriginalsSettings(channels=2), "originals.channels is expected to be 0, 1 or 3. Received: 2."),
        (lambda: OriginalsSettings(polarity="dark"), "originals.polarity is expected to be one of auto, border, keep, invert."),
        (lambda: OriginalsSettings(characters=7), "originals.characters is expected to be text. Received: 7."),
        (lambda: AugmentedSettings(n=0), "augmented.n is expected to be at least 1. Received: 0."),
        (lambda: AugmentedSettings(choice="all"), "augmented.choice is expected to be one of balanced, random."),
        (lambda: AugmentedSettings(fill="256"), "augmented.fill is expected to be auto, edge or a level from 0 to 255."),
        (lambda: AugmentedSettings(fill="grey"), "augmented.fill is expected to be auto, edge or a level from 0 to 255."),
        (lambda: AugmentedSettings(interpolation="sinc"), "augmented.interpolation is expected to be one of linear, nearest"),
        (
            lambda: AugmentedSettings(pipeline=[{"rotatoe": {"probability": 1}}]),
            "Unknown operation: 'rotatoe'. Did you mean",
        ),
        (
            lambda: AugmentedSettings(pipeline=[{"invert": {"probability": 2}}]),
            "invert.probability is expected to be at least 0",
        ),
        (lambda: GlyphSplitsSettings(unit="writer"), "splits.unit is expected to be one of original, group, sample."),
        (lambda: GlyphSplitsSettings(test=0.5), "splits.train, splits.test and splits.valid are expected to add up to 1."),
        (lambda: GlyphsSettings().replaced({"augmented": {"m": 1}}), "Unknown setting of augmented: 'm'."),
        (lambda: GlyphsSettings().replaced({"encoder": {}}), "Unknown part of the settings: 'encoder'."),
    ],
)
def test_a_broken_rule_is_named(make, message):
    with pytest.raises(SettingsError) as error:
        make()
    assert message in str(error.value)


def test_zero_takes_what_suits_the_source():
    assert SOURCES["faces"].canvas_for(OriginalsSettings()) == (96, 96, 3)
    assert SOURCES["digits"].canvas_for(OriginalsSettings(height=64)) == (64, 28, 1)
    assert SOURCES["tifinagh"].canvas_for(OriginalsSettings(height=32, width=48, channels=3)) == (32, 48, 3)


@pytest.mark.parametrize(
    ("fill", "channels", "expected"), [("auto", 1, 0), ("auto", 3, "edge"), ("edge", 1, "edge"), ("0", 3, 0), ("255", 1, 255)]
)
def test_what_lies_outside_is_black_for_grey_and_the_edge_for_colour(fill, channels, expected):
    assert AugmentedSettings(fill=fill).made(channels).fill == expected


def test_a_pipeline_of_settings_is_that_of_python():
    settings = AugmentedSettings(pipeline=[{"invert": {"probability": 1}}], interpolation="cubic")
    assert settings.made(1) == Pipeline.from_data([{"invert": {"probability": 1}}], fill=0, interpolation="cubic")


def test_whole_numbers_for_fractions_say_and_hash_the_same():
    settings = GlyphSplitsSettings(train=0.5, test=0.25, valid=0.25)
    assert all(type(v) is float for k, v in settings.as_dict().items() if k != "unit")
    whole, fraction = ([{"zoom": {"probability": 1, "min_factor": v, "max_factor": v}}] for v in (2, 2.0))
    pipelines = [str(AugmentedSettings(pipeline=p).made(1).as_data()) for p in (whole, fraction)]
    assert pipelines[0] == pipelines[1]


@pytest.mark.parametrize("name", GLYPH_PROFILES)
def test_every_profile_says_what_it_costs(name):
    chosen = glyph_profile(name)
    assert "minute" in chosen.cost
    assert [f.name for f in dataclasses.fields(chosen.settings)] == ["originals", "augmented", "splits"]
    assert list(GLYPH_PROFILES) == list(PROFILES)
