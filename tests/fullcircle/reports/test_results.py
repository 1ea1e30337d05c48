"""The results of a store: the figures of its latest reports."""

import json

import pytest

from fullcircle.reports.files import PAGE, REPORT
from fullcircle.reports.results import frame, latest_reports, results_text
from fullcircle.store.objects import StoredObjectError


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


def test_results_are_a_frame_with_a_row_for_each_report(enter, store):
    assert frame(latest_reports(store)).columns.tolist() == ["asset", "partition", "version", "report", "meaning"]
    decoder = enter("drawings/decoder_report", metrics={"fvu": 0.1, "psnr_db": None})
    enter("drawings/recognition_report", "all", metrics={"accuracy": 1, "noisy_accuracy": 0.5})
    made = frame(latest_reports(store)).set_index("asset")
    assert made.index.tolist() == ["drawings/decoder_report", "drawings/recognition_report"]
    assert made.loc["drawings/decoder_report", "version"] == decoder.hash
    assert made["fvu"].tolist()[0] == 0.1
    assert made[["psnr_db", "fvu", "noisy_accuracy"]].isna().to_numpy().tolist() == [[True, False, True], [True, True, False]]
    assert made["accuracy"].dtype == "float64"


def test_a_damaged_report_is_an_error_unless_somebody_wants_to_hear_of_it(enter, store):
    whole, damaged = enter("drawings/decoder_report", metrics={"fvu": 0.1}), enter("drawings/encoder_report", metrics={})
    damaged.file(PAGE).write_text("")
    with pytest.raises(StoredObjectError, match="Stored file is damaged"):
        latest_reports(store)
    heard: list[str] = []
    assert [result["version"] for result in latest_reports(store, heard.append)] == [whole.hash]
    assert len(heard) == 1
    assert heard[0].startswith("drawings/encoder_report of line is left out. Stored file is damaged: ")
