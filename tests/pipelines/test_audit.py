"""Dagster's events against the ledger, both ways: what was edited in either is found; runs that were deleted are fine and named."""

import json
import shutil
import sqlite3

import dagster as dg
import pytest

from assets import drawings
from assets.materialization import ASKED_TAG
from fullcircle.data.settings import ExamplesSettings
from fullcircle.lineage.findings import wrong
from fullcircle.store.hashing import canonical_json
from fullcircle.store.objects import Store
from pipelines import audit
from pipelines.audit import event_findings, main
from pipelines.io_managers import StoreIOManager
from pipelines.resources import StoreResource

(EXAMPLE, *_) = drawings.ASSETS


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A folder with a store and a history of three runs, and their ids."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    resource = StoreResource(root=str(folder / "store"))
    resources = {"store": resource, "io_manager": StoreIOManager(store=resource)}
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        runs = [
            dg.materialize(
                [EXAMPLE],
                instance=instance,
                partition_key=partition,
                resources=resources,
                run_config={"ops": {"drawings__examples": {"config": ExamplesSettings(n=n).as_dict()}}},
                tags={ASKED_TAG: "anna"},
            ).run_id
            for partition, n in (("line", 10), ("line", 11), ("arc", 10))
        ]
    return folder, runs


@pytest.fixture
def audited(original, tmp_path, monkeypatch):
    """A copy of it: the folder, and the ids of the runs."""
    folder, runs = original
    shutil.copytree(folder, tmp_path / "copy")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "copy" / "home"))
    monkeypatch.setattr(audit, "default_store", lambda: tmp_path / "copy" / "store")
    return tmp_path / "copy", runs


def found(folder):
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        return list(event_findings(instance, Store(folder / "store")))


def edit_ledger(folder, change):
    path = folder / "store" / "ledger.jsonl"
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(canonical_json(entry) + b"\n" for entry in change(entries)))


def edit_database(file, table, column, change):
    with sqlite3.connect(file) as database:
        for row, text in database.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall():
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (change(text), row))


def test_an_honest_history_has_nothing_wrong(audited, capsys):
    folder, _ = audited
    assert found(folder) == []
    assert main(["--all"]) == 0
    text = capsys.readouterr().out
    assert "Nothing is wrong. Looked at 3 objects" in text and text.endswith("Nothing wrong in it.\n")
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["history"] == []


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lambda entries: entries[:-1], "event without record", "The ledger has no record of it"),
        (lambda e: [*e[:-1], e[-1] | {"version": e[0]["version"]}], "event of other", "the event has version"),
        (
            lambda e: [*e[:-1], e[-1] | {"read": {"drawings/a": "f"}}],
            "event of other",
            "read by the ledger and by the event: drawings/a",
        ),
        (lambda e: [*e[:-1], e[-1] | {"code_version": "0"}], "event of other", "the ledger 0"),
        (lambda e: [*e[:-1], e[-1] | {"config": e[-1]["config"] | {"n": 7}}], "event of other", "n was 7, is now 10"),
        (lambda e: [*e[:-1], e[-1] | {"asked_by": "berta"}], "event of other", "asked by 'berta' by the ledger, by 'anna'"),
        (lambda e: [*e, e[0] | {"asset": "drawings/train"}], "record without event", "which succeeded. Dagster has no event"),
        (lambda e: [*e, e[0] | {"partition": "arc"}], "event of other", "partition arc by the ledger, line by the run's tags"),
    ],
)
def test_a_ledger_that_was_edited_is_found_by_the_events(audited, change, kind, text):
    folder, _ = audited
    edit_ledger(folder, change)
    named = [f for f in wrong(found(folder)) if f.kind == kind and text in f.what]
    assert named, found(folder)
    assert named[0].advice and "run" in named[0].where + named[0].what


def test_settings_that_were_changed_in_dagsters_database_are_found(audited, capsys):
    folder, _ = audited
    edit_database(folder / "home" / "history" / "runs.db", "runs", "run_body", lambda text: text.replace('"n": 11', '"n": 12'))
    (finding,) = found(folder)
    assert finding.kind == "event of other" and "setting by the ledger and by the run: n was 11, is now 12" in finding.what
    assert main([]) == 1
    assert "1 wrong in it." in capsys.readouterr().out


def test_a_tag_that_was_changed_in_dagsters_database_is_found(audited):
    folder, _ = audited
    edit_database(folder / "home" / "history" / "runs.db", "runs", "run_body", lambda text: text.replace('"anna"', '"berta"'))
    findings = found(folder)
    assert len(findings) == 3 and all("asked by 'anna' by the ledger, by 'berta' by the run's tags" in f.what for f in findings)


@pytest.mark.parametrize(("file", "source"), [("{}.db", "the run's log"), ("index.db", "the asset's list of events")])
def test_an_event_that_was_changed_in_either_place_is_found(audited, file, source):
    folder, runs = audited
    version = Store(folder / "store").ledger.latest("drawings/examples", "arc", unverified=True)["version"]
    database = folder / "home" / "history" / "runs" / file.format(runs[2])
    edit_database(database, "event_logs", "event", lambda text: text.replace(version, "f" * 64))
    (finding,) = found(folder)
    assert "the event has version ffffffffffff" in finding.what
    assert finding.where.startswith(f"{source}: run {runs[2]}")


def test_runs_that_were_deleted_are_named_and_fine(audited):
    folder, runs = audited
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        instance.delete_run(runs[0])
    (note,) = found(folder)
    assert (note.kind, note.level) == ("deleted runs", "note")
    assert runs[0] in note.what and not wrong([note])


def test_an_asset_that_was_wiped_is_fine(audited):
    folder, _ = audited
    with dg.DagsterInstance.from_config(str(folder / "home")) as instance:
        instance.wipe_assets([dg.AssetKey(["drawings", "examples"])])
    assert wrong(found(folder)) == []


def test_what_was_entered_by_a_run_that_was_killed_then_is_fine(audited):
    folder, _ = audited
    edit_ledger(folder, lambda entries: [*entries, entries[0] | {"asset": "drawings/train"}])
    file = folder / "home" / "history" / "runs.db"
    edit_database(
        file,
        "runs",
        "run_body",
        lambda text: text.replace('"value": "SUCCESS"', '"value": "FAILURE"').replace("SUCCESS", "FAILURE"),
    )
    edit_database(file, "runs", "status", lambda text: "FAILURE")
    (note,) = found(folder)
    assert (note.kind, note.level) == ("record without event", "note")


def test_a_line_that_is_no_record_is_found_once(audited, capsys):
    folder, _ = audited
    with (folder / "store" / "ledger.jsonl").open("a") as file:
        file.write("[]\n")
    assert main([]) == 1
    text = capsys.readouterr().out
    assert text.count("WRONG: ledger line") == 1 and "line 4" in text


@pytest.mark.parametrize("home", [None, "", "/nowhere/at/all"])
def test_without_a_history_that_stays_it_cannot_be_asked(audited, home, monkeypatch, capsys):
    if home is None:
        monkeypatch.delenv("DAGSTER_HOME")
    else:
        monkeypatch.setenv("DAGSTER_HOME", home)
    assert main([]) == 2
    assert "DAGSTER_HOME is expected to name" in capsys.readouterr().err


def test_an_ephemeral_instance_cannot_be_asked(audited, monkeypatch, capsys):
    monkeypatch.setattr(dg.DagsterInstance, "get", lambda: dg.DagsterInstance.ephemeral())
    assert main([]) == 2
    assert "A history that outlives its process is expected. Received: an ephemeral instance" in capsys.readouterr().err


def test_where_there_is_no_store_it_cannot_be_asked(audited, capsys):
    folder, _ = audited
    shutil.rmtree(folder / "store")
    assert main([]) == 2
    assert "A store with a ledger is expected" in capsys.readouterr().err
