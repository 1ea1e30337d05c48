"""A ledger against what is kept outside of it: what only that shows, and that honest growth never shows as anything."""

import base64
import json
import re
import stat

import pytest

from fullcircle.store.chain import examine, linked, roots_of
from fullcircle.store.checkpoints import (
    Checkpoint,
    CheckpointError,
    checkpoint_of,
    hold,
    prove,
    read_checkpoint,
    read_checkpoints,
    write_checkpoint,
)
from fullcircle.store.ledger import Ledger
from fullcircle.store.merkle import EMPTY, leaf_hash, root_from_inclusion
from fullcircle.store.signed_notes import PrivateKey, verified

KEY, OTHER = PrivateKey("example.com/ledger", bytes(range(32))), PrivateKey("other", bytes(32))


@pytest.fixture
def ledger(tmp_path):
    """Eight lines, and checkpoints at three, five and eight in the folder ``outside``."""
    ledger, outside = Ledger(tmp_path / "ledger.jsonl"), tmp_path / "outside"
    outside.mkdir()
    for version in range(1, 9):
        ledger.append(entry(version))
        if version in (3, 5, 8):
            write_checkpoint(ledger.path, outside, KEY)
    return ledger


def entry(version):
    return {"asset": "drawings/train", "partition": "line", "version": str(version), "run_id": "r"}


def kept(ledger):
    return read_checkpoints(ledger.path.parent / "outside", KEY.public)


def lines_of(ledger):
    return ledger.path.read_bytes().splitlines(keepends=True)


def relinked(lines):
    """The same records, linked anew: what somebody would write who knows how."""
    made = []
    for line in lines:
        made.append(linked(json.loads(line), made[-1][:-1] if made else None))
    return made


def faults(ledger, lines=None):
    """Of each checkpoint, by its size, where the first difference lies."""
    if lines is not None:
        ledger.path.write_bytes(b"".join(lines))
    verdicts = hold(ledger.path, kept(ledger))
    return {v.checkpoint.size: v.fault and v.fault.rpartition("lies ")[2] for v in verdicts}


def test_a_checkpoint_is_a_note_of_size_and_root(ledger):
    found = checkpoint_of(ledger.path, "example.com/ledger")
    lines = found.note(KEY).split("\n")
    assert lines[:3] == ["example.com/ledger", "8", base64.b64encode(examine(ledger.path).root).decode()]
    assert re.fullmatch(r"time \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[3])
    assert lines[4] == ""
    assert lines[5].startswith("— example.com/ledger ")
    assert Checkpoint.parse(verified(found.note(KEY), KEY.public)) == found
    assert found.note(None) == f"{found.text()}\n"


def test_checkpoints_are_written_and_read_again(ledger, tmp_path):
    assert {c.size: name[:16] for name, c in kept(ledger).items()} == {n: f"ledger-{n:09}" for n in (3, 5, 8)}
    file = tmp_path / "one"
    assert write_checkpoint(ledger.path, file, KEY) == file
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    first = read_checkpoint(file, KEY.public)
    ledger.append(entry(9))
    write_checkpoint(ledger.path, file, KEY)  # what the ledger extends is replaced
    assert (first.size, read_checkpoint(file, KEY.public).size) == (8, 9)
    write_checkpoint(ledger.path, tmp_path / "two")
    assert read_checkpoint(tmp_path / "two", None).origin == "fullcircle-ledger"


def test_a_ledger_that_only_grew_extends_every_checkpoint(ledger):
    assert faults(ledger) == {3: None, 5: None, 8: None}
    ledger.append(entry(9))
    with ledger.path.open("ab") as file:
        file.write(b'{"torn')
    assert faults(ledger) == {3: None, 5: None, 8: None}
    assert hold(ledger.path, {"none": Checkpoint("a", 0, EMPTY)})[0].fault is None


def test_a_cut_tail_shows(ledger):
    lines = lines_of(ledger)
    assert faults(ledger, lines[:6]) == {3: None, 5: None, 8: "behind line 5."}
    assert faults(ledger, lines[:5]) == {3: None, 5: None, 8: "behind line 5."}
    assert faults(ledger, lines[:4]) == {3: None, 5: "behind line 3.", 8: "behind line 3."}
    assert examine(ledger.path).faults == ()  # by itself it shows nothing
    verdict = hold(ledger.path, kept(ledger))[-1]
    assert re.match(
        r"ledger-000000008-\w+\.checkpoint of \S+Z has 8 lines, the ledger 4: at least 4 were removed\.", verdict.fault
    )
    assert faults(ledger, []) == dict.fromkeys((3, 5, 8), "anywhere.")


def test_between_neighbours_it_is_one_line(ledger):
    roots = {n: Checkpoint("a", n, roots_of(ledger.path, [n])[1][n]) for n in (4, 5)}
    ledger.path.write_bytes(b"".join([*lines_of(ledger)[:4], *lines_of(ledger)[5:]]))
    assert [v.fault and v.fault.rpartition("lies ")[2] for v in hold(ledger.path, {"4": roots[4], "5": roots[5]})] == [
        None,
        "in line 5.",
    ]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda lines: [lines[0].replace(b'"1"', b'"9"'), *lines[1:]], ["in lines 1 to 3."] * 3),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], [None, *["in lines 4 to 5."] * 2]),
        (lambda lines: [*lines[:5], *lines[6:], lines[0]], [None, None, "in lines 6 to 8."]),
        (lambda lines: [*lines[:6], lines[2], *lines[6:]], [None, None, "in lines 6 to 8."]),
        (lambda lines: lines[::-1], ["in lines 1 to 3."] * 3),
    ],
    ids=["edited", "moved", "removed", "inserted", "reversed"],
)
def test_a_ledger_that_was_linked_anew_shows_and_between_which_lines(ledger, change, where):
    lines = relinked(change(lines_of(ledger)))
    ledger.path.write_bytes(b"".join(lines))
    assert examine(ledger.path).faults == ()  # by itself it shows nothing
    assert list(faults(ledger).values()) == where
    for verdict in hold(ledger.path, kept(ledger)):
        if verdict.fault:
            assert f"other first {verdict.checkpoint.size} lines: some were edited, removed, inserted or moved" in verdict.fault


def test_a_checkpoint_of_another_ledger_is_not_held_against_the_lines(ledger):
    checkpoints = kept(ledger) | {"foreign": Checkpoint("x", 4, leaf_hash(b"x"))}
    verdicts = {v.name: v.fault for v in hold(ledger.path, checkpoints)}
    assert [fault for name, fault in verdicts.items() if name != "foreign"] == [None] * 3
    assert (
        "foreign is of another ledger: this one has other first 4 lines, and agrees with ledger-000000008"
        in verdicts["foreign"]
    )


def test_of_a_ledger_with_a_broken_chain_there_is_no_checkpoint(ledger, tmp_path):
    lines = lines_of(ledger)
    ledger.path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    with pytest.raises(
        CheckpointError, match=r"No checkpoint was made: .* Line 4: It does not follow line 3: .*Restore the ledger"
    ):
        write_checkpoint(ledger.path, tmp_path / "new", KEY)
    assert not (tmp_path / "new").exists()
    with pytest.raises(CheckpointError, match="go on from here with --despite-faults"):
        prove(ledger.path, 1, KEY)
    assert read_checkpoint(write_checkpoint(ledger.path, tmp_path / "new", KEY, despite_faults=True), KEY.public).size == 7
    assert "c2sp.org" in prove(ledger.path, 1, KEY, despite_faults=True)
    ledger.append(entry(9))
    assert [fault.line for fault in examine(ledger.path).faults] == [4]  # it stays
    with pytest.raises(CheckpointError, match="does not extend the one in"):
        write_checkpoint(ledger.path, tmp_path / "outside", KEY, despite_faults=True)


def test_of_no_lines_there_is_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match=r"at least one line is expected: .* Received: none\. Make something: make run"):
        checkpoint_of(tmp_path / "ledger.jsonl", "a")


def test_no_second_history_is_signed(ledger, tmp_path):
    write_checkpoint(ledger.path, tmp_path / "one", KEY)
    ledger.path.write_bytes(b"".join(relinked(lines_of(ledger)[1:])))
    before = (tmp_path / "one").read_bytes()
    for place in (tmp_path / "one", tmp_path / "outside"):
        with pytest.raises(
            CheckpointError, match=r"No checkpoint was written: .* does not extend the one in .* name another place"
        ):
            write_checkpoint(ledger.path, place, KEY)
    assert (tmp_path / "one").read_bytes() == before
    assert len(kept(ledger)) == 3
    (tmp_path / "one").write_text("my notes")
    with pytest.raises(CheckpointError, match="one is not used as a checkpoint. A note is expected"):
        write_checkpoint(ledger.path, tmp_path / "one", KEY)
    assert (tmp_path / "one").read_text() == "my notes"


def test_where_nothing_can_be_written_is_one_sentence(ledger, tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere/one cannot be written: No such file or directory\. Name another place"):
        write_checkpoint(ledger.path, tmp_path / "nowhere" / "one", KEY)


def test_what_is_not_signed_as_it_should_be_is_refused(ledger, tmp_path):
    file, checkpoint = tmp_path / "one", checkpoint_of(ledger.path, KEY.name)
    for note, why in (
        (checkpoint.note(None), r"expected to be signed by example.com/ledger\+\w{8}. Received: signed by nobody"),
        (checkpoint.note(OTHER), r"expected to be signed by example.com/ledger\+\w{8}. Received: signed by other"),
        (checkpoint.note(KEY).replace("\n8\n", "\n7\n"), "The signature of example.com/ledger is wrong"),
    ):
        file.write_text(note)
        with pytest.raises(CheckpointError, match=f"one is not used as a checkpoint. .*{why}"):
            read_checkpoint(file, KEY.public)
    file.write_text(checkpoint_of(ledger.path, "another").note(KEY))
    with pytest.raises(
        CheckpointError, match=r"of the ledger example.com/ledger, whose key signed it. Received: one of another\."
    ):
        read_checkpoint(file, KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n8\n",
        "a\n08\n{root}\n",
        "a\n-1\n{root}\n",
        "\n8\n{root}\n",
        "a\n8\nAAAA\n",
        "a\n8\n{root}\n\nb\n",
        "a\n8\n{root}",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(CheckpointError, match="The lines of a checkpoint are expected: a name, a number of lines, a root"):
        Checkpoint.parse(text.format(root=base64.b64encode(EMPTY).decode()))


def test_lines_that_others_put_into_a_checkpoint_are_passed_over():
    assert Checkpoint.parse(f"a\n8\n{base64.b64encode(EMPTY).decode()}\nmore\ntime 2026\n") == Checkpoint("a", 8, EMPTY, "2026")


def test_a_file_that_cannot_be_read_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(CheckpointError, match="A checkpoint is expected: .*nothing. It cannot be read: No such file"):
        read_checkpoints(tmp_path / "nothing", None)
    (tmp_path / "a.checkpoint").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match=r"a\.checkpoint is not used as a checkpoint\. It is no text\."):
        read_checkpoints(tmp_path, None)
    (tmp_path / "a.checkpoint").unlink()
    with pytest.raises(
        CheckpointError, match=r"is expected in .*\. Received: none\. Write one with: fullcircle audit checkpoint --to"
    ):
        read_checkpoints(tmp_path, None)


@pytest.mark.parametrize("number", [1, 4, 8])
def test_a_proof_leads_from_the_line_to_the_root(ledger, number):
    proof = prove(ledger.path, number, KEY)
    line, version, index, *rest = proof.split("\n")
    blank = rest.index("")
    assert (line.encode() + b"\n", version, index) == (
        lines_of(ledger)[number - 1],
        "c2sp.org/tlog-proof@v1",
        f"index {number - 1}",
    )
    checkpoint = Checkpoint.parse(verified("\n".join(rest[blank + 1 :]), KEY.public))
    hashes = [base64.b64decode(each) for each in rest[:blank]]
    assert root_from_inclusion(leaf_hash(line.encode()), number - 1, checkpoint.size, hashes) == checkpoint.root
    assert len(proof) - len(line) < 2048


def test_a_ledger_that_changes_while_it_is_read_is_not_proved(ledger, monkeypatch):
    lines = relinked(lines_of(ledger)[::-1])

    def change_then_read(path):
        path.write_bytes(b"".join(lines))
        return iter(lines)

    monkeypatch.setattr("fullcircle.store.checkpoints.lines", change_then_read)
    with pytest.raises(CheckpointError, match="No proof was made: .* changed while it was read. Run again"):
        prove(ledger.path, 1, KEY)
