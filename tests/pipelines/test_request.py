"""What is read from ``part.name=value``, and what is refused before anything is launched."""

import math

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.steps.settings import CircleSettings, GlyphsSettings
from pipelines.request import overrides_of


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("originals.even_light=true", True),
        ("originals.even_light=True", True),
        ("originals.even_light=false", False),
        ("augmented.fill=255", "255"),
        ("augmented.fill=edge", "edge"),
        ("originals.characters=1e5", "1e5"),
        ("originals.characters=123", "123"),
        ("originals.characters=True", "True"),
        ("originals.characters='A-Z'", "A-Z"),
        ("decoder.learning_rate=0.00005", 5e-05),
        ("decoder.learning_rate=5e-05", 5e-05),
        ("decoder.loss=mse", "mse"),
        ("decoder.loss=1", "1"),
        ("splits.train=.8", 0.8),
        ("augmented.pipeline=[{'invert': {'probability': 1}}]", [{"invert": {"probability": 1}}]),
        ('augmented.pipeline=[{"crop_centre": {"randomise_percentage_area": true}}]', None),
    ],
)
def test_a_value_is_read_as_its_setting_takes_it(assignment, value):
    ((_, (found,)),) = ((part, values.values()) for part, values in overrides_of([assignment]).items())
    if value is None:
        value = [{"crop_centre": {"randomise_percentage_area": True}}]
    assert found == value
    assert type(found) is type(value)


def test_a_number_for_text_is_taken_as_text():
    settings = GlyphsSettings().replaced(overrides_of(["augmented.fill=255", "originals.characters=07"]))
    assert settings.augmented.fill == "255"
    assert settings.augmented.made(3).fill == 255
    assert settings.originals.characters == "07"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("decoder.seed=4294967296", "decoder.seed is expected to be at least 0 and at most 4294967295. Received: 4294967296."),
        ("examples.n=99999999999999999999", "examples.n is expected to be at most 9223372036854775807. Received: 999"),
        ("examples.noise_max_sigma=-0.0", "examples.noise_max_sigma is expected to be 0 without a sign. Received: -0.0."),
        ("reader.learning_rate=1e999", "reader.learning_rate is expected to be a finite number. Received: inf."),
        ("reader.learning_rate=1" + "0" * 400, "reader.learning_rate is expected to be a finite number. Received: 1000"),
        ("reader.learning_rate=NaN", "reader.learning_rate is expected to be a finite number. Received: nan."),
        ("reader.learning_rate=nan", "reader.learning_rate is expected to be a number. Received: 'nan'."),
        ("decoder.loss=\ud800", r"decoder.loss is expected to be one of mse, ssim, pyramid, balanced. Received: '\ud800'."),
    ],
)
def test_odd_values_break_a_rule_of_drawings(assignment, message):
    with pytest.raises(SettingsError) as error:
        CircleSettings().replaced(overrides_of([assignment]))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("originals.characters=\ud800", r"originals.characters is expected to be text in UTF-8. Received: '\ud800'."),
        ("augmented.fill=\udc80", r"augmented.fill is expected to be text in UTF-8. Received: '\udc80'."),
        ("augmented.fill=256", "augmented.fill is expected to be auto, edge or a level from 0 to 255. Received: '256'."),
        ("augmented.fill=-1", "augmented.fill is expected to be auto, edge or a level from 0 to 255. Received: '-1'."),
        ("augmented.fill=1.5", "augmented.fill is expected to be auto, edge or a level from 0 to 255. Received: '1.5'."),
        ("originals.max_rejected=-0.0", "originals.max_rejected is expected to be 0 without a sign. Received: -0.0."),
    ],
)
def test_odd_values_break_a_rule_of_pictures(assignment, message):
    with pytest.raises(SettingsError) as error:
        GlyphsSettings().replaced(overrides_of([assignment]))
    assert message in str(error.value)


def test_the_largest_seed_is_one_that_keras_takes():
    import keras

    from fullcircle.core.settings import LARGEST_SEED

    keras.utils.set_random_seed(LARGEST_SEED)
    with pytest.raises(ValueError, match="Seed must be between 0 and"):
        keras.utils.set_random_seed(LARGEST_SEED + 1)
    assert math.log2(LARGEST_SEED + 1) == 32
