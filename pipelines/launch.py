"""Launching: one job for one partition on the instance of DAGSTER_HOME, followed in the terminal while it runs.

Belongs here: the process that executes the job, and its event log as lines people read. What is to be launched is asked elsewhere.
"""

import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets.materialization import WHOLE
from assets.partitions import PARTITION_TAG
from fullcircle.core.progress import duration
from fullcircle.core.settings import Parts
from fullcircle.steps.profiles import Profile
from pipelines.config import run_config

LAUNCH_TAG = "full_circle/launch"


@dataclasses.dataclass(frozen=True)
class Launch:
    """What is to be run: a job in one of its profiles, for one partition or `WHOLE`; `prefix` is that of its assets."""

    job: str
    prefix: str
    partition: str
    profile: Profile[Any]
    settings: Parts


class Follower(threading.Thread):
    """Prints what a run logs, as it logs it, until stopped.

    Attributes:
        failures: messages of steps that failed.
    """

    def __init__(self, instance: dg.DagsterInstance, launch: str, label: str = "") -> None:
        super().__init__(daemon=True)
        self._instance, self._launch, self._label = instance, launch, label
        self._over = threading.Event()
        self._began = time.monotonic()
        self.failures: list[str] = []

    def run(self) -> None:
        run_id: str | None = None
        cursor: str | None = None
        last = False
        while not last:
            last = self._over.wait(0.5)  # one more look after the end
            if run_id is None:
                runs = self._instance.get_runs(dg.RunsFilter(tags={LAUNCH_TAG: self._launch}), limit=1)
                if not runs:
                    continue
                run_id = runs[0].run_id
            while True:
                found = self._instance.get_records_for_run(run_id, cursor)
                cursor = found.cursor
                for record in found.records:
                    self._show(record.event_log_entry)
                if not found.has_more:
                    break

    def _show(self, entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None:
            self._say(entry.user_message)
        elif event.is_step_failure:
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            self.failures.append(f"{event.step_key}: {cause.message.strip() if cause else event.message}")
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            warns = check.severity == dg.AssetCheckSeverity.WARN
            verdict = "passed" if check.passed else "WARNING" if warns else "FAILED"
            self._say(f"check {check.asset_key.to_user_string()} {check.check_name}: {verdict}. {check.description or ''}")
            if not check.passed and not warns:
                self.failures.append(f"{check.check_name}: {check.description}")
        elif event.is_step_materialization and event.asset_key:
            self._say(f"made {event.asset_key.to_user_string()}")

    def _say(self, text: str) -> None:
        print(f"[{duration(time.monotonic() - self._began):>5}] {self._label}{text}", flush=True)

    def stop(self) -> None:
        """Show what is left and end."""
        self._over.set()
        self.join()


def run(what: Launch, tags: Mapping[str, str] | None = None, label: str = "") -> tuple[bool, list[str], Path]:
    """Execute a job on the instance of DAGSTER_HOME, as ``dagster job execute`` does.

    Args:
        what: the job.
        tags: of the run, beside its own.
        label: what its lines begin with, where several are followed at once.

    Returns:
        Whether it succeeded, what failed, and where everything that the processes printed stands.
    """
    launch = uuid.uuid4().hex
    log = _log(launch)
    log.parent.mkdir(exist_ok=True)
    config = log.with_suffix(".json")
    config.write_text(json.dumps(run_config(what.settings), indent=1))
    partition = {} if what.partition == WHOLE else {PARTITION_TAG: what.partition}
    tags = {**partition, "profile": what.profile.name, LAUNCH_TAG: launch, **(tags or {})}
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "pipelines.definitions"]
    command += ["-j", f"{what.job}_{what.profile.name}", "-c", str(config), "--tags", json.dumps(tags)]
    with dg.DagsterInstance.get() as instance, log.open("wb") as output:
        fcntl.flock(output, fcntl.LOCK_EX)  # held by every process of the run that writes here, for as long as there is one
        end_dead(instance)
        follower = Follower(instance, launch, label)
        follower.start()
        try:
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT) as process:
                return process.wait() == 0, follower.failures, log
        finally:
            follower.stop()


def end_dead(instance: dg.DagsterInstance) -> None:
    """Close the runs whose processes were killed: they would hold their places in pools, for which others wait, for ever."""
    for found in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])):
        launch = found.tags.get(LAUNCH_TAG)
        if launch is None or not (log := _log(launch)).exists():
            continue  # launched in the UI, which looks after its own
        with log.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
        instance.report_run_failed(found, "Its processes were killed.")
        instance.event_log_storage.free_concurrency_slots_for_run(found.run_id)


def _log(launch: str) -> Path:
    return Path(os.environ["DAGSTER_HOME"]) / "launches" / f"{launch}.log"
