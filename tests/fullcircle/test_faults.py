"""A disk that is full, a store that only can be read, an index that another process holds: for real, and then gone again.

Each ends in success or in one clear sentence, leaves nothing half-written, and the next try makes the very same.
"""

import contextlib
import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.steps.drawings import make_examples
from fullcircle.store import ledger_index
from fullcircle.store.ledger import StoreError, StoreWarning
from fullcircle.store.objects import Store
from fullcircle.training.loop import Stage, checkpoint_file, fit, paced
from fullcircle.training.projector import write_projector
from fullcircle.training.tensorboard import Scalars

ROOT = Path(__file__).parents[2]
NO_SPACE = "cannot be written: .*(No space left on device|File too large).*Nothing half-written was left"
MEGABYTES = 12


class Disk:
    """A folder that can be full."""

    def __init__(self, folder, mounted):
        self.folder, self._mounted = folder, mounted

    @contextlib.contextmanager
    def full(self, leave=0):
        """Only so many bytes are free, rounded up to a block; where nothing could be mounted, no file becomes larger than that."""
        if self._mounted:
            found = os.statvfs(self.folder)
            with (self.folder / "ballast").open("wb", buffering=0) as ballast:
                os.posix_fallocate(ballast.fileno(), 0, found.f_bavail * found.f_frsize - leave)
            try:
                yield
            finally:
                (self.folder / "ballast").unlink()
        else:
            soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (leave, hard))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=["a small disk", "a limit"])
def disk(request, tmp_path):
    """A file system of its own, which only root may mount; and what everybody can have, a limit to the size of files."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    wanted = request.param == "a small disk" and shutil.which("mount")
    mounted = bool(wanted) and subprocess.run(mount, capture_output=True).returncode == 0
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def left(folder):
    """Files, but for locks, in which nothing is written."""
    return [path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]


# A full disk.


def test_a_disk_that_fills_while_examples_are_written(disk, tmp_path):
    line, settings = DRAWINGS["line"], ExamplesSettings(n=1200)
    expected = make_examples(Store(tmp_path / "other"), line, settings)
    store = Store(disk.folder / "store")
    with disk.full(leave=expected.file("examples.parquet").stat().st_size // 2):
        with pytest.raises(StoreError, match=f"{store.root}/drafts/.* {NO_SPACE}") as error:
            make_examples(store, line, settings)
        assert len(str(error.value).splitlines()) == 1
        assert error.value.errno in (errno.ENOSPC, errno.EFBIG)
        assert left(store.root) == []
    made = make_examples(store, line, settings)
    assert made.hash == expected.hash
    assert store.open(made.hash) == made
    assert list((store.root / "drafts").iterdir()) == []


def test_a_disk_that_fills_before_an_object_is_committed(disk):
    store = Store(disk.folder / "store")
    with pytest.raises(StoreError, match=NO_SPACE), store.draft() as draft, disk.full():
        (draft.path / "empty.txt").touch()
        draft.commit()
    assert left(store.root) == []
    with store.draft() as draft:
        (draft.path / "empty.txt").touch()
        made = draft.commit()
    assert store.open(made.hash) == made


def entry(version, asset="drawings/train"):
    return {"asset": asset, "partition": "line", "version": version, "run_id": "r" * 1000}


def test_a_disk_that_fills_while_the_ledger_grows(disk):
    ledger = Store(disk.folder / "store").ledger
    ledger.append(entry("0"))
    with disk.full(leave=10_000):
        with pytest.raises(StoreError, match=f"{ledger.path} {NO_SPACE}"):
            for i in range(1, 100):
                ledger.append(entry(str(i)))
        assert ledger.latest("drawings/train", "line")["version"] == str(i - 1)  # its index, in memory
        assert [e["version"] for e in ledger.records()] == [str(n) for n in range(i)]
    ledger.append(entry("last"))
    assert Store(disk.folder / "store").ledger.latest("drawings/train", "line")["version"] == "last"
    assert ledger.path.with_suffix(".index.sqlite").stat().st_size
    assert not ledger.path.with_suffix(".torn").exists()


def a_stage(network, epochs):
    """The one weight of `network` is to become 1."""
    x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
    table = tf.data.Dataset.from_tensor_slices((x, x)).batch(4)

    def compiled(optimizer):
        model = keras.Model(network.input, network.output)
        model.compile(optimizer, "mse")
        return model

    return Stage("slope", epochs, compiled, lambda epoch: table, table, 8, 4, {})


def a_network():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))


def fitted(checkpoint=None, **more):
    network = a_network()
    training = fit([a_stage(network, 4)], paced(0.1, "constant", 1), patience=9, checkpoint=checkpoint, **more)
    return network.get_weights(), training.history


def test_a_disk_that_fills_before_a_checkpoint_is_written(disk):
    unbroken = fitted()
    path = disk.folder / "checkpoints" / "held.npz"
    with contextlib.ExitStack() as fills:
        after = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: fills.enter_context(disk.full()) if epoch == 1 else None
        )
        with pytest.raises(StoreError, match=f"{path} {NO_SPACE}"):
            fitted(path, callbacks=[after])
        assert left(disk.folder / "checkpoints") == ["held.npz"]  # that of the second epoch
    epochs = []
    heard = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    assert fitted(path, callbacks=[heard]) == unbroken
    assert epochs == [2, 3]


def test_a_training_goes_on_without_a_log_that_cannot_be_written(disk):
    with (
        disk.full(),
        pytest.warns(StoreWarning, match=f"{disk.folder}/log cannot be written: .*goes on without its log") as heard,
    ):
        weights, history = fitted(callbacks=[Scalars(disk.folder / "log")])
    assert [w.category for w in heard].count(StoreWarning) == 1
    assert (weights, history) == fitted()


def test_latents_that_cannot_be_written_are_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file/latents cannot be written: Not a directory"):
        write_projector(tmp_path / "file" / "latents", np.zeros((2, 3)), np.zeros((2, 8, 8), np.uint8), ["a", "b"], "name")


def test_checkpoints_that_can_have_no_folder_are_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match="file/checkpoints/vae cannot be written: Not a directory"),
        checkpoint_file(tmp_path / "file", "vae", decides={}),
    ):
        pytest.fail("there is no file")


# A store that can only be read.

READ_ONLY = """
    import io, os, sys, contextlib
    from pathlib import Path
    from fullcircle import cli
    from fullcircle.data.settings import ExamplesSettings
    from fullcircle.drawings import DRAWINGS
    from fullcircle.steps.drawings import make_examples
    from fullcircle.store.ledger import StoreError
    from fullcircle.store.objects import Store

    root, nobody = Path(sys.argv[1]), int(sys.argv[2])
    entry = {"asset": "drawings/examples", "partition": "line", "run_id": "r"}

    def make(n):
        return make_examples(Store(root), DRAWINGS["line"], ExamplesSettings(n=n)).hash

    def reads():
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = cli.main(["--store", str(root), "results"])
        return Store(root).latest("drawings/examples", "line").hash, code, printed.getvalue()

    def refusal(act):
        try:
            act()
        except StoreError as error:
            assert len(str(error).splitlines()) == 1, error
            return str(error)
        raise SystemExit(f"not refused: {act}")

    def walk(leave):
        for folder, folders, files in os.walk(root, topdown=False):
            for path in [folder, *(f"{folder}/{name}" for name in files)]:
                leave(path)

    Store(root).ledger.append(entry | {"version": make(20)})
    before = reads()
    if os.geteuid() == 0:
        walk(lambda path: os.chown(path, nobody, nobody))
        os.setgroups([]), os.setgid(nobody), os.setuid(nobody)
    for index in (True, False):  # with an index that is there and without one
        if not index:
            (root / "ledger.index.sqlite").unlink()
        walk(lambda path: os.chmod(path, 0o555 if os.path.isdir(path) else 0o444))
        assert reads() == before
        print(refusal(lambda: make(30)))
        print(refusal(lambda: Store(root).ledger.append(entry | {"version": "x"})))
        walk(lambda path: os.chmod(path, 0o755 if os.path.isdir(path) else 0o644))
    Store(root).ledger.append(entry | {"version": make(30)})
    print(reads()[0])
"""


def test_a_store_that_can_only_be_read_is_read_and_refuses_the_rest_in_a_sentence(store):
    """By a process that gives up root's rights, for root may write everywhere."""
    with tempfile.TemporaryDirectory() as folder:  # others may not enter those of pytest
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", textwrap.dedent(READ_ONLY), f"{folder}/store", "65534"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *sentences, made = done.stdout.splitlines()
    advice = "Make it writable, or choose another store with FULLCIRCLE_STORE=FOLDER. Nothing half-written was left."
    assert len(sentences) == 4
    for of_object, of_ledger in (sentences[:2], sentences[2:]):
        assert of_object == f"{folder}/store/drafts cannot be written: Permission denied. {advice}"
        assert of_ledger == f"{folder}/store/ledger.jsonl cannot be written: Permission denied. {advice}"
    assert made == make_examples(store, DRAWINGS["line"], ExamplesSettings(n=30)).hash


# An index that another process holds.

HOLD = """
    import sqlite3, sys
    database = sqlite3.connect(sys.argv[1], isolation_level=None)
    database.execute("BEGIN EXCLUSIVE")
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held(path):
    """Another process keeps a database locked."""
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield
        process.stdin.close()


def test_reading_goes_on_while_another_process_holds_the_index(store, monkeypatch):
    monkeypatch.setattr(ledger_index, "WAIT_SECONDS", 0.1)
    ledger, index = store.ledger, store.root / "ledger.index.sqlite"
    ledger.append(entry("1"))
    assert ledger.latest("drawings/train", "line")["version"] == "1"
    with held(index):
        before = index.read_bytes()
        began = time.monotonic()
        for version in ("2", "3"):
            ledger.append(entry(version))
            for one in (ledger, Store(store.root).ledger):
                assert one.latest("drawings/train", "line")["version"] == version
        assert time.monotonic() - began < 5
        assert index.read_bytes() == before
    assert Store(store.root).ledger.latest("drawings/train", "line")["version"] == "3"
    with contextlib.closing(sqlite3.connect(index)) as database:
        assert database.execute("SELECT count(*) FROM line").fetchone() == (3,)


@pytest.mark.timeout(60)
def test_an_index_that_is_locked_as_it_is_copied_is_not_waited_for(store, monkeypatch):
    monkeypatch.setattr(ledger_index, "WAIT_SECONDS", 0.1)
    store.ledger.append(entry("1"))
    store.ledger.latest("drawings/train", "line")
    store.ledger.append(entry("2"))
    connect, index = ledger_index._connect, store.root / "ledger.index.sqlite"
    with contextlib.ExitStack() as stack, contextlib.closing(sqlite3.connect(index, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")  # the line that is new cannot be taken in

        def connected(database, *arguments):
            connection = connect(database, *arguments)
            if database.startswith("file:"):  # it could be opened to be read, and only then is it locked
                holder.close()
                stack.enter_context(held(index))
            return connection

        monkeypatch.setattr(ledger_index, "_connect", connected)
        assert store.ledger.latest("drawings/train", "line")["version"] == "2"


def test_latest_goes_by_the_order_of_the_ledger_and_not_by_the_clock(store):
    for version, at in (("1", 3e9), ("2", 1e9), ("3", 2e9), ("4", 0.0)):
        store.ledger.append(entry(version) | {"time": at})
    ledger = store.ledger
    assert ledger.latest("drawings/train", "line")["version"] == "4"
    assert ledger.latest("drawings/train", "line", "r" * 1000)["version"] == "4"
    assert ledger.latest_of_all()["drawings/train", "line"]["version"] == "4"
    assert [e["version"] for e in ledger.entries("drawings/train", "line")] == list("1234")
    assert store.frame()["version"].tolist() == list("1234")
