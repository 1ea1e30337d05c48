import itertools

import keras
import numpy as np
import pyarrow as pa
import pytest

from fullcircle.core.progress import Progress
from fullcircle.data.batches import batches
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.decoders import build_decoder
from fullcircle.models.encoders import build_encoder
from fullcircle.models.losses import image_loss, spec_loss
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.hashing import weights_hash
from fullcircle.store.tables import TableReader, tensor_array, write_table
from fullcircle.training.drawings import Objective, join, train_decoder, train_encoder, train_halves
from fullcircle.training.loop import DivergedError
from fullcircle.training.settings import DecoderSettings, EncoderSettings

LINE = DRAWINGS["line"]
SCALES = scaling("range", LINE.factors)
FAST = EncoderSettings(batch_size=16, learning_rate=1e-3, epochs=1)


@pytest.fixture
def splits(store):
    examples = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=160))
    made = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.6, test=0.2, valid=0.2))
    return {name: stored.table() for name, stored in made.items()}


def halves():
    keras.utils.set_random_seed(3)
    # The article's networks: they have batch statistics, which must stay frozen too.
    return build_encoder("article", LINE, SCALES), build_decoder("article", LINE, SCALES)


@pytest.mark.parametrize("frozen", ["encoder", "decoder", None])
def test_a_frozen_half_keeps_weights_and_statistics_and_the_other_learns(splits, frozen):
    encoder, decoder = halves()
    before = {"encoder": weights_hash(encoder.get_weights()), "decoder": weights_hash(decoder.get_weights())}
    objective = Objective("autoencoder", {"image": image_loss("mse")}, {"image": 1.0}, 1)
    train_halves(
        LINE,
        SCALES,
        splits["train"],
        splits["valid"],
        encoder=encoder,
        decoder=decoder,
        frozen=frozen,
        source="noisy_image",
        objectives=[objective],
        settings=FAST,
    )
    after = {"encoder": weights_hash(encoder.get_weights()), "decoder": weights_hash(decoder.get_weights())}
    assert {name for name in before if before[name] == after[name]} == ({frozen} if frozen else set())


@pytest.mark.parametrize(
    ("objective", "loss", "stages"),
    [("spec", "mse", 1), ("image", "mse", 1), ("image", "ssim", 1), ("both", "mse", 2), ("both", "ssim", 2)],
)
def test_every_objective_trains_the_encoder_and_leaves_the_decoder(splits, objective, loss, stages):
    _, decoder = halves()
    before = weights_hash(decoder.get_weights())
    settings = EncoderSettings(model="article", objective=objective, loss=loss, epochs=1, image_epochs=1, batch_size=16)
    _, training = train_encoder(LINE, SCALES, splits["train"], splits["valid"], decoder, settings)
    assert len({h["stage"] for h in training.history}) == stages
    assert all(np.isfinite([h["loss"], h["val_loss"]]).all() for h in training.history)
    assert weights_hash(decoder.get_weights()) == before


def test_callbacks_are_heard_in_every_stage(splits):
    heard = []

    class Hear(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            heard.append(self.model.predict_on_batch(SCALES.to_latent(LINE.factors.low[None]))["image"].shape)
            self.model.stop_training = True

    settings = DecoderSettings(model="article", epochs=9, balanced_epochs=4, batch_size=16)
    train_decoder(LINE, SCALES, splits["train"], splits["valid"], settings, callbacks=[Hear()])
    assert heard == [(1, 64, 64, 1)] * 2  # one batch of either stage


@pytest.mark.parametrize("name", ["range", "standardise"])
def test_training_lowers_the_loss_and_is_the_same_twice(splits, name):
    scales = scaling(name, LINE.factors)
    settings = DecoderSettings(epochs=5, balanced_epochs=2, batch_size=16, scaling=name)
    runs = [train_decoder(LINE, scales, splits["train"], splits["valid"], settings) for _ in range(2)]
    (first, training), (second, again) = runs
    assert weights_hash(first.get_weights()) == weights_hash(second.get_weights())
    assert training.history == again.history
    balanced = [h["loss"] for h in training.history if h["stage"] == "decoder, balanced"]
    assert len(balanced) == 2
    assert balanced[1] < balanced[0]
    about = training.as_dict(first)
    assert about["parameters"] == about["trainable"] == first.count_params()
    assert set(about["timing"]) == {"seconds", "examples_per_s"}


def test_the_best_weights_on_valid_are_kept(splits):
    # A rate that ruins the network: later epochs are worse, and must not be what is kept.
    settings = DecoderSettings(epochs=6, balanced_epochs=0, batch_size=16, learning_rate=3.0, schedule="constant")
    decoder, training = train_decoder(LINE, SCALES, splits["train"], splits["valid"], settings)
    best = min(h["val_loss"] for h in training.history)
    latents = SCALES.to_latent(np.stack([splits["valid"].read([f.column])[f.column] for f in LINE.factors], 1))
    images = splits["valid"].read(["image"])["image"][..., None] / np.float32(255)
    loss = ((decoder.predict_on_batch(latents) - images) ** 2).mean()
    assert loss == pytest.approx(best, rel=1e-3)


def test_a_stage_whose_loss_on_valid_gets_worse_ends_after_patience_epochs_with_its_best_weights(splits, tmp_path):
    """Valid holds negatives of what train teaches, so each epoch after a stage's first is worse than that."""
    batch = pa.Table.from_batches(splits["valid"].batches()).combine_chunks()
    negatives = 255 - splits["valid"].read(["image"])["image"]
    batch = batch.set_column(batch.schema.get_field_index("image"), "image", tensor_array(negatives))
    write_table(tmp_path / "negatives.parquet", batch.schema, batch.to_batches())
    valid = TableReader(tmp_path / "negatives.parquet")

    settings = DecoderSettings(
        epochs=30, balanced_epochs=12, batch_size=16, schedule="constant", learning_rate=1e-3, patience=2
    )
    decoder, training = train_decoder(LINE, SCALES, splits["train"], valid, settings)
    entries = [(h["stage"], h["epoch"]) for h in training.history]
    assert entries == [(stage, epoch) for stage in ("decoder, balanced", "decoder") for epoch in (1, 2, 3)]
    for stage in (training.history[:3], training.history[3:]):
        losses = [h["val_loss"] for h in stage]
        assert losses == sorted(losses)
    latents = SCALES.to_latent(np.stack([valid.read([f.column])[f.column] for f in LINE.factors], 1))
    images = valid.read(["image"])["image"][..., None] / np.float32(255)
    loss = ((decoder.predict_on_batch(latents) - images) ** 2).mean()
    assert loss == pytest.approx(training.history[3]["val_loss"], rel=1e-5)


class Interrupt(keras.callbacks.Callback):
    """Ends the training in the middle of an epoch, with nothing of it done that comes after."""

    def __init__(self, stage, epoch):
        super().__init__()
        self.stage, self.epoch, self.now = stage, epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.model.stage, self.now, batch) == (self.stage, self.epoch, 1):
            raise KeyboardInterrupt


def resumed(train, places, checkpoint):
    """What `train` returns when it is cut off at each of these places before, and the first message of the last continuation."""
    for place in places:
        with pytest.raises(KeyboardInterrupt):
            train(checkpoint=checkpoint, callbacks=[Interrupt(*place)])
    messages = []
    network, training = train(checkpoint=checkpoint, progress=Progress(messages.append))
    return network, training, messages[0]


def test_a_decoder_cut_off_in_its_first_stage_and_after_it_ends_as_an_unbroken_one_does(splits, tmp_path):
    """A decoder that is killed within its second stage is in `test_killed_training`."""
    settings = DecoderSettings(model="article", epochs=4, balanced_epochs=2, batch_size=16)

    def train(**more):
        return train_decoder(LINE, SCALES, splits["train"], splits["valid"], settings, **more)

    unbroken, history = train()
    # Within the first stage, and when the second one begins.
    places = [("decoder, balanced", 1), ("decoder", 0)]
    again, training, messages = resumed(train, places, tmp_path / "held.npz")
    assert messages == "decoder, balanced: goes on after epoch 2 of 2, where a training was cut off"
    assert weights_hash(again.get_weights()) == weights_hash(unbroken.get_weights())
    assert training.history == history.history
    assert training.examples == history.examples
    last, training = train(checkpoint=tmp_path / "held.npz")  # all epochs are done: only the best weights are taken
    assert weights_hash(last.get_weights()) == weights_hash(unbroken.get_weights())
    assert training.history == history.history


def test_an_encoder_cut_off_ends_as_an_unbroken_one_does(splits, tmp_path):
    """Of one stage: an encoder that is killed in its second one is in `test_killed_training`."""
    _, decoder = halves()
    settings = EncoderSettings(model="article", objective="spec", epochs=2, batch_size=16)

    def train(**more):
        return train_encoder(LINE, SCALES, splits["train"], splits["valid"], decoder, settings, **more)

    unbroken, history = train()
    again, training, messages = resumed(train, [("encoder by spec", 1)], tmp_path / "held.npz")
    assert messages == "encoder by spec: goes on after epoch 1 of 2, where a training was cut off"
    assert weights_hash(again.get_weights()) == weights_hash(unbroken.get_weights())
    assert training.history == history.history


def test_a_loss_that_is_no_number_ends_the_training_at_its_first_step_in_a_sentence(splits):
    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_weights([np.full_like(w, np.nan) for w in self.model.get_weights()])

    settings = DecoderSettings(epochs=9, balanced_epochs=4, batch_size=16)
    heard = []
    ruin, hear = Ruin(), keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: heard.append(epoch))
    with pytest.raises(
        DivergedError,
        match=r"^decoder, balanced: the loss is expected to be a finite number. Received: nan on train in step 1 of epoch 2. "
        "Lower learning_rate, or undo the last change of the settings.$",
    ):
        train_decoder(LINE, SCALES, splits["train"], splits["valid"], settings, callbacks=[ruin, hear])
    assert heard == [0]


def test_progress_names_stage_epoch_loss_rate_and_time_left(splits):
    messages = []
    settings = DecoderSettings(epochs=2, balanced_epochs=1, batch_size=16)
    train_decoder(LINE, SCALES, splits["train"], splits["valid"], settings, Progress(messages.append, every=0))
    lines = [line for line in messages if line.startswith("decoder, balanced: ") and " examples, epoch 1 of 1, loss " in line]
    assert lines
    assert " examples/s, " in lines[-1]
    assert lines[-1].endswith(" left")


def test_batches_are_shuffled_anew_each_epoch_and_alike_each_time(splits):
    def latents(epoch):
        dataset = batches(
            splits["train"],
            LINE,
            SCALES,
            source="image",
            targets={"latent": "latent"},
            batch_size=10,
            seed=4,
            epoch=lambda: epoch,
        )
        return np.concatenate([y["latent"].numpy() for _, y in dataset])

    assert np.array_equal(latents(0), latents(0))
    assert np.array_equal(latents(1), latents(1))  # the second epoch, whether or not the first was read
    assert not np.array_equal(latents(0), latents(1))
    assert np.array_equal(np.sort(latents(0), axis=0), np.sort(latents(1), axis=0))


def test_noise_drawn_afresh_keeps_the_level_and_differs_between_epochs(splits):
    epoch = itertools.count()
    dataset = batches(
        splits["train"],
        LINE,
        SCALES,
        source="noise_afresh",
        targets={"image": "image"},
        batch_size=splits["train"].rows,
        seed=4,
        epoch=lambda: next(epoch),
    )
    (x, y), (again, clean) = next(iter(dataset)), next(iter(dataset))
    stored = splits["train"].read(["image", "noise_sigma_level"])
    levels = {i.tobytes(): s for i, s in zip(stored["image"], stored["noise_sigma_level"], strict=True)}
    for noisy, image in ((x, y["image"]), (again, clean["image"])):
        noise, image = (np.rint(v.numpy()[..., 0] * 255) for v in (noisy - image, image))
        middle = (image > 80) & (image < 175)  # far enough from black and white that nothing is cut off
        for i in range(len(noise)):
            sigma = levels[image[i].astype(np.uint8).tobytes()]
            if middle[i].sum() > 3000 and sigma > 2:
                assert noise[i][middle[i]].std() == pytest.approx(sigma, rel=0.08)
    first_clean = {
        image.numpy().tobytes(): np.rint(image.numpy()[..., 0] * 255).astype(np.uint8).tobytes() for image in y["image"]
    }
    first = {image.numpy().tobytes(): noisy.numpy() for noisy, image in zip(x, y["image"], strict=True)}
    second = {image.numpy().tobytes(): noisy.numpy() for noisy, image in zip(again, clean["image"], strict=True)}
    assert first.keys() == second.keys()
    assert not any(np.array_equal(first[k], second[k]) for k, image in first_clean.items() if levels[image] > 2)


@pytest.mark.parametrize("objective", ["spec", "image", "both"])
def test_every_guess_of_the_encoder_is_fitted(splits, objective):
    _, decoder = halves()
    settings = EncoderSettings(objective=objective, loss="mse", epochs=1, image_epochs=1, batch_size=16)
    _, training = train_encoder(LINE, SCALES, splits["train"], splits["valid"], decoder, settings)
    last = training.history[-1]
    of = "guess_{}_image_loss" if objective == "image" else "guess_{}_loss"
    assert all(np.isfinite(last[f"{val}{of.format(i)}"]) for i in (0, 1) for val in ("", "val_"))


def test_a_batch_is_what_the_table_holds(splits):
    dataset = batches(
        splits["valid"], LINE, SCALES, source="noisy_image", targets={"latent": "latent", "image": "image"}, batch_size=7
    )
    x, y = next(iter(dataset))
    assert x.shape == y["image"].shape == (7, 64, 64, 1)
    table = splits["valid"].read(["image", "noisy_image"], limit=7)
    assert np.array_equal(np.rint(x.numpy()[..., 0] * 255), table["noisy_image"])
    assert np.array_equal(np.rint(y["image"].numpy()[..., 0] * 255), table["image"])
    specs = LINE.factors.snap(SCALES.from_latent(y["latent"].numpy()))
    assert np.array_equal(LINE.render(specs), table["image"])
    assert len(dataset) == -(-splits["valid"].rows // 7)


def test_at_least_one_half_is_needed():
    with pytest.raises(ValueError, match="At least one half is expected, encoder or decoder"):
        join(None, None, ["image"])


def test_the_spec_loss_has_no_order():
    loss = spec_loss(LINE, SCALES, delta=0.03)
    latent = SCALES.to_latent(LINE.factors.sample(5, np.random.default_rng(0)))
    assert float(loss(latent, latent[:, LINE.permutations[1]])) == pytest.approx(0, abs=1e-9)
