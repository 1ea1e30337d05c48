"""Ctrl-C is noted wherever the main thread is, and nothing else changes."""

import os
import signal
import threading

import pytest

from pipelines.interrupts import SIGNALS, Interrupts


@pytest.fixture
def raising():
    """Signals that end a run raise KeyboardInterrupt, as `python -m pipelines.run` has it."""
    before = {s: signal.signal(s, signal.default_int_handler) for s in SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_raises_nothing(raising, number):
    with Interrupts() as interrupts:
        assert not interrupts.noted
        os.kill(os.getpid(), number)
        assert interrupts.noted
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


def test_one_that_comes_in_a_callback_of_the_garbage_collector_is_not_lost(raising):
    """Raised there, Python would print and drop it."""

    class Collected:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)

    with Interrupts() as interrupts:
        Collected()
        assert interrupts.noted


def test_handlers_of_others_are_left_alone(raising):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not interrupts.noted


def test_in_another_thread_nothing_changes(raising):
    found = []

    def enter():
        with Interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
