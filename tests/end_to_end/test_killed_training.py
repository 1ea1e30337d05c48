"""Trainings whose process is killed in the middle, and begun again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fullcircle.core.progress import Progress
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.models.autoencoders import model_settings
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.objects import Store, StoredObject
from fullcircle.training.loop import CHECKPOINTS
from fullcircle.training.settings import DecoderSettings, EncoderSettings

ROOT = Path(__file__).parents[2]
EPOCHS = 150
COMMAND = [sys.executable, "-m", "pipelines.run", "--source", "tifinagh", "--models", "dense_autoencoder"]
SMALL = ["originals.height=16", "originals.width=16", "augmented.n=300", f"dense_autoencoder.epochs={EPOCHS}", "report.morph=3"]


def processes_of(store):
    """Every process whose environment names this store, the starting one and its children."""
    variable = f"FULLCIRCLE_STORE={store}\0".encode()
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if place.name.isdecimal() and variable in (place / "environ").read_bytes():
                yield int(place.name)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes of a run in /proc")
def test_a_run_killed_in_a_training_goes_on_when_run_again_and_makes_what_an_unbroken_one_makes(tmp_path):
    home, store = tmp_path / "home", Store(tmp_path / "store")
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster_home" / "dagster.yaml").read_text())
    environment = os.environ | {"DAGSTER_HOME": str(home), "FULLCIRCLE_STORE": str(store.root)}
    command = [*COMMAND, *(a for s in SMALL for a in ("--set", s))]
    checkpoints = store.root / CHECKPOINTS / "dense_autoencoder" / "tifinagh"

    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(checkpoints.glob("*.npz")):
            time.sleep(0.05)
        found = list(processes_of(store.root))
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert len(found) > 1
    assert store.ledger.latest("glyphs/dense_autoencoder", "tifinagh") is None

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"of {EPOCHS}, where a training was cut off" in done.stdout
    assert not list(checkpoints.iterdir())
    resumed = store.latest("glyphs/dense_autoencoder", "tifinagh")
    splits = [store.latest(f"glyphs/{name}", "tifinagh") for name in ("train", "valid")]
    unbroken = autoencoder_steps.make_autoencoder(
        Store(tmp_path / "other"), "tifinagh", *splits, model_settings("dense_autoencoder", epochs=EPOCHS)
    )
    assert resumed.hash == unbroken.hash


LINE = DRAWINGS["line"]
HALVES = {
    "decoder": (DecoderSettings(epochs=4, balanced_epochs=2, batch_size=32), "decoder"),
    "encoder": (EncoderSettings(epochs=1, image_epochs=2, batch_size=32), "encoder by spec and image"),
}
"""Settings of the decoder and of the encoder, and the second stage of its training."""


def make(half, store, hashes, **more):
    """Train a half on what `hashes` name: train, valid and, for an encoder, the decoder."""
    read = [StoredObject(h, store.path_of(h)) for h in hashes]
    return getattr(drawing_steps, f"make_{half}")(store, LINE, *read, HALVES[half][0], **more)


def make_and_be_killed(half, root, hashes):
    """Train a half and kill this very process in the middle of the second epoch of the second stage."""
    import keras

    class Kill(keras.callbacks.Callback):
        epoch = 0

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.model.stage, self.epoch, batch) == (HALVES[half][1], 1, 1):
                os.kill(os.getpid(), signal.SIGKILL)

    make(half, Store(root), hashes, callbacks=[Kill()])


@pytest.mark.parametrize("half", HALVES)
def test_a_half_killed_in_its_second_stage_is_what_an_unbroken_training_makes(tmp_path, half):
    store, unbroken = Store(tmp_path / "store"), Store(tmp_path / "unbroken")
    examples = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=160))
    splits = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.6, test=0.2, valid=0.2))
    hashes = [splits["train"].hash, splits["valid"].hash]
    if half == "encoder":
        settings = DecoderSettings(model="article", epochs=1, balanced_epochs=0)
        hashes.append(drawing_steps.make_decoder(store, LINE, splits["train"], splits["valid"], settings).hash)
    (unbroken.root).mkdir()
    (unbroken.root / "objects").symlink_to(store.root / "objects")
    checkpoints = store.root / CHECKPOINTS / half / "line"

    code = f"from tests.end_to_end.test_killed_training import *; make_and_be_killed({half!r}, {str(store.root)!r}, {hashes!r})"
    killed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(list(checkpoints.glob("*.npz"))) == 1
    before = set((store.root / "objects").glob("*/*"))

    lines = []
    resumed = make(half, store, hashes, progress=Progress(lines.append))
    assert lines[0] == f"{HALVES[half][1]}: goes on after epoch 1 of 2, where a training was cut off"
    assert not list(checkpoints.iterdir())
    assert resumed.path not in before
    whole = make(half, unbroken, hashes)
    assert whole.hash == resumed.hash
