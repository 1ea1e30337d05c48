"""What is kept and what goes, and that nobody who works meanwhile loses anything."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fullcircle.core.settings import SettingsError
from fullcircle.reading import inbox
from fullcircle.store import prune as pruning
from fullcircle.store.champions import Decision
from fullcircle.store.in_use import LOCK_FILE, InUseError, alone, in_use
from fullcircle.store.ledger import CHECK, PRUNE, StoreError
from fullcircle.store.objects import Store, StoredObjectError
from fullcircle.store.provenance import provenance
from fullcircle.store.prune import TRASH, UNKNOWN, prune

OLD = time.time() - 2 * pruning.YOUNG_SECONDS


def put(store, text, name="value.json"):
    with store.draft() as draft:
        (draft.path / name).write_text(json.dumps(text))
        return draft.commit().hash


def made(store, asset, text, read=(), run_id="r", **fields):
    """A version of an asset that says what it was made from, as a step and the I/O manager leave it."""
    version = put(store, text, fields.pop("name", "value.json"))
    entry = {"asset": asset, "partition": "line", "version": version, "run_id": run_id, **fields}
    store.ledger.append(entry | {"read": {f"input {i}": v for i, v in enumerate(read)}})
    return version


def retrained(store, week, run_id="r"):
    """What one retraining leaves: a chain of tables and models, and a report."""
    examples = made(store, "drawings/examples", f"examples {week}", run_id=run_id)
    decoder = made(store, "drawings/decoder", f"decoder {week}", [examples], run_id)
    encoder = made(store, "drawings/encoder", f"encoder {week}", [examples, decoder], run_id)
    report = made(store, "drawings/encoder_report", f"report {week}", [encoder, decoder, examples], run_id)
    return examples, decoder, encoder, report


def decided(store, week, champion, challenger, previous):
    decision = Decision("promoted", f"Week {week}.", challenger, champion, {}, previous, week)
    read = [*challenger.values(), *([previous] if previous else [])]
    return made(store, "drawings/champion", dataclasses.asdict(decision), read, name="champion.json")


def there(store):
    return {path.name for path in (store.root / "objects").glob("??/*")}


def names(store, versions):
    """The texts of versions that are in the store."""
    return sorted(json.loads(store.path_of(v).joinpath("value.json").read_text()) for v in versions if v in there(store))


def test_the_latest_versions_are_kept_and_what_they_were_made_from(store):
    weeks = [retrained(store, week) for week in range(5)]
    newest = made(store, "drawings/encoder", "encoder of old examples", [weeks[0][0]])
    planned = prune(store, 2)
    assert there(store) == {v for week in weeks for v in week} | {newest}, "nothing is removed unless that is asked for"
    assert not (store.root / TRASH).exists()
    done = prune(store, 2, delete=True)
    assert done.unneeded == planned.unneeded
    assert (planned.deleted, done.deleted) == (False, True)
    # Two of each; of encoders the newest and that of week 4; examples of week 0, for the newest was made from them.
    assert there(store) == {*weeks[4], *weeks[3], newest, weeks[0][0]}, names(store, there(store))
    assert not (store.root / TRASH).exists()
    assert prune(store, 2, delete=True).unneeded == ()


def test_what_is_kept_is_kept_back_to_the_first_table(store):
    examples = made(store, "drawings/examples", "first")
    train = made(store, "drawings/train", "train", [examples])
    decoder = made(store, "drawings/decoder", "decoder", [train])
    made(store, "drawings/encoder", "encoder", [decoder])
    for week in range(3):
        made(store, "drawings/examples", f"later {week}")
        made(store, "drawings/train", f"later train {week}")
        made(store, "drawings/decoder", f"later decoder {week}")
    assert prune(store, 1, delete=True).unneeded
    assert {examples, train, decoder} < there(store)


def test_a_version_that_was_found_again_is_one_of_the_latest(store):
    first = retrained(store, 0)
    for week in range(1, 4):
        retrained(store, week)
    retrained(store, 0)
    prune(store, 1, delete=True)
    assert there(store) == set(first)


def test_the_latest_that_passed_its_checks_is_kept(store):
    good = made(store, "drawings/decoder", "good", blocking=["redraws"])
    outcome = {"kind": CHECK, "asset": "drawings/decoder", "partition": "line", "run_id": "r", "check": "redraws"}
    store.ledger.append(outcome | {"version": good, "passed": True, "blocking": True, "description": "", "time": 1})
    bad = [made(store, "drawings/decoder", f"bad {n}", blocking=["redraws"]) for n in range(3)]
    prune(store, 1, delete=True)
    assert there(store) == {good, bad[-1]}


def test_champions_are_kept_with_what_they_were_made_from_and_every_decision(store):
    champion, previous, champions, decisions = {}, None, [], []
    for week in range(8):
        examples, decoder, encoder, _ = retrained(store, week)
        challenger = {"encoder": encoder, "decoder": decoder}
        if week in (0, 1, 2):  # afterwards no challenger is better
            champion = challenger
            champions.append({examples, decoder, encoder})
        previous = decided(store, week, champion, challenger, previous)
        decisions.append(previous)
    prune(store, 2, delete=True)
    assert set(decisions) <= there(store)
    assert champions[2] | champions[1] <= there(store), "the present one, and that before it"
    assert not champions[0] & there(store), "a decision long ago names it, and each decision names the one before"


def test_of_a_record_the_tables_stay_that_make_it_up_and_not_those_that_were_taken_in(store):
    """Six runs of the inbox: the latest names the fourth and that the first; the others were taken in. Each read the one before."""
    model = made(store, "drawings/encoder", "old encoder")
    named = {0: None, 1: 0, 2: 1, 3: 0, 4: 3, 5: 3}
    versions = []
    for number, previous in named.items():
        chain = {"previous": None if previous is None else versions[previous], "touched": {"run": [number, 0]}}
        read = [model, *versions[-1:]]
        versions.append(made(store, inbox.ASSET, chain, read, name=inbox.CHAIN))
    for number in range(3):
        made(store, "drawings/encoder", f"encoder {number}")
    prune(store, keep=1, delete=True)
    assert [number for number, version in enumerate(versions) if version in there(store)] == [0, 3, 5]
    assert model not in there(store)
    assert (pruning.RECORD, pruning.CHAIN) == (inbox.ASSET, inbox.CHAIN)


def test_a_record_that_is_not_whole_stops_nothing(store):
    version = made(store, inbox.ASSET, {"previous": None}, name=inbox.CHAIN)
    (store.path_of(version) / inbox.CHAIN).write_text("damaged")
    prune(store, keep=1, delete=True)
    assert version in there(store)


def test_a_decision_that_is_not_whole_stops_it(store):
    for week in range(3):
        retrained(store, week)
    decision = decided(store, 0, {}, {}, None)
    store.path_of(decision).joinpath("champion.json").write_text("{}")
    before = there(store)
    with pytest.raises(StoredObjectError, match="champion.json"):
        prune(store, 1, delete=True)
    assert there(store) == before


def test_what_a_retained_run_made_is_kept(store):
    weeks = [retrained(store, week, f"run {week}") for week in range(4)]
    prune(store, 1, ["run 1", "a run without versions"], delete=True)
    assert there(store) == {*weeks[1], *weeks[3]}


def test_what_the_ledger_does_not_name_is_kept_for_a_day(store):
    young, old = put(store, "young"), put(store, "old")
    os.utime(store.path_of(old), (OLD, OLD))
    retrained(store, 0)
    (store.root / "objects" / "notes").mkdir()
    (store.root / "objects" / "ab" / "not an object").mkdir(parents=True)
    (unneeded,) = prune(store, delete=True).unneeded
    assert (unneeded.hash, unneeded.asset, unneeded.bytes > 0) == (old, UNKNOWN, True)
    assert young in there(store)


def test_less_than_one_version_is_refused(store):
    with pytest.raises(SettingsError, match="At least 1 version of each asset and partition is kept. Received: 0"):
        prune(store, 0)


def test_looking_makes_no_files(tmp_path):
    for delete in (False, True):
        assert prune(Store(tmp_path / "none"), delete=delete).unneeded == ()
    assert not (tmp_path / "none").exists()


def test_it_is_on_record_and_who_asks_for_a_version_is_answered(store):
    weeks = [retrained(store, week) for week in range(2)]
    done = prune(store, 1, delete=True)
    (record,) = [r for r in store.ledger.records() if r.get("kind") == PRUNE]
    assert record.items() >= provenance().items()
    assert set(record["versions"]) == set(weeks[0])
    assert (record["bytes"], record["keep"]) == (done.bytes, 1)
    gone = weeks[0][1]
    assert store.ledger.pruned(gone) == record
    assert store.ledger.pruned(weeks[1][1]) is None
    message = (
        rf"Stored object was pruned on \d{{4}}-\d\d-\d\d \d\d:\d\d UTC by {record['by']}: {store.path_of(gone)}. Materialize "
        r"drawings/decoder \(line\) again with: make run DRAWING=line$"
    )
    with pytest.raises(StoredObjectError, match=message):
        store.open(gone, "drawings/decoder (line)", "make run DRAWING=line")
    assert retrained(store, 0)[1] == gone, "made again it is the same"
    assert store.open(gone).hash == gone
    assert len(store.frame()) == 12


def test_the_text_has_a_line_for_each_asset_and_a_total(store):
    for week in range(3):
        retrained(store, week)
    planned = prune(store, 1)
    *assets, total, kept = planned.text().splitlines()
    assert [line.split()[:3] for line in assets] == [
        [f"drawings/{name}", "2", "objects"] for name in ("decoder", "encoder", "encoder_report", "examples")
    ]
    assert total.split()[:4] == ["not", "needed", "8", "objects"]
    assert kept.split()[:3] == ["kept", "4", "objects"]
    assert prune(store, 1, delete=True).text().splitlines()[-2].startswith("removed")


def test_the_disk_stays_bounded_over_fifty_retrainings(store, monkeypatch):
    """Each leaves four objects of 64 KiB and a decision; every tenth is promoted, and every fifth week is pruned."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # it would take most of the time
    champion, previous, sizes = {}, None, []
    for week in range(50):
        _, decoder, encoder, _ = retrained(store, f"{week} " + 65536 * "x")
        if week % 10 == 0:
            champion = {"encoder": encoder, "decoder": decoder}
        previous = decided(store, week, champion, {"encoder": encoder, "decoder": decoder}, previous)
        if week % 5 == 4:
            assert len(prune(store, delete=True).unneeded) > 0 or week < 5
            sizes.append(sum(f.stat().st_size for f in (store.root / "objects").rglob("*") if f.is_file()))
    assert max(sizes) < (3 * 4 + 3 * 3) * 66_000 + 50 * 1000, "three weeks, three champions of three objects, and decisions"
    assert sizes[-1] - sizes[-5] < 20 * 1000, "of twenty weeks more only the decisions are left"
    store.open(champion["encoder"])


USING = """
import sys
from fullcircle.store.objects import Store
store = Store(sys.argv[1])
how = {"in_use": store.in_use, "draft": store.draft}[sys.argv[2]]
with how():
    print("begun", flush=True)
    sys.stdin.readline()
"""


def other(store, code, *arguments):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, store.root, *arguments], text=True, **pipes)


@pytest.mark.parametrize("how", ["in_use", "draft"])
def test_nothing_is_removed_while_another_process_uses_the_store_even_if_it_is_killed_then(store, how):
    for week in range(2):
        retrained(store, week)
    before = there(store)
    with other(store, USING, how) as process:
        assert process.stdout.readline() == "begun\n"
        with pytest.raises(InUseError, match=rf"is using the store {store.root}. Run again .*: lsof {store.root / LOCK_FILE}$"):
            prune(store, 1, delete=True)
        assert len(prune(store, 1).unneeded) == 4, "who only asks is not refused"
        assert there(store) == before
        process.send_signal(signal.SIGKILL)
    assert len(prune(store, 1, delete=True).unneeded) == 4


def test_who_comes_while_objects_are_removed_waits_and_finds_what_is_left(store):
    for week in range(2):
        retrained(store, week)
    with alone(store.root), other(store, USING, "in_use") as process:
        with pytest.raises(InUseError):
            prune(store, 1, delete=True)
        time.sleep(0.3)
        assert process.poll() is None
        os.set_blocking(process.stdout.fileno(), False)
        assert process.stdout.readline() == ""
        process.kill()


WORKING = """
import json, sys, time
from fullcircle.store.objects import Store, StoredObjectError
store, until, lost = Store(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
n = 0
while time.monotonic() < until:
    n += 1
    with store.in_use():  # as a step: find what was made long ago, or make it, and enter it
        read = {}
        for asset in ("a", "b", "c"):
            with store.draft() as draft:
                (draft.path / "value.json").write_text(json.dumps(f"{asset} {n % 7}"))
                stored = draft.commit()
            entry = {"asset": asset, "partition": "line", "version": stored.hash, "run_id": "r", "read": dict(read)}
            store.ledger.append(entry)
            read[asset] = stored.hash
    for version in read.values():
        store.open(version)
print(n)
"""


def test_a_process_that_works_and_one_that_removes_do_not_disturb_each_other(store):
    store.root.mkdir()
    with other(store, WORKING, "1") as process:
        removed, refused = 0, 0
        while process.poll() is None:
            try:
                removed += len(prune(store, 1, delete=True).unneeded)
            except InUseError:
                refused += 1
        assert process.returncode == 0
        assert int(process.stdout.read()) > 1
    assert removed > 1
    for asset in "abc":
        assert store.latest(asset, "line")


def test_a_kill_at_any_moment_leaves_nothing_missing_without_a_word(store, monkeypatch):
    for week in range(3):
        retrained(store, week)
    before, real, done = there(store), type(store.root).rename, []

    def killed(path, target):
        done.append(path)
        if len(done) == 4:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(type(store.root), "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        prune(store, 1, delete=True)
    gone = before - there(store)
    assert len(gone) == 3
    assert all(store.ledger.pruned(version) for version in gone)
    assert len(list((store.root / TRASH).glob("*/*"))) == 3
    assert len(prune(store, 1, delete=True).unneeded) == 5
    assert not (store.root / TRASH).exists()


def test_a_full_disk_removes_nothing_and_says_where_there_is_room(store, monkeypatch):
    for week in range(2):
        retrained(store, week)
    before = there(store)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StoreError, match=rf"ledger.jsonl cannot be written: No space .* {store.root}/logs holds no content and may"
    ):
        prune(store, 1, delete=True)
    assert there(store) == before


@pytest.mark.parametrize(("number", "text"), [(30, "Read-only file system"), (13, "Permission denied")])
def test_a_store_that_cannot_be_written_is_one_clear_error_and_can_be_read(store, monkeypatch, number, text):
    for week in range(2):
        retrained(store, week)
    real = os.open

    def refused(path, flags, *more, **named):
        if str(path).endswith(LOCK_FILE):
            raise OSError(number, text, str(path))
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(StoreError, match=rf"in_use.lock cannot be written: {text}. Make it writable, or choose another store"):
        prune(store, 1, delete=True)
    with in_use(store.root):
        assert store.latest("drawings/encoder", "line")


def test_a_place_where_no_store_can_be_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError), in_use(tmp_path / "file" / "store"):
        pass


def test_a_user_without_a_name_is_a_number(monkeypatch):
    def nobody():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(pruning.getpass, "getuser", nobody)
    assert pruning._user() == f"user {os.geteuid()}"
