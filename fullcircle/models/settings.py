"""Settings of the autoencoders, one class for each thing that is particular: variational, shaped, noisy.

Belongs here: the rules of what a model and its training may be given.
Does not belong here: which model has which (`models.autoencoders`), how large a profile is (`steps.profiles`).
"""

from __future__ import annotations

import dataclasses

from fullcircle.core.settings import LARGEST_SEED, Settings, setting

RECONSTRUCTIONS = ("bce", "mse")
OPTIMIZERS = ("adam", "rmsprop")
SCHEDULES = ("cosine", "constant")
ACTIVATIONS = ("leaky_relu", "relu", "selu")


@dataclasses.dataclass(frozen=True)
class AutoencoderSettings(Settings):
    """Those of every autoencoder."""

    latents: int = setting(32, "how many numbers encode a picture", low=1, high=4096)
    loss: str = setting("bce", "reconstruction, summed over pixels: bce, in nats; mse, squared error", choices=RECONSTRUCTIONS)
    epochs: int = setting(15, "at most so many passes over train", low=1)
    epoch_pictures: int = setting(10_000, "at most so many pictures of train in a pass, other ones each time", low=1)
    batch_size: int = setting(128, "pictures per step", low=1)
    optimizer: str = setting("adam", "which", choices=OPTIMIZERS)
    learning_rate: float = setting(1e-3, "the highest of the schedule", above=0)
    schedule: str = setting("constant", "how the rate moves", choices=SCHEDULES)
    patience: int = setting(
        10, "epochs in a row without progress on valid after which training ends, with its best weights", low=1
    )
    seed: int = setting(1, "source of chance of weights, order, latents and noise", low=0, high=LARGEST_SEED)


@dataclasses.dataclass(frozen=True)
class VariationalSettings(AutoencoderSettings):
    """Those of an autoencoder whose latents have a distribution."""

    kl_factor: float = setting(1.0, "weight of the KL divergence beside the reconstruction; 1 makes the loss the ELBO", low=0)


@dataclasses.dataclass(frozen=True)
class ShapedSettings(AutoencoderSettings):
    """Those of an autoencoder whose layers can be shaped."""

    activation: str = setting("leaky_relu", "between layers; selu comes with alpha dropout", choices=ACTIVATIONS)
    dropout: float = setting(0.0, "share of values that training leaves out after each layer", low=0, high=0.9)


@dataclasses.dataclass(frozen=True)
class NoisySettings(AutoencoderSettings):
    """Those of an autoencoder that takes noise away."""

    noise_max_sigma: float = setting(
        76.5, "largest noise level of what goes in, in grey levels; each picture's is uniform below", above=0, high=255
    )
