"""The audit as an asset: made anew in each run, with a check that fails when anything is wrong."""

import json

import dagster as dg
import pytest

from assets import lineage
from fullcircle.checks.lineage import nothing_is_wrong
from fullcircle.lineage.history import AUDIT_REPORT
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.reports.results import latest_reports
from pipelines.definitions import defs
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import AUDIT
from pipelines.resources import StoreResource


@pytest.fixture
def filled(store):
    """A store with one version, whose name would be markup."""
    with store.draft() as draft:
        (draft.path / "<b>.json").write_text("[]")
        version = draft.commit().hash
    store.ledger.append({"asset": "drawings/examples", "partition": "line", "version": version, "run_id": "r"})
    return store


def audited(store):
    """The outcome of a run."""
    resource = StoreResource(root=str(store.root))
    return dg.materialize(
        [*lineage.ASSETS, *lineage.CHECKS],
        resources={"store": resource, "io_manager": StoreIOManager(store=resource)},
        raise_on_error=False,
    )


def test_each_run_looks_anew_and_the_check_fails_when_anything_is_wrong(filled):
    done = audited(filled)
    (outcome,) = done.get_asset_check_evaluations()
    assert (done.success, outcome.passed, outcome.check_name) == (True, True, "nothing_is_wrong")
    first = filled.latest(AUDIT_REPORT, "all")
    assert latest_reports(filled) == []  # no figures of a model
    (filled.path_of(filled.ledger.latest("drawings/examples", "line")["version"]) / "<b>.json").write_text("[1]")

    done = audited(filled)
    (outcome,) = done.get_asset_check_evaluations()
    assert (outcome.passed, outcome.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "1 found wrong. damaged object: Stored file is damaged" in outcome.description
    assert filled.latest(AUDIT_REPORT, "all").hash == first.hash  # the last that passed
    second = filled.latest(AUDIT_REPORT, "all", unverified=True)
    assert second.json(REPORT)["metrics"]["wrong"] == 1
    page = second.file(PAGE).read_text()
    assert "1 found wrong" in page and "&lt;b&gt;.json" in page and "<b>" not in page
    (event,) = done.asset_materializations_for_node("lineage__audit_report")
    assert event.metadata["wrong"].value == 1
    # Where the tests run on changes that are in no commit, that is noted too.
    wrong = [record.data for record in event.metadata["findings"].records if record.data["level"] == "wrong"]
    assert [finding["kind"] for finding in wrong] == ["damaged object"]


def test_the_job_makes_it_with_its_check():
    names = {node.name for node in defs.resolve_job_def(AUDIT).graph.nodes}
    assert names == {"lineage__audit_report", "lineage_audit_report_checks"}


def test_the_check_names_the_first_findings_and_counts_the_rest(store):
    findings = [{"level": "wrong", "kind": f"kind {i}", "what": "What.", "advice": "Do it"} for i in range(5)]
    with store.draft() as draft:
        (draft.path / REPORT).write_text(json.dumps({"findings": findings}))
        found = nothing_is_wrong(draft.commit())
    assert not found.passed and found.figures == {"wrong": 5}
    assert "kind 2: What. Do it." in found.description and "kind 3" not in found.description
    assert found.description.endswith("And 2 more: fullcircle audit verify --all")
