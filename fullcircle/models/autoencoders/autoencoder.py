"""What an autoencoder of the list is: its networks, settings and goals.

Belongs here: the description of one; not any particular one.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from fullcircle.images.arrays import Canvas
from fullcircle.models.networks import Network

if TYPE_CHECKING:
    import keras

    from fullcircle.models.settings import AutoencoderSettings


class Halves(NamedTuple):
    """The two networks of an autoencoder.

    Attributes:
        encoder: 'image' ``float32 (n, height, width, channels)`` in [0, 1] to latents ``(n, latents)``; a variational one to
            ``{"mean": (n, latents), "log_var": (n, latents)}``.
        decoder: 'latents' ``(n, latents)`` to an image ``(n, height, width, channels)`` in [0, 1].
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
        published: where it was trained otherwise when it was published: benchmarks have both ways.
        goals: by profile and picture source, figures of its report on test and the most they should be; where it was measured.
    """

    variational: bool = False
    noisy: bool = False
    shaped: bool = False
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    published: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    goals: Mapping[str, Mapping[str, Mapping[str, float]]] = dataclasses.field(default_factory=dict)

    def build(self, canvas: Canvas, settings: AutoencoderSettings) -> Halves:
        """The untrained halves. Imports Keras; weights come from Keras's global seed (`keras.utils.set_random_seed`)."""
        halves: Halves = importlib.import_module(self.module).build(canvas, settings)
        return halves
