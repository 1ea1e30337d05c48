"""The autoencoders there are: image to code and back. A new one is a file here and a line in `AUTOENCODERS`.

The list is also the list of the assets ``glyphs/<model>`` and the parameter list of the contract tests. Importable without Keras.

Belongs here: what each is called, which canvases it takes, what is particular to its training (its settings' defaults).
Does not belong here: a network (the files beside this one), losses and training (`fullcircle.fitting`).
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fullcircle.models import Canvas, Network, choose

if TYPE_CHECKING:
    import keras

    from fullcircle.autoencoder_settings import AutoencoderSettings


class Halves(NamedTuple):
    """The two networks of an autoencoder.

    Attributes:
        encoder: 'image' ``float32 (n, height, width, channels)`` in [0, 1] to codes ``(n, latents)``; a variational one to
            ``{"mean": (n, latents), "log_var": (n, latents)}``.
        decoder: 'code' ``(n, latents)`` to an image ``(n, height, width, channels)`` in [0, 1].
    """

    encoder: keras.Model
    decoder: keras.Model


@dataclasses.dataclass(frozen=True)
class Autoencoder(Network):
    """An autoencoder by name; its module holds ``build(canvas, settings) -> Halves``.

    Attributes:
        variational: whether its encoder gives a mean and a log variance, and its loss has a KL divergence.
        noisy: whether it is fed with noisy pictures, and compared with the clean ones.
        shaped: whether its settings have an activation and a dropout.
        settings: where its settings differ from the defaults of all.
        quick: where the profile quick differs from that.
        published: where its write-up trains it otherwise: benchmarks have both ways.
        reaches: by profile and picture source, figures of its report on test and the most they should be; where it was measured.
    """

    variational: bool = False
    noisy: bool = False
    shaped: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    published: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reaches: Mapping[str, Mapping[str, Mapping[str, float]]] = dataclasses.field(default_factory=dict)

    def build(self, canvas: Canvas, settings: AutoencoderSettings) -> Halves:
        """The untrained halves. Imports Keras; weights come from Keras's global seed (`keras.utils.set_random_seed`)."""
        halves: Halves = importlib.import_module(self.module).build(canvas, settings)
        return halves


AUTOENCODERS: dict[str, Autoencoder] = {
    a.name: a
    for a in (
        Autoencoder(
            "dense_autoencoder",
            "fullcircle.models.autoencoders.dense_autoencoder",
            "dense 128-64-32-64-128",
            settings={"latents": 32, "epochs": 60},
            quick={"epochs": 15},
        ),
        Autoencoder(
            "digit_autoencoder",
            "fullcircle.models.autoencoders.digit_autoencoder",
            "four small convolutions, code of 10 or 2",
            canvas=4,
            settings={
                "latents": 10,
                "epochs": 60,
                "batch_size": 64,
                "learning_rate": 2e-3,
                "schedule": "cosine",
                "loss": "mse",
            },
            quick={"epochs": 15},
            published={"optimizer": "rmsprop", "learning_rate": 3e-4, "schedule": "constant", "patience": 5},
            reaches={"full": {"digits": {"mse": 6.67e-3}}},  # 3 dB above PCA with as many latents
        ),
        Autoencoder(
            "conv_autoencoder",
            "fullcircle.models.autoencoders.conv_autoencoder",
            "convolutions 32-64, code of 128, transposed convolutions back",
            canvas=4,
            settings={"latents": 128, "epochs": 15},
            quick={"epochs": 3, "batch_size": 64},
            reaches={"quick": {"tifinagh": {"mse": 0.04}}, "full": {"tifinagh": {"mse": 8e-3}}},
        ),
        Autoencoder(
            "denoising_autoencoder",
            "fullcircle.models.autoencoders.denoising_autoencoder",
            "the networks of conv_autoencoder; noise goes in, the clean picture is the target",
            canvas=4,
            noisy=True,
            settings={"latents": 128, "epochs": 15},
            quick={"epochs": 4},
        ),
        Autoencoder(
            "vae",
            "fullcircle.models.autoencoders.vae",
            "variational: convolutions 32-64 with batch norm, two latents",
            canvas=4,
            variational=True,
            settings={"latents": 2, "epochs": 30},
            quick={"epochs": 6, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine"},
            reaches={"quick": {"tifinagh": {"negative_elbo": 1200.0}}, "full": {"tifinagh": {"negative_elbo": 1120.0}}},
        ),
        Autoencoder(
            "colour_vae",
            "fullcircle.models.autoencoders.colour_vae",
            "variational: four strided convolutions 32-64-128-256, 256 latents, for colour",
            canvas=16,
            variational=True,
            shaped=True,
            settings={"latents": 256, "epochs": 24, "learning_rate": 5e-4, "kl_factor": 5.0},
            quick={"epochs": 6},
        ),
        Autoencoder(
            "residual_vae",
            "fullcircle.models.autoencoders.residual_vae",
            "variational: residual blocks with group norm, a decoder that knows where it draws, two latents",
            canvas=4,
            variational=True,
            settings={"latents": 2, "epochs": 16, "learning_rate": 2e-3, "schedule": "cosine"},
            quick={"epochs": 12},
        ),
    )
}


def autoencoder(name: str) -> Autoencoder:
    """The autoencoder called `name`.

    Raises:
        ValueError: naming the autoencoders there are.
    """
    return choose("autoencoder", name, AUTOENCODERS)
