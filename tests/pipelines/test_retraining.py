"""The file with the settings of schedules and sensors."""

import datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason
from dagster._core.execution.retries import auto_reexecution_should_retry_run

from fullcircle.core.settings import SettingsError
from pipelines.definitions import defs
from pipelines.retraining import FILE, Retraining, retraining
from pipelines.tags import LAUNCH_TAG, UNATTENDED

ROOT = Path(__file__).parents[2]


def test_without_a_file_all_is_as_it_stands_in_the_code(tmp_path):
    assert retraining(tmp_path) == Retraining()


def test_a_table_replaces_some_settings_of_a_part_and_leaves_the_others(tmp_path):
    (tmp_path / FILE).write_text(
        '[weekly_retraining]\ncron = "0 5 * * 1"\ntime_zone = "Europe/Berlin"\ndrawings = "line, arc"\n'
    )
    found = retraining(tmp_path)
    assert (found.weekly_retraining.cron, found.weekly_retraining.names) == ("0 5 * * 1", ["line", "arc"])
    assert found.nightly_smoke == Retraining().nightly_smoke


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[weekly", "is expected to be TOML that can be read"),
        ("[weekly_retrainin]\n", "Unknown table: 'weekly_retrainin'. Did you mean 'weekly_retraining'?"),
        ("inbox = 3\n", "inbox is expected to be a table"),
        ("[inbox]\nfoldr = 'a'\n", "Unknown setting of inbox: 'foldr'. Did you mean 'folder'?"),
        ("[drift]\nwindow = 3\n", "drift.window is expected to be at least 20. Received: 3."),
        ("[nightly_smoke]\ncron = 'at night'\n", "cron is expected to be five fields"),
        ("[nightly_smoke]\ntime_zone = 'Berlin'\n", "time_zone is expected to be a name of the IANA"),
        ("[freshness]\nwarn_days = 20\n", "freshness.fail_days is expected to be more than freshness.warn_days"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence_that_names_it(tmp_path, text, message):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SettingsError) as error:
        retraining(tmp_path)
    assert str(tmp_path / FILE) in str(error.value)
    assert message in str(error.value)


def test_reports_and_champions_age_by_the_settings_and_nothing_else_does():
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    ageing = {key: spec.freshness_policy for key, spec in specs.items() if spec.freshness_policy}
    assert set(ageing) == {key for key in specs if key.endswith(("_report", "champion"))}
    assert {"drawings/encoder_report", "glyphs/vae_report"} <= set(ageing)
    (policy,) = set(ageing.values())
    freshness = Retraining().freshness
    assert policy.warn_window.to_timedelta() == datetime.timedelta(days=freshness.warn_days)
    assert policy.fail_window.to_timedelta() == datetime.timedelta(days=freshness.fail_days)


def test_the_instance_marks_what_is_old_and_tries_a_failed_tick_again(tmp_path):
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert "FRESHNESS_DAEMON" in instance.get_required_daemon_types()
        assert instance.scheduler.max_tick_retries == 3
        assert instance.run_monitoring_enabled


@pytest.mark.parametrize(
    ("tags", "reason", "again"),
    [
        (UNATTENDED, None, True),  # its processes were killed
        (UNATTENDED, RunFailureReason.STEP_FAILURE, False),
        ({LAUNCH_TAG: "a"}, None, False),  # whoever typed make run decides
    ],
)
def test_what_nobody_watches_is_executed_again_after_a_kill_and_only_then(tmp_path, tags, reason, again):
    (tmp_path / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        status = dg.DagsterRunStatus.FAILURE
        run = instance.create_run_for_job(defs.resolve_job_def("learn_drawing"), tags=tags, status=status)
        assert auto_reexecution_should_retry_run(instance, run, reason) == again
