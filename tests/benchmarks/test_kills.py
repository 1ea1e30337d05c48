"""What is looked for after a kill is found where it is there."""

import subprocess
import sys

import dagster as dg
import pytest

from benchmarks import kills
from fullcircle.core.progress import silent


@pytest.fixture
def place(tmp_path):
    made = kills.Place(tmp_path)
    made.environment()
    with made.store.draft() as draft:
        (draft.path / "a.json").write_text("{}")
        version = draft.commit().hash
    made.store.ledger.append({"asset": "drawings/examples", "partition": "line", "version": version, "run_id": "r"})
    return made


def test_nothing_is_found_where_all_is_whole(place):
    assert kills.faults(place, kills.versions(place)) == []


def test_whatever_is_left_over_is_found(place):
    expected = kills.versions(place) | {"drawings/decoder": "f" * 64}
    version = expected["drawings/examples"]
    (place.store.path_of(version) / "a.json").write_text("[]")
    (place.store.root / "drafts" / "one").mkdir()
    (place.store.root / "checkpoints" / "decoder" / "line" / "c.npz").mkdir(parents=True)
    with dg.DagsterInstance.from_config(str(place.home)) as instance:
        instance.add_run(dg.DagsterRun("learn_drawing", status=dg.DagsterRunStatus.STARTED))
    found = kills.faults(place, expected)
    assert [text.split()[0] for text in found] == ["drawings/decoder", "Stored", "draft", "checkpoint", "run"]


def test_a_process_is_found_by_the_store_that_it_works_on(place):
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(sleep, env=place.environment(), stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert list(kills.processes_of(place)) == [process.pid]
        process.kill()


def test_the_outcome_names_every_kill(monkeypatch):
    monkeypatch.setattr(kills, "whole_run", lambda place: 3.0)
    monkeypatch.setattr(kills, "killed_run", lambda place, seconds: "before examples")
    monkeypatch.setattr(kills, "versions", lambda place: {})
    monkeypatch.setattr(kills, "faults", lambda place, expected: [] if place.folder.name == "1" else ["draft x"])
    (table,) = kills.run(kills.KillsSettings(kills=2), silent).tables
    assert table.title.startswith("**1 of 2 kills**")
    assert [row["left over"] for row in table.rows] == ["nothing", "draft x"]
