"""What is made, and what is taken from the store because the very same was made before; what a plan says has to be made."""

import dataclasses
import json

import pytest

from fullcircle.core.progress import Progress
from fullcircle.core.settings import Parts, Settings, SettingsError, setting
from fullcircle.steps import step as steps
from fullcircle.steps.step import Step, Work, plan, run
from fullcircle.store.ledger import CHECK


@dataclasses.dataclass(frozen=True)
class CountSettings(Settings):
    n: int = setting(3, "how many", low=1)
    workers: int = setting(1, "threads; changes nothing but the time", low=1, idle=True)


@dataclasses.dataclass(frozen=True)
class SumSettings(Settings):
    factor: int = setting(1, "to multiply by")


@dataclasses.dataclass(frozen=True)
class BothSettings(Parts):
    count: CountSettings = dataclasses.field(default_factory=CountSettings)
    sum: SumSettings = dataclasses.field(default_factory=SumSettings)


MADE = []


def commit(work, name, value):
    MADE.append(name)
    with work.store.draft() as draft:
        (draft.path / "value.json").write_text(json.dumps(value))
        return {name: draft.commit()}


def count(work: Work):
    return commit(work, "numbers/count", list(range(work.settings.n)))


def total(work: Work):
    return commit(
        work, "numbers/sum", work.settings.factor * sum(json.loads(work.inputs["numbers/count"].file("value.json").read_text()))
    )


@pytest.fixture(autouse=True)
def nothing_made(monkeypatch):
    monkeypatch.setattr(steps, "code_version", lambda *roots: "c1")
    monkeypatch.setattr(steps, "libraries_behind", lambda *roots: {"numpy": "2.0"})
    MADE.clear()


COUNT = Step(("numbers/count",), "count", CountSettings, count)
SUM = Step(("numbers/sum",), "sum", SumSettings, total, ("numbers/count",))
BOTH = (COUNT, SUM)


def make(store, settings=None, **more):
    """What a run over both steps does, the ledger included."""
    settings, made, results = settings or BothSettings(), {}, []
    for step in BOTH:
        result = run(step, store, "line", {a: made[a] for a in step.reads}, getattr(settings, step.part), **more)
        made |= result.objects
        results.append(result)
        for asset in step.makes:
            entry = {**result.recipes[asset].entry(), "version": result.objects[asset].hash, "run_id": "r"}
            store.ledger.append(entry)
    return results


def reasons(store, settings=None, **more):
    return [planned.reason for planned in plan(store, BOTH, settings or BothSettings(), "line", **more)]


def test_the_very_same_is_taken_from_the_store_and_reported(store):
    first = make(store)
    messages = []
    again = make(store, progress=Progress(messages.append))
    assert MADE == ["numbers/count", "numbers/sum"]
    assert [r.reused for r in (*first, *again)] == [False, False, True, True]
    assert [r.objects for r in again] == [r.objects for r in first]
    assert messages[0].startswith("up to date, not made again: numbers/count ")


def test_force_makes_it_again(store):
    make(store)
    assert [r.reused for r in make(store, force=True)] == [False, False]
    assert reasons(store, force=True) == ["everything is to be made again"] * 2


def test_what_is_up_to_date_is_not_planned(store):
    make(store)
    assert reasons(store) == [None, None]
    assert reasons(store, BothSettings(count=CountSettings(workers=4))) == [None, None]


def test_a_plan_says_why(store):
    assert reasons(store) == ["numbers/count was never made", "numbers/count is made anew"]
    make(store)
    assert reasons(store, BothSettings(sum=SumSettings(factor=2))) == [
        None,
        "numbers/sum was made with other settings (factor was 1, is now 2)",
    ]
    assert reasons(store, BothSettings(count=CountSettings(n=4)))[1] == "numbers/count is made anew"


def test_other_code_and_other_libraries_make_it_again(store, monkeypatch):
    make(store)
    monkeypatch.setattr(steps, "libraries_behind", lambda *roots: {"numpy": "2.1"})
    assert reasons(store)[0] == "numbers/count was made with other libraries (numpy 2.0 then, 2.1 now)"
    monkeypatch.setattr(steps, "code_version", lambda *roots: "c2")
    assert reasons(store)[0] == "numbers/count was made by other code"


def test_a_step_after_one_that_comes_out_the_same_is_taken_from_the_store(store, monkeypatch):
    make(store)
    monkeypatch.setattr(steps, "code_version", lambda *roots: "c2" if roots[0] == COUNT.root else "c1")
    assert [r.reused for r in make(store)] == [False, True]


def test_settings_of_before_bring_back_what_they_made(store):
    first = make(store)
    make(store, BothSettings(count=CountSettings(n=5)))
    again = make(store)
    assert [r.reused for r in again] == [True, True]
    assert [r.objects for r in again] == [r.objects for r in first]
    assert reasons(store) == [None, None]


def test_what_is_damaged_is_made_again(store):
    first, _ = make(store)
    first.objects["numbers/count"].file("value.json").write_text("[]")
    assert "is damaged" in reasons(store)[0]
    with pytest.warns(UserWarning, match="damaged"):
        assert [r.reused for r in make(store)] == [False, True]
    assert reasons(store) == [None, None]


def test_a_version_whose_check_failed_is_planned_and_not_read(store):
    first, _ = make(store)
    version = first.objects["numbers/count"].hash
    check = {"kind": CHECK, "asset": "numbers/count", "partition": "line", "version": version, "run_id": "r", "time": 0.0}
    check |= {"check": "is_long", "blocking": True, "description": "It is short."}
    store.ledger.append(check | {"passed": False})
    assert "is_long" in reasons(store)[0]
    store.ledger.append(check | {"passed": True})
    assert reasons(store) == [None, None]


def test_what_a_step_reads_beside_its_inputs_counts(store):
    more = dataclasses.replace(COUNT, files=lambda store, partition: {"files of line": state[0]})
    state = ["a"]
    result = run(more, store, "line", {}, CountSettings())
    store.ledger.append(
        {**result.recipes["numbers/count"].entry(), "version": result.objects["numbers/count"].hash, "run_id": "r"}
    )
    assert plan(store, [more], BothSettings(), "line")[0].reason is None
    state[0] = "b"
    assert plan(store, [more], BothSettings(), "line")[0].reason == (
        "numbers/count was made from another version of files of line (a then, b now)"
    )


def test_inputs_that_do_not_belong_together_are_refused_and_planned(store):
    def refuse(store, partition, inputs):
        raise SettingsError("The readings are expected to be those of the encoder.")

    make(store)
    odd = dataclasses.replace(SUM, more_inputs=refuse)
    with pytest.raises(SettingsError, match="those of the encoder"):
        run(odd, store, "line", {"numbers/count": store.latest("numbers/count", "line")}, SumSettings())
    assert "those of the encoder" in plan(store, [COUNT, odd], BothSettings(), "line")[1].reason


def test_the_key_of_a_recipe_is_that_of_the_same_work(store):
    keys = []

    def keyed(work):
        keys.append(work.key)
        return count(work)

    step = dataclasses.replace(COUNT, make=keyed)
    for settings in (CountSettings(), CountSettings(workers=9), CountSettings(n=9)):
        run(step, store, "line", {}, settings, force=True)
    assert keys[0] == keys[1] != keys[2]
