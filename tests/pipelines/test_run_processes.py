"""Which runs are closed because their processes are gone, and which are not."""

import json
import os
import socket
import subprocess
import sys
import time
import types

import dagster as dg
import pytest

from pipelines import run_processes
from pipelines.run_processes import GRPC_TAG, clock, close_dead_runs, is_alive, name_of, processes_of, session_is_alive

NOBODY = 2**22 + 1
"""More than any process number is (proc(5), pid_max)."""


@pytest.fixture
def ended():
    """A process that has ended and that nobody has waited for."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        yield process.pid


def test_a_process_is_alive_until_it_ends(ended):
    assert is_alive(os.getpid(), time.time())
    assert not is_alive(NOBODY, time.time())
    assert not is_alive(ended, time.time())
    assert not session_is_alive(ended)
    assert session_is_alive(os.getsid(0))


def test_another_process_with_the_same_number_is_not_the_one_that_was_noted():
    assert not is_alive(os.getpid(), time.time() - 30 * 24 * 3600)


def test_without_proc_the_number_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(run_processes, "_PROC", tmp_path)
    assert is_alive(os.getpid(), 0.0)
    assert not is_alive(NOBODY, time.time())
    assert session_is_alive(os.getpgid(0))
    assert not session_is_alive(NOBODY)


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        "telemetry:\n  enabled: false\nconcurrency:\n  pools:\n    granularity: op\n    default_limit: 1\n"
    )
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


@dg.op(pool="train")
def training():
    pass


@dg.job
def work():
    training()


STARTED, STARTING, CANCELING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING


def of_real_run(instance):
    """A run that Dagster executes in this process, and the data of the event in which it names the process."""
    result = work.execute_in_process(instance=instance)
    events = (entry.dagster_event for entry in instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT))
    return result.run_id, next(e.engine_event_data for e in events if "pid" in e.engine_event_data.metadata)


def test_a_run_names_its_process(instance):
    run_id, data = of_real_run(instance)
    assert data.metadata["pid"] == dg.MetadataValue.text(str(os.getpid()))
    assert list(processes_of(instance, run_id)) == [os.getpid()]


def a_run(instance, status, pid=None, **tags):
    run = instance.create_run_for_job(work, status=status, tags=tags)
    if pid is not None:
        _, data = of_real_run(instance)
        metadata = {"pid": dg.MetadataValue.text(str(pid))}
        instance.report_engine_event("Started process for run.", run, data._replace(metadata=metadata))
    return run.run_id


def test_runs_are_closed_whoever_launched_them_and_their_slots_are_free(instance):
    dead, alive = a_run(instance, STARTED, NOBODY), a_run(instance, STARTED, os.getpid())
    canceling = a_run(instance, CANCELING, NOBODY)
    waiting = a_run(instance, dg.DagsterRunStatus.NOT_STARTED)
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("train")
    assert storage.claim_concurrency_slot("train", dead, "training").is_claimed
    assert not storage.claim_concurrency_slot("train", alive, "training").is_claimed
    assert {run.run_id for run in close_dead_runs(instance)} == {dead, canceling}
    statuses = [instance.get_run_by_id(run_id).status.value for run_id in (dead, alive, canceling, waiting)]
    assert statuses == ["FAILURE", "STARTED", "CANCELED", "NOT_STARTED"]
    assert storage.claim_concurrency_slot("train", alive, "training").is_claimed
    assert close_dead_runs(instance) == []


def test_a_run_that_is_starting_is_as_alive_as_the_server_that_starts_it(instance, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX) as server, socket.socket() as by_port:
        server.bind(str(tmp_path / "s"))
        server.listen()
        by_port.bind(("127.0.0.1", 0))
        by_port.listen()
        a_run(instance, STARTING, **{GRPC_TAG: json.dumps({"host": "localhost", "socket": str(tmp_path / "s")})})
        a_run(instance, STARTING, **{GRPC_TAG: json.dumps({"host": "127.0.0.1", "port": by_port.getsockname()[1]})})
        just_begun = a_run(instance, STARTING)
        gone = a_run(instance, STARTING, **{GRPC_TAG: json.dumps({"host": "localhost", "socket": str(tmp_path / "gone")})})
        assert [run.run_id for run in close_dead_runs(instance)] == [gone]
        monkeypatch.setattr(run_processes, "START_SECONDS", -1.0)
        assert [run.run_id for run in close_dead_runs(instance)] == [just_begun]


@pytest.mark.parametrize(
    ("server", "closed"),
    [
        ({"host": "code", "port": 4000}, False),  # a container has numbers of processes of its own
        ({"host": socket.gethostname(), "port": 4000}, True),
        ({"host": "localhost", "port": 4000}, True),
        ({"host": "localhost", "socket": "/tmp/s"}, True),
        ("no JSON", True),
    ],
)
def test_a_run_of_a_code_server_elsewhere_is_not_judged(instance, server, closed):
    run_id = a_run(instance, STARTED, NOBODY, **{GRPC_TAG: server if isinstance(server, str) else json.dumps(server)})
    assert [run.run_id for run in close_dead_runs(instance)] == [run_id] * closed


def test_a_clock_that_is_set_back_closes_no_run_that_lives_and_keeps_none_that_is_dead(instance, monkeypatch):
    dead, alive = a_run(instance, STARTED, NOBODY), a_run(instance, STARTED, os.getpid())
    starting = a_run(instance, STARTING)
    now, back = time.time(), [60.0]
    monkeypatch.setattr(run_processes, "time", types.SimpleNamespace(time=lambda: now - back[0]))
    assert [run.run_id for run in close_dead_runs(instance)] == [dead]
    back[0] = 24 * 3600.0  # it would seem to be starting for another day
    assert [run.run_id for run in close_dead_runs(instance)] == [starting]
    assert instance.get_run_by_id(alive).status == STARTED


def test_a_process_that_began_in_the_future_is_the_one_that_was_noted(monkeypatch, tmp_path):
    """Booted at 1,000 and begun 500 s later by a clock that is then set back by 400 s, and the time of booting with it."""
    fields = ["0"] * 50
    fields[run_processes._STAT_STATE], fields[run_processes._STAT_STARTED] = "S", str(500 * os.sysconf("SC_CLK_TCK"))
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (python) {' '.join(fields)}")
    monkeypatch.setattr(run_processes, "_PROC", tmp_path)
    for booted in (1000, 600):
        (tmp_path / "stat").write_text(f"cpu 0\nbtime {booted}\n")
        assert is_alive(7, noted=1501.0)
    assert not is_alive(7, noted=900.0)


def test_a_run_and_a_time_as_they_are_printed(instance):
    run = instance.get_run_by_id(a_run(instance, STARTED, **{"dagster/partition": "line"}))
    assert name_of(run) == f"run {run.run_id[:8]} (job work, partition line)"
    assert len(clock(time.time())) == len("14:03")
    assert clock(0.0).startswith(("1970-01-01 ", "1969-12-31 "))
