"""Launching: a run of a job on the instance of DAGSTER_HOME, followed in the terminal until it is over.

Belongs here: how a run is started, waited for and ended. What is to be run is asked elsewhere.

The run is launched as the UI launches one, by Dagster's ``launchRun`` through workspace.yaml: so it is in the timeline and in the
job's history, and can be executed again from there. The command ``dagster-graphql`` asks for it; the code server which that starts
executes the run and ends after it. No daemon is needed: `run_coordinator` sends runs with the tag of a launch on at once.
"""

import contextlib
import dataclasses
import getpass
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.core.settings import Parts
from fullcircle.steps.profiles import Profile
from fullcircle.steps.step import WHOLE, Planned, Step, plan
from fullcircle.store.objects import Store
from pipelines.config import run_config
from pipelines.follow import Follower, last_lines
from pipelines.interrupts import Interrupts
from pipelines.run_processes import close_dead_runs, name_of, session_is_alive
from pipelines.tags import ASKED_TAG, FORCE_TAG, LAUNCH_TAG

WORKSPACE = Path(__file__).parents[1] / "workspace.yaml"
LOCATION, REPOSITORY = "full_circle", "__repository__"
"""What workspace.yaml calls this code, and what Dagster calls the definitions in it."""

LOOK_SECONDS = 0.5
"""How often the run is looked at."""

GRACE_SECONDS = 20.0
"""How long processes may take to end by themselves."""

QUEUED = (
    "A run of make run is expected to be launched at once. Received: one that was put into the queue, which needs a daemon. "
    "In the dagster.yaml of DAGSTER_HOME name the run coordinator that dagster_home/dagster.yaml of this checkout names."
)

LAUNCH_RUN = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}
"""


@dataclasses.dataclass(frozen=True)
class Launch:
    """What a command asks for.

    Attributes:
        job: its name in `jobs`.
        partition: one of them, or `WHOLE`.
        profile: what the settings were before any was changed.
        settings: for the steps.
        steps: those that make what is asked for, in an order in which each comes after what it reads.
        title: what it is called in the terminal.
    """

    job: str
    partition: str
    profile: Profile[Any]
    settings: Parts
    steps: tuple[Step, ...]
    title: str

    @property
    def prefix(self) -> str:
        """What the keys of its assets begin with."""
        return self.steps[0].prefix


@dataclasses.dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        succeeded: whether everything was made and no blocking check failed.
        failures: what failed and why; at least one where it did not succeed.
        log: the file with all that its processes printed.
        run_id: None where the run was refused before there was one.
    """

    succeeded: bool
    failures: Sequence[str]
    log: Path
    run_id: str | None = None


def stale(store: Store, what: Launch, *, force: bool = False) -> list[Planned]:
    """The steps of a launch that have to run, each with the reason; none where everything is up to date."""
    planned = plan(store, what.steps, what.settings, what.partition, force=force)
    return [step for step in planned if step.reason is not None]


def run(
    what: Launch,
    tags: Mapping[str, str] | None = None,
    label: str = "",
    stop: threading.Event | None = None,
    *,
    force: bool = False,
) -> RunOutcome | None:
    """Make what is stale of what was asked for; see `launch`. None where everything is up to date and nothing was launched."""
    planned = stale(Store(default_store()), what, force=force)
    if not planned:
        return None
    steps = [each.step for each in planned]
    keys = [dg.AssetKey(asset.split("/")) for step in steps for asset in step.makes]
    partition = None if what.partition == WHOLE else what.partition
    tags = {
        "profile": what.profile.name,
        ASKED_TAG: f"make run by {user()}",
        **({FORCE_TAG: "true"} if force else {}),
        **(tags or {}),
    }
    return launch(what.job, keys, partition, run_config(what.settings, steps), tags, label, stop)


def user() -> str:
    """Who runs this process, by name; by number where the system has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        return f"user {os.getuid()}"


def launch(
    job: str,
    selection: Sequence[dg.AssetKey],
    partition: str | None,
    config: Mapping[str, Any],
    tags: Mapping[str, str],
    label: str = "",
    stop: threading.Event | None = None,
    workspace: Path = WORKSPACE,
) -> RunOutcome:
    """Launch a run on the instance of DAGSTER_HOME and follow it until it is over.

    Whatever ends this function, the run is over: an interrupt cancels it. Runs that nothing executes any more are closed first.

    Args:
        job: name of the job.
        selection: which of the job's assets are made; all where it is empty. Their checks come along.
        partition: the one that is made; None where the assets have none.
        config: run configuration of the ops of those assets.
        tags: of the run, beside the partition's and the launch's own.
        label: what its lines in the terminal begin with, where several runs are followed at once.
        stop: ends the run as an interrupt does when it is set; for launches in threads, which get no signals.
        workspace: the file that names the code.

    Raises:
        KeyboardInterrupt: after the run was canceled, on an interrupt or when `stop` is set.
    """
    name = uuid.uuid4().hex
    log = Path(os.environ["DAGSTER_HOME"]) / "launches" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    answer = log.with_suffix(".json")
    of_run = {**tags, LAUNCH_TAG: name} | ({PARTITION_TAG: partition} if partition is not None else {})
    params = {
        "selector": {
            "repositoryLocationName": LOCATION,
            "repositoryName": REPOSITORY,
            "jobName": job,
            "assetSelection": [{"path": list(key.path)} for key in selection] or None,
        },
        "runConfigData": config,
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in of_run.items()]},
    }
    command = [str(Path(sys.executable).with_name("dagster-graphql")), "-w", workspace.name, "-t", LAUNCH_RUN]
    command += ["-v", json.dumps({"params": params}), "-o", str(answer)]
    # Relative to the working folder, which is that of the workspace as it is for `make ui`: the code location is the same one.
    environment = os.environ | {"FULLCIRCLE_STORE": str(default_store())}
    stop = stop or threading.Event()
    with dg.DagsterInstance.get() as instance, log.open("wb") as output, Interrupts() as interrupts:
        follower = Follower(instance, name, log, label)
        for closed in close_dead_runs(instance):
            follower.say(f"closed {name_of(closed)}: its processes were gone")
        # A session of its own: an interrupt in the terminal comes here only, and the run is ended from here, in order.
        with subprocess.Popen(
            command,
            cwd=workspace.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            interrupted = True
            try:
                _follow(follower, process, answer, lambda seconds: stop.wait(seconds) or interrupts.noted)
                interrupted = False
            finally:
                _end(instance, follower, process, interrupted)
                answer.unlink(missing_ok=True)
    if follower.run is not None and follower.run.status == dg.DagsterRunStatus.SUCCESS:
        return RunOutcome(True, [], log, follower.run.run_id)
    failures = follower.failures or [f"The run ended without giving a reason. The last lines of its log:\n{last_lines(log)}"]
    return RunOutcome(False, failures, log, follower.run.run_id if follower.run else None)


def _follow(follower: Follower, process: subprocess.Popen[bytes], answer: Path, stopped: Callable[[float], bool]) -> None:
    """Return when the run is over, was refused, or has no process left.

    Raises:
        KeyboardInterrupt: when `stopped`, which waits for so many seconds, says so.
    """
    launched = False
    while True:
        alive = process.poll() is None or session_is_alive(process.pid)  # before the look: what it did last is then shown
        follower.look()
        if process.returncode is not None and not launched:
            if refusal := _refusal(answer):
                follower.failures = [refusal]
                return
            launched = True
        if launched and follower.run is not None and follower.run.status == dg.DagsterRunStatus.QUEUED:
            follower.failures = [QUEUED]
            return
        if (launched and follower.over) or not alive:
            return
        if stopped(LOOK_SECONDS):
            raise KeyboardInterrupt


def _refusal(answer: Path) -> str | None:
    """Why a run was not launched, of the file with the answer to `LAUNCH_RUN`; None where it was."""
    try:
        answered = json.loads(answer.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"The run was not launched. The last lines of its log:\n{last_lines(answer.with_suffix('.log'))}"
    if "errors" in answered:
        return "\n".join(error["message"] for error in answered["errors"])
    result = answered["data"]["launchRun"]
    if result["__typename"] == "LaunchRunSuccess":
        return None
    return result.get("message") or "\n".join(error["message"] for error in result["errors"])


def _end(instance: dg.DagsterInstance, follower: Follower, process: subprocess.Popen[bytes], interrupted: bool) -> None:
    """See to it that the run is over and no process of it is left; cancel what still runs, as the UI does, then kill it."""
    try:
        if interrupted:
            follower.say("canceling the run")
            follower.look()
            if follower.run is None or follower.run.status == dg.DagsterRunStatus.NOT_STARTED:
                _kill(process)  # before the run could be started
            elif not follower.over:
                with contextlib.suppress(dg.DagsterError):  # its code server does not answer: it is killed below
                    instance.run_coordinator.cancel_run(follower.run.run_id)
        _wait(process)
    finally:
        _kill(process)
        follower.look()
        if follower.run is not None and not follower.over:
            if interrupted:
                instance.report_run_canceled(follower.run, "Canceled by whoever launched it.")
            elif follower.run.status == dg.DagsterRunStatus.QUEUED:
                instance.report_run_canceled(follower.run, QUEUED)
            else:
                instance.report_run_failed(follower.run, "Its processes were killed.")
            follower.look()
        if follower.run is not None:
            instance.event_log_storage.free_concurrency_slots_for_run(follower.run.run_id)


def _wait(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + GRACE_SECONDS
    while (process.poll() is None or session_is_alive(process.pid)) and time.monotonic() < until:
        time.sleep(0.1)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None or session_is_alive(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
