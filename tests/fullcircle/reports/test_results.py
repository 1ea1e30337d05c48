"""The results of a store: the figures of its latest reports."""

import json

import pytest

from fullcircle.reports.files import PAGE, REPORT
from fullcircle.reports.results import latest_reports, results_text


@pytest.fixture
def enter(store):
    """Puts a report into the store."""

    def entered(asset, partition="line", **report):
        with store.draft() as draft:
            (draft.path / REPORT).write_text(json.dumps({"asset": asset} | report))
            (draft.path / PAGE).write_text("<html>")
            stored = draft.commit()
        store.ledger.append({"asset": asset, "partition": partition, "version": stored.hash, "run_id": "r"})
        return stored

    return entered


@pytest.mark.parametrize("word", ["meaning", "says"], ids=["now", "older report"])
def test_what_figures_prove_is_read_from_older_reports_too(enter, store, word):
    enter("glyphs/vae_report", "digits", metrics={"psnr_db": 20.0}, splits={"unit": "sample", word: "These figures flatter."})
    (result,) = latest_reports(store)
    assert result["meaning"] == "These figures flatter."
    assert "  These figures flatter.\n" in results_text([result])
