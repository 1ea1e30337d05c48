"""Watched processes: functions that return, hang, crash and leave, each in a process of its own."""

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from fullcircle.core import watched as module
from fullcircle.core.watched import watched

LIMIT = 1.0
"""Seconds."""


def well(begin, text):
    begin("first", 60)
    begin("second", 60)
    print(text)


def hang(begin):
    begin("first", 60)
    begin("second", LIMIT)
    print("about to wait", flush=True)
    while True:
        time.sleep(0.01)  # here it hangs


def wait_in_a_library(begin):
    begin("a lock", LIMIT)
    lock = threading.Lock()
    with lock:
        lock.acquire()  # here it hangs


def crash(begin):
    begin("memory", 60)
    print("the last words", flush=True)
    ctypes.string_at(0)  # here it crashes


def leave(begin):
    begin("leaving", 60)
    os._exit(0)


def leave_a_thread(begin):
    begin("a thread", 60)
    threading.Thread(target=time.sleep, args=(1000,)).start()


def never_begin(begin):
    time.sleep(1000)


def tried(function, *arguments):
    return watched(f"{__name__}:{function.__name__}", *arguments)


def line_of(trial):
    return Path(__file__).read_text().splitlines()[trial.line_in("test_watched.py") - 1]


@pytest.fixture(autouse=True)
def found_by_the_process(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])


def test_what_returns_is_over():
    trial = tried(well, "a text, 'quoted'")
    assert (trial.ended, trial.hung) == ("", False)


@pytest.mark.parametrize(("function", "stage"), [(hang, "second"), (wait_in_a_library, "a lock")])
def test_what_hangs_is_ended_and_says_where(function, stage):
    trial = tried(function)
    assert (trial.stage, trial.hung) == (stage, True)
    assert trial.ended == "it took longer than 1 s"
    assert line_of(trial).endswith("# here it hangs")
    assert trial.line_in("elsewhere.py") is None
    assert trial.last_printed == ("about to wait" if function is hang else "")


def test_what_crashes_says_where_and_its_last_words():
    trial = tried(crash)
    assert (trial.stage, trial.hung, trial.ended) == ("memory", False, "its process was ended by the signal SIGSEGV")
    assert line_of(trial).endswith("# here it crashes")
    assert trial.last_printed == "the last words"


def test_what_ends_its_process_is_reported():
    trial = tried(leave)
    assert (trial.stage, trial.hung, trial.ended) == ("leaving", False, "its process ended with exit code 0")


def test_a_thread_that_is_left_behind_is_not_waited_for():
    began = time.monotonic()
    assert tried(leave_a_thread).ended == ""
    assert time.monotonic() - began < 60


def test_a_process_that_begins_nothing_is_killed(monkeypatch):
    monkeypatch.setattr(module, "START_SECONDS", 0.5)
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.5)
    trial = tried(never_begin)
    assert (trial.stage, trial.hung) == ("", True)
