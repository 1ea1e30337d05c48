"""What the ledger keeps of a run that made something: what asked for it."""

import dagster as dg
import pytest

from assets import glyphs
from assets.materialization import ASKED_TAG
from pipelines.io_managers import StoreIOManager
from pipelines.launch import user
from pipelines.resources import StoreResource


@pytest.mark.parametrize("asked_by", ["schedule weekly_retraining", None])
def test_the_ledger_says_what_asked_for_a_run(store, asked_by):
    resource = StoreResource(root=str(store.root))
    done = dg.materialize(
        [*glyphs.ASSETS],
        selection=["glyphs/originals"],
        partition_key="digits",
        run_config={"ops": {"glyphs__originals": {"config": {"height": 8, "width": 8}}}},
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
        tags={} if asked_by is None else {ASKED_TAG: asked_by},
    )
    assert done.success
    assert store.ledger.latest("glyphs/originals", "digits", unverified=True).get("asked_by") == asked_by


def test_whoever_runs_it_has_a_name_also_where_the_system_knows_none(monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    assert user() == "anna"

    def unknown():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert user() == "user 1234"
