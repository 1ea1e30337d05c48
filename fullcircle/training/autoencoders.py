"""Fitting: autoencoders trained on pictures by compile/fit, and gone on with after a kill as if there had been none.

Belongs here: joining the halves, their losses, early stopping, the best weights, the checkpoint. What is particular to a
model is in its settings.
Does not belong here: what every training shares (`epochs`), the circle's halves, which are trained on specs (`training`).

Conventions. Losses are sums over the pixels of a picture and over latents, means over pictures, in nats (`loss` mse: squared errors
in place of nats). A variational model's total is reconstruction + factor * KL, in every step and so in every epoch; with binary
cross-entropy and a factor of 1 it is the negative evidence lower bound, estimated with one sample of the code for each picture, in
training and on valid alike.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from fullcircle.core.progress import Progress, silent
from fullcircle.data.batches import canvas_of, pictures
from fullcircle.models.autoencoders import AUTOENCODERS, autoencoder
from fullcircle.models.autoencoders.autoencoder import Halves
from fullcircle.models.settings import AutoencoderSettings, NoisySettings, VariationalSettings
from fullcircle.store.tables import TableReader
from fullcircle.training.loop import Watch, paced


class DivergedError(RuntimeError):
    """A loss is no longer a number. The message says after which epoch, and what to do."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What happened.

    Attributes:
        halves: with the weights that were best on valid.
        history: one entry per epoch: `epoch`, `loss`, `val_loss`, and of a variational model `reconstruction` and `kl`, on both.
        seconds: that its epochs took, those before a kill included.
        pictures: that were learned from, in all epochs.
    """

    halves: Halves
    history: Sequence[dict[str, Any]]
    seconds: float
    pictures: int


class Sampled(layers.Layer):
    """A code drawn from the normal distribution that a variational encoder says, one for each picture."""

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chance = keras.random.SeedGenerator(seed)

    def call(self, moments: Any) -> Any:
        mean = moments["mean"]
        return mean + ops.exp(0.5 * moments["log_var"]) * keras.random.normal(ops.shape(mean), seed=self.chance)


def reconstruction_loss(name: str, image: Any, made: Any) -> Any:
    """Loss per picture, summed over its pixels: of `bce` in nats, of `mse` the squared error."""
    each = keras.losses.binary_crossentropy(image, made) if name == "bce" else ops.mean((image - made) ** 2, axis=-1)
    return ops.sum(each, axis=(1, 2)) * image.shape[-1]  # both are means over channels


def kl_divergence(mean: Any, log_var: Any) -> Any:
    """KL divergence of N(mean, exp(log_var)) from N(0, 1) per latent, in nats, ``(n, latents)``."""
    return 0.5 * (mean**2 + ops.exp(log_var) - 1 - log_var)


class Joined(keras.Model):
    """The halves as one model with their losses, for compile and fit.

    Args:
        halves: encoder and decoder.
        settings: loss, seed and, of a variational model, the factor of its KL divergence.
    """

    def __init__(self, halves: Halves, settings: AutoencoderSettings) -> None:
        super().__init__(name="joined")
        self.encoder, self.decoder = halves
        self.loss_name = settings.loss
        self.kl_factor = settings.kl_factor if isinstance(settings, VariationalSettings) else None
        if self.kl_factor is not None:
            self.sampled = Sampled(settings.seed)
            self.reconstruction = keras.metrics.Mean(name="reconstruction")
            self.kl = keras.metrics.Mean(name="kl")

    def call(self, image: Any, training: bool | None = None) -> dict[str, Any]:
        if self.kl_factor is None:
            return {"image": self.decoder(self.encoder(image, training=training), training=training)}
        moments = self.encoder(image, training=training)
        return {"image": self.decoder(self.sampled(moments), training=training), **moments}

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        reconstruction = reconstruction_loss(self.loss_name, y, y_pred["image"])
        if self.kl_factor is None:
            return ops.mean(reconstruction)
        kl = ops.sum(kl_divergence(y_pred["mean"], y_pred["log_var"]), axis=-1)
        self.reconstruction.update_state(reconstruction)
        self.kl.update_state(kl)
        return ops.mean(reconstruction + self.kl_factor * kl)


class Keeper(keras.callbacks.Callback):
    """Keeps the weights that are best on valid, stops when there is no progress, and keeps all of it in a file after each epoch.

    The file holds every variable (weights, statistics, seeds of chance), the optimizer's, the best weights and the history; it is
    written under another name and renamed, so it is whole or the one of the epoch before. Listed after the callback whose history
    it keeps.

    Args:
        watch: whose history is kept.
        patience: epochs without progress before training stops.
        path: of the file; None keeps none.
    """

    def __init__(self, watch: Watch, patience: int, path: Path | None) -> None:
        super().__init__()
        self._watch, self._patience, self._path = watch, patience, path
        self.done = self.waited = 0
        self.best = math.inf
        self.weights: list[np.ndarray] = []
        self.seconds = 0.0
        self._began = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether there has been no progress for too long."""
        return self.waited >= self._patience

    def on_train_begin(self, logs: Any = None) -> None:
        self._began = time.monotonic() - self.seconds

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = logs["val_loss"]
        if not (math.isfinite(loss) and math.isfinite(logs["loss"])):
            raise DivergedError(
                f"Losses are expected to be numbers. Received: {logs['loss']} on train, {loss} on valid after epoch {epoch + 1}. "
                "Lower learning_rate, or leave alone what was changed last."
            )
        self.done, self.seconds = epoch + 1, time.monotonic() - self._began
        if loss < self.best:
            self.best, self.waited, self.weights = loss, 0, self.model.get_weights()
        else:
            self.waited += 1
        if self.over:
            self.model.stop_training = True
        if self._path is not None:
            self._write(self._path)

    def _variables(self) -> dict[str, list[Any]]:
        return {"model": self.model.variables, "optimizer": self.model.optimizer.variables}

    def _write(self, path: Path) -> None:
        arrays = {f"{what}_{i}": v.numpy() for what, of in self._variables().items() for i, v in enumerate(of)}
        arrays |= {f"best_{i}": array for i, array in enumerate(self.weights)}
        said = {"done": self.done, "waited": self.waited, "best": self.best, "seconds": self.seconds}
        text = json.dumps(said | {"history": self._watch.history})
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, said=np.frombuffer(text.encode(), np.uint8), **arrays)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)

    def resume(self, model: keras.Model) -> bool:
        """Take up what the file holds, if there is one; `model` is compiled and its optimizer built. Says whether there was."""
        self.set_model(model)
        if self._path is None or not self._path.exists():
            return False
        with np.load(io.BytesIO(self._path.read_bytes()), allow_pickle=False) as held:
            for what, variables in self._variables().items():
                for i, variable in enumerate(variables):
                    variable.assign(held[f"{what}_{i}"])
            self.weights = [held[f"best_{i}"] for i in range(len(model.get_weights()))]
            said = json.loads(held["said"].tobytes())
        self.done, self.waited, self.best, self.seconds = (said[name] for name in ("done", "waited", "best", "seconds"))
        self._watch.history = said["history"]
        return True


class _Epoch(keras.callbacks.Callback):
    """Knows which epoch it is, for whoever reads the pictures."""

    number = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.number = epoch


def fit_autoencoder(
    train: TableReader,
    valid: TableReader,
    settings: AutoencoderSettings,
    progress: Progress = silent,
    *,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fitted:
    """An autoencoder trained from its seed, streamed from Parquet; memory does not grow with the tables.

    Args:
        train: fits.
        valid: chooses.
        settings: of one model (`autoencoder_settings.settings_class`), whose name they know.
        progress: told all the while.
        checkpoint: file that is written after each epoch; if it exists, training goes on from there, with the very result that
            an unbroken one has. It must be of the same settings, tables and code.
        callbacks: Keras's.

    Raises:
        ValueError: when the model does not take the canvas.
        DivergedError: when a loss is no longer a number.
    """
    name = settings.section()
    chosen, canvas = autoencoder(name), canvas_of(train)
    chosen.refuse(canvas, "table", AUTOENCODERS)
    keras.utils.set_random_seed(settings.seed)
    halves = chosen.build(canvas, settings)
    model = Joined(halves, settings)
    model(np.zeros((1, *canvas), np.float32))
    rows = min(train.rows, settings.epoch_pictures)
    steps = settings.epochs * -(-rows // settings.batch_size)
    model.compile(paced(settings.learning_rate, settings.schedule, steps, settings.optimizer))
    model.optimizer.build(model.trainable_variables)

    epoch = _Epoch()
    watch = Watch(name, settings.epochs, rows, settings.batch_size, progress, about={}, unit="pictures")
    keeper = Keeper(watch, settings.patience, checkpoint)
    if keeper.resume(model):
        progress.say(f"{name}: goes on after epoch {keeper.done} of {settings.epochs}, where a training was cut off")
    noise = settings.noise_max_sigma if isinstance(settings, NoisySettings) else 0.0
    fit, choose = (
        pictures(
            table, batch_size=settings.batch_size, seed=seed, epoch=lambda: epoch.number, noise_max_sigma=noise, limit=limit
        )
        for table, seed, limit in ((train, settings.seed, rows), (valid, None, None))
    )
    if not keeper.over:
        model.fit(
            fit,
            validation_data=choose,
            initial_epoch=keeper.done,
            epochs=settings.epochs,
            shuffle=False,
            verbose=0,
            callbacks=[epoch, watch, keeper, *callbacks],
        )
    model.set_weights(keeper.weights)
    return Fitted(halves, watch.history, keeper.seconds, len(watch.history) * rows)
