"""A version is made again from the ledger alone, and what comes out differently is found where it first does."""

import dataclasses
import json

import pytest

from fullcircle import cli
from fullcircle.core.settings import Settings, SettingsError, setting
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.lineage.history import History
from fullcircle.lineage.reproduce import OtherCodeError, reproduce
from fullcircle.lineage.steps import step_of
from fullcircle.steps import drawings
from fullcircle.steps.step import Step, run
from fullcircle.store.objects import Store, StoredObjectError
from fullcircle.store.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class GrownSettings(Settings):
    """Of a step that adds to what it reads."""

    add: int = setting(1, "is added")


@dataclasses.dataclass(frozen=True, eq=False)
class FakeStep(Step):
    """A step whose code has the version that the test says."""

    code: str = "0123456789ab"

    def recipes(self, store, partition, inputs, settings):
        read = {**{asset: stored.hash for asset, stored in inputs.items()}, **self.files(store, partition)}
        return {
            asset: Recipe(asset, partition, self.code, settings.content(), read, {"numpy": "2.0.0"}) for asset in self.makes
        }


def grown(work):
    """The sum of what is read and what is added, beside a figure of it."""
    value = sum(stored.json("report.json")["metrics"]["value"] for stored in work.inputs.values()) + work.settings.add
    with work.store.draft() as draft:
        (draft.path / "report.json").write_text(json.dumps({"of": work.partition, "metrics": {"value": value}}))
        (draft.path / "same.txt").write_text("the same")
        return {f"fake/{work.settings.section()}{len(work.inputs)}": draft.commit()}


def steps(**more):
    first = FakeStep(("fake/grown0",), "grown", GrownSettings, grown, **more)
    second = FakeStep(("fake/grown1",), "grown", GrownSettings, grown, ("fake/grown0",))
    return {asset: step for step in (first, second) for asset in step.makes}


@pytest.fixture
def made(world):
    """The history of a world in which both steps were run, and the version of the second."""
    objects = {}
    for asset, step in steps().items():
        inputs = {name: objects[name] for name in step.reads}
        result = run(step, world.store, "line", inputs, GrownSettings(add=2))
        objects |= result.objects
        world.enter(asset, result.objects[asset].hash, result.recipes[asset].read, {"add": 2})
    history = History.of(world.store)
    return history, history.find("fake/grown1")


@pytest.fixture
def again(world, made, in_memory, tmp_path):
    """Makes the version of the second step again."""

    def run_again(known=None, **more):
        history, of = made
        scratch = Store(tmp_path / "scratch")
        return reproduce(world.store, history, of, scratch, step_for=(known or steps()).get, **more)

    return run_again


def test_the_same_comes_out(again, made):
    found = again()
    assert found.different is None
    assert [step.made.asset for step in found.steps] == ["fake/grown0", "fake/grown1"]
    assert found.text().splitlines()[-1].startswith(f"Identical: {made[1].name} was made again in ")
    assert found.as_dict()["identical"] is True


def test_the_first_that_differs_is_named_with_files_figures_and_libraries(again, made):
    def other(work):
        (asset,) = grown(work)
        with work.store.draft() as draft:
            (draft.path / "report.json").write_text(json.dumps({"of": work.partition, "metrics": {"value": 7}}))
            (draft.path / "same.txt").write_text("the same")
            return {asset: draft.commit()}

    known = steps()
    known["fake/grown0"] = dataclasses.replace(known["fake/grown0"], make=other)
    found = again(known)
    assert found.different.made.asset == "fake/grown0" and len(found.steps) == 1
    assert (found.files, dict(found.figures)) == (("report.json",), {"value": (2, 7)})
    assert found.circumstances()["numpy"] == ("2.0.0", "2.0.0")
    assert found.circumstances()["code"] == ("0123456789ab", "0123456789ab")
    text = found.text()
    assert "DIFFERENT" in text and f"The first that differs is {found.different.made.name}." in text
    assert "value: 2 then, 7 now" in text and "report.json" in text


def test_other_code_is_refused_before_anything_is_made_and_names_the_commit(again, world, made):
    known = steps(code="ba9876543210")
    with pytest.raises(
        OtherCodeError, match="expected to be 0123456789ab.*Received: ba9876543210. Its commit is not on record"
    ):
        again(known)
    assert again(known, anyway=True).different is None
    made[0].find("fake/grown0").entry["commit"] = {"hash": "c" * 40, "dirty": True}
    with pytest.raises(OtherCodeError, match=f"git checkout {'c' * 40}. It had changes that are in no commit.*--anyway"):
        again(known)


def test_a_record_that_does_not_say_how_is_refused(again, world, made):
    del made[0].find("fake/grown0").entry["code_version"]
    with pytest.raises(SettingsError, match="expected to have code_version on record. Received: a record of an older version"):
        again()


def test_an_input_without_a_record_is_refused(again, made):
    _, of = made
    of.entry["read"]["fake/grown0"] = "e" * 64
    with pytest.raises(SettingsError, match=r"A record of how fake/grown0 \(line\) eeeeeeeeeeee was made is expected"):
        again()


def test_a_step_that_is_gone_or_takes_other_settings_is_refused(again, made):
    with pytest.raises(SettingsError, match="A step that makes fake/grown0 is expected. Received: none"):
        again({"fake/grown1": steps()["fake/grown1"]})
    made[1].entry["config"] = {"added": 3}
    with pytest.raises(SettingsError, match="settings of fake/grown1@.* on record are expected to be those of today's grown"):
        again()


def test_a_record_without_one_of_the_inputs_is_refused(again, made):
    made[1].entry["read"] = {}
    with pytest.raises(SettingsError, match="is expected to have read fake/grown0. Received: a record without"):
        again()


def test_files_outside_of_the_store_must_be_as_they_were(again, world, made):
    made[0].find("fake/grown0").entry["read"] = {"files of a": "1" * 64}
    with pytest.raises(
        SettingsError, match="The files of a are expected to be as they were .*111111111111. Received: 222222222222"
    ):
        again(steps(files=lambda store, partition: {"files of a": "2" * 64}))
    assert again(steps(files=lambda store, partition: {"files of a": "1" * 64})).different is None


def test_what_a_person_decided_is_taken_over(world, tmp_path):
    """The models of the decision are fakes that no step makes, so their records are left out."""
    history = History.of(world.store)
    decision = history.served(("drawings/champion", "line"))
    history.decision = lambda store, made: None
    found = reproduce(world.store, history, decision, Store(tmp_path / "scratch"))
    assert [(step.by_hand, step.identical) for step in found.steps] == [(True, True)]
    assert "taken over, a person decided it" in found.text()
    (tmp_path / "scratch" / "ledger.jsonl").unlink()
    (world.store.path_of(decision.version) / "champion.json").unlink()
    with pytest.raises(StoredObjectError, match="champion.json"):
        reproduce(world.store, history, decision, Store(tmp_path / "other"))


def test_tables_are_made_again_by_the_real_steps_each_step_once(store, capsys, tmp_path, monkeypatch):
    objects = {}
    for step, settings in ((drawings.EXAMPLES, ExamplesSettings(n=60, workers=1)), (drawings.SPLITTING, SplitsSettings())):
        result = run(step, store, "line", {name: objects[name] for name in step.reads}, settings)
        objects |= result.objects
        for asset, stored in result.objects.items():
            entry = result.recipes[asset].entry() | {"config": settings.as_dict()}
            store.ledger.append(entry | {"version": stored.hash, "run_id": "r"})
    version = objects["drawings/valid"].hash
    arguments = ["--store", str(store.root), "audit", "reproduce", version[:12]]
    assert cli.main([*arguments, "--json", "--scratch", str(tmp_path / "scratch")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [step["asset"] for step in found["steps"]] == ["drawings/examples", "drawings/valid"]
    assert Store(tmp_path / "scratch").damage(version) is None
    assert cli.main([*arguments, "--scratch", str(tmp_path / "scratch")]) == 2
    assert "--scratch is expected to name an empty folder" in capsys.readouterr().err
    monkeypatch.setattr("fullcircle.steps.step.code_version", lambda *roots: "0")
    assert cli.main(arguments) == 2
    assert "The code that makes drawings/examples is expected to be" in capsys.readouterr().err


def test_every_asset_has_its_step():
    for asset in ("drawings/encoder", "drawings/champion", "drawings/inbox", "drawings/recognition_report", "glyphs/train"):
        assert step_of(asset) is not None, asset
    assert asset in step_of(asset).makes
    assert step_of("drawings/none") is None
