"""Launches of real runs, of two small assets: in the history of the UI, followed, canceled, killed, and one at a time."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dagster as dg
import pytest

from pipelines import run_processes
from pipelines.launch import QUEUED
from pipelines.make_run_lock import LOCK_FILE
from pipelines.tags import LAUNCH_TAG

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of a run in /proc")

CODE = """
import os, time
import dagster as dg
from pipelines.executor import EXECUTOR

PARTITIONS = dg.StaticPartitionsDefinition(["a", "b"])


class Work(dg.Config):
    until: str = ""
    signal: int = 0


@dg.asset(partitions_def=PARTITIONS, pool="train")
def first(context: dg.AssetExecutionContext, config: Work) -> dg.MaterializeResult:
    context.log.info("epoch 3 of 7")
    print("printed by the step", flush=True)
    if config.signal:
        os.kill(os.getpid(), config.signal)
    while config.until and not os.path.exists(config.until):
        time.sleep(0.05)
    return dg.MaterializeResult()


@dg.asset_check(asset=first)
def is_there():
    return dg.AssetCheckResult(passed=True, description="It is.")


@dg.asset(partitions_def=PARTITIONS, deps=[first])
def second() -> None: ...


work = dg.define_asset_job("work", selection="*", executor_def=EXECUTOR)
defs = dg.Definitions(assets=[first, second], asset_checks=[is_there], jobs=[work])
"""

DRIVER = """
import json, os, sys
from pathlib import Path
import dagster as dg
from pipelines.launch import launch
from pipelines import run_processes
from pipelines.launch import QUEUED
from pipelines.make_run_lock import only_one

if __name__ == "__main__":
    config, partition = json.loads(sys.argv[1]), sys.argv[2]
    with only_one(Path(os.environ["DAGSTER_HOME"])):
        outcome = launch(
            "work", [dg.AssetKey("first")], partition, {"ops": {"first": {"config": config}}}, {"profile": "quick"},
            workspace=Path(__file__).parent / "workspace.yaml",
        )
    print(json.dumps([outcome.succeeded, outcome.failures, str(outcome.log), outcome.run_id]))
"""


@pytest.fixture
def home(tmp_path):
    """DAGSTER_HOME, with the committed dagster.yaml; beside it the code."""
    (tmp_path / "tiny.py").write_text(CODE)
    (tmp_path / "driver.py").write_text(DRIVER)
    (tmp_path / "workspace.yaml").write_text(
        "load_from:\n  - python_module: {module_name: tiny, working_directory: ., location_name: full_circle}\n"
    )
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    yield tmp_path / "home"
    for pid in processes_of(tmp_path / "home"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def environment(home):
    return os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(home / "store"), "PYTHONPATH": str(ROOT)}


class Launching(subprocess.Popen):
    """A program that launches; where what it is to show fails, it is not waited for."""

    def __exit__(self, kind, *rest):
        if kind is not None:
            self.kill()
        super().__exit__(kind, *rest)


def start(home, partition="a", **config):
    """A launch as another program would do it."""
    return Launching(
        [sys.executable, home.parent / "driver.py", json.dumps(config), partition],
        cwd=home.parent,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    """What it printed, and the outcome: whether it succeeded, the failures, the log and the run."""
    output, _ = process.communicate(timeout=300)
    *lines, last = output.splitlines()
    assert process.returncode == 0, output
    return "\n".join(lines), json.loads(last)


def processes_of(home):
    """Every process whose environment names this home and has not ended."""
    variable = f"DAGSTER_HOME={home}\0".encode()
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if place.name.isdecimal() and variable in (place / "environ").read_bytes():
                yield int(place.name)


def command_of(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "It did not happen."
        time.sleep(0.1)
    return found


def is_working(instance, **tags):
    """The run whose step is at work; None before there is one."""
    for run in instance.get_runs(dg.RunsFilter(tags=tags, statuses=[dg.DagsterRunStatus.STARTED])):
        if any(entry.user_message == "epoch 3 of 7" for entry in instance.all_logs(run.run_id)):
            return run
    return None


@pytest.fixture
def instance(home):
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def webserver(home):
    """Asks a webserver of this home questions."""
    port = free_port()
    command = [Path(sys.executable).with_name("dagster-webserver"), "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port)]

    def ask(query, **variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)["data"]

    def answers():
        with contextlib.suppress(OSError):
            return ask("{ version }")

    output = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=home.parent, env=environment(home), stdout=output, stderr=output) as server:
        try:
            wait_for(answers)
            yield ask
        finally:
            server.terminate()


HISTORY = """
{
  pipelineOrError(params: {repositoryLocationName: "full_circle", repositoryName: "__repository__", pipelineName: "work"}) {
    ... on Pipeline { runs { runId status repositoryOrigin { repositoryLocationName } assetSelection { path } } }
  }
  repositoryOrError(repositorySelector: {repositoryLocationName: "full_circle", repositoryName: "__repository__"}) {
    ... on Repository { origin { id } }
  }
  runsOrError { ... on Runs { results { repositoryOrigin { id } } } }
}
"""

EXECUTE_AGAIN = """
mutation ($run: String!) {
  launchRunReexecution(reexecutionParams: {parentRunId: $run, strategy: ALL_STEPS}) {
    __typename
    ... on LaunchRunSuccess { run { runId status assetSelection { path } tags { key value } } }
    ... on Error { message }
  }
}
"""


def test_a_run_is_in_the_jobs_history_and_can_be_executed_again(home, instance):
    output, (succeeded, failures, log, run_id) = finish(start(home))
    assert succeeded, failures
    assert "epoch 3 of 7" in output
    assert "made first" in output
    assert "check first is_there: passed. It is." in output
    assert "made second" not in output  # not selected
    assert "printed by the step" in Path(log).read_text()
    assert not list(processes_of(home))
    run = instance.get_run_by_id(run_id)
    assert {run.tags["dagster/partition"], run.tags["profile"]} == {"a", "quick"}
    with webserver(home) as ask:
        history = ask(HISTORY)
        (found,) = history["pipelineOrError"]["runs"]
        assert found["runId"] == run_id
        assert found["assetSelection"] == [{"path": ["first"]}]
        (origin,) = (result["repositoryOrigin"] for result in history["runsOrError"]["results"])
        assert origin == history["repositoryOrError"]["origin"]  # the timeline's rows are those of a repository
        again = ask(EXECUTE_AGAIN, run=run_id)["launchRunReexecution"]
        assert again["__typename"] == "LaunchRunSuccess", again
        assert again["run"]["status"] == "QUEUED"  # by a run that nobody waits for in a terminal
        assert again["run"]["assetSelection"] == [{"path": ["first"]}]


def test_a_run_of_an_unknown_job_or_with_bad_configuration_is_refused(home):
    _, (succeeded, failures, _, run_id) = finish(start(home, epochs=3))
    assert (succeeded, run_id) == (False, None)
    assert 'Received unexpected config entry "epochs"' in failures[0]


def test_without_the_run_coordinator_a_run_is_not_left_in_the_queue(home, instance):
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    _, (succeeded, failures, _, run_id) = finish(start(home))
    assert (succeeded, failures) == (False, [QUEUED])
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_step_that_was_killed_says_which_and_what_it_did(home, instance):
    _, (succeeded, failures, log, run_id) = finish(start(home, signal=signal.SIGKILL))
    assert not succeeded
    assert "first: Multiprocess executor: child process for step first was terminated by signal 9 (SIGKILL)." in failures[0]
    assert "running out of memory" in failures[0]
    assert f"The last it logged: 'epoch 3 of 7'. Log: {log}" in failures[0]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize(
    ("killed", "message"),
    [
        ("the run's own", r"Run execution process for [0-9a-f-]+ was terminated by signal 9 \(SIGKILL\)\."),
        ("all", r"Its processes were killed\. Log: "),
    ],
    ids=["its own", "all"],
)
def test_a_run_whose_processes_are_killed_fails_with_that_reason(home, instance, killed, message):
    with start(home, until="/never") as process:
        run = wait_for(lambda: is_working(instance))
        own = run_processes.processes_of(instance, run.run_id)
        pids = [min(own, key=own.get)] if killed == "the run's own" else set(processes_of(home)) - {process.pid}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, (succeeded, failures, log, _) = finish(process)
    assert not succeeded
    assert re.search(message, failures[0]), failures
    assert log in failures[0]
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert not slots(instance)


def slots(instance):
    return instance.event_log_storage.get_concurrency_info("train").claimed_slots


def test_an_interrupt_cancels_the_run_and_ends_its_processes(home, instance):
    with start(home, until="/never") as process:
        run = wait_for(lambda: is_working(instance))
        assert slots(instance)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert output.rstrip().endswith("KeyboardInterrupt")
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED
    assert not slots(instance)
    assert not list(processes_of(home))


def test_what_was_killed_is_closed_by_the_next_launch(home, instance):
    with start(home, until="/never") as process:
        run = wait_for(lambda: is_working(instance))
        for pid in processes_of(home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=120)
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.STARTED
    assert slots(instance)
    output, (succeeded, failures, _, _) = finish(start(home, "b"))
    assert succeeded, failures
    assert f"closed run {run.run_id[:8]} (job work, partition a): its processes were gone" in output
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


def test_others_say_whom_and_what_they_wait_for_and_then_go_on(home, instance):
    go_on = home.parent / "go on"
    with start(home, until=str(go_on)) as first:
        holder = wait_for(lambda: is_working(instance))
        with start(home, "b") as second:
            line = second.stdout.readline()
            assert line.startswith(f"Another make run is at work (process {first.pid}, since ")
            assert line.endswith("); waiting for it.\n")
            assert len(instance.get_runs()) == 1
            (home / LOCK_FILE).unlink()  # as if the first had been launched in the UI
            with start(home, "b") as third:
                waits = (
                    f"waiting for pool train (limit 1): held by run {holder.run_id[:8]} (job work, partition a), at work since "
                )
                assert any(waits in line for line in iter(third.stdout.readline, ""))
                go_on.touch()
                _, (succeeded, failures, _, _) = finish(third)
                assert succeeded, failures
            _, (succeeded, failures, _, _) = finish(second)
            assert succeeded, failures
        assert first.wait(60) == 0


def test_the_command_ends_its_run_when_it_is_terminated(home, instance):
    command = [sys.executable, "-m", "pipelines.run", "--drawing", "line", "--set", "examples.n=300000"]
    with Launching(command, cwd=ROOT, env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        (run,) = wait_for(lambda: instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))
        process.terminate()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"Interrupted. What was finished is kept" in errors
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED
    assert run.job_name == "learn_drawing"
    assert run.tags.keys() >= {LAUNCH_TAG, "profile", "dagster/partition"}
    assert not list(processes_of(home))


@dg.job
def nothing(): ...


def test_the_ui_closes_dead_runs_starts_without_a_warning_and_ends_as_a_whole(home, instance):
    gone = {run_processes.GRPC_TAG: json.dumps({"host": "localhost", "socket": str(home / "gone")})}
    dead = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTING, tags=gone)
    command = [sys.executable, "-m", "pipelines.ui", "--port", str(free_port())]
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=environment(home), start_new_session=True, **pipe) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "Serving dagster-webserver on http://127.0.0.1:" in line:
                break
        wait_for(lambda: any(b"daemon" in command_of(pid) for pid in processes_of(home)))
        os.killpg(process.pid, signal.SIGINT)  # as a Ctrl-C in a terminal
        rest, _ = process.communicate(timeout=120)
    assert f"Closed run {dead.run_id[:8]} (job nothing): its processes were gone.\n" in lines
    assert instance.get_run_by_id(dead.run_id).status == dg.DagsterRunStatus.FAILURE
    assert "superseded" not in "".join(lines) + rest
    assert not list(processes_of(home))
