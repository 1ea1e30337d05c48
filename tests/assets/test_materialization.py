"""What the ledger keeps of a run that made something: what asked for it, by which code and where it ran, what it holds."""

import dagster as dg
import pytest

from assets import glyphs
from assets.materialization import ASKED_TAG
from fullcircle.store.chain import examine
from fullcircle.store.ledger_records import SCHEMA
from fullcircle.store.provenance import provenance
from pipelines.io_managers import StoreIOManager
from pipelines.launch import user
from pipelines.resources import StoreResource


@pytest.mark.parametrize("asked_by", ["schedule weekly_retraining", None])
def test_the_ledger_says_what_asked_for_a_run_and_how_it_was_made(store, asked_by):
    resource = StoreResource(root=str(store.root))
    done = dg.materialize(
        [*glyphs.ASSETS, *glyphs.CHECKS],
        selection=["glyphs/originals"],
        partition_key="digits",
        run_config={"ops": {"glyphs__originals": {"config": {"height": 8, "width": 8, "seed": 5}}}},
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
        tags={} if asked_by is None else {ASKED_TAG: asked_by},
    )
    assert done.success
    made, *checks = store.ledger.records()
    assert made == store.ledger.latest("glyphs/originals", "digits")
    assert checks
    for record in (made, *checks):
        assert record.get("asked_by") == asked_by
        assert record["run_id"] == done.run_id
        assert record["schema"] == SCHEMA
        assert {name: record[name] for name in ("commit", "python", "machine")} == provenance()
    stored = store.open(made["version"])
    assert {name: made[name] for name in ("files", "tables")} == stored.contents()
    assert made["tables"]["originals.parquet"]["rows"] == stored.table("originals").rows
    assert made["seed"] == made["config"]["seed"] == 5
    assert examine(store.ledger.path).faults == ()


def test_whoever_runs_it_has_a_name_also_where_the_system_knows_none(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    assert user() == "anna"

    def unknown():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert user() == "user 1234"
