import json
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from fullcircle.core.progress import Progress
from fullcircle.training.loop import CHECKPOINTS, KEPT_DAYS, DivergedError, Stage, checkpoint_file, fit, paced

ROWS, BATCH = 8, 4
ONE_DAY = 24 * 3600


def line(slope):
    """Points of y = slope * x as a dataset."""
    x = np.linspace(-1, 1, ROWS, dtype=np.float32)[:, None]
    return tf.data.Dataset.from_tensor_slices((x, np.float32(slope) * x)).batch(BATCH)


def stages(*slopes, network, epochs=20, valid=None):
    """A stage for each slope that the one weight of `network` is to learn."""

    def compiled(optimizer):
        model = keras.Model(network.input, network.output)
        model.compile(optimizer, "mse")
        return model

    return [
        Stage(
            f"slope {s}",
            epochs,
            compiled,
            lambda epoch, s=s: line(s),
            line(s if valid is None else valid),
            ROWS,
            BATCH,
            {"to": s},
        )
        for s in slopes
    ]


@pytest.fixture
def network():
    inputs = keras.Input((1,))
    return keras.Model(inputs, keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")(inputs))


def weight(network):
    return float(network.get_weights()[0][0, 0])


def test_a_stage_ends_after_patience_epochs_without_progress_with_the_weights_of_its_best_epoch(network):
    """The weight goes from 0 to 1 and then from there to 2, away from -1 where valid would have it."""
    after = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(weight(network)))
    training = fit(stages(1, 2, network=network, valid=-1), paced(0.1, "constant", 1), patience=3, callbacks=[keep])
    assert [(h["to"], h["epoch"]) for h in training.history] == [(to, epoch) for to in (1, 2) for epoch in (1, 2, 3, 4)]
    assert after[:4] == sorted(after[:4])
    assert after[4] == pytest.approx(after[0] + 0.2, abs=0.1)  # two steps of Adam from where the first stage was best
    assert weight(network) == after[4]
    assert training.examples == 8 * ROWS


def test_progress_starts_the_count_anew(network):
    """Valid is met on the way: losses fall, then rise for as long as patience has it."""
    training = fit(stages(2, network=network, epochs=50, valid=1), paced(0.1, "constant", 1), patience=2)
    losses = [h["val_loss"] for h in training.history]
    best = int(np.argmin(losses))
    assert best > 1
    assert len(losses) == best + 1 + 2


def test_a_cosine_falls_over_the_steps_of_all_stages(network):
    both = stages(1, 2, network=network, epochs=3)
    assert sum(stage.steps for stage in both) == 2 * 3 * 2
    optimizer = paced(0.5, "cosine", sum(stage.steps for stage in both))
    rates = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: rates.append(float(optimizer.learning_rate)))
    fit(both, optimizer, patience=9, callbacks=[keep])
    assert rates == sorted(rates, reverse=True)
    assert rates[2] == pytest.approx(0.25 * (1 + np.cos(np.pi * 5 / 11)))  # one step of 12 warms up
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_a_loss_on_valid_that_is_no_number_is_an_error_that_says_where_and_what_to_do(network):
    with pytest.raises(
        DivergedError,
        match=r"slope 1: the loss is expected to be .*Received: nan on valid at the end of epoch 1. Lower learning_rate",
    ):
        fit(stages(1, network=network, valid=np.nan), paced(0.1, "constant", 1), patience=3)


def test_a_stage_has_an_epoch(network):
    with pytest.raises(ValueError, match=r"A stage is expected to have at least one epoch. Received: 0 of 'slope 1'."):
        stages(1, network=network, epochs=0)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", None], ids=["empty", "torn", "of another network"])
def test_a_checkpoint_that_cannot_be_read_is_reported_and_the_training_begins_anew(network, tmp_path, content):
    path = tmp_path / "held.npz"
    if content is None:
        inputs = keras.Input((1,))
        other = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        fit(stages(1, network=other, epochs=1), paced(0.1, "constant", 1), patience=3, checkpoint=path)
    else:
        path.write_bytes(content)
    messages = []
    training = fit(
        stages(1, network=network, epochs=2),
        paced(0.1, "constant", 1),
        patience=3,
        progress=Progress(messages.append),
        checkpoint=path,
    )
    assert f"The checkpoint {path} cannot be read (" in messages[0]
    assert messages[0].endswith("The training begins anew; its result is the same.")
    assert len(training.history) == 2


def test_a_checkpoint_is_json_and_plain_arrays(network, tmp_path):
    path = tmp_path / "held.npz"
    training = fit(stages(1, 2, network=network, epochs=2), paced(0.1, "constant", 1), patience=3, checkpoint=path)
    assert [p.name for p in tmp_path.iterdir()] == ["held.npz"]
    with np.load(path, allow_pickle=False) as held:
        cursor = json.loads(held["cursor"].tobytes())
        assert all(held[name].dtype != object for name in held)
    assert (cursor["stage"], cursor["epoch"]) == (1, 2)
    assert cursor["history"] == training.history


def files(root):
    return sorted(path.name for path in root.joinpath(CHECKPOINTS, "vae", "digits").iterdir())


def held(root, seed=1, messages=None):
    return checkpoint_file(root, "vae", "digits", decides={"seed": seed}, progress=Progress((messages or []).append))


def test_a_checkpoint_stays_after_an_error_and_goes_when_its_result_is_stored(tmp_path):
    with pytest.raises(KeyboardInterrupt), held(tmp_path) as first:
        assert first.parent == tmp_path / CHECKPOINTS / "vae" / "digits"
        first.write_bytes(b"held")
        raise KeyboardInterrupt
    assert files(tmp_path) == [first.name]
    with held(tmp_path) as again:
        assert again == first
        assert again.read_bytes() == b"held"
    assert files(tmp_path) == []


def test_what_decides_and_the_libraries_name_the_file(tmp_path, monkeypatch):
    names = []
    for seed in (1, 2):
        with held(tmp_path, seed) as path:
            names.append(path.name)
    monkeypatch.setattr("fullcircle.training.loop.version", lambda name: "0")
    with held(tmp_path) as path:
        names.append(path.name)
    assert len(set(names)) == 3


def abandon(root, seed, days):
    """The file of a training that was killed so many days ago."""
    with pytest.raises(KeyboardInterrupt), held(root, seed) as path:
        path.write_bytes(b"held")
        path.with_name(f"{path.stem}.abc.part").write_bytes(b"half")
        os.utime(path, (time.time() - days * ONE_DAY,) * 2)
        raise KeyboardInterrupt
    path.with_suffix(".lock").touch()
    return path


def test_the_file_of_a_training_that_lives_is_left_and_that_of_one_abandoned_for_long_is_removed(tmp_path):
    recent, old = abandon(tmp_path, 2, KEPT_DAYS - 1), abandon(tmp_path, 3, KEPT_DAYS + 1)
    with held(tmp_path, 4) as living:
        living.write_bytes(b"held")
        os.utime(living, (time.time() - 2 * KEPT_DAYS * ONE_DAY,) * 2)  # an epoch may take long
        with held(tmp_path, 1):
            assert living.exists()
            assert recent.exists()
            assert not old.exists()
    assert files(tmp_path) == [recent.name]


def test_what_a_clock_that_was_set_back_makes_a_file_of_the_future_stays(tmp_path):
    recent = abandon(tmp_path, 2, -365)
    with held(tmp_path, 1):
        assert recent.read_bytes() == b"held"
    with held(tmp_path, 2) as again:
        assert again == recent
        assert again.read_bytes() == b"held"


def test_the_very_same_training_in_a_second_process_keeps_no_checkpoint_and_says_so(tmp_path):
    messages = []
    with held(tmp_path) as first:
        first.write_bytes(b"held")
        with checkpoint_file(tmp_path, "vae", "digits", decides={"seed": 1}, progress=Progress(messages.append)) as second:
            assert second is None
        assert first.exists()
    assert messages == ["vae/digits: another process does the very same training; this one keeps no checkpoint"]


HOLD = """
import sys
from pathlib import Path
from fullcircle.training.loop import checkpoint_file
with checkpoint_file(Path(sys.argv[1]), "vae", "digits", decides={"seed": 1}) as path:
    path.write_bytes(b"held")
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_killed_process_holds_nothing_any_more(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    root = Path(__file__).parents[3]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        with held(tmp_path) as path:
            assert path is None
        process.kill()
        process.wait()
    assert len(files(tmp_path)) == 2  # with its lock, which is free
    with held(tmp_path) as path:
        assert path.read_bytes() == b"held"
    assert files(tmp_path) == []
