"""The decoder of "Completing the circle" (O. Morris), as published.

Belongs here: that network alone, for comparison; docs/models.md gives its description. What it cannot do (it draws
nothing but the ground: MSE 0.0065 against 0.0069 of the best constant image) is a finding, not a fault to be mended here.
"""

from __future__ import annotations

import keras
from keras import layers

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling

SHRINK = 8  # three up-samplings by two


def build(drawing: Drawing, scaling: Scaling) -> keras.Model:
    """Dense n-256-512, an 8-channel map of 1/8 size, three times up-sampling and a convolution.

    166,336 parameters for the line, 166,240 of them trainable. The counts hold only with a first dense layer as wide as the
    spec and PReLU slopes for every position, not shared over a map.

    Args:
        drawing: height and width are multiples of 8.
        scaling: not used: the network takes latents as they come.

    Returns:
        'latent' ``(n, n_factors)`` to an image ``(n, height, width, channels)`` in [0, 1] (a ReLU capped at 1).
    """
    height, width, channels = drawing.canvas
    rows, columns = height // SHRINK, width // SHRINK
    latent = keras.Input((len(drawing.factors),), name="latent")
    x = latent
    for i, units in enumerate((len(drawing.factors), 256, 8 * rows * columns), start=1):
        x = layers.Dense(units, name=f"dense_{i}")(x)
        x = layers.PReLU(name=f"dense_{i}_prelu")(x)
    x = layers.Reshape((rows, columns, 8), name="map")(x)
    for i, filters in enumerate((32, 16), start=1):
        x = layers.UpSampling2D(name=f"up_{i}")(x)
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv_{i}")(x)
        x = layers.BatchNormalization(name=f"conv_{i}_norm")(x)
        x = layers.PReLU(name=f"conv_{i}_prelu")(x)
    x = layers.UpSampling2D(name="up_3")(x)
    x = layers.Conv2D(channels, 3, padding="same", name="conv_3")(x)
    image = layers.ReLU(max_value=1.0, name="image")(x)
    return keras.Model(latent, image, name="article_decoder")
