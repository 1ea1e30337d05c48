"""Each line holds the one before it: what is changed shows, as far as the ledger can show it, and honest histories never do."""

import json

import pytest

from fullcircle.store.chain import Fault, examine, linked, roots_of
from fullcircle.store.ledger import Ledger
from fullcircle.store.merkle import EMPTY, leaf_hash, root


def entry(version, **more):
    return {"asset": "drawings/train", "partition": "line", "version": str(version), "run_id": "r", **more}


def old(*versions):
    """Lines as they were before there was a chain."""
    return b"".join(json.dumps(entry(version)).encode() + b"\n" for version in versions)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl")


@pytest.fixture
def eight(ledger):
    for version in range(1, 9):
        ledger.append(entry(version))
    return ledger


@pytest.fixture
def migrated(ledger):
    """Three old lines, the one that begins the chain, and four more."""
    ledger.path.write_bytes(old(1, 2, 3))
    for version in range(5, 9):
        ledger.append(entry(version))
    return ledger


def lines_of(ledger):
    return ledger.path.read_bytes().splitlines(keepends=True)


def found(ledger, lines):
    ledger.path.write_bytes(b"".join(lines))
    return [(fault.line, fault.text.partition(":")[0]) for fault in examine(ledger.path).faults]


def test_each_line_holds_the_hash_of_the_one_before(eight):
    lines = lines_of(eight)
    assert [json.loads(line)["previous"] for line in lines] == [None, *(leaf_hash(line[:-1]).hex() for line in lines[:-1])]
    assert {json.loads(line)["schema"] for line in lines} == {2}


def test_an_untouched_ledger_has_no_faults_and_the_root_of_its_lines(eight):
    lines = lines_of(eight)
    whole = examine(eight.path)
    assert (whole.size, whole.faults, whole.unlinked, whole.unfinished) == (8, (), 0, 0)
    assert whole.root == root([leaf_hash(line[:-1]) for line in lines])
    assert roots_of(eight.path, [0, 3, 8, 9]) == (
        8,
        {0: EMPTY, 3: root([leaf_hash(line[:-1]) for line in lines[:3]]), 8: whole.root},
    )


def test_where_there_is_no_ledger_there_is_nothing_wrong(ledger):
    assert (examine(ledger.path).size, examine(ledger.path).root, examine(ledger.path).faults) == (0, EMPTY, ())


def test_an_unfinished_last_line_is_no_fault_and_does_not_count(eight):
    before = examine(eight.path)
    with eight.path.open("ab") as file:
        file.write(b'{"asset"')
    after = examine(eight.path)
    assert (after.size, after.root, after.faults, after.unfinished) == (before.size, before.root, (), 8)
    assert roots_of(eight.path, [8, 9]) == (8, {8: before.root})


def test_old_lines_stay_as_they_are_and_the_next_record_holds_them(ledger):
    ledger.path.write_bytes(old(1, 2, 3))
    assert (examine(ledger.path).faults, examine(ledger.path).unlinked) == ((), 3)
    ledger.append(entry(4))
    lines = lines_of(ledger)
    assert b"".join(lines[:3]) == old(1, 2, 3)
    begin = json.loads(lines[3])
    assert (begin["kind"], begin["size"]) == ("chain", 3)
    assert begin["root"] == root([leaf_hash(line[:-1]) for line in lines[:3]]).hex()
    ledger.append(entry(5))
    assert [json.loads(line).get("version") for line in lines_of(ledger)] == ["1", "2", "3", None, "4", "5"]
    assert (examine(ledger.path).faults, examine(ledger.path).unlinked) == ((), 3)
    assert [e["version"] for e in ledger.entries("drawings/train", "line")] == ["1", "2", "3", "4", "5"]


BROKEN = "It does not follow line"


@pytest.mark.parametrize("at", range(7))
def test_an_edited_line_shows_in_the_next(eight, at):
    lines = lines_of(eight)
    lines[at] = lines[at].replace(b'"run_id":"r"', b'"run_id":"s"')
    assert found(eight, lines) == [(at + 2, f"{BROKEN} {at + 1}")]


@pytest.mark.parametrize("at", range(7))
def test_a_deleted_line_shows_in_the_next(eight, at):
    lines = lines_of(eight)
    del lines[at]
    what = "It is the first line and follows another" if at == 0 else f"{BROKEN} {at}"
    assert found(eight, lines) == [(at + 1, what)]


def test_an_inserted_line_shows(eight):
    lines = lines_of(eight)
    assert found(eight, [*lines[:4], lines[6], *lines[4:]]) == [(5, f"{BROKEN} 4"), (6, f"{BROKEN} 5")]
    made_to_fit = linked(entry(9, schema=2), lines[3][:-1])
    assert found(eight, [*lines[:4], made_to_fit, *lines[4:]]) == [(6, f"{BROKEN} 5")]
    without_link = old(9)
    assert found(eight, [*lines[:4], without_link, *lines[4:]]) == [
        (5, "It has no link to the line before, unlike lines above"),
        (6, f"{BROKEN} 5"),
    ]
    assert found(eight, [*lines, without_link]) == [(9, "It has no link to the line before, unlike lines above")]


def test_what_an_older_version_appended_stays_on_record_as_a_fault(eight):
    with eight.path.open("ab") as file:
        file.write(old(9))
    eight.append(entry(10))
    eight.append(entry(11))
    assert found(eight, lines_of(eight)) == [(9, "It has no link to the line before, unlike lines above")]


def test_two_lines_in_the_other_order_show(eight):
    lines = lines_of(eight)
    lines[2], lines[5] = lines[5], lines[2]
    assert [line for line, _ in found(eight, lines)] == [3, 4, 6, 7]


def test_all_lines_in_the_other_order_show(eight):
    assert [line for line, _ in found(eight, lines_of(eight)[::-1])] == list(range(1, 9))


def test_a_link_that_was_taken_off_shows(eight):
    lines = lines_of(eight)
    record = json.loads(lines[-1])
    del record["previous"]
    lines[-1] = json.dumps(record).encode() + b"\n"
    assert [line for line, _ in found(eight, lines)] == [8]
    assert "which every record of its schema is written with" in examine(eight.path).faults[0].text


def test_a_line_that_is_no_record_is_named_and_the_others_are_read_all_the_same(eight):
    lines = lines_of(eight)
    lines[3] = b'{"asset": 3}\n'
    ((number, text), (behind, _)) = found(eight, lines)
    assert (number, behind, text) == (4, 5, "It is no record. A ledger entry needs partition, run_id, version. Received")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0].replace(b'"r"', b'"s"'), *lines[1:]], 4),
        (lambda lines: lines[1:], 3),
        (lambda lines: [lines[1], lines[0], *lines[2:]], 4),
        (lambda lines: [*old(0).splitlines(keepends=True), *lines], 5),
    ],
    ids=["edited", "removed", "moved", "inserted"],
)
def test_a_change_of_old_lines_shows_where_the_chain_begins(migrated, change, line):
    assert found(migrated, change(lines_of(migrated))) == [(line, "The lines above it are others than when it was written")]


def test_the_line_that_begins_the_chain_cannot_be_taken_out(migrated):
    lines = lines_of(migrated)
    relinked = [linked(json.loads(lines[4]), lines[2][:-1])]
    for line in lines[5:]:
        relinked.append(linked(json.loads(line), relinked[-1][:-1]))
    assert found(migrated, [*lines[:3], *lines[4:]]) == [(4, "It does not follow line 3")]
    assert found(migrated, [*lines[:3], *relinked]) == [
        (4, "It has a link, and no record says what the 3 lines before it were")
    ]


def test_only_something_outside_shows_a_cut_tail_or_a_ledger_written_anew(eight):
    lines, before = lines_of(eight), examine(eight.path)
    assert found(eight, lines[:5]) == []
    anew = [linked(entry(0, schema=2), None)]
    for line in lines[1:]:
        anew.append(linked(json.loads(line), anew[-1][:-1]))
    assert found(eight, anew) == []
    assert examine(eight.path).root != before.root


def test_any_change_but_of_the_tail_is_found(ledger, rng):
    """Forty histories, of old and new lines, each tampered with once, at random."""
    for _ in range(40):
        n_old, n_new = rng.integers(0, 4), rng.integers(2, 6)
        ledger.path.write_bytes(old(*range(n_old)))
        for version in range(n_new):
            ledger.append(entry(100 + version))
        assert examine(ledger.path).faults == ()
        lines = lines_of(ledger)
        at, to = (int(i) for i in rng.choice(len(lines) - 1, 2, replace=False)) if len(lines) > 2 else (0, 0)
        way = rng.integers(3)
        if way == 0:
            lines[at] = lines[at].replace(b"1", b"2", 1) if b"1" in lines[at] else lines[at].replace(b"r", b"s", 1)
        elif way == 1:
            del lines[at]
        else:
            lines.insert(at, lines[to])
        ledger.path.write_bytes(b"".join(lines))
        faults = examine(ledger.path).faults
        assert faults, (way, at, to, n_old, n_new)
        assert all(isinstance(fault, Fault) and fault.line > 0 for fault in faults)
