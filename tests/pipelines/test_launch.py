"""The message where a run was refused or gave no reason, and of the run's steps. Real launches are in end_to_end."""

import dagster as dg
import pytest

from pipelines.follow import LAST_LINES, Follower, last_lines
from pipelines.launch import _refusal
from pipelines.tags import LAUNCH_TAG


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('{"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "1"}}}}', None),
        ('{"data": {"launchRun": {"__typename": "PythonError", "message": "No."}}}', "No."),
        (
            '{"data": {"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "a"}, {"message": "b"}]}}}',
            "a\nb",
        ),
        ('{"errors": [{"message": "Unknown argument."}]}', "Unknown argument."),
        ("", "The run was not launched. The last lines of its log:\n    ImportError: no module"),
    ],
)
def test_why_a_run_was_refused(tmp_path, answer, message):
    (tmp_path / "a.json").write_text(answer)
    (tmp_path / "a.log").write_text("ImportError: no module\n")
    assert _refusal(tmp_path / "a.json") == message


def test_without_an_answer_the_log_says_why(tmp_path):
    (tmp_path / "a.log").write_text("")
    assert _refusal(tmp_path / "a.json") == "The run was not launched. The last lines of its log:\n    (it is empty)"


def test_of_a_long_log_the_end_is_shown(tmp_path):
    (tmp_path / "a.log").write_text("\n".join(map(str, range(100))))
    assert last_lines(tmp_path / "a.log").split() == [str(n) for n in range(100 - LAST_LINES, 100)]


@dg.asset
def picture(context):
    context.log.info("half of it is drawn")


@dg.asset_check(asset=picture, blocking=True)
def is_light():
    return dg.AssetCheckResult(passed=False, description="It is dark.")


@dg.asset_check(asset=picture)
def is_wide():
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description="It is narrow.")


@dg.asset
def broken():
    raise ValueError("The pictures are all black.")


def test_what_a_run_logs_is_shown_and_what_failed_is_kept(tmp_path, capsys):
    definitions = dg.Definitions(assets=[picture, broken], asset_checks=[is_light, is_wide])
    with dg.DagsterInstance.ephemeral() as instance:
        follower = Follower(instance, "here", tmp_path / "log", label="line: ")
        follower.look()
        assert follower.run is None
        job = definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance, raise_on_error=False, tags={LAUNCH_TAG: "here"})
        follower.look()
        follower.look()
        assert follower.over
    assert {"broken: ValueError: The pictures are all black.", "is_light: It is dark."} <= set(follower.failures)
    lines = [line.partition("] ")[2] for line in capsys.readouterr().out.splitlines()]
    for expected in (
        "line: half of it is drawn",
        "line: made picture",
        "line: check picture is_light: FAILED. It is dark.",
        "line: check picture is_wide: WARNING. It is narrow.",
    ):
        assert lines.count(expected) == 1
