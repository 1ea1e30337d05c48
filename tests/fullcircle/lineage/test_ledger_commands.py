"""Keys, checkpoints, proofs and tables as they are typed, and the script of the docs that verifies a proof without this package."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.lineage.ledger_commands import (
    add_against,
    add_ledger_commands,
    against,
    line_of,
    verdict_text,
)
from fullcircle.store.checkpoints import CheckpointError
from fullcircle.store.signed_notes import NoteError, PrivateKey, write_key

PAGE = Path(__file__).parents[3] / "docs" / "ledger.md"


def entry(version, asset="drawings/encoder", partition="line", **more):
    return {"asset": asset, "partition": partition, "version": version * 64, "run_id": "r", **more}


@pytest.fixture
def filled(store):
    for version in "abcde":
        store.ledger.append(entry(version, time=1.5))
    store.ledger.append(entry("f", partition="face"))
    store.ledger.append(entry("a", asset="drawings/decoder", commit={"hash": "c0de", "dirty": False, "changes": None}, seed=3))
    outcome = {"check": "redraws", "passed": True, "blocking": True, "description": "", "time": 2.5}
    store.ledger.append(entry("a", kind="check", **outcome))
    return store


@pytest.fixture
def key(tmp_path):
    write_key(tmp_path / "key", PrivateKey("example.com/ledger", bytes(range(32))))
    return tmp_path / "key"


def audit(store, *arguments):
    """What `fullcircle audit` does with its arguments."""
    parser = argparse.ArgumentParser()
    add_ledger_commands(parser.add_subparsers(required=True))
    parser.set_defaults(store=store.root)
    parsed = parser.parse_args([str(argument) for argument in arguments])
    return parsed.run(parsed)


def test_a_key_is_made_and_shown(store, tmp_path, capsys):
    assert audit(store, "key", "--to", tmp_path / "k", "--name", "example.com/a") == 0
    shown, public = capsys.readouterr().out, (tmp_path / "k.pub").read_text()
    assert shown.startswith(public)
    assert f"{tmp_path / 'k'} signs: keep it secret" in shown
    assert audit(store, "key", "--to", tmp_path / "j", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "file": str(tmp_path / "j"),
        "public_file": str(tmp_path / "j.pub"),
        "public_key": (tmp_path / "j.pub").read_text().strip(),
    }
    with pytest.raises(NoteError, match="new file is expected"):
        audit(store, "key", "--to", tmp_path / "j")


def test_a_checkpoint_is_printed_or_written_and_the_ledger_held_against_it(filled, tmp_path, key, capsys):
    assert audit(filled, "checkpoint", "--key", key) == 0
    note = capsys.readouterr().out
    assert note.startswith("example.com/ledger\n8\n")
    (tmp_path / "out").mkdir()
    assert audit(filled, "checkpoint", "--key", key, "--to", tmp_path / "out") == 0
    (file,) = (tmp_path / "out").iterdir()
    assert capsys.readouterr().out == f"{file}: 8 lines, signed by example.com/ledger\n"
    assert audit(filled, "checkpoint", "--to", tmp_path / "bare", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["size"], shown["origin"], shown["file"]) == (8, "fullcircle-ledger", str(tmp_path / "bare"))
    assert shown["note"] == (tmp_path / "bare").read_text()
    assert audit(filled, "checkpoint", "--to", tmp_path / "bare") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'bare'}: 8 lines, not signed\n"
    public = (tmp_path / "key.pub").read_text()
    for named in (public, str(tmp_path / "key.pub")):
        (verdict,) = against(filled, tmp_path / "out", named, unsigned=False)
        assert re.fullmatch(rf"The ledger extends {file.name} of \S+: its first 8 lines are the same\.", verdict_text(verdict))
    assert against(filled, tmp_path / "bare", None, unsigned=True)[0].fault is None
    filled.ledger.path.write_bytes(b"".join(filled.ledger.path.read_bytes().splitlines(keepends=True)[:-1]))
    assert "has 8 lines, the ledger 7" in verdict_text(against(filled, file, public, unsigned=False)[0])


def test_what_is_believed_has_to_be_named(filled, tmp_path, key):
    audit(filled, "checkpoint", "--to", tmp_path / "bare")
    public = (tmp_path / "key.pub").read_text()
    for named, unsigned, received in ((None, False, "neither"), (public, True, "both")):
        with pytest.raises(
            SettingsError, match=rf"either --public-key is expected, .* or --unsigned, .* Received: {received}\."
        ):
            against(filled, tmp_path / "bare", named, unsigned)
    with pytest.raises(CheckpointError, match="signed by nobody"):
        against(filled, tmp_path / "bare", public, unsigned=False)


def test_the_arguments_of_verify_are_those_of_against():
    parser = argparse.ArgumentParser()
    add_against(parser)
    given = parser.parse_args(["--against", "a", "--public-key", "b", "--unsigned"])
    assert (given.against, given.public_key, given.unsigned) == (Path("a"), "b", True)
    assert vars(parser.parse_args([])) == {"against": None, "public_key": None, "unsigned": False}


def checked(script, proof, public):
    return subprocess.run([sys.executable, "-I", script, proof, public], capture_output=True, text=True)


def test_a_proof_is_verified_by_the_script_of_the_page_and_by_nothing_of_ours(filled, tmp_path, key, capsys):
    script, proof, public = tmp_path / "check.py", tmp_path / "a.tlog-proof", (tmp_path / "key.pub").read_text().strip()
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len([line for line in code.split("\n") if line.strip()]) <= 22
    assert "fullcircle" not in code
    script.write_text(code)
    assert audit(filled, "prove", f"drawings/encoder@{'c' * 6}", "--key", key, "--to", proof) == 0
    assert capsys.readouterr().out == f"{proof}: the proof of line 3\n"
    line = filled.ledger.path.read_text().split("\n")[2]
    done = checked(script, proof, public)
    assert (done.returncode, done.stdout) == (0, f"line 3 of 8, signed by example.com/ledger: {line}\n"), done.stderr
    text = proof.read_text()
    for changed, why in (
        (text.replace("c" * 64, "d" * 64), "The record is not in the ledger."),
        (text.replace("index 2", "index 3"), "The record is not in the ledger."),
        (text.replace("index 2\n", "index 2\nAAAA\n"), "The record is not in the ledger."),
        (text.replace("time 2", "time 3"), "InvalidSignature"),
    ):
        assert changed != text
        proof.write_text(changed)
        done = checked(script, proof, public)
        assert done.returncode == 1
        assert why in done.stderr


def test_a_proof_is_printed(filled, capsys):
    assert audit(filled, "prove", "drawings/decoder") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(filled.ledger.path.read_text().split("\n")[6] + "\nc2sp.org/tlog-proof@v1\nindex 6\n")
    assert audit(filled, "prove", "drawings/decoder", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["line"], shown["file"], shown["proof"].split("\n")[:3]) == (7, None, printed.split("\n")[:3])


def test_a_ledger_that_was_changed_is_only_taken_where_that_is_asked_for(filled, tmp_path, capsys):
    filled.ledger.path.write_bytes(b"".join(filled.ledger.path.read_bytes().splitlines(keepends=True)[1:]))
    for command in (("checkpoint",), ("checkpoint", "--to", tmp_path / "out"), ("prove", "drawings/decoder")):
        with pytest.raises(
            CheckpointError, match="Line 1: It is the first line and follows another: lines before it were removed"
        ):
            audit(filled, *command)
        assert audit(filled, *command, "--despite-faults") == 0


def test_the_line_of_a_version_is_the_last_that_records_it(filled):
    assert line_of(filled, "drawings/encoder", "b") == 2
    filled.ledger.append(entry("b"))
    assert line_of(filled, "drawings/encoder", "b") == 9
    assert line_of(filled, "drawings/encoder", partition="line") == 9
    assert line_of(filled, "drawings/encoder", "f") == 6
    assert line_of(filled, "drawings/decoder") == 7


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ("drawings/encoder",),
            "One partition of drawings/encoder is expected. Received: none, and there are face, line. Name one",
        ),
        (
            ("drawings/encodr",),
            "An asset of the ledger is expected. Received: 'drawings/encodr'. Nearest: drawings/encoder, drawin",
        ),
        (("zzz",), "Received: 'zzz'. Nearest: drawings/decoder, drawings/encoder."),
        (("drawings/encoder", "cd", "line"), r"A version of drawings/encoder \(line\) is expected. Received: 'cd'. Nearest: "),
        (
            ("drawings/decoder", None, "face"),
            r"A version of drawings/decoder \(face\) is expected. Received: None. Nearest: none",
        ),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(filled, asked, message):
    with pytest.raises(SettingsError, match=message):
        line_of(filled, *asked)


def test_without_a_ledger_there_is_no_line(store):
    with pytest.raises(SettingsError, match="Nearest: none"):
        line_of(store, "drawings/encoder")
