"""Bad settings are refused when a run is launched: in the jobs, and in the unnamed job behind the Materialize button."""

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig

from assets.drawings import ASSETS, CHECKS, PARTITIONS
from assets.partitions import partitions_of
from fullcircle.checks.drawings import GUARDS
from fullcircle.drawings import DRAWINGS, known_drawings
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.profiles import PROFILES
from pipelines.config import run_config
from pipelines.definitions import defs
from pipelines.jobs import LEARN_DRAWING

JOBS = ["__ASSET_JOB", LEARN_DRAWING]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize(
    ("op", "config", "message"),
    [
        ("drawings__examples", {"n": 0}, "examples.n is expected to be at least 1. Received: 0."),
        ("drawings__examples", {"noise_max_sigma": -2.0}, "noise_max_sigma is expected to be at least 0 and at most 255."),
        ("drawings__splits", {"splits": {"train": 0.5}}, "are expected to add up to 1. Received: 0.5 + 0.09 + 0.01 = 0.6."),
        ("drawings__decoder", {"model": "gan"}, "decoder.model (half_planes | article) got gan"),
        ("drawings__decoder", {"loss": "hinge"}, "decoder.loss (mse | ssim | pyramid | balanced) got hinge"),
        ("drawings__encoder", {"objective": "guess"}, "encoder.objective (both | spec | image) got guess"),
        ("drawings__readings", {"steps": "guess"}, "reader.steps (encoder,gradient,redraw | "),
        ("drawings__readings", {"pictures": 0}, "reader.pictures is expected to be at least 1. Received: 0."),
        ("drawings__encoder", {"epochz": 3}, 'unexpected config entry "epochz"'),
    ],
)
def test_a_bad_value_is_refused_at_launch(job, op, config, message):
    with pytest.raises(dg.DagsterInvalidConfigError) as error:
        ResolvedRunConfig.build(defs.resolve_job_def(job), {"ops": {op: {"config": config}}})
    assert message in str(error.value)


@pytest.mark.parametrize("job", JOBS)
def test_good_settings_are_taken(job):
    for profile in PROFILES.values():
        ResolvedRunConfig.build(defs.resolve_job_def(job), run_config(profile.settings, STEPS))
    ResolvedRunConfig.build(defs.resolve_job_def(job), {})


def test_an_unknown_partition_is_refused_at_launch():
    job = defs.resolve_job_def(LEARN_DRAWING)
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(dg.DagsterUnknownPartitionError, match="star"):
        job.execute_in_process(partition_key="star", instance=instance)


def test_partitions_are_the_drawing_classes_and_those_registered(tmp_path, monkeypatch):
    assert PARTITIONS.get_partition_keys()[: len(DRAWINGS)] == list(DRAWINGS)
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path))
    (tmp_path / "drawings.json").write_text('{"star": "/nowhere/star.py:Star"}')
    assert partitions_of(known_drawings, DRAWINGS).get_partition_keys() == [*DRAWINGS, "star"]
    (tmp_path / "drawings.json").write_text("spoilt")
    with pytest.warns(UserWarning, match="Mend it or delete it"):
        assert partitions_of(known_drawings, DRAWINGS).get_partition_keys() == list(DRAWINGS)


def test_everything_says_whose_it_is_and_what():
    specs = [spec for asset in ASSETS for spec in asset.specs]
    assert {s.key.path[-1] for s in specs} == {
        *(
            "examples",
            "train",
            "test",
            "valid",
            "decoder",
            "decoder_report",
            "encoder",
            "readings",
            "champion",
            "encoder_report",
        )
    }
    for spec in specs:
        assert spec.key.path[0] == "drawings"
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name not in (None, "default"), spec.key
        assert spec.tags, spec.key
        assert len(spec.description or "") > 10, spec.key
        assert spec.code_version, spec.key


def test_every_check_says_its_rule_and_all_but_those_of_reports_block():
    specs = [spec for check in CHECKS for spec in check.check_specs]
    assert all(s.partitions_def == PARTITIONS for s in specs)
    assert [spec.name for spec in specs] == [rule.name for guard in GUARDS for rule in guard.rules]
    assert all(len(spec.description or "") > 20 for spec in specs)
    assert {s.asset_key.path[-1] for s in specs if not s.blocking} == {"decoder_report", "encoder_report"}
