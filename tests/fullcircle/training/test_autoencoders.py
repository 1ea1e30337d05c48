import json

import keras
import numpy as np
import pyarrow as pa
import pytest

from fullcircle.core.progress import Progress
from fullcircle.data.batches import canvas_of, pictures
from fullcircle.models.autoencoders import AUTOENCODERS, model_settings
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.losses import kl_divergence, reconstruction_loss
from fullcircle.store.hashing import weights_hash
from fullcircle.store.tables import ROW_GROUP, TableReader, tensor_array, write_table
from fullcircle.training import autoencoders as fitting
from fullcircle.training.autoencoders import Joined, train_autoencoder
from fullcircle.training.loop import DivergedError

SMALL = {"epochs": 3, "batch_size": 16}


def table_of(path, images):
    batch = pa.RecordBatch.from_arrays([tensor_array(images)], names=["image"])
    write_table(path, batch.schema, [batch])
    return TableReader(path)


def blocks(n, seed):
    """Pictures with a light block somewhere on black, ``uint8 (n, 16, 16)``."""
    made = np.zeros((n, 16, 16), np.uint8)
    for i, (y, x) in enumerate(np.random.default_rng(seed).integers(1, 9, (n, 2))):
        made[i, y : y + 6, x : x + 6] = 255
    return made


@pytest.fixture
def tables(tmp_path):
    return table_of(tmp_path / "train.parquet", blocks(70, 1)), table_of(tmp_path / "valid.parquet", blocks(20, 2))


class Kill(keras.callbacks.Callback):
    """Ends the training in the middle of an epoch, as a kill does: nothing that would come after is done."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.now = epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 1:
            raise KeyboardInterrupt


def hashes(halves):
    return [weights_hash(half.get_weights()) for half in halves]


def test_losses_are_sums_over_pixels_in_nats():
    image, made = np.zeros((2, 4, 4, 3), np.float32), np.full((2, 4, 4, 3), 0.5, np.float32)
    assert np.allclose(reconstruction_loss("bce", image, made), 48 * np.log(2), rtol=1e-5)
    assert np.allclose(reconstruction_loss("mse", image, made), 48 * 0.25)
    assert np.allclose(kl_divergence(np.array([[0.0, 2.0]]), np.array([[0.0, 0.0]])), [[0, 2]])


@pytest.mark.parametrize("factor", [1.0, 5.0])
def test_total_is_reconstruction_and_factor_times_kl_in_every_epoch(tables, factor):
    _, training = train_autoencoder(*tables, model_settings("vae", kl_factor=factor, **SMALL))
    assert [h["epoch"] for h in training.history] == [1, 2, 3]
    for h in training.history:
        for split in ("", "val_"):
            assert h[f"{split}loss"] == pytest.approx(h[f"{split}reconstruction"] + factor * h[f"{split}kl"], rel=1e-6)
        assert h["kl"] > 0


def test_a_model_that_is_not_variational_has_one_loss(tables):
    _, training = train_autoencoder(*tables, model_settings("dense_autoencoder", **SMALL))
    assert all(set(h) == {"epoch", "loss", "val_loss"} for h in training.history)
    assert training.history[-1]["val_loss"] < training.history[0]["val_loss"]
    assert training.examples == 3 * 70


def test_a_variational_model_that_is_fed_with_noise_has_both(tables, monkeypatch):
    """Its settings have a KL factor and a noise level, its history KL, and what it reads is noisy."""
    both = Autoencoder("denoising_vae", AUTOENCODERS["vae"].module, "", canvas=4, variational=True, noisy=True)
    monkeypatch.setitem(AUTOENCODERS, both.name, both)
    settings = model_settings(both.name, latents=2, kl_factor=2.0, noise_max_sigma=60.0, **SMALL)
    made = []
    monkeypatch.setattr(fitting, "pictures", lambda *args, **more: made.append(pictures(*args, **more)) or made[-1])
    _, training = train_autoencoder(*tables, settings)
    for h in training.history:
        assert h["kl"] > 0
        assert h["loss"] == pytest.approx(h["reconstruction"] + 2.0 * h["kl"], rel=1e-6)
    assert len(made) == 2
    for dataset in made:  # of train and valid
        noisy, clean = next(iter(dataset))
        assert 0.01 < np.abs(noisy - clean).mean() < 0.3


@pytest.mark.parametrize(
    ("name", "overrides", "killed"),
    [
        ("vae", {"schedule": "cosine"}, (0, 2)),  # the first time nothing is there yet to go on from
        ("denoising_autoencoder", {"latents": 8}, (1,)),
        ("colour_vae", {"latents": 4, "dropout": 0.2, "optimizer": "rmsprop"}, (1,)),
    ],
)
def test_a_training_that_was_killed_goes_on_with_the_result_of_an_unbroken_one(tables, tmp_path, name, overrides, killed):
    """Weights, statistics and history, bit for bit: chance of order, noise, dropout and latents included."""
    settings = model_settings(name, **SMALL | overrides)
    unbroken, training = train_autoencoder(*tables, settings)
    checkpoint = tmp_path / "held.npz"
    for epoch in killed:
        with pytest.raises(KeyboardInterrupt):
            train_autoencoder(*tables, settings, checkpoint=checkpoint, callbacks=[Kill(epoch)])
        assert checkpoint.exists() == (epoch > 0)
    messages = []
    resumed, again = train_autoencoder(*tables, settings, Progress(messages.append), checkpoint=checkpoint)
    assert messages[0] == f"{name}: goes on after epoch {killed[-1]} of 3, where a training was cut off"
    assert again.history == training.history
    assert again.examples == training.examples
    assert hashes(resumed) == hashes(unbroken)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held.npz", "train.parquet", "valid.parquet"]


def test_a_checkpoint_holds_no_pickle_and_after_the_last_epoch_nothing_is_trained_again(tables, tmp_path):
    settings = model_settings("dense_autoencoder", **SMALL)
    (fitted, _), (again, _) = (
        train_autoencoder(*tables, settings, checkpoint=tmp_path / "held.npz", callbacks=callbacks)
        for callbacks in ([], [Kill(2)])
    )
    assert hashes(again) == hashes(fitted)
    with np.load(tmp_path / "held.npz", allow_pickle=False) as held:
        assert json.loads(held["cursor"].tobytes())["epoch"] == 3
        assert all(held[name].dtype != object for name in held)


def test_the_best_weights_are_kept_and_training_stops_without_progress(tables):
    settings = model_settings("dense_autoencoder", epochs=20, batch_size=16, learning_rate=0.5, patience=2)
    halves, training = train_autoencoder(*tables, settings)
    losses = [h["val_loss"] for h in training.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 2 < 20
    model = Joined(halves, settings)
    model.compile()
    found = model.evaluate(pictures(tables[1], batch_size=16), verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(losses[best], rel=1e-5)


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do(tables, monkeypatch):
    def broken(canvas, settings):
        halves = build("dense_autoencoder", canvas, settings)
        return Halves(halves.encoder, keras.Sequential([halves.decoder, keras.layers.Rescaling(float("nan"))]))

    build = lambda name, canvas, settings: AUTOENCODERS[name].build(canvas, settings)  # noqa: E731
    monkeypatch.setattr("fullcircle.models.autoencoders.digit_autoencoder.build", broken, raising=True)
    with pytest.raises(DivergedError, match=r"Received: nan on train in step 1 of epoch 1. Lower learning_rate"):
        train_autoencoder(*tables, model_settings("digit_autoencoder", **SMALL))


def test_a_canvas_that_does_not_fit_is_refused(tmp_path):
    table = table_of(tmp_path / "t.parquet", np.zeros((4, 10, 10), np.uint8))
    assert canvas_of(table) == (10, 10, 1)
    with pytest.raises(
        ValueError, match=r"vae is expected to be built for .*multiples of 4 px.*Choose from: dense_autoencoder"
    ):
        train_autoencoder(table, table, model_settings("vae"))


def numbered(path, n):
    """Pictures that can be distinguished."""
    images = np.zeros((n, 8, 8), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(n) % 256, np.arange(n) // 256
    return table_of(path, images)


def order_of(dataset):
    images = np.concatenate([x for x, _ in dataset.as_numpy_iterator()])
    return (np.rint(images[:, 0, 0, 0] * 255) + 256 * np.rint(images[:, 0, 1, 0] * 255)).astype(int).tolist()


def test_every_epoch_has_every_picture_once_in_an_order_of_its_own(tmp_path):
    table = numbered(tmp_path / "t.parquet", 2 * ROW_GROUP + 5)
    first, again, second, other = (
        order_of(pictures(table, batch_size=256, seed=seed, epoch=lambda e=epoch: e))
        for seed, epoch in ((1, 0), (1, 0), (1, 1), (2, 0))
    )
    assert first == again
    assert sorted(first) == sorted(second) == sorted(other) == list(range(table.rows))
    assert first != second
    assert first != other
    assert order_of(pictures(table, batch_size=256)) == list(range(table.rows))


def test_an_epoch_may_have_fewer_pictures_and_has_other_ones_each_time(tmp_path):
    table = numbered(tmp_path / "t.parquet", 2 * ROW_GROUP + 5)
    first, again, second = (
        order_of(pictures(table, batch_size=256, seed=1, epoch=lambda e=epoch: e, limit=600)) for epoch in (0, 0, 1)
    )
    assert first == again
    assert len(first) == len(set(first)) == len(set(second)) == 600
    assert set(first) != set(second)
    assert len(order_of(pictures(table, batch_size=256, seed=1, limit=table.rows + 1))) == table.rows
    settings = model_settings("dense_autoencoder", epochs=2, batch_size=64, epoch_pictures=100)
    assert train_autoencoder(table, table, settings)[1].examples == 200


def test_noise_goes_in_and_the_clean_picture_is_the_target(tables):
    def once(seed, epoch=0):
        made = pictures(tables[1], batch_size=32, seed=seed, epoch=lambda: epoch, noise_max_sigma=60.0)
        ((noisy, clean),) = made.as_numpy_iterator()
        return noisy, clean

    noisy, clean = once(None)
    assert set(np.unique(clean)) == {0, 1}
    assert np.array_equal(np.rint(clean[..., 0] * 255), tables[1].read(["image"])["image"])
    assert 0 < np.abs(noisy - clean).mean() < 0.2
    levels = (noisy - clean).std(axis=(1, 2, 3))
    assert levels.max() > 2 * levels.min()
    assert np.array_equal(noisy, once(None, epoch=1)[0])  # valid: always the same
    assert not np.array_equal(once(1, 0)[0], once(1, 1)[0])
    assert np.array_equal(once(1, 1)[0], once(1, 1)[0])
