"""A real run whose processes are all killed in the middle of a training, and run again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fullcircle.models.autoencoders import model_settings
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.store.objects import Store
from fullcircle.training.loop import CHECKPOINTS

ROOT = Path(__file__).parents[2]
EPOCHS = 150
COMMAND = [sys.executable, "-m", "pipelines.run", "--source", "tifinagh", "--models", "dense_autoencoder"]
SMALL = ["originals.height=16", "originals.width=16", "augmented.n=300", f"dense_autoencoder.epochs={EPOCHS}", "report.morph=3"]


def processes_of(store):
    """Every process that was told of this store, the starting one and its children."""
    told = f"FULLCIRCLE_STORE={store}\0".encode()
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if place.name.isdecimal() and told in (place / "environ").read_bytes():
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
