import contextlib
import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fullcircle import cli
from fullcircle.cli import CLOSED, main
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.reports.results import latest_reports, results_text

METRICS = {
    "mse": 1e-3,
    "fvu": 0.15,
    "endpoint_px_mean": 1.5,
    "within_1px": 0.4,
    "noisy_endpoint_px_mean": 2.5,
    "reader_endpoint_px_mean": 0.5,
}


@pytest.fixture
def reported(store):
    """A store with one report and one asset that is none."""
    with store.draft() as draft:
        (draft.path / REPORT).write_text(json.dumps({"metrics": METRICS}))
        (draft.path / PAGE).write_text("<html>")
        stored = draft.commit()
    for asset in ("drawings/encoder", "drawings/encoder_report"):
        store.ledger.append({"asset": asset, "partition": "line", "version": stored.hash, "run_id": "r"})
    return store, stored


def test_results_lists_the_latest_reports(reported, capsys):
    store, stored = reported
    assert main(["--store", str(store.root), "results", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "asset": "drawings/encoder_report",
            "partition": "line",
            "version": stored.hash,
            "report": str(stored.file(PAGE)),
            "metrics": METRICS,
            "meaning": "",
        }
    ]


def test_results_are_a_table_for_programs(reported, capsys):
    store, stored = reported
    assert main(["--store", str(store.root), "results", "--csv"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert table.loc[0, ["asset", "partition", "version"]].tolist() == ["drawings/encoder_report", "line", stored.hash]
    assert table.loc[0, list(METRICS)].tolist() == list(METRICS.values())
    with pytest.raises(SystemExit):
        main(["--store", str(store.root), "results", "--csv", "--json"])
    assert "not allowed with argument" in capsys.readouterr().err


def test_results_is_a_table_people_read(reported, capsys):
    store, stored = reported
    assert main(["--store", str(store.root), "results"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("drawings/encoder_report of line, on test, version ")
    assert lines[1].split() == ["clean", "noisy", "reader"]
    assert ["endpoint", "error,", "mean", "px", "1.50", "2.50", "0.50"] in [line.split() for line in lines]
    assert lines[-3] == f"  report: {stored.file(PAGE)}"
    assert lines[-1] == f"all of them on one page: {store.root / 'index.html'}"
    assert f'href="{stored.file(PAGE).relative_to(store.root)}"' in (store.root / "index.html").read_text()


def test_goals_stand_beside_what_was_reached(reported):
    text = results_text(latest_reports(reported[0]), {"drawings/encoder_report": {"endpoint_px_mean": 2.5}})
    assert "<= 2.5" in next(line for line in text.splitlines() if "mean px" in line)
    assert "<=" not in next(line for line in text.splitlines() if "FVU" in line)


def test_no_results_yet_says_what_makes_them(store, capsys):
    assert main(["--store", str(store.root), "results"]) == 1
    assert "Make one with: make run" in capsys.readouterr().err
    assert main(["--store", str(store.root), "results", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


def test_a_damaged_report_is_named_and_the_others_are_shown(reported, capsys):
    store, stored = reported
    with store.draft() as draft:
        (draft.path / REPORT).write_text(json.dumps({"metrics": {"mse": 0.5}}))
        (draft.path / PAGE).write_text("<html>")
        damaged = draft.commit()
    store.ledger.append(
        {"asset": "drawings/encoder_report", "partition": "arc", "version": damaged.hash, "run_id": "r"},
    )
    damaged.file(REPORT).write_text("{}")
    sentence = (
        r"drawings/encoder_report of arc is left out. Stored file is damaged: .* Materialize drawings/encoder_report \(arc\) "
    )
    for form in ([], ["--json"], ["--csv"]):
        assert main(["--store", str(store.root), "results", *form]) == 1
        out, error = capsys.readouterr()
        assert re.search(sentence, error)
        assert stored.hash[:12] in out
        assert damaged.hash[:12] not in out
    page = (store.root / "index.html").read_text()
    assert "drawings/encoder_report of arc is left out." in page
    assert stored.hash[:12] in page
    stored.file(REPORT).write_text("{}")
    assert main(["--store", str(store.root), "results"]) == 1
    out, error = capsys.readouterr()
    assert out == ""
    assert error.count("is left out") == 2
    assert "No report yet" not in error


def test_who_reads_only_the_beginning_gets_no_traceback():
    listed = subprocess.Popen([sys.executable, "-m", "fullcircle.cli", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert listed.stdout is not None
    listed.stdout.close()
    _, errors = listed.communicate(timeout=120)
    assert (listed.returncode, errors) == (CLOSED, b"")


@pytest.mark.parametrize("command", [["results"], ["list"]])
def test_a_store_that_cannot_be_had_is_a_sentence(tmp_path, capsys, command):
    (tmp_path / "file").touch()
    assert main(["--store", str(tmp_path / "file" / "store"), *command]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"fullcircle: {tmp_path / 'file' / 'store'}")
    assert "Not a directory. Make the folder, or choose another folder: FULLCIRCLE_STORE=FOLDER" in error
    assert len(error.splitlines()) == 1


def test_an_error_of_the_program_is_not_hidden(reported, monkeypatch):
    def broken(*arguments):
        raise OSError("of the program")

    monkeypatch.setattr(cli, "latest_reports", broken)
    with pytest.raises(OSError, match="of the program"):
        main(["--store", str(reported[0].root), "results"])


class Full(io.RawIOBase):
    """A disk without space."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def writable(self):
        return True

    def fileno(self):
        return self.descriptor

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_output_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch, capsys):
    with (tmp_path / "out").open("wb") as out:
        printed = io.TextIOWrapper(io.BufferedWriter(Full(out.fileno())), write_through=True)
        monkeypatch.setattr(sys, "stdout", printed)
        assert main(["list"]) == 1
        assert os.path.samestat(os.fstat(out.fileno()), Path(os.devnull).stat())  # so that nothing goes wrong again at the end
        with contextlib.suppress(OSError):
            printed.close()
    error = capsys.readouterr().err
    assert error.startswith("fullcircle: No space left on device: in the store ")
    assert len(error.splitlines()) == 1


def test_what_is_not_needed_is_removed_only_when_that_is_asked_for(store, capsys):
    for n in range(3):
        with store.draft() as draft:
            (draft.path / "value.txt").write_text(str(n))
            version = draft.commit().hash
        store.ledger.append({"asset": "drawings/decoder", "partition": "line", "version": version, "run_id": "r"})
    assert main(["--store", str(store.root), "prune", "--keep", "2"]) == 0
    planned = capsys.readouterr().out
    assert [line.split()[:2] for line in planned.splitlines()[:1]] == [["drawings/decoder", "1"]]
    assert planned.endswith("Nothing was removed. To remove what is not needed: --delete. With Dagster's history: make prune\n")
    assert len(list((store.root / "objects").glob("??/*"))) == 3
    with store.in_use():
        assert main(["--store", str(store.root), "prune", "--keep", "2", "--delete"]) == 1
    assert capsys.readouterr().err.startswith("fullcircle: Nothing was removed: a run or another command is using the store ")
    assert main(["--store", str(store.root), "prune", "--keep", "2", "--delete"]) == 0
    assert "Nothing was removed" not in capsys.readouterr().out
    assert len(list((store.root / "objects").glob("??/*"))) == 2
