"""What `make run` prints in the end, from the reports of a store."""

import argparse
import json

from fullcircle.reports.files import PAGE, REPORT
from fullcircle.store.champions import FILE, Decision, commit_decision
from pipelines.request import drawing_request
from pipelines.run import summary


def test_a_damaged_report_is_named_and_the_others_are_shown(store, monkeypatch, capsys):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(store.root))
    made = {}
    for asset in ("drawings/decoder_report", "drawings/encoder_report"):
        with store.draft() as draft:
            (draft.path / REPORT).write_text(json.dumps({"asset": asset, "metrics": {"mse": 0.5}}))
            (draft.path / PAGE).write_text("<html>")
            made[asset] = draft.commit()
        store.ledger.append({"asset": asset, "partition": "line", "version": made[asset].hash, "run_id": "r"})
    made["drawings/encoder_report"].file(PAGE).write_text("")
    text = summary([drawing_request(argparse.Namespace(drawing="line", profile="quick", set=[]))])
    assert made["drawings/decoder_report"].hash[:12] in text
    assert "encoder_report" not in text
    assert f"all reports on one page: {store.root / 'index.html'}" in text
    assert "drawings/encoder_report of line is left out. Stored file is damaged" in capsys.readouterr().err


def test_champions_are_named_with_what_was_decided_last(store, monkeypatch, capsys):
    monkeypatch.setenv("FULLCIRCLE_STORE", str(store.root))
    models = {"encoder": "e" * 64, "decoder": "d" * 64}
    decided = commit_decision(store, Decision("refused", "It is worse.", {"encoder": "f" * 64}, models, models, None))
    store.ledger.append({"asset": "drawings/champion", "partition": "line", "version": decided.hash, "run_id": "r"})
    launches = [drawing_request(argparse.Namespace(drawing="line", profile="quick", set=[]))]
    line = "champion line: encoder eeeeeeeeeeee, decoder dddddddddddd; the last challenger: refused"
    assert line in summary(launches).splitlines()
    decided.file(FILE).write_text("{}")
    assert "champion line" not in summary(launches)
    assert "Stored file is damaged" in capsys.readouterr().err
