"""The decoders there are: spec, as latent, to image. A new one is a file here and a line in `DECODERS`.

The list is also the choices of the setting ``decoder.model`` and the parameter list of the contract tests. Importable without
Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fullcircle.drawings.scaling import Scaling
from fullcircle.models.networks import Architecture, choose

if TYPE_CHECKING:
    import keras

    from fullcircle.drawings.base import Drawing

DECODERS: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture(
            "half_planes",
            "fullcircle.models.decoders.half_planes",
            "straight edges at any angle from an MLP; colours mixed in as they are",
        ),
        Architecture(
            "article",
            "fullcircle.models.decoders.article",
            "dense 7-256-512, then up-sampling and convolutions, as published",
            canvas=8,
        ),
    )
}


def decoder_architecture(name: str) -> Architecture:
    """The decoder called `name`.

    Raises:
        ValueError: naming the decoders there are.
    """
    return choose("decoder", name, DECODERS)


def build_decoder(name: str, drawing: Drawing, scaling: Scaling) -> keras.Model:
    """An untrained decoder.

    Args:
        name: key in `DECODERS`.
        drawing: the class it shall learn to draw.
        scaling: between the drawing's specs and the latents that go in.

    Returns:
        A model from 'latent' ``float32 (n, n_factors)`` to an image ``float32 (n, height, width, channels)`` in [0, 1].

    Raises:
        ValueError: when there is no such decoder or it does not take the drawing's canvas.
    """
    architecture = decoder_architecture(name)
    architecture.check(drawing, DECODERS)
    return architecture.build(drawing, scaling)
