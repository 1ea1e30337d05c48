"""What is read from ``part.name=value``, and what is refused before anything is launched."""

import math
import shutil

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps.settings import DrawingsSettings, GlyphsSettings
from fullcircle.steps.step import Planned
from pipelines import request, run
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
        DrawingsSettings().replaced(overrides_of([assignment]))
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


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A store of its own, on a disk with 1 TB free."""
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10**12}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--drawing", "line", "--set", "examples.n=1000000000000"],
            "examples.n=1000000000000 with 12 epochs is estimated to take 8.19 PB on disk and ",
        ),
        (["--drawing", "line", "--set", "examples.n=20000000"], "is estimated to take 164 GB on disk and 3 days on 2 cores."),
        (["--drawing", "line", "--set", "decoder.epochs=1000000"], "with 1000006 epochs is estimated to take 164 MB on disk"),
        (["--source", "digits", "--set", "augmented.n=1000000000000"], "augmented.n=1000000000000 is estimated to take 784 TB"),
        (
            ["--source", "faces", "--set", "originals.n=1000000000000"],
            "augmented.n=10000 with originals.n=1000000000000 is estimated to take 13.8 PB on disk",
        ),
        (
            ["--drawing", "line", "--set", "examples.n=20"],
            "No split is expected to stay empty. Received: examples.n=20 and splits.valid=0.01, which lets 0.2 be expected in "
            "valid, and none with a probability of 82%; at most 1% is allowed. Raise examples.n to 459, or splits.valid to 0.206.",
        ),
        (
            [
                "--drawing",
                "line",
                "--set",
                "splits.train=0.8",
                "--set",
                "splits.test=1e-9",
                "--set",
                "splits.valid=0.199999999",
            ],
            "splits.test=1e-09, which lets 2e-05 be expected in test, and none with a probability of 100%; at most 1% is allowed.",
        ),
        (
            ["--source", "digits", "--set", "augmented.n=20", "--set", "splits.unit=sample"],
            "augmented.n=20 and splits.valid=0.08, which lets 1.6 be expected in valid, and none with a probability of 19%",
        ),
    ],
)
def test_what_would_fail_late_or_never_end_is_not_launched(empty, capsys, arguments, message):
    assert run.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Not launched. ")
    assert message in error


def asked(*arguments):
    return request.requests(run.parser().parse_args(arguments))


def test_a_word_lets_large_ones_go_on(empty):
    (launch,) = asked("--drawing", "line", "--set", "examples.n=20000000", "--large")
    assert launch.settings.examples.n == 20_000_000
    with pytest.raises(SettingsError, match="expected to fit where the store is"):
        asked("--drawing", "line", "--set", "examples.n=1000000000000", "--large")


def test_few_examples_that_fill_every_split_are_taken(empty):
    asked("--drawing", "line", "--set", "examples.n=459")
    shares = ("--set", "splits.train=0.58", "--set", "splits.test=0.21", "--set", "splits.valid=0.21")
    asked("--drawing", "line", "--set", "examples.n=20", *shares)
    asked("--source", "digits", "--models", "none", "--set", "augmented.n=20")  # by original: none stays empty


def test_what_is_stored_already_takes_no_room(empty, monkeypatch):
    large = ("--drawing", "line", "--set", "examples.n=20000000")
    steps = drawing_steps.STEPS
    for stale, refused in (
        ([], None),
        ([steps[-1]], "to take 0 B on disk and 3 days"),  # the trainings' time
        ([steps[0]], "to take 164 GB on disk"),
    ):
        monkeypatch.setattr(request, "stale", lambda *_, stale=stale, **__: [Planned(step, "why") for step in stale])
        if refused is None:
            asked(*large)
        else:
            with pytest.raises(SettingsError, match=refused):
                asked(*large)
