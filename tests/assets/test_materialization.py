"""What the ledger keeps of a run that made something: what asked for it, by which code and where it ran, what it holds."""

import inspect
from pathlib import Path

import dagster as dg
import pytest

from assets import drawings, glyphs
from assets.materialization import ASKED_TAG, RECORD, lineage_metadata, parents_table
from fullcircle.lineage.steps import step_of
from fullcircle.store.chain import examine
from fullcircle.store.ledger_records import SCHEMA
from fullcircle.store.merkle import leaf_hash
from fullcircle.store.provenance import provenance
from fullcircle.store.recipe import Recipe
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

    (event,) = done.asset_materializations_for_node("glyphs__originals")
    assert event.metadata["ledger_line"].value == 1
    line, *_ = store.ledger.path.read_bytes().splitlines()
    leaf = leaf_hash(line).hex()
    assert event.metadata["ledger_leaf"].value == leaf
    shown = {name: made[name] for name in RECORD if name in made}
    assert event.metadata["ledger_record"].data == {"line": 1, "leaf": leaf, **shown}
    assert set(RECORD) - set(shown) == ({"asked_by"} if asked_by is None else set())
    rows = {event.metadata[f"dagster/{name}"].value for name in ("row_count", "partition_row_count")}
    assert rows == {stored.table("originals").rows}


def test_the_ui_shows_the_exact_version_of_every_parent_and_where_columns_come_from(store):
    resource = StoreResource(root=str(store.root))
    done = dg.materialize(
        [*drawings.ASSETS[:2]],
        selection=["drawings/examples", "drawings/train", "drawings/test", "drawings/valid"],
        partition_key="line",
        run_config={"ops": {"drawings__examples": {"config": {"n": 100}}}},
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
    )
    assert done.success
    made = {
        e.asset_key.path[-1]: e
        for n in ("drawings__examples", "drawings__splits")
        for e in done.asset_materializations_for_node(n)
    }
    assert made["examples"].metadata["parents"].records == []
    assert "dagster/column_lineage" not in made["examples"].metadata
    for name in ("train", "test", "valid"):
        metadata = made[name].metadata
        (parent,) = metadata["parents"].records
        version = store.ledger.latest("drawings/examples", "line", unverified=True)["version"]
        assert parent.data == {"asset": "drawings/examples", "partition": "line", "version": version}
        schema = [column.name for column in metadata["dagster/column_schema"].value.columns]
        assert list(metadata["dagster/column_lineage"].value.deps_by_column) == schema
        rows = [(row.data["column"], row.data["comes from"]) for row in metadata["columns"].records]
        assert rows == [(column, f"drawings/examples.{column}") for column in schema]
        (image,) = metadata["dagster/column_lineage"].value.deps_by_column["image"]
        assert (image.asset_key, image.column_name) == (dg.AssetKey(["drawings", "examples"]), "image")
        assert metadata["dagster/uri"].value == store.path_of(made[name].tags["dagster/data_version"]).as_uri()
    lines = {name: event.metadata["ledger_line"].value for name, event in made.items()}
    assert sorted(lines.values()) == [1, 2, 3, 4]
    assert lines["examples"] == 1


def test_parents_of_another_partition_and_outside_of_the_store_are_named():
    read = {"drawings/encoder (arc)": "a", "drawings/test": "b", "files of /my/pictures (2)": "c"}
    rows = parents_table(Recipe("drawings/x", "line", "0", {}, read, {})).records
    assert [tuple(row.data.values()) for row in rows] == [
        ("drawings/encoder", "arc", "a"),
        ("drawings/test", "line", "b"),
        ("files of /my/pictures (2)", "", "c"),
    ]


def test_a_column_that_comes_from_none_is_shown_as_such():
    (made, other) = lineage_metadata({"step": [], "x": [("drawings/test", "image")]})["columns"].records
    assert (made.data, other.data) == (
        {"column": "step", "comes from": "none"},
        {"column": "x", "comes from": "drawings/test.image"},
    )


def test_every_asset_names_file_and_line_of_its_step():
    for one in (*drawings.ASSETS, *glyphs.ASSETS):
        for key in one.keys:
            (reference,) = one.metadata_by_key[key]["dagster/code_references"].code_references
            step = step_of(key.to_user_string())
            assert reference.file_path == inspect.getsourcefile(step.function)
            assert (
                Path(reference.file_path)
                .read_text()
                .splitlines()[reference.line_number - 1]
                .startswith(f"def {step.function.__name__}(")
            )


def test_whoever_runs_it_has_a_name_also_where_the_system_knows_none(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    assert user() == "anna"

    def unknown():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert user() == "user 1234"
