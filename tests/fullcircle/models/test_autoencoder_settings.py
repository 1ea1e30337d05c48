import dataclasses

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.data.sources import SOURCES
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.models.autoencoders import AUTOENCODERS, chosen_models, model_settings, published_settings, settings_class
from fullcircle.reports.results import HEADLINES
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, autoencoder_profile
from fullcircle.steps.settings import parts_class, split_overrides


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_every_model_has_the_settings_that_it_uses(name):
    chosen, settings = AUTOENCODERS[name], model_settings(name)
    assert settings.section() == name
    names = {field.name for field in dataclasses.fields(settings)}
    assert {"latents", "loss", "epochs", "batch_size", "learning_rate", "patience", "seed"} <= names
    assert ("kl_factor" in names) == chosen.variational
    assert ("noise_max_sigma" in names) == chosen.noisy
    assert ("activation" in names) == ("dropout" in names) == chosen.shaped
    assert all(getattr(settings, key) == value for key, value in chosen.settings.items())
    assert all(field.metadata["about"] for field in dataclasses.fields(settings))
    assert settings_class(name) is settings_class(name)


ADAM = {"optimizer": "adam", "learning_rate": 1e-3, "schedule": "constant", "batch_size": 128, "loss": "bce"}
PUBLISHED = {  # as docs/autoencoders.md has it under "As published"
    "dense_autoencoder": ADAM | {"epochs": 60},
    "digit_autoencoder": ADAM
    | {"optimizer": "rmsprop", "learning_rate": 3e-4, "batch_size": 64, "loss": "mse", "patience": 5, "latents": 10},
    "conv_autoencoder": ADAM | {"epochs": 15},
    "denoising_autoencoder": ADAM | {"epochs": 15},
    "vae": ADAM | {"epochs": 30, "kl_factor": 1.0, "latents": 2},
    "colour_vae": ADAM | {"epochs": 24, "learning_rate": 5e-4, "kl_factor": 5.0, "latents": 256, "dropout": 0.0},
}


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_the_published_way_is_the_documented_one_and_ours_differs_in_training_alone(name):
    published, ours = published_settings(name), model_settings(name)
    assert {key: getattr(published, key) for key in PUBLISHED.get(name, {})} == PUBLISHED.get(name, {})
    assert (published.latents, published.loss) == (ours.latents, ours.loss)
    assert published_settings(name, seed=9).seed == 9


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_goals_are_of_profiles_sources_and_figures_that_there_are(name):
    for profile, sources in AUTOENCODERS[name].goals.items():
        assert autoencoder_profile(name, profile).goals == {s: {f"glyphs/{name}_report": of} for s, of in sources.items()}
        assert sources.keys() <= SOURCES.keys()
        assert all(figures and figures.keys() <= set(HEADLINES) for figures in sources.values())


def test_what_is_broken_or_without_effect_is_refused_by_the_models_name():
    with pytest.raises(SettingsError, match=r"vae.latents is expected to be at least 1 and at most 4096. Received: 0."):
        model_settings("vae", latents=0)
    with pytest.raises(SettingsError, match=r"colour_vae.activation is expected to be one of leaky_relu, relu, selu."):
        model_settings("colour_vae", activation="tanh")
    with pytest.raises(SettingsError, match=r"Unknown setting of conv_autoencoder: 'kl_factor'"):
        model_settings("conv_autoencoder", kl_factor=1.0)
    with pytest.raises(ValueError, match=r"Unknown autoencoder 'vea'. Choose from: dense_autoencoder"):
        settings_class("vea")


def test_a_run_of_a_model_has_a_part_of_its_name_and_one_for_its_report():
    settings = parts_class("vae")().replaced({"vae": {"epochs": 3}, "report": {"pictures": 4}})
    assert settings.vae.epochs == 3
    assert settings.report == AutoencoderReportSettings(pictures=4)
    with pytest.raises(SettingsError, match="Unknown part of the settings: 'conv_autoencoder'"):
        settings.replaced({"conv_autoencoder": {"epochs": 3}})


def test_models_are_chosen_by_name():
    assert chosen_models("vae, conv_autoencoder") == ["conv_autoencoder", "vae"]
    assert chosen_models("none") == chosen_models("") == []
    with pytest.raises(SettingsError, match=r"Unknown model: 'conv_autoencode'. Did you mean 'conv_autoencoder'\? .*none"):
        chosen_models("vae,conv_autoencode")


def test_overrides_of_models_stand_apart():
    overrides = {"augmented": {"n": 5}, "vae": {"epochs": 1}, "report": {"grid": 4}}
    assert split_overrides(overrides) == ({"augmented": {"n": 5}}, {"vae": {"epochs": 1}, "report": {"grid": 4}})


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_full_is_the_models_own_and_quick_is_no_longer(name):
    assert set(AUTOENCODER_PROFILES[name]) == {"quick", "full"}
    quick, full = (getattr(autoencoder_profile(name, p).settings, name) for p in ("quick", "full"))
    assert full == model_settings(name)
    assert quick.epochs < full.epochs
