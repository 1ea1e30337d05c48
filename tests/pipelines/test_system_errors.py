"""`make run` on a store or a history that cannot be used ends with a sentence and no traceback."""

import contextlib
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy.exc

from fullcircle.store.ledger import StoreError
from pipelines import run

ROOT = Path(__file__).parents[2]
PREPARE = ["--source", "tifinagh", "--models", "none"]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A store and a history that can be used, and a file where no folder can be."""
    (tmp_path / "home").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(("home", "why"), [("nowhere", "No such file or directory"), ("file", "Not a directory")])
def test_a_history_that_is_not_there(places, monkeypatch, capsys, home, why):
    monkeypatch.setenv("DAGSTER_HOME", str(places / home))
    assert run.main(PREPARE) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"Stopped. {places / home / 'make_run.lock'}: {why}. Make the folder, or choose another folder")
    assert len(error.splitlines()) == 1


def test_a_store_that_cannot_be_made(places):
    environment = os.environ | {"FULLCIRCLE_STORE": str(places / "file" / "store")}
    for what in (PREPARE, ["--source", f"folder:{places}", "--models", "none"]):
        command = [sys.executable, "-m", "pipelines.run", *what]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert f"{places / 'file' / 'store'}" in done.stderr.splitlines()[-1]
        assert "Not a directory. Make the folder, or choose another folder" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device: in the store "),
        (
            PermissionError(errno.EACCES, "Permission denied", "/store/index.html"),
            "/store/index.html: Permission denied. Make it",
        ),
        (StoreError("/store cannot be written."), "/store cannot be written."),
    ],
)
@pytest.mark.parametrize(
    ("where", "printed", "code"), [("requests", "Not launched. ", 2), ("run_each", "Stopped. ", 1), ("summary", "Stopped. ", 1)]
)
def test_whatever_the_system_refuses_is_a_sentence(places, monkeypatch, capsys, where, printed, code, error, sentence):
    def refuse(*arguments, **more):
        raise error

    monkeypatch.setattr(run, "run_each", lambda launches, *, force: 0)
    monkeypatch.setattr(run, where, refuse)
    assert run.main(PREPARE) == code
    assert capsys.readouterr().err.startswith(printed + sentence)


@pytest.mark.parametrize("where", ["requests", "run_each"])
def test_an_error_of_the_program_is_not_hidden(places, monkeypatch, where):
    def broken(*arguments, **more):
        raise OSError("of the program")

    monkeypatch.setattr(run, where, broken)
    with pytest.raises(OSError, match="of the program"):
        run.main(PREPARE)


def history(code):
    """An error as Dagster's history raises it."""
    found = sqlite3.OperationalError("of the history")
    found.sqlite_errorcode = code
    return sqlalchemy.exc.OperationalError("INSERT", {}, found)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, 10 | 3 << 8])
def test_a_history_that_cannot_be_written(places, monkeypatch, capsys, code):
    def refuse(launches, *, force):
        raise history(code)

    monkeypatch.setattr(run, "run_each", refuse)
    assert run.main(PREPARE) == 1
    assert capsys.readouterr().err == (
        f"Stopped. Dagster's history in DAGSTER_HOME {places / 'home'} cannot be used: of the history. Free some space, make it "
        "writable, or choose another folder with DAGSTER_HOME=FOLDER, and run again.\n"
    )


def test_another_error_of_the_history_is_not_hidden(places, monkeypatch):
    def refuse(launches, *, force):
        raise history(sqlite3.SQLITE_CONSTRAINT)

    monkeypatch.setattr(run, "run_each", refuse)
    with pytest.raises(sqlalchemy.exc.OperationalError):
        run.main(PREPARE)


@dg.job
def work():
    pass


HOLD = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@contextlib.contextmanager
def held(path, seconds):
    """Another process keeps a database locked, so long at most."""
    with subprocess.Popen([sys.executable, "-c", HOLD, path, str(seconds)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield
        process.kill()


def test_a_history_that_another_process_holds_is_waited_for_and_then_named(places, monkeypatch, capsys):
    home, connect, wait = places / "home", sqlite3.dbapi2.connect, [5.0]

    def run_something(launches, *, force):
        with dg.DagsterInstance.get() as instance:
            some_run = instance.create_run_for_job(work)
            instance.report_run_failed(some_run)
        return 0

    monkeypatch.setattr(run, "run_each", run_something)
    monkeypatch.setattr(run, "summary", lambda launches: "")
    monkeypatch.setattr(sqlite3.dbapi2, "connect", lambda *a, **more: connect(*a, **more | {"timeout": wait[0]}))
    assert run.main(PREPARE) == 0
    for name in ("history/runs.db", "history/runs/index.db"):
        wait[0] = 5.0
        with held(home / name, 0.2):
            assert run.main(PREPARE) == 0
        capsys.readouterr()
        wait[0] = 0.1
        with held(home / name, 600):
            assert run.main(PREPARE) == 1
        assert capsys.readouterr().err == (
            f"Stopped. Dagster's history in DAGSTER_HOME {home} cannot be used: database is locked by another process "
            f"({home / name}). Wait until that process is done, or end it, and run again.\n"
        )
    assert run.main(PREPARE) == 0


def test_a_history_that_is_free_again_by_now(places, monkeypatch, capsys):
    def refuse(launches, *, force):
        raise history(sqlite3.SQLITE_BUSY)

    (places / "home" / "other.db").write_text("no database, and long enough to be seen as none" * 9)
    monkeypatch.setattr(run, "run_each", refuse)
    assert run.main(PREPARE) == 1
    assert "of the history by another process (it is free again by now). Wait" in capsys.readouterr().err
