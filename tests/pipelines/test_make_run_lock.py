"""One `make run` at a time: who waits says for whom, and goes on however the other ended."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.make_run_lock import LOCK_FILE, only_one
from pipelines.run_processes import clock

HOLD = """
import sys
from pathlib import Path
from pipelines.make_run_lock import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """Another process that holds the lock until it is asked to end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("note", ["its own", "", "[1]", '{"pid": 3}'])
def test_the_second_waits_and_goes_on_when_the_first_was_killed(held, tmp_path, capsys, note, monkeypatch):
    if note != "its own":
        (tmp_path / LOCK_FILE).write_text(note)
    real = print

    def printed(*arguments, **named):
        real(*arguments, **named)
        held.send_signal(signal.SIGKILL)  # only when it waits

    monkeypatch.setattr("builtins.print", printed)
    with only_one(tmp_path):
        assert held.wait(60) == -signal.SIGKILL
        assert f'"pid": {os.getpid()}' in (tmp_path / LOCK_FILE).read_text()
    who = f"process {held.pid}, since {clock(time.time())[:2]}" if note == "its own" else "just started"
    output = capsys.readouterr().out
    assert output.startswith(f"Another make run is at work ({who}")
    assert output.endswith("); waiting for it.\n")


def test_the_first_does_not_wait(tmp_path, capsys):
    for _ in range(2):
        with only_one(tmp_path):
            pass
    assert capsys.readouterr().out == ""
