"""The encoder of "Completing the circle" (O. Morris), as published.

Belongs here: that network alone, for comparison; docs/models.md gives its description.
"""

from __future__ import annotations

import keras
from keras import layers

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling


def build(drawing: Drawing, scaling: Scaling) -> keras.Model:
    """Convolutions 32-16-8 with a one-channel skip from block to block, dense 256-64-16-n.

    305,153 parameters for the line, 305,041 of them trainable. The counts hold only when a skip starts before the pooling, so
    that its stride of two does the pooling's work, and with PReLU slopes for every position, not shared over a map.

    Args:
        drawing: height and width are multiples of 8.
        scaling: not used: the last layer is linear and learns latents as they are.

    Returns:
        'image' ``(n, height, width, channels)`` in [0, 1] to 'latent' ``(n, n_factors)``, unbounded.
    """
    image = keras.Input(drawing.canvas, name="image")
    x, skip = image, None
    for i, filters in enumerate((32, 16, 8), start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv_{i}")(x)
        x = layers.BatchNormalization(name=f"conv_{i}_norm")(x)
        if skip is not None:
            x = layers.Add(name=f"conv_{i}_add")([x, skip])  # one channel, added to every map
        x = layers.PReLU(name=f"conv_{i}_prelu")(x)
        if i < 3:
            skip = layers.Conv2D(1, 1, strides=2, name=f"skip_{i}")(x)
        x = layers.MaxPooling2D(name=f"pool_{i}")(x)
    x = layers.Flatten(name="flat")(x)
    for i, units in enumerate((256, 64, 16), start=1):
        x = layers.Dense(units, name=f"dense_{i}")(x)
        x = layers.PReLU(name=f"dense_{i}_prelu")(x)
    latent = layers.Dense(len(drawing.factors), name="latent")(x)
    return keras.Model(image, latent, name="article_encoder")
