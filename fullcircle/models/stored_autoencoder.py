"""A trained autoencoder, read back from the store: its halves as functions of pictures and latents."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle.images.arrays import unit_images
from fullcircle.models.stored import training_of
from fullcircle.store.objects import StoredObject

if TYPE_CHECKING:
    import keras

ENCODER, DECODER = "encoder.keras", "decoder.keras"

BATCH = 256
"""Pictures, or latents, that go through a network at once."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trained autoencoder.

    Attributes:
        encoder: see `models.autoencoders.Halves`.
        decoder: likewise.
        training: what its object says of its training: model, source, canvas, settings, history, what was read.
    """

    encoder: keras.Model
    decoder: keras.Model
    training: dict[str, Any]

    @property
    def variational(self) -> bool:
        """Whether its encoder says a distribution for each picture."""
        return isinstance(self.encoder.output, dict)

    @property
    def latents(self) -> int:
        """How many latents a picture has."""
        return int(self.decoder.input.shape[1])

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The latents of pictures; the means, if variational.

        Args:
            images: ``uint8 (n, h, w[, c])``, or ``float32`` of the same shapes in [0, 1].

        Returns:
            ``float32 (n, latents)``.
        """
        if not len(images):
            return np.zeros((0, self.latents), np.float32)
        answers = [self.encoder.predict_on_batch(batch) for batch in _unit_batches(images)]
        return np.concatenate([s["mean"] if self.variational else s for s in answers])

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and log variance of the latents of each picture, ``float32 (n, latents)``; None if it is not variational."""
        if not self.variational:
            return None
        if not len(images):
            return np.zeros((0, self.latents), np.float32), np.zeros((0, self.latents), np.float32)
        answers = [self.encoder.predict_on_batch(batch) for batch in _unit_batches(images)]
        return np.concatenate([s["mean"] for s in answers]), np.concatenate([s["log_var"] for s in answers])

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """The pictures of latents ``(n, latents)``, ``float32 (n, h, w, c)`` in [0, 1]."""
        if not len(latents):
            return np.zeros((0, *self.training["canvas"]), np.float32)
        latents = np.asarray(latents, np.float32)
        return np.concatenate([self.decoder.predict_on_batch(latents[i : i + BATCH]) for i in range(0, len(latents), BATCH)])


def _unit_batches(images: np.ndarray) -> list[np.ndarray]:
    parts = (images[i : i + BATCH] for i in range(0, len(images), BATCH))
    if images.dtype == np.uint8:
        return [unit_images(part) for part in parts]
    return [np.asarray(part if part.ndim == 4 else part[..., None], np.float32) for part in parts]


def encoder_of(stored: StoredObject) -> keras.Model:
    """The encoder of a stored autoencoder, loaded in safe mode."""
    from fullcircle.models.networks import load

    return load(stored.file(ENCODER))


def halves_of(stored: StoredObject) -> Trained:
    """A stored autoencoder, its halves loaded in safe mode."""
    from fullcircle.models.networks import load

    return Trained(load(stored.file(ENCODER)), load(stored.file(DECODER)), training_of(stored))
