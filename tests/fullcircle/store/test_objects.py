import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fullcircle.store import objects as storage
from fullcircle.store import proofs
from fullcircle.store.in_use import LOCK_FILE
from fullcircle.store.ledger import StoreError, StoreWarning
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError
from fullcircle.store.provenance import provenance


def put(store, **files):
    with store.draft() as draft:
        for name, text in files.items():
            (draft.path / f"{name}.txt").write_text(text)
        return draft.commit()


def test_an_object_lies_under_the_hash_of_its_content(store):
    first = put(store, a="1", b="2")
    assert first.path.name == first.hash
    assert first.file("a.txt").read_text() == "1"
    assert put(store, b="2", a="1") == first
    assert put(store, a="1", b="3").hash != first.hash
    assert store.open(first.hash) == first
    assert not list((store.root / "drafts").iterdir())


def test_an_empty_draft_is_no_object(store):
    with pytest.raises(ValueError, match="at least one file"), store.draft() as draft:
        draft.commit()


def test_a_failure_leaves_no_object(store):
    with pytest.raises(OSError, match="No space left"), store.draft() as draft:
        (draft.path / "a.txt").write_text("1")
        raise OSError(28, "No space left on device")
    assert not (store.root / "objects").exists()
    assert not list((store.root / "drafts").iterdir())


def test_a_full_disk_leaves_no_object(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put(store, a="1")
    assert [p.name for p in store.root.rglob("*") if p.is_file()] == [LOCK_FILE]


def test_a_damaged_file_is_refused(store):
    stored = put(store, a="1")
    stored.file("a.txt").write_text("2")
    with pytest.raises(StoredObjectError) as error:
        store.open(stored.hash, "drawings/train (line)")
    message = str(error.value)
    assert str(stored.file("a.txt")) in message
    assert "Expected SHA-256: 6b86b273" in message  # of "1"
    assert "found: d4735e3a" in message  # of "2"
    assert "Materialize drawings/train (line) again." in message


def test_a_missing_file_is_refused(store):
    stored = put(store, a="1")
    stored.file("a.txt").unlink()
    with pytest.raises(StoredObjectError, match=r"Stored file is missing: .*a\.txt.*Materialize drawings/train again"):
        store.open(stored.hash, "drawings/train")


def test_a_missing_object_is_refused(store):
    with pytest.raises(StoredObjectError, match="Stored object is missing: .*Expected hash: 00ff"):
        store.open("00ff")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"a.txt": 1}'])
def test_a_damaged_manifest_is_refused(store, text):
    stored = put(store, a="1")
    stored.file("object.json").write_text(text)
    with pytest.raises(StoredObjectError, match=r"object\.json is damaged"):
        store.open(stored.hash)


def hide(file):
    """Enter the SHA-256 that a changed file has now where that of the honest one stood."""
    manifest = file.parent / "object.json"
    listed = json.loads(manifest.read_text())
    listed[file.name]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(listed))


def write_report(path, mse):
    path.write_text(json.dumps({"metrics": {"mse": mse}}))


def write_numbers(path, value):
    pq.write_table(pa.table({"value": pa.array([value, 2.0])}), path)


def write_weights(path, value):
    import h5py

    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = [value]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", weights.getvalue())


def write_text(path, value):
    path.write_text(str(value))


def write_no_table(path, value):
    write_numbers(path, 1.0) if value == 1.0 else path.write_text("no table")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("report.json", write_report),
        ("examples.parquet", write_numbers),
        ("examples.parquet", write_no_table),
        ("encoder.keras", write_weights),
        ("notes.txt", write_text),
    ],
)
def test_who_changes_an_object_and_its_sha256_cannot_keep_its_name(store, name, write):
    def put_it():
        with store.draft() as draft:
            write(draft.path / name, 1.0)
            return draft.commit()

    stored = put_it()
    write(stored.file(name), 3.0)
    hide(stored.file(name))
    with pytest.raises(StoredObjectError, match=rf"Stored file is damaged: {stored.file(name)}. Expected content: .*found: "):
        store.open(stored.hash, "drawings/encoder_report (line)")
    with pytest.warns(StoreWarning, match="was damaged and is replaced"):
        assert put_it() == stored
    assert store.open(stored.hash) == stored
    assert [record["version"] for record in store.ledger.records()] == [stored.hash]


def test_a_page_is_no_content_and_held_by_its_sha256(store):
    with store.draft() as draft:
        (draft.path / "report.json").write_text("{}")
        (draft.path / "report.html").write_text("<html>")
        stored = draft.commit()
    stored.file("report.html").write_text("<html>other")
    with pytest.raises(StoredObjectError, match=r"Stored file is damaged: .*report\.html"):
        store.open(stored.hash)
    hide(stored.file("report.html"))
    assert store.open(stored.hash) == stored


def add_file(path):
    path.joinpath("b.txt").write_text("extra")


def add_folder(path):
    path.joinpath("folder").mkdir()


def replace_file_by_a_link(path):
    path.joinpath("a.txt").rename(path.parent / "elsewhere.txt")
    path.joinpath("a.txt").symlink_to(path.parent / "elsewhere.txt")


def replace_manifest_by_a_pipe(path):
    path.joinpath("object.json").unlink()
    os.mkfifo(path / "object.json")


def replace_by_a_link(path):
    path.rename(path.parent / "elsewhere")
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (add_file, r"holds a file that is not its own: .*b\.txt\. Expected: a\.txt\."),
        (add_folder, r"holds what is no file: .*folder\. Files are expected, no folders or links\."),
        (replace_file_by_a_link, r"holds what is no file: .*a\.txt\."),
        (replace_manifest_by_a_pipe, r"holds what is no file: .*object\.json\."),
        (replace_by_a_link, r"is expected to be a folder: .*Found: a symbolic link\."),
    ],
)
def test_an_object_holds_its_own_files_and_nothing_else(store, damage, message):
    stored = put(store, a="1")
    damage(stored.path)
    with pytest.raises(StoredObjectError, match=message):
        store.open(stored.hash)
    with pytest.warns(StoreWarning, match=message):
        assert put(store, a="1") == stored


def test_a_draft_with_a_link_or_a_folder_in_it_is_no_object(store):
    expected = r"An object holds files, no folders or links\. Received: folder, link\.txt\."
    with pytest.raises(ValueError, match=expected), store.draft() as draft:
        (draft.path / "a.txt").write_text("1")
        (draft.path / "folder").mkdir()
        (draft.path / "link.txt").symlink_to("a.txt")
        draft.commit()


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files that are really hashed from now on."""
    names = []
    sha256 = proofs.file_sha256

    def counted(path):
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(proofs, "file_sha256", counted)
    return names


def test_a_process_proves_a_file_once(store, hashed):
    stored = put(store, a="1", b="2")
    time.sleep(2 * proofs.TICK / 1e9)
    store.open(stored.hash)
    hashed.clear()
    assert store.open(stored.hash) == stored
    assert hashed == []
    os.utime(stored.file("a.txt"))
    store.open(stored.hash)
    assert hashed == ["a.txt"]


def test_a_proof_of_a_draft_is_one_of_the_object(store, hashed):
    with store.draft() as draft:
        (draft.path / "a.txt").write_text("1")
        time.sleep(2 * proofs.TICK / 1e9)
        draft.commit()
    assert hashed.count("a.txt") == 1


def test_a_file_of_the_same_size_and_time_is_proved_again(store):
    stored = put(store, a="1")
    time.sleep(2 * proofs.TICK / 1e9)
    store.open(stored.hash)
    file = stored.file("a.txt")
    before = file.stat()
    file.write_text("2")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StoredObjectError, match="Stored file is damaged"):
        store.open(stored.hash)


def test_what_was_written_a_moment_ago_is_not_remembered(store, hashed):
    stored = put(store, a="1")
    os.utime(stored.file("a.txt"))
    hashed.clear()
    for _ in range(2):
        store.open(stored.hash)
    assert hashed == ["a.txt", "a.txt"]


def test_not_more_files_than_a_bound_are_remembered(store, monkeypatch, tmp_path):
    monkeypatch.setattr(proofs, "MOST", 2)
    monkeypatch.setattr(proofs, "_known", {})
    paths = [tmp_path / str(i) for i in range(5)]
    for path in paths:
        path.write_text("1")
    time.sleep(2 * proofs.TICK / 1e9)
    for path in paths:
        proofs.sha256_of(path)
    assert len(proofs._known) <= 2


def damage_file(path):
    path.joinpath("a.txt").write_text("2")


def damage_manifest(path):
    path.joinpath("object.json").write_text("{}")


def replace_by_a_file(path):
    shutil.rmtree(path)
    path.write_text("no folder")


def replace_by_a_dangling_link(path):
    shutil.rmtree(path)
    path.symlink_to("nowhere")


@pytest.mark.parametrize("damage", [damage_file, damage_manifest, replace_by_a_file, replace_by_a_dangling_link])
def test_writing_again_replaces_a_damaged_object_and_says_so(store, damage):
    stored = put(store, a="1")
    damage(stored.path)
    with pytest.raises(StoredObjectError):
        store.open(stored.hash)
    kept = store.root / "damaged" / f"{stored.hash}-1"
    with pytest.warns(StoreWarning, match=rf"damaged and is replaced by one made anew.*{stored.hash}.*kept: {kept}\."):
        assert put(store, a="1") == stored
    assert stored.file("a.txt").read_text() == "1"
    assert os.path.lexists(kept)
    assert not list((store.root / "drafts").iterdir())
    (record,) = store.ledger.records()
    assert (record["kind"], record["version"], record["kept"]) == ("damage", stored.hash, f"damaged/{stored.hash}-1")
    assert record.items() >= provenance().items()
    assert str(stored.path) in record["description"]
    assert list(store.ledger.entries()) == []


def test_damaged_copies_of_one_object_are_all_kept(store):
    stored = put(store, a="1")
    for text in ("first damage", "second damage"):
        stored.file("a.txt").write_text(text)
        with pytest.warns(StoreWarning):
            put(store, a="1")
    kept = [store.root / "damaged" / f"{stored.hash}-{n}" / "a.txt" for n in (1, 2)]
    assert [path.read_text() for path in kept] == ["first damage", "second damage"]


def test_an_object_that_another_process_has_replaced_is_not_replaced_again(store, monkeypatch):
    stored = put(store, a="1")
    stored.file("a.txt").write_text("2")
    flock = fcntl.flock

    def locked_late(lock, how):
        flock(lock, how)
        if getattr(lock, "name", None) == str(store.root / "damaged" / "lock"):
            stored.file("a.txt").write_text("1")  # another process was first

    monkeypatch.setattr(fcntl, "flock", locked_late)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert put(store, a="1") == stored
    assert list(store.ledger.records()) == []


DRAFTING = (
    "import sys, time; from fullcircle.store.objects import Store\n"
    "with Store(sys.argv[1]).draft() as draft:\n"
    "    (draft.path / 'a.txt').write_text('half'); print(draft.path, flush=True); sys.stdin.read(1); draft.commit()\n"
)


def drafting(store):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", DRAFTING, store.root], text=True, **pipes)


def test_the_draft_of_a_killed_process_is_removed_and_that_of_a_living_one_is_not(store):
    with drafting(store) as living, drafting(store) as killed:
        alive, orphan = (Path(process.stdout.readline().strip()) for process in (living, killed))
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
        assert not (store.root / "objects").exists()
        assert (orphan / "a.txt").read_text() == "half"
        put(store, a="other")
        assert not orphan.exists()
        assert list((store.root / "drafts").iterdir()) == [alive.parent]
        living.communicate("x", timeout=60)
    assert living.returncode == 0
    assert not list((store.root / "drafts").iterdir())
    texts = {path.read_text() for path in (store.root / "objects").rglob("a.txt")}
    assert texts == {"other", "half"}  # that of the living one; of the killed one there is no object


def test_drafts_of_this_process_do_not_remove_each_other(store):
    with store.draft() as outer:
        (outer.path / "a.txt").write_text("outer")
        with ThreadPoolExecutor(8) as pool:
            hashes = set(pool.map(lambda i: put(store, a=str(i)).hash, range(100)))
        assert len(hashes) == 100
        assert outer.commit().file("a.txt").read_text() == "outer"
    assert not list((store.root / "drafts").iterdir())


def test_a_draft_that_is_swept_before_it_is_locked_is_made_again(store, monkeypatch):
    flock, swept = fcntl.flock, []

    def sweeping(lock, how):
        if how == fcntl.LOCK_EX and not swept:
            swept.extend((store.root / "drafts").iterdir())
            storage._remove_orphans(store.root / "drafts")  # another process, just now
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", sweeping)
    assert put(store, a="1").file("a.txt").read_text() == "1"
    assert len(swept) == 1
    assert not swept[0].exists()


def test_a_draft_that_is_swept_before_it_has_its_lock_is_made_again(store, monkeypatch):
    made, mkdtemp = [], tempfile.mkdtemp

    def swept(**arguments):
        made.append(mkdtemp(**arguments))
        if len(made) == 1:
            storage._remove_orphans(store.root / "drafts")
        return made[-1]

    monkeypatch.setattr(tempfile, "mkdtemp", swept)
    assert put(store, a="1").file("a.txt").read_text() == "1"
    assert len(made) == 2


def test_what_an_older_version_left_among_the_drafts(store):
    for name in ("tmp1", "damaged-x"):
        (store.root / "drafts" / name).mkdir(parents=True)
        (store.root / "drafts" / name / "a.txt").write_text("left")
    put(store, a="1")
    assert [path.name for path in (store.root / "drafts").iterdir()] == ["damaged-x"]


def test_a_store_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    store = Store(tmp_path / "file" / "store")
    with pytest.raises(
        StoreError, match="store/drafts cannot be written: Not a directory. Make it writable, or choose another store"
    ):
        put(store, a="1")


@pytest.mark.parametrize("name", [None, "store/drafts/x/table.parquet"])
@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_store_that_is_full_or_read_only_is_one_clear_error(store, name, cause):
    where = [] if name is None else [str(store.root.parent / name)]
    with pytest.raises(StoreError, match=rf"store/drafts/.* cannot be written: {os.strerror(cause)}") as error, store.draft():
        raise OSError(cause, os.strerror(cause), *where)
    assert error.value.errno == cause
    assert not list((store.root / "drafts").iterdir())


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "No such file or directory", "picture.png"),
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/picture.png"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.ENOSPC, "No space left on device", "/elsewhere/picture.png"),
        OSError("of its own kind"),
    ],
)
def test_what_goes_wrong_elsewhere_stays_as_it_is(store, error):
    with pytest.raises(type(error)) as raised, store.draft():
        raise error
    assert raised.value is error


def entry(version, asset="drawings/train", **more):
    return {"asset": asset, "partition": "line", "version": version, "run_id": "r", **more}


def outcome(version, passed, description=""):
    about = {"check": "is_even", "passed": passed, "blocking": True, "description": description, "time": 3.0}
    return entry(version, kind="check", **about)


def test_nothing_made_yet_says_what_makes_it(store):
    with pytest.raises(
        NothingMaterializedError, match=r"drawings/decoder has no version for 'line' in .*\. Make one with: make run$"
    ):
        store.latest("drawings/decoder", "line")
    with pytest.raises(NothingMaterializedError, match=r"Make one with: make run DRAWING=line$"):
        store.latest("drawings/decoder", "line", command="make run DRAWING=line")
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("outcomes", "reason"),
    [
        ([], "the outcome of its check is_even is not on record"),
        ([(False, "3 of 9 are odd.")], "its check is_even failed: 3 of 9 are odd"),
    ],
)
def test_a_version_that_passed_no_check_is_not_served_but_to_who_insists(store, outcomes, reason):
    stored = put(store, a="1")
    store.ledger.append(entry(stored.hash, blocking=["is_even"]))
    for passed, description in outcomes:
        store.ledger.append(outcome(stored.hash, passed, description))
    with pytest.raises(NothingMaterializedError) as error:
        store.latest("drawings/train", "line", command="make run DRAWING=line")
    assert str(error.value) == (
        f"drawings/train has no version for 'line' in {store.root} that passed its checks. The last, {stored.hash[:12]}, is not "
        f"used because {reason}. Make another with: make run DRAWING=line, or use that one all the same with: --any"
    )
    assert store.latest("drawings/train", "line", unverified=True) == stored
    assert store.latest("drawings/train", "line", "r") == stored
    store.ledger.append(outcome(stored.hash, True))
    assert store.latest("drawings/train", "line") == stored
    assert store.latest_entry("drawings/train", "line")["version"] == stored.hash


def test_the_ledger_as_a_frame(store):
    store.ledger.append(entry("1", time=1.5, config={"n": 10}, code_version="c0de"))
    store.ledger.append(entry("2", blocking=["is_even"]))
    store.ledger.append(entry("3", time=2.0, blocking=["is_even"]))
    store.ledger.append(outcome("3", True))
    store.ledger.append(entry("4", asset="drawings/test"))
    store.ledger.append({"kind": "damage", "version": "3", "description": "", "kept": "damaged/3-1", "time": 4.0})
    frame = store.frame()
    assert list(frame) == ["time", "asset", "partition", "version", "run_id", "code_version", "served", "config"]
    assert frame["version"].tolist() == ["1", "2", "3", "4"]
    assert frame["served"].tolist() == [True, False, True, True]
    assert frame["config"].tolist() == [{"n": 10}, {}, {}, {}]
    assert frame["code_version"].tolist() == ["c0de", None, None, None]
    assert frame["time"][0] == pd.Timestamp("1970-01-01 00:00:01.5", tz="UTC")
    assert frame["time"].isna().tolist() == [False, True, False, True]
    assert store.frame("drawings/test")["version"].tolist() == ["4"]
    assert store.frame(partition="face").empty


def test_the_frame_of_an_empty_store_has_the_same_columns(store):
    empty = store.frame()
    store.ledger.append(entry("1", time=1.5))
    assert empty.dtypes.to_dict() == store.frame().dtypes.to_dict()
    assert len(empty) == 0


def test_two_processes_that_write_one_object_agree(store):
    script = (
        "import sys, time; from fullcircle.store.objects import Store\n"
        "with Store(sys.argv[1]).draft() as draft:\n"
        "    (draft.path / 'a.txt').write_text('1')\n"
        "    time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "    print(draft.commit().hash)\n"
    )
    at = str(time.time() + 2)
    command = [sys.executable, "-c", script, store.root, at]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    hashes = [w.communicate(timeout=60)[0].strip() for w in writers]
    assert hashes[0] == hashes[1]
    assert Store(store.root).open(hashes[0]).file("a.txt").read_text() == "1"
