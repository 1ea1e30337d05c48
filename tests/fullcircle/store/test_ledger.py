import contextlib
import json
import pickle
import resource
import sqlite3
import subprocess
import sys
import warnings

import pytest

from fullcircle.store import ledger_records
from fullcircle.store.chain import examine
from fullcircle.store.ledger import Ledger, LedgerError, StoreError, StoreWarning
from fullcircle.store.recipe import Recipe

LINE = "drawings/train", "line"


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger.jsonl")


def entry(version, run_id="r", asset="drawings/train", partition="line", **more):
    return {"asset": asset, "partition": partition, "version": version, "run_id": run_id, **more}


def check(version, name, passed, blocking=True, run_id="r", description="as it should be"):
    outcome = {"check": name, "passed": passed, "blocking": blocking, "description": description, "time": 1.5}
    return entry(version, run_id, kind="check", **outcome)


def lines(*records):
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def versions(found):
    return [record["version"] for record in found if record.get("kind") != "chain"]


def plain(record):
    """A record without what every line is given when it is appended."""
    return {name: value for name, value in record.items() if name not in ("schema", "previous")}


@pytest.fixture
def indexed(monkeypatch):
    """The lines that are parsed to be indexed, as the test goes on."""
    parsed, parse = [], ledger_records.parse

    def counting(line):
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(ledger_records, "parse", counting)
    return parsed


# What is looked up.


def test_the_latest_is_that_of_the_run_or_the_last(ledger):
    for version, run_id in (("1", "a"), ("2", "b"), ("3", "c")):
        ledger.append(entry(version, run_id))
    ledger.append(entry("9", "c", partition="face"))
    assert ledger.latest(*LINE)["version"] == "3"
    assert ledger.latest(*LINE, "b")["version"] == "2"
    assert ledger.latest(*LINE, "z")["version"] == "3"
    assert ledger.latest("drawings/test", "line") is None
    assert {subject: e["version"] for subject, e in ledger.latest_of_all().items()} == {LINE: "3", (LINE[0], "face"): "9"}


def test_of_what_a_run_made_twice_the_last_counts(ledger):
    for version in "12":
        ledger.append(entry(version, "a"))
    ledger.append(entry("3", "b"))
    assert ledger.latest(*LINE, "a")["version"] == "2"


def test_entries_are_the_materialisations_in_order(ledger):
    ledger.append(entry("1"))
    ledger.append(check("1", "redraws", True))
    ledger.append(entry("2", partition="face"))
    ledger.append(entry("3", kind="materialization"))
    assert versions(ledger.entries()) == ["1", "2", "3"]
    assert versions(ledger.entries(*LINE)) == versions(ledger.entries(partition="line")) == ["1", "3"]
    assert versions(ledger.entries(asset="drawings/train")) == ["1", "2", "3"]
    assert versions(ledger.records()) == ["1", "1", "2", "3"]


def test_an_entry_is_returned_as_it_was_appended(ledger):
    made = entry("1", time=1.25, config={"n": 10.0}, read={"a": "b"}, blocking=[], note="kept")
    ledger.append(made)
    assert plain(ledger.latest(*LINE)) == made


def test_what_the_same_recipe_made_is_found(ledger):
    recipe = Recipe(*LINE, "c0de", {"n": 10}, {"drawings/examples": "ab"}, {"numpy": "2.3"})
    other = Recipe(*LINE, "c0de", {"n": 11}, {"drawings/examples": "ab"}, {"numpy": "2.3"})
    newer = Recipe(*LINE, "c0de", {"n": 10}, {"drawings/examples": "ab"}, {"numpy": "2.4"})
    assert ledger.find(*LINE, recipe) is None
    for version, made_by in (("1", recipe), ("2", recipe), ("3", newer), ("4", other)):
        ledger.append(made_by.entry() | {"version": version, "run_id": "r"})
    ledger.append(entry("5"))  # does not say how it was made
    assert [ledger.find(*LINE, r)["version"] for r in (recipe, newer, other)] == ["2", "3", "4"]
    assert ledger.find("drawings/train", "face", recipe) is None


def test_an_entry_that_names_no_libraries_is_found_by_its_recipe(ledger):
    recipe = Recipe(*LINE, "c0de", {"n": 10}, {}, {"numpy": "2.3"})
    made = recipe.entry() | {"version": "1", "run_id": "r", "config": {"n": 10.0, "workers": 3}}
    del made["libraries"]
    ledger.append(made)
    assert plain(ledger.find(*LINE, recipe)) == made


def test_the_last_outcome_of_each_check_counts(ledger):
    for record in (check("1", "a", False), check("1", "b", True), check("2", "a", False), check("1", "a", True)):
        ledger.append(record)
    assert {name: found["passed"] for name, found in ledger.checks_of(*LINE, "1").items()} == {"a": True, "b": True}
    assert ledger.checks_of(*LINE, "3") == {}


# Which version is served.


@pytest.mark.parametrize(
    ("blocking", "outcomes", "reason"),
    [
        (["a"], [], "the outcome of its check a is not on record"),
        (["a"], [check("2", "a", False, description="3 px off")], "its check a failed: 3 px off"),
        (["a"], [check("2", "a", False), check("2", "a", True)], None),
        (["a"], [check("2", "a", True), check("2", "a", False)], "its check a failed: as it should be"),
        (["a"], [check("2", "a", False, blocking=False)], None),  # it only warned
        (["a"], [check("2", "a", True), check("2", "b", False, blocking=False)], None),
        (["a", "b"], [check("2", "b", True)], "the outcome of its check a is not on record"),
        (["a"], [check("1", "a", True)], "the outcome of its check a is not on record"),  # of another version
        ([], [], None),
        (None, [], None),
        (None, [check("2", "a", False)], "its check a failed: as it should be"),
        (None, [check("2", "a", False), check("2", "a", True)], None),
        (None, [check("2", "a", False, blocking=False)], None),
    ],
)
def test_a_version_is_served_when_its_blocking_checks_have_passed(ledger, blocking, outcomes, reason):
    ledger.append(entry("1"))
    last = entry("2", "later") if blocking is None else entry("2", "later", blocking=blocking)
    for record in (last, *outcomes):
        ledger.append(record)
    served = "1" if reason else "2"
    assert ledger.withheld(last) == reason
    assert ledger.latest(*LINE)["version"] == served
    assert ledger.latest_of_all()[LINE]["version"] == served
    assert plain(ledger.latest(*LINE, unverified=True)) == plain(ledger.latest_of_all(unverified=True)[LINE]) == last
    assert plain(ledger.latest(*LINE, "later")) == last  # its own run works on it
    assert ledger.latest(*LINE, "another")["version"] == served


def test_what_has_passed_nothing_is_not_among_the_latest(ledger):
    ledger.append(entry("1", blocking=["a"]))
    assert ledger.latest(*LINE) is None
    assert ledger.latest_of_all() == {}
    assert LINE in ledger.latest_of_all(unverified=True)


# What is no record.


GOOD = lines(entry("1"), entry("2"))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"", "It is no JSON"),
        (b'{"asset": "drawings/tr', "It is no JSON .*drawings/tr"),
        (b"\xff\x00", "It is no JSON"),
        (b"[" * 100_000, "It is no JSON"),
        (b'{"time": NaN}', "NaN is no number of JSON"),
        (b"[1, 2]", r"expected to be a JSON object. Received: \[1, 2\]"),
        (b"3", "expected to be a JSON object. Received: 3"),
        (b"{}", "needs asset, partition, run_id, version. Received: none"),
        (lines(entry("3", kind="promotion")).strip(), "Unknown kind of record: 'promotion'.*newer version of Full Circle"),
        (lines(entry("3", kind=["check"])).strip(), "Unknown kind of record"),
        (lines(entry(3)).strip(), "version is expected to be text. Received: 3"),
        (lines(entry("\ud800")).strip(), "version is expected to be text"),
        (lines(entry("3", time="now")).strip(), "time is expected to be a number. Received: 'now'"),
        (lines(entry("3", time=True)).strip(), "time is expected to be a number"),
        (lines(entry("3", config=[])).strip(), "config is expected to be an object"),
        (lines(entry("3", read={"a": 1})).strip(), "read is expected to be an object of texts"),
        (lines(entry("3", blocking="a")).strip(), "blocking is expected to be a list of texts"),
        (lines(entry("3", asked_by=1)).strip(), "asked_by is expected to be text"),
        (lines(entry("3", seed=1.5)).strip(), "seed is expected to be a whole number, 0 or more. Received: 1.5"),
        (lines(entry("3", files={"a": 1})).strip(), "files is expected to be an object of texts"),
        (lines(entry("3", tables={"a": 1})).strip(), "tables is expected to be an object of objects"),
        (lines(entry("3", commit="c0de")).strip(), "commit is expected to be an object, or null. Received: 'c0de'"),
        (lines(entry("3", previous="12")).strip(), "previous is expected to be 64 hexadecimal digits, or null"),
        (lines({"kind": "chain", "size": 2, "root": "x", "time": 1}).strip(), "root is expected to be 64 hexadecimal digits"),
        (lines(check("3", "a", 1)).strip(), "passed is expected to be true or false. Received: 1"),
        (lines(entry("3", kind="check")).strip(), "needs blocking, check, description, passed, time"),
    ],
)
def test_a_line_that_is_no_record_is_an_error_that_names_it(ledger, line, found):
    ledger.path.write_bytes(GOOD + line + b"\n" + GOOD)
    asks = [
        lambda: ledger.latest(*LINE),
        lambda: ledger.latest("drawings/test", "face"),
        ledger.latest_of_all,
        lambda: list(ledger.entries()),
        lambda: list(ledger.entries(*LINE)),
        lambda: list(ledger.records()),
    ]
    for ask in asks:
        with pytest.raises(LedgerError, match=found) as error:
            ask()
        assert f"{ledger.path}, line 3: " in str(error.value)
        assert f"sed -i.bak 3d {ledger.path}" in str(error.value)


def test_the_advice_mends_the_ledger(ledger):
    ledger.path.write_bytes(GOOD + b"nonsense\n" + lines(entry("3")))
    with pytest.raises(LedgerError) as error:
        ledger.latest(*LINE)
    subprocess.run(str(error.value).rpartition(": ")[2], shell=True, check=True)
    assert versions(ledger.entries()) == ["1", "2", "3"]
    assert ledger.latest(*LINE)["version"] == "3"


def test_a_bad_line_that_comes_later_is_an_error_that_names_it(ledger):
    ledger.path.write_bytes(GOOD)
    assert ledger.latest(*LINE)["version"] == "2"
    with ledger.path.open("ab") as file:
        file.write(b"{}\n")
    with pytest.raises(LedgerError, match="line 3: A ledger entry needs"):
        ledger.latest(*LINE)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"asset": "a", "partition": "b"}, "needs run_id, version. Received: asset, partition"),
        ({}, "needs asset, partition, run_id, version. Received: none"),
        (entry("1", kind="check"), "needs blocking, check, description, passed, time"),
        (entry(None), "version is expected to be text. Received: None"),
        (entry("1", kind="check2"), "Unknown kind of record: 'check2'. Known are materialization, check, damage"),
    ],
)
def test_what_is_no_record_is_not_appended(ledger, record, message):
    with pytest.raises(ValueError, match=message):
        ledger.append(record)
    assert not ledger.path.exists()


def test_a_record_of_a_newer_schema_is_refused_by_whoever_reads_or_appends(ledger):
    ledger.path.write_bytes(GOOD + lines(entry(3, schema=3)))
    before = ledger.path.read_bytes()
    newer = (
        "schema 2 or older is expected. Received: one of schema 3, which a newer version of Full Circle wrote. Use that version"
    )
    with pytest.raises(LedgerError, match=rf"ledger\.jsonl, line 3: .*{newer}") as error:
        ledger.latest(*LINE)
    assert "sed" not in str(error.value)  # nothing is wrong with the line
    with pytest.raises(LedgerError, match=rf"ledger\.jsonl, last line: .*{newer}"):
        ledger.append(entry("4"))
    with pytest.raises(LedgerError, match=f"line 3: .*{newer}"):
        examine(ledger.path)
    assert ledger.path.read_bytes() == before


# What a kill or a full disk leaves.


@pytest.mark.parametrize(
    "torn", [b'{"asset": "drawings/tr', lines(entry("2")).rstrip(), b'{"' + b"x" * 300_000, b"\x00" * 70_000]
)
@pytest.mark.parametrize("before", [lines(entry("1")), b""])
def test_an_unfinished_last_line_is_no_entry_and_is_mended(ledger, torn, before):
    ledger.path.write_bytes(before + torn)
    ones = ["1"] if before else []
    assert versions(ledger.entries()) == versions(ledger.entries(*LINE)) == ones
    assert versions(ledger.latest_of_all().values()) == ones
    assert ledger.path.read_bytes() == before + torn  # who only looks changes nothing
    with pytest.warns(StoreWarning, match=rf"last line of .* was unfinished.* {len(torn)} bytes were moved to .*ledger\.torn"):
        ledger.append(entry("3"))
    assert versions(ledger.entries()) == versions(ledger.entries(*LINE)) == [*ones, "3"]
    assert ledger.path.with_suffix(".torn").read_bytes() == torn + b"\n"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ledger.append(entry("4"))
    assert examine(ledger.path).faults == ()


def test_torn_lines_are_kept_one_after_another(ledger):
    for torn in (b"one", b"two"):
        ledger.append(entry("1"))
        with ledger.path.open("ab") as file:
            file.write(torn)
        with pytest.warns(StoreWarning):
            ledger.append(entry("2"))
    assert ledger.path.with_suffix(".torn").read_bytes() == b"one\ntwo\n"


@contextlib.contextmanager
def files_of_at_most(size):
    """No file can grow beyond `size` bytes: a write stops there, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fills_leaves_no_half_line(ledger):
    ledger.append(entry("1"))
    before = ledger.path.read_bytes()
    with (
        files_of_at_most(len(before) + 20),
        pytest.raises(StoreError, match=r"ledger\.jsonl cannot be written: File too large"),
    ):
        ledger.append(entry("2"))
    assert ledger.path.read_bytes() == before
    ledger.append(entry("3"))
    assert versions(ledger.entries()) == ["1", "3"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "store").write_text("a file")
    ledger = Ledger(tmp_path / "store" / "ledger.jsonl")
    with pytest.raises(
        StoreError, match=r"store/ledger\.jsonl cannot be written: .*choose another store with FULLCIRCLE_STORE"
    ):
        ledger.append(entry("1"))


def test_processes_append_whole_lines_at_once(ledger):
    script = (
        "import sys, pathlib; from fullcircle.store.ledger import Ledger\n"
        "ledger = Ledger(pathlib.Path(sys.argv[1]))\n"
        "for i in range(50):\n"
        "    ledger.append({'asset': 'a', 'partition': sys.argv[2], 'version': str(i), 'run_id': 'x' * 500})\n"
        "    assert ledger.latest('a', sys.argv[2])['version'] == str(i)\n"  # while the other appends and indexes
    )
    writers = [subprocess.Popen([sys.executable, "-W", "error", "-c", script, ledger.path, name]) for name in "pq"]
    while any(writer.poll() is None for writer in writers):
        assert {e["run_id"] for e in ledger.latest_of_all().values()} <= {"x" * 500}
    assert [w.wait(60) for w in writers] == [0, 0]
    for name in "pq":
        expected = [str(i) for i in range(50)]
        assert versions(ledger.entries(partition=name)) == versions(ledger.entries("a", name)) == expected
    assert len(list(ledger.records())) == 100
    assert examine(ledger.path).faults == ()


def test_a_ledger_can_be_sent_to_another_process(ledger):
    ledger.append(entry("1"))
    assert pickle.loads(pickle.dumps(ledger)).latest(*LINE)["version"] == "1"


# The index.


def index_of(ledger):
    return ledger.path.with_suffix(".index.sqlite")


def test_only_what_was_appended_is_read(ledger, indexed):
    ledger.path.write_bytes(lines(*(entry(str(i)) for i in range(100))))
    ledger.latest(*LINE)
    assert len(indexed) == 100
    for again in (ledger, Ledger(ledger.path)):
        assert again.latest(*LINE)["version"] == "99"
    assert len(indexed) == 100
    for version in ("100", "101"):
        ledger.append(entry(version))
    assert Ledger(ledger.path).latest(*LINE)["version"] == "101"
    assert len(indexed) == 103  # with the line that begins the chain


def test_looking_makes_no_files(tmp_path):
    ledger = Ledger(tmp_path / "store" / "ledger.jsonl")
    assert ledger.latest(*LINE) is None
    assert (ledger.latest_of_all(), list(ledger.entries()), list(ledger.entries(*LINE))) == ({}, [], [])
    assert not list(tmp_path.iterdir())


def test_a_deleted_index_is_made_again(ledger, indexed):
    ledger.path.write_bytes(GOOD)
    ledger.latest(*LINE)
    index_of(ledger).unlink()
    assert ledger.latest(*LINE)["version"] == "2"
    assert len(indexed) == 4


@pytest.mark.parametrize(
    "content", [b"this is no database, and it is long enough to see that" * 50, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_a_damaged_index_is_made_again(ledger, content):
    ledger.path.write_bytes(GOOD)
    index_of(ledger).write_bytes(content)
    assert ledger.latest(*LINE)["version"] == "2"
    assert index_of(ledger).read_bytes() != content
    assert versions(Ledger(ledger.path).entries(*LINE)) == ["1", "2"]


def test_the_index_of_another_version_is_made_again(ledger, indexed):
    ledger.path.write_bytes(GOOD)
    with contextlib.closing(sqlite3.connect(index_of(ledger))) as other:
        other.execute("CREATE TABLE line (something)")
        other.execute("PRAGMA user_version = 99")
    for _ in range(2):
        assert Ledger(ledger.path).latest(*LINE)["version"] == "2"
    assert len(indexed) == 2


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (lines(entry("1")), ["1"]),  # the tail cut off
        (b"", []),
        (lines(entry("7"), entry("8"), entry("9")), ["7", "8", "9"]),  # rewritten, longer
        (lines(entry("1"), entry("5")), ["1", "5"]),  # the last line rewritten, of the same length
        (lines(entry("5"), entry("2")), ["5", "2"]),  # the first line rewritten, of the same length
        (lines(entry("0"), entry("1"), entry("2")), ["0", "1", "2"]),  # a line inserted
    ],
)
def test_a_ledger_that_was_rewritten_is_indexed_anew(ledger, after, expected):
    ledger.path.write_bytes(GOOD)
    assert versions(ledger.entries(*LINE)) == ["1", "2"]
    ledger.path.write_bytes(after)
    assert versions(ledger.entries(*LINE)) == versions(ledger.entries()) == expected


def test_a_check_that_was_rewritten_is_read_as_it_is(ledger):
    ledger.append(check("1", "a", True))
    ledger.append(entry("1", blocking=["a"]))
    assert ledger.latest(*LINE)
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"passed":true', b'"passed":null'))
    with pytest.raises(LedgerError, match="line 1: passed is expected to be true or false"):
        ledger.latest(*LINE)


def test_where_the_index_cannot_be_written_it_is_kept_in_memory(ledger, indexed):
    index_of(ledger).mkdir()  # in the place of the file
    ledger.path.write_bytes(GOOD)
    for _ in range(3):
        assert ledger.latest(*LINE)["version"] == "2"
    assert len(indexed) == 2
    ledger.append(entry("3"))
    assert ledger.latest(*LINE)["version"] == "3"
    assert len(indexed) == 4  # with the line that begins the chain
    assert list(index_of(ledger).iterdir()) == []


def test_an_index_that_can_only_be_read_is_taken_over_into_memory(ledger, indexed):
    ledger.path.write_bytes(GOOD)
    ledger.latest(*LINE)
    ledger.append(entry("3"))
    before = index_of(ledger).read_bytes()
    with files_of_at_most(0):
        for _ in range(2):
            assert ledger.latest(*LINE)["version"] == "3"
    assert len(indexed) == 5  # two lines were appended, one begins the chain: the first in vain, both in memory
    assert index_of(ledger).read_bytes() == before


def test_an_index_that_another_process_holds_is_kept_in_memory_after_a_while(ledger, monkeypatch):
    monkeypatch.setattr("fullcircle.store.ledger_index.WAIT_SECONDS", 0.0)
    ledger.path.write_bytes(GOOD)
    ledger.latest(*LINE)
    with contextlib.closing(sqlite3.connect(index_of(ledger), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert ledger.latest(*LINE)["version"] == "2"


def test_many_look_up_while_one_appends(ledger):
    for i in range(20):
        ledger.append(entry(str(i)))
    script = (
        "import sys, pathlib; from fullcircle.store.ledger import Ledger\n"
        "seen = -1\n"
        "while seen < 60:\n"
        "    found = int(Ledger(pathlib.Path(sys.argv[1])).latest('drawings/train', 'line')['version'])\n"
        "    assert found >= seen, (found, seen)\n"
        "    seen = found\n"
    )
    readers = [subprocess.Popen([sys.executable, "-c", script, ledger.path]) for _ in range(3)]
    for i in range(20, 61):
        ledger.append(entry(str(i)))
    assert [reader.wait(60) for reader in readers] == [0, 0, 0]
