"""All drawing classes: which are run, which are not, and the messages. The runs themselves are in end_to_end."""

import threading

import dagster as dg
import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS
from fullcircle.steps.drawings import EXAMPLES, STEPS
from fullcircle.steps.profiles import profile
from fullcircle.steps.step import Planned
from pipelines import every_class, run
from pipelines.every_class import Outcome, run_all, summary
from pipelines.jobs import LEARN_DRAWING
from pipelines.launch import Launch, RunOutcome
from pipelines.tags import GROUP_TAG

QUICK = profile("quick")


def launched(name):
    return Launch(LEARN_DRAWING, name, QUICK, QUICK.settings, STEPS, name)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_one_that_fails_does_not_keep_the_others_from_being_made(home, store, monkeypatch, capsys):
    ran, groups = [], []

    def executed(what, tags, label, stop, force):
        ran.append((what.partition, label))
        groups.append(tags)
        failures = ["decoder: it broke"] if what.partition == "b" else []
        return RunOutcome(not failures, failures, home / "log")

    def launch_of(name):
        if name == "refused":
            raise SettingsError("It draws by chance.")
        return launched(name)

    monkeypatch.setattr(every_class, "run", executed)
    monkeypatch.setattr(
        every_class,
        "stale",
        lambda store, what, force: [] if what.partition == "done" else [Planned(EXAMPLES, "it was never made")],
    )
    outcomes = run_all(["done", "a", "refused", "b", "c"], launch_of, store)
    assert ran == [("a", "a: "), ("b", "b: "), ("c", "c: ")]
    assert [o.became for o in outcomes] == ["up to date", "made", "refused", "failed", "made"]
    assert [o.good for o in outcomes] == [True, True, False, False, True]
    output = capsys.readouterr().out.splitlines()
    assert "done: up to date, not run again" in output
    assert "a: to be run, for it was never made" in output
    assert "refused: refused. It draws by chance." in output
    assert f"  b        failed      decoder: it broke Log: {home / 'log'}" in summary(outcomes).splitlines()
    assert [list(group) for group in groups] == [[GROUP_TAG]] * 3
    assert len({group[GROUP_TAG] for group in groups}) == 1
    assert f"3 runs, in the UI under the tag {GROUP_TAG}={groups[0][GROUP_TAG]}" in output


def test_an_interrupt_ends_all_that_run_and_starts_no_other(home, monkeypatch):
    ran, stopped = [], []

    def executed(what, tags, label, stop, force):
        ran.append(what.partition)
        if what.partition == "a":
            raise KeyboardInterrupt
        stopped.append(stop.wait(60))
        raise KeyboardInterrupt

    monkeypatch.setattr(every_class, "run", executed)
    monkeypatch.setattr(every_class, "trainings", lambda instance: 2)
    with pytest.raises(KeyboardInterrupt):
        every_class._run_each([launched(name) for name in "abcd"], False)
    assert "a" in ran
    assert "d" not in ran
    assert all(stopped)


def test_as_many_run_at_once_as_may_be_trained_at_once(home, monkeypatch):
    (home / "dagster.yaml").write_text("concurrency:\n  pools:\n    granularity: op\n    default_limit: 1\n")
    running, most = [], []
    together = threading.Barrier(3)

    def executed(what, tags, label, stop, force):
        running.append(what.partition)
        if at_once == 3:
            together.wait(60)
        most.append(len(running))
        running.remove(what.partition)
        return RunOutcome(True, [], home / "log")

    monkeypatch.setattr(every_class, "run", executed)
    at_once = 1
    every_class._run_each([launched(name) for name in "abc"], False)
    assert max(most) == 1
    with dg.DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots("train", 3)
        assert every_class.trainings(instance) == 3
    at_once = 3
    every_class._run_each([launched(name) for name in "abc"], False)


def test_the_command_says_what_became_of_each_and_fails_if_one_did(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "drawings.json").write_text('{"star": "/nowhere/star.py:Star"}')
    asked = []

    def all_of(names, launch_of, store, force):
        asked.extend(names)
        with pytest.raises(SettingsError, match="A Python file is expected at /nowhere/star.py"):
            launch_of("star")
        return [Outcome("line", "made", "in 0:01"), Outcome("star", "refused", "No file.")]

    monkeypatch.setattr(run, "run_all", all_of)
    assert run.main(["--drawing", "all"]) == 1
    assert asked == [*DRAWINGS, "star"]
    assert "  line  made        in 0:01\n  star  refused     No file.\n" in capsys.readouterr().out
    assert run.main(["--drawing", "all", "--set", "examples.n=0"]) == 2
    assert "Not launched. examples.n is expected to be at least 1." in capsys.readouterr().err
