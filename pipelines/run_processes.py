"""Which processes execute a run, and whether they still do, so that a run whose processes were killed does not stay "Started".

Belongs here: everything that asks the operating system about the processes of a run. A run that nobody closes holds its slots in
pools, for which others wait for ever; Dagster's run monitoring does not look at processes of this machine.
"""

import datetime
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from assets.partitions import PARTITION_TAG

UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]

GRPC_TAG = ".dagster/grpc_info"
"""The tag of a run that names the code server that started it; Dagster's, which has no public name for it."""

START_SECONDS = 180.0
"""How long a run may be starting without any process to be seen; Dagster's own limit where it monitors runs."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

_PROC = Path("/proc")
_STAT_STATE, _STAT_SESSION, _STAT_STARTED = 0, 3, 19
"""Fields of /proc/<pid>/stat, counted from the one after the name, as proc(5) has them."""


def _stat(pid: int | str) -> list[str] | None:
    """The fields of a process after its name, which is in brackets and may hold anything; None where there is no such process."""
    try:
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid: int, noted: float) -> bool:
    """Whether the process that had this number at a time is still there: not ended, and not another with the same number.

    The clock may have been set back since: the kernel's time of booting moves with it, so a process that is there began no later
    than before. Set ahead, it makes a process look like another that took its number.

    Args:
        pid: number of the process.
        noted: when the number was seen, in seconds since the epoch.
    """
    if not (_PROC / "stat").exists():  # not Linux: another process with the number would pass for it
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    fields = _stat(pid)
    if fields is None or fields[_STAT_STATE] in "ZX":
        return False
    (booted,) = (int(line.split()[1]) for line in (_PROC / "stat").read_text().splitlines() if line.startswith("btime "))
    started = booted + int(fields[_STAT_STARTED]) / os.sysconf("SC_CLK_TCK")
    return started <= noted + 2.0  # the time of booting is given in whole seconds


def session_is_alive(session: int) -> bool:
    """Whether any process of a session is there that has not ended; one that nobody has waited for has ended."""
    if not (_PROC / "stat").exists():
        try:
            os.killpg(session, 0)
        except (ProcessLookupError, PermissionError):
            return False
        return True
    for place in _PROC.iterdir():
        fields = _stat(place.name) if place.name.isdecimal() else None
        if fields and fields[_STAT_SESSION] == str(session) and fields[_STAT_STATE] not in "ZX":
            return True
    return False


def processes_of(instance: dg.DagsterInstance, run_id: str) -> dict[int, float]:
    """The processes that a run's event log names, each with the time when it does: the run's own and those of its steps."""
    found: dict[int, float] = {}
    for entry in instance.all_logs(run_id, of_type={DagsterEventType.ENGINE_EVENT, DagsterEventType.STEP_WORKER_STARTED}):
        event = entry.dagster_event
        metadata: Any = getattr(event and event.event_specific_data, "metadata", None) or {}
        pid = str(getattr(metadata.get("pid"), "value", ""))
        if pid.isdecimal():
            found.setdefault(int(pid), entry.timestamp)
    return found


def _server_answers(tag: str) -> bool:
    """Whether a code server listens where a run's tag says that the one which started it does."""
    try:
        info = json_object(tag)
        if "socket" in info:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(info["socket"]))
        else:
            socket.create_connection((str(info["host"]), int(info["port"])), timeout=5).close()
    except (OSError, KeyError, ValueError):
        return False
    return True


def _is_of_this_machine(tag: str) -> bool:
    """Whether the code server that a run's tag names is on this machine: by a socket, the loopback, or this machine's name."""
    try:
        info = json_object(tag)
    except ValueError:
        return True
    return "socket" in info or info.get("host") in (*_LOOPBACK, socket.gethostname())


def json_object(text: str) -> dict[str, Any]:
    """A JSON object; raises ValueError where the text is anything else."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"A JSON object is expected. Received: {text!r}.")
    return found


def is_dead(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    """Whether nothing executes a run that is under way. A run of a code server on another machine is not judged: it is not dead.

    Dead is a run all of whose processes have ended; one that names none yet, when the code server that was to start it is gone, or
    when it names no server either and has been so for `START_SECONDS`, or was so at a time that is as far ahead: the clock was set
    back since, and would keep it starting until it has come round again.
    """
    server = record.dagster_run.tags.get(GRPC_TAG)
    if server and not _is_of_this_machine(server):
        return False
    processes = processes_of(instance, record.dagster_run.run_id)
    if processes:
        return not any(is_alive(pid, noted) for pid, noted in processes.items())
    if server:
        return not _server_answers(server)
    return abs(time.time() - record.update_timestamp.replace(tzinfo=datetime.UTC).timestamp()) > START_SECONDS


def close_dead_runs(instance: dg.DagsterInstance) -> list[dg.DagsterRun]:
    """Close the runs that nothing executes any more, whoever launched them, and free their slots in pools.

    Processes are looked for on this machine, and only those of runs that a code server of this machine started: in containers, the
    webserver and the daemon see none of those of the code location, which has numbers of its own. It closes its runs when it starts
    (`pipelines.code_server`).

    Returns:
        The runs that were closed, as they were.
    """
    closed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNDER_WAY)):
        if not is_dead(instance, record):
            continue
        run = instance.get_run_by_id(record.dagster_run.run_id)
        if run is None or run.status not in UNDER_WAY:  # it ended while its processes were looked for
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "Its processes had ended before it could report that it was canceled.")
        else:
            instance.report_run_failed(run, "Its processes were killed: none of those that its events name is running.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        closed.append(run)
    return closed


def close_and_print() -> None:
    """Close the dead runs of the instance of DAGSTER_HOME, and print which they were."""
    with dg.DagsterInstance.get() as instance:
        for closed in close_dead_runs(instance):
            print(f"Closed {name_of(closed)}: its processes were gone.", flush=True)


def name_of(run: dg.DagsterRun) -> str:
    """A run in a sentence: ``run 1a2b3c4d (job learn_drawing, partition line)``."""
    partition = run.tags.get(PARTITION_TAG)
    return f"run {run.run_id[:8]} (job {run.job_name}{f', partition {partition}' if partition else ''})"


def clock(seconds: float) -> str:
    """A time since the epoch as local ``14:03``, with the day before it where that is not today."""
    then = datetime.datetime.fromtimestamp(seconds).astimezone()
    return f"{then:%H:%M}" if then.date() == datetime.datetime.now().astimezone().date() else f"{then:%Y-%m-%d %H:%M}"
