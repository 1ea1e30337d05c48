"""The encoders there are: image to spec, as latent. A new one is a file here and a line in `ENCODERS`.

The list is also the choices of the setting ``encoder.model`` and the parameter list of the contract tests. Importable without
Keras.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fullcircle.drawings.scaling import Scaling
from fullcircle.models.networks import Architecture, choose

if TYPE_CHECKING:
    import keras

    from fullcircle.drawings.base import Drawing

ENCODERS: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture(
            "attention",
            "fullcircle.models.encoders.attention",
            "points and colours are found on a map, each by its own attention",
            canvas=8,
        ),
        Architecture(
            "article",
            "fullcircle.models.encoders.article",
            "convolutions 32-16-8 with skips, dense 256-64-16, as published",
            canvas=8,
        ),
    )
}


def encoder_architecture(name: str) -> Architecture:
    """The encoder called `name`.

    Raises:
        ValueError: naming the encoders there are.
    """
    return choose("encoder", name, ENCODERS)


def build_encoder(name: str, drawing: Drawing, scaling: Scaling) -> keras.Model:
    """An untrained encoder.

    Args:
        name: key in `ENCODERS`.
        drawing: the class whose pictures it shall read.
        scaling: between the latents that come out and the drawing's specs.

    Returns:
        A model from 'image' ``float32 (n, height, width, channels)`` in [0, 1] to 'latent' ``float32 (n, n_factors)``.

    Raises:
        ValueError: when there is no such encoder or it does not take the drawing's canvas.
    """
    architecture = encoder_architecture(name)
    architecture.check(drawing, ENCODERS)
    return architecture.build(drawing, scaling)
