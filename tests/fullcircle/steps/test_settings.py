import re

import numpy as np
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.models.losses import IMAGE_LOSSES
from fullcircle.steps.profiles import PROFILES, profile
from fullcircle.steps.settings import DrawingsSettings
from fullcircle.training.settings import IMAGE_LOSS_NAMES, DecoderSettings, EncoderSettings


@pytest.mark.parametrize(
    ("settings", "values", "message"),
    [
        (ExamplesSettings, {"n": 0}, "examples.n is expected to be at least 1. Received: 0."),
        (ExamplesSettings, {"n": 2.5}, "examples.n is expected to be a whole number. Received: 2.5."),
        (ExamplesSettings, {"n": True}, "examples.n is expected to be a whole number. Received: True."),
        (
            ExamplesSettings,
            {"noise_max_sigma": -1.0},
            "examples.noise_max_sigma is expected to be at least 0 and at most 255. Received: -1.0.",
        ),
        (ExamplesSettings, {"noise_law": "pink"}, "one of uniform, article, none. Received: 'pink'."),
        (SplitsSettings, {"train": 0.8}, "add up to 1. Received: 0.8 + 0.09 + 0.01 = 0.9."),
        (SplitsSettings, {"train": 0.91, "valid": 0.0}, "splits.valid is expected to be greater than 0 and at most 1."),
        (DecoderSettings, {"model": "gan"}, "decoder.model is expected to be one of half_planes, article. Received: 'gan'."),
        (DecoderSettings, {"loss": "hinge"}, "decoder.loss is expected to be one of mse, ssim, pyramid, balanced."),
        (DecoderSettings, {"learning_rate": 0.0}, "decoder.learning_rate is expected to be greater than 0."),
        (DecoderSettings, {"epochs": 2, "balanced_epochs": 2}, "less than decoder.epochs. Received: 2 of 2."),
        (EncoderSettings, {"objective": "guess"}, "one of both, spec, image. Received: 'guess'."),
        (EncoderSettings, {"model": "gan"}, "encoder.model is expected to be one of attention, article. Received: 'gan'."),
    ],
)
def test_a_bad_value_is_refused_with_rule_value_and_choices(settings, values, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        settings(**values)


def test_overrides_replace_and_unknown_names_are_refused():
    settings = DrawingsSettings().replaced({"examples": {"n": 5}, "decoder": {"epochs": 3}})
    assert (settings.examples.n, settings.decoder.epochs) == (5, 3)
    with pytest.raises(SettingsError, match="Unknown part of the settings: 'example'. Did you mean 'examples'"):
        DrawingsSettings().replaced({"example": {"n": 5}})
    with pytest.raises(SettingsError, match="Unknown setting of decoder: 'epoch'. Did you mean 'epochs'.*Choose from: model, "):
        DrawingsSettings().replaced({"decoder": {"epoch": 5}})


def test_a_canvas_that_a_model_cannot_take_is_refused():
    class Odd(type(DRAWINGS["line"])):
        name = "odd"
        height = width = 60

    with pytest.raises(SettingsError, match=r"article.*multiples of 8.*Received: \(60, 60, 1\).*Choose from: half_planes"):
        DrawingsSettings().replaced({"decoder": {"model": "article"}}).check(Odd())


def test_the_light_list_of_losses_is_the_real_one():
    assert tuple(IMAGE_LOSSES) == IMAGE_LOSS_NAMES


def test_an_unknown_profile_names_the_choices():
    with pytest.raises(SettingsError, match="Unknown profile 'fast'. Choose from: quick, full"):
        profile("fast")


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_says_what_it_costs_and_reaches(name):
    chosen = profile(name)
    chosen.settings.check(DRAWINGS["line"])
    assert "minutes" in chosen.cost or "hour" in chosen.cost
    assert all(np.isfinite(goal) for assets in chosen.goals.values() for goals in assets.values() for goal in goals.values())


def test_what_changes_only_the_time_is_no_content():
    settings = DrawingsSettings()
    for part, change, same in (
        ("examples", {"workers": 7}, True),
        ("examples", {"seed": 7}, False),
        ("reader", {"workers": 7}, True),
        ("reader", {"redraws": 7}, False),
    ):
        changed = getattr(settings.replaced({part: change}), part)
        assert changed != getattr(settings, part)
        assert (changed.content() == getattr(settings, part).content()) == same
        assert changed.as_dict().keys() >= change.keys()
