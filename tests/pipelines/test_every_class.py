"""All drawing classes: which are run, which are not, and what is said. The runs themselves are in end_to_end."""

import threading

import dagster as dg
import pytest
from pipelines.backfill import Outcome, missing, run_all, summary

from assets import drawings
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.steps.profiles import profile
from fullcircle.store.code_version import code_with
from pipelines import backfill, run
from pipelines.config import part_of
from pipelines.jobs import LEARN_DRAWING
from pipelines.launch import Launch, RunOutcome
from pipelines.tags import GROUP_TAG

QUICK = profile("quick")


def launched(name):
    return Launch(LEARN_DRAWING, "drawings", name, QUICK, QUICK.settings)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def complete(store):
    """A store in which everything of the line is as a launch with profile quick would leave it; of made-up objects."""
    versions = {}
    for asset in drawings.ASSETS:
        for spec in asset.specs:
            name = spec.key.to_user_string()
            with store.draft() as draft:
                (draft.path / "a.txt").write_text(name)
                versions[name] = draft.commit().hash
            store.ledger.append(entry_of(asset, spec, versions))
    return store


def entry_of(asset, spec, versions):
    settings = getattr(QUICK.settings, part_of(type(QUICK.settings), asset.op.name))
    name = spec.key.to_user_string()
    return {
        "asset": name,
        "partition": "line",
        "version": versions[name],
        "run_id": "r",
        "config": settings.as_dict(),
        "read": {d.asset_key.to_user_string(): versions[d.asset_key.to_user_string()] for d in spec.deps},
        "code_version": spec.code_version,
    }


def test_what_is_complete_is_up_to_date(complete):
    assert missing(complete, launched("line")) is None


@pytest.mark.parametrize(
    ("asset", "change", "message"),
    [
        ("drawings/decoder", {"config": {"epochs": 6}}, "drawings/decoder was made with other settings"),
        ("drawings/valid", {"code_version": "0"}, "drawings/valid was made by other code"),
        ("drawings/examples", {"version": "0" * 64}, "drawings/examples is missing"),
        (
            "drawings/encoder",
            {"read": {"drawings/decoder": "0"}},
            "drawings/encoder was made from another version of drawings/decoder",
        ),
    ],
)
def test_what_was_made_otherwise_is_not(complete, asset, change, message):
    complete.ledger.append(complete.ledger.latest(asset, "line") | change)
    assert missing(complete, launched("line")) == message


def test_another_number_of_workers_makes_nothing_new(complete):
    entry = complete.ledger.latest("drawings/examples", "line")
    complete.ledger.append(entry | {"config": entry["config"] | {"workers": 7}})
    assert missing(complete, launched("line")) is None


def test_what_was_never_made_is_missing(store):
    assert missing(store, launched("line")) == "drawings/examples is missing"


def test_one_that_fails_does_not_keep_the_others_from_being_made(home, store, monkeypatch, capsys):
    ran, groups = [], []

    def executed(what, tags, label, stop):
        ran.append((what.partition, label))
        groups.append(tags)
        failures = ["decoder: it broke"] if what.partition == "b" else []
        return RunOutcome(not failures, failures, home / "log")

    def launch_of(name):
        if name == "refused":
            raise SettingsError("It draws by chance.")
        return launched(name)

    monkeypatch.setattr(backfill, "run", executed)
    monkeypatch.setattr(backfill, "missing", lambda store, what: None if what.partition == "done" else "x is missing")
    outcomes = run_all(["done", "a", "refused", "b", "c"], launch_of, store)
    assert ran == [("a", "a: "), ("b", "b: "), ("c", "c: ")]
    assert [o.became for o in outcomes] == ["up to date", "made", "refused", "failed", "made"]
    assert [o.good for o in outcomes] == [True, True, False, False, True]
    output = capsys.readouterr().out.splitlines()
    assert "done: up to date, not run again" in output
    assert "a: to be run, for x is missing" in output
    assert "refused: refused. It draws by chance." in output
    assert f"  b        failed      decoder: it broke Log: {home / 'log'}" in summary(outcomes).splitlines()
    assert [list(group) for group in groups] == [[GROUP_TAG]] * 3
    assert len({group[GROUP_TAG] for group in groups}) == 1
    assert f"3 runs, in the UI under the tag {GROUP_TAG}={groups[0][GROUP_TAG]}" in output


def test_an_interrupt_ends_all_that_run_and_starts_no_other(home, monkeypatch):
    ran, stopped = [], []

    def executed(what, tags, label, stop):
        ran.append(what.partition)
        if what.partition == "a":
            raise KeyboardInterrupt
        stopped.append(stop.wait(60))
        raise KeyboardInterrupt

    monkeypatch.setattr(backfill, "run", executed)
    monkeypatch.setattr(backfill, "trainings", lambda instance: 2)
    with pytest.raises(KeyboardInterrupt):
        backfill._run_each([launched(name) for name in "abcd"])
    assert "a" in ran
    assert "d" not in ran
    assert all(stopped)


def test_as_many_run_at_once_as_may_be_trained_at_once(home, monkeypatch):
    (home / "dagster.yaml").write_text("concurrency:\n  pools:\n    granularity: op\n    default_limit: 1\n")
    running, most = [], []
    together = threading.Barrier(3)

    def executed(what, tags, label, stop):
        running.append(what.partition)
        if at_once == 3:
            together.wait(60)
        most.append(len(running))
        running.remove(what.partition)
        return RunOutcome(True, [], home / "log")

    monkeypatch.setattr(backfill, "run", executed)
    at_once = 1
    backfill._run_each([launched(name) for name in "abc"])
    assert max(most) == 1
    with dg.DagsterInstance.get() as instance:
        instance.event_log_storage.set_concurrency_slots("train", 3)
        assert backfill.trainings(instance) == 3
    at_once = 3
    backfill._run_each([launched(name) for name in "abc"])


def test_the_command_says_what_became_of_each_and_fails_if_one_did(home, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(tmp_path / "store"))
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "drawings.json").write_text('{"star": "/nowhere/star.py:Star"}')
    asked = []

    def all_of(names, launch_of, store):
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


def test_a_class_of_the_users_own_that_changed_is_not_up_to_date(complete, monkeypatch):
    class Own(Drawing):
        name = "line"
        factors = Factors(Factor("x", 0, 1))

        def draw(self, x):
            raise NotImplementedError

    monkeypatch.setattr(backfill, "drawing_class", lambda name, root: Own())
    assert missing(complete, launched("line")) is None
    version = complete.ledger.latest("drawings/examples", "line")
    complete.ledger.append(version | {"code_version": code_with(version["code_version"], Own())})
    assert missing(complete, launched("line")) is None
    monkeypatch.setattr(backfill, "code_with", lambda version, drawing: f"{version} of a changed class")
    assert missing(complete, launched("line")) == "drawings/examples was made by other code"
