"""The assets of autoencoders in Dagster: made from the list, and bad settings are refused when a run is launched."""

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig

from assets import glyphs
from assets.autoencoders import ASSETS, CHECKS
from assets.configuration import config_of
from fullcircle.models.autoencoders import AUTOENCODERS, settings_class
from fullcircle.steps.autoencoders import STEPS
from fullcircle.steps.profiles import AUTOENCODER_PROFILES
from pipelines.config import run_config
from pipelines.definitions import defs
from pipelines.jobs import TRAIN_AUTOENCODERS

RUNS = [(model, profile) for model in AUTOENCODERS for profile in AUTOENCODER_PROFILES[model]]


def test_every_model_of_the_list_is_an_asset_and_has_a_report_and_a_champion():
    assert list(ASSETS) == list(AUTOENCODERS) == list(CHECKS)
    for name, assets in ASSETS.items():
        (model,), (report,), (champion,) = (asset.specs for asset in assets)
        assert model.key == dg.AssetKey(["glyphs", name])
        assert report.key == dg.AssetKey(["glyphs", f"{name}_report"])
        assert {d.asset_key.path[-1] for d in model.deps} == {"train", "valid"}
        assert {d.asset_key.path[-1] for d in report.deps} == {"originals", "train", "test", "valid", name}
        assert champion.key == dg.AssetKey(["glyphs", f"{name}_champion"])
        assert {d.asset_key.path[-1] for d in champion.deps} == {"test", name}
        for spec in (model, report, champion):
            assert spec.partitions_def == glyphs.PARTITIONS
            assert spec.owners
            assert spec.kinds
            assert spec.tags
            assert spec.code_version
            assert len(spec.description) > 20
        assert AUTOENCODERS[name].rule in model.description
        assert assets[0].op.pool == "train"


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_checks_are_those_that_a_model_can_fail(name):
    specs = {spec.name: spec for spec in CHECKS[name].check_specs}
    assert set(specs) == {"pictures_are_learned"} | ({"latents_are_active"} if AUTOENCODERS[name].variational else set())
    assert all(spec.blocking and len(spec.description or "") > 20 for spec in specs.values())
    assert all(spec.asset_key.path[-1] == name for spec in specs.values())


@pytest.mark.parametrize(("model", "profile"), RUNS)
def test_the_job_takes_every_profile_of_a_model(model, profile):
    settings = AUTOENCODER_PROFILES[model][profile].settings
    keys = {key for asset in ASSETS[model] for key in asset.keys}
    job = defs.resolve_job_def(TRAIN_AUTOENCODERS).get_subset(asset_selection=keys)
    configured = ResolvedRunConfig.build(job, run_config(settings, STEPS[model])).ops
    assert configured[f"glyphs__{model}"].config == getattr(settings, model).as_dict()
    assert configured[f"glyphs__{model}_report"].config == settings.report.as_dict()


@pytest.mark.parametrize(
    ("model", "config", "message"),
    [
        ("vae", {"latents": 0}, "vae.latents is expected to be at least 1 and at most 4096. Received: 0."),
        ("vae", {"kl_factor": -1.0}, "vae.kl_factor is expected to be at least 0. Received: -1.0."),
        ("vae", {"noise_max_sigma": 10.0}, 'unexpected config entry "noise_max_sigma"'),
        ("colour_vae", {"activation": "tanh"}, "colour_vae.activation (leaky_relu | relu | selu) got tanh"),
        ("digit_autoencoder", {"optimizer": "sgd"}, "digit_autoencoder.optimizer (adam | rmsprop) got sgd"),
        ("denoising_autoencoder", {"noise_max_sigma": 0.0}, "noise_max_sigma is expected to be"),
        ("conv_autoencoder", {"loss": "ssim"}, "conv_autoencoder.loss (bce | mse) got ssim"),
    ],
)
@pytest.mark.parametrize("job", ["__ASSET_JOB", TRAIN_AUTOENCODERS])
def test_a_bad_value_is_refused_at_launch(job, model, config, message):
    with pytest.raises(dg.DagsterInvalidConfigError) as error:
        ResolvedRunConfig.build(defs.resolve_job_def(job), {"ops": {f"glyphs__{model}": {"config": config}}})
    assert message in str(error.value)


@pytest.mark.parametrize("name", AUTOENCODERS)
def test_every_setting_is_in_the_launchpad(name):
    fields = config_of(settings_class(name)).config_type.fields
    assert {"latents", "epochs", "loss"} <= set(fields)
    assert all(field.description for field in fields.values())
    assert fields["latents"].default_value == AUTOENCODERS[name].settings["latents"]
