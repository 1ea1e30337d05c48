"""What a record has of the process that wrote it."""

import hashlib
import json
import platform
import subprocess

import numpy as np
import pyarrow as pa
import pytest

from fullcircle.core.processes import cores
from fullcircle.store import provenance as module
from fullcircle.store.provenance import DIFF, commit, machine, provenance
from fullcircle.store.tables import tensor_array, tensor_type, write_table


def git(folder, *arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    return subprocess.run(["git", "-C", folder, *names, *arguments], check=True, capture_output=True).stdout


@pytest.fixture
def checkout(tmp_path):
    """A repository with the packages, one file in each."""
    for name in module.PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("one = 1\n")
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    (tmp_path / "README.md").write_text("Nothing that runs.\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def now(folder):
    """`commit` of a process that begins now."""
    module._commit.cache_clear()
    return commit(folder)


def head(folder):
    return git(folder, "rev-parse", "HEAD").decode().strip()


def test_a_clean_checkout_is_its_commit(checkout, monkeypatch):
    clean = {"hash": head(checkout), "dirty": False, "changes": None}
    assert now(checkout) == clean
    (checkout / "README.md").write_text("Other words.\n")
    (checkout / "fullcircle" / "a.pyc").write_text("ignored")
    assert now(checkout) == clean  # neither is code
    monkeypatch.setenv("GIT_DIR", str(checkout / "nowhere"))
    assert now(checkout) == clean


def test_changes_are_held_by_their_hash(checkout):
    code, new = checkout / "assets" / "__init__.py", checkout / "fullcircle" / "new.py"
    code.write_text("one = 2\n")
    edited = now(checkout)
    assert edited["hash"] == head(checkout)
    assert edited["dirty"]
    assert edited["changes"] == hashlib.sha256(git(checkout, *DIFF)).hexdigest()
    git(checkout, "add", "-A")  # staged or not, it is the code that runs
    assert now(checkout) == edited
    new.write_text("two = 2\n")
    added = now(checkout)
    assert added["changes"] == hashlib.sha256(git(checkout, *DIFF) + b"fullcircle/new.py\0two = 2\n").hexdigest()
    new.write_text("two = 3\n")
    assert len({edited["changes"], added["changes"], now(checkout)["changes"]}) == 3
    new.unlink()
    new.symlink_to("nowhere")
    assert now(checkout)["dirty"]


def test_a_process_keeps_what_it_found_first(checkout):
    before = now(checkout)
    (checkout / "assets" / "__init__.py").write_text("one = 2\n")
    assert commit(checkout) == before != now(checkout)


def test_in_no_commit_there_is_none(checkout, tmp_path, monkeypatch):
    monkeypatch.delenv("FULLCIRCLE_COMMIT", raising=False)
    bare = tmp_path / "bare"
    (bare / "fullcircle").mkdir(parents=True)
    (bare / "fullcircle" / "__init__.py").write_text("")
    assert now(bare) is None  # in the folder of another project, which does not know it
    git(bare, "init", "-q")
    assert now(bare) is None  # no commit yet
    monkeypatch.setenv("PATH", "")
    assert now(checkout) is None  # no git


@pytest.mark.parametrize(
    ("named", "found"), [("c0de" * 10, "c0de" * 10), ("c0de" * 16, "c0de" * 16), ("main", None), ("", None)]
)
def test_code_that_was_copied_without_its_history_may_name_its_commit(tmp_path, checkout, monkeypatch, named, found):
    monkeypatch.setenv("FULLCIRCLE_COMMIT", named)
    assert now(tmp_path / "elsewhere") == (found and {"hash": found, "dirty": None, "changes": None})
    assert now(checkout)["hash"] == head(checkout)  # what is found comes before what is claimed


def test_a_record_says_which_code_python_and_machine():
    found = provenance()
    assert list(found) == ["commit", "python", "machine"]
    assert found["python"] == platform.python_version()
    assert found["machine"]["cores"] == cores()
    assert found["machine"]["processor"]
    assert len(found["machine"]["host"]) == 12
    assert platform.node() not in json.dumps(found)


def test_without_a_list_of_processors_it_is_the_kind_of_machine(monkeypatch):
    def refuse(path):
        raise FileNotFoundError(path)

    machine.cache_clear()
    monkeypatch.setattr("fullcircle.store.provenance.Path.read_text", refuse)
    assert machine()["processor"] == platform.machine()
    machine.cache_clear()


def test_a_version_is_recorded_with_its_files_and_tables(store):
    schema = pa.schema([("x", pa.int64()), ("image", tensor_type((2, 2)))])
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2, 3]), tensor_array(np.zeros((3, 2, 2), np.uint8))], schema=schema)
    with store.draft() as draft:
        write_table(draft.path / "train.parquet", schema, [batch])
        (draft.path / "page.html").write_text("<p>")
        stored = draft.commit()
    layout = "x: int64\nimage: extension<arrow.fixed_shape_tensor[value_type=uint8, shape=[2,2]]>\n"
    assert stored.contents() == {
        "files": {name: hashlib.sha256(stored.file(name).read_bytes()).hexdigest() for name in ("page.html", "train.parquet")},
        "tables": {"train.parquet": {"rows": 3, "schema": hashlib.sha256(layout.encode()).hexdigest()}},
    }
    with store.draft() as draft:
        (draft.path / "a.json").write_text("{}")
        assert list(draft.commit().contents()) == ["files"]
