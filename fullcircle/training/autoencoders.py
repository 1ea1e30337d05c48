"""Training autoencoders: pictures to latents and back.

Belongs here: joining the halves and their losses. What is particular to a model is in its settings.
Does not belong here: the loop that every training shares (`loop`); the halves of a drawing class, which are trained on
specs (`drawings`).

Conventions. Losses are sums over the pixels of a picture and over latents, means over pictures, in nats (`loss` mse: squared errors
in place of nats). A variational model's total is reconstruction + factor * KL, in every step and so in every epoch; with binary
cross-entropy and a factor of 1 it is the negative evidence lower bound, estimated with one sample of the latents for each picture,
in training and on valid alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from fullcircle.core.progress import Progress, silent
from fullcircle.data.batches import canvas_of, pictures
from fullcircle.models.autoencoders import AUTOENCODERS, autoencoder
from fullcircle.models.autoencoders.autoencoder import Halves
from fullcircle.models.losses import kl_divergence, reconstruction_loss
from fullcircle.models.settings import AutoencoderSettings, NoisySettings, VariationalSettings
from fullcircle.store.tables import TableReader
from fullcircle.training.loop import Stage, Training, fit, paced


class Sampled(layers.Layer):
    """Latents drawn from the normal distribution that a variational encoder gives, one vector for each picture."""

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.chance = keras.random.SeedGenerator(seed)

    def call(self, moments: Any) -> Any:
        mean = moments["mean"]
        return mean + ops.exp(0.5 * moments["log_var"]) * keras.random.normal(ops.shape(mean), seed=self.chance)


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


def train_autoencoder(
    train: TableReader,
    valid: TableReader,
    settings: AutoencoderSettings,
    progress: Progress = silent,
    *,
    checkpoint: Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[Halves, Training]:
    """An autoencoder trained from its seed, streamed from Parquet; memory does not grow with the tables.

    Args:
        train: fits.
        valid: chooses.
        settings: of one model (`models.autoencoders.settings_class`), whose name they know.
        progress: where to say how far it is.
        checkpoint: file from which a killed training continues, see `loop.fit`.
        callbacks: Keras's.

    Returns:
        The halves with the weights that were best on valid, and what happened.

    Raises:
        ValueError: when the model does not take the canvas.
        DivergedError: at the first loss that is not a finite number.
    """
    name = settings.section()
    chosen, canvas = autoencoder(name), canvas_of(train)
    chosen.refuse(canvas, "table", AUTOENCODERS)
    keras.utils.set_random_seed(settings.seed)
    halves = chosen.build(canvas, settings)
    noise = settings.noise_max_sigma if isinstance(settings, NoisySettings) else 0.0
    rows = min(train.rows, settings.epoch_pictures)

    def compiled(optimizer: keras.optimizers.Optimizer) -> keras.Model:
        model = Joined(halves, settings)
        model(np.zeros((1, *canvas), np.float32))
        model.compile(optimizer)
        return model

    def fitted(epoch: Callable[[], int]) -> tf.data.Dataset:
        return pictures(
            train, batch_size=settings.batch_size, seed=settings.seed, epoch=epoch, noise_max_sigma=noise, limit=rows
        )

    stage = Stage(
        name,
        settings.epochs,
        compiled,
        fitted,
        pictures(valid, batch_size=settings.batch_size, noise_max_sigma=noise),
        rows,
        settings.batch_size,
    )
    training = fit(
        [stage],
        paced(settings.learning_rate, settings.schedule, stage.steps, settings.optimizer),
        patience=settings.patience,
        progress=progress,
        checkpoint=checkpoint,
        callbacks=callbacks,
        unit="pictures",
    )
    return halves, training
