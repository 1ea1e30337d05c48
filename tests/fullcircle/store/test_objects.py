import os
import signal
import subprocess
import sys
import time

import pytest

from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError


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
    assert not [p for p in store.root.rglob("*") if p.is_file()]


def test_a_kill_while_writing_leaves_no_object(store):
    script = (
        "import sys, time; from fullcircle.store.objects import Store\n"
        "with Store(sys.argv[1]).draft() as draft:\n"
        "    (draft.path / 'a.txt').write_text('half'); print('written', flush=True); time.sleep(60); draft.commit()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, store.root], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    assert not (store.root / "objects").exists()
    assert put(store, a="whole").file("a.txt").read_text() == "whole"


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


def test_writing_again_replaces_a_damaged_object(store):
    stored = put(store, a="1")
    stored.file("a.txt").write_text("2")
    assert put(store, a="1") == stored
    assert stored.file("a.txt").read_text() == "1"


def test_nothing_made_yet_says_what_makes_it(store):
    with pytest.raises(NothingMaterializedError, match="drawings/decoder has no version for 'line'.*make run DRAWING=line"):
        store.latest("drawings/decoder", "line")


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
