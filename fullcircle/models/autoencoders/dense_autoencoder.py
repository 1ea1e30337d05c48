"""The dense autoencoder, as published: every pixel to 128, 64 and the latents, and back.

Belongs here: that network alone; docs/autoencoders.md gives its description under "As published".
"""

from __future__ import annotations

import math

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings

AUTOENCODER = Autoencoder(
    "dense_autoencoder",
    __name__,
    "dense 128-64-32-64-128",
    settings={"latents": 32, "epochs": 60},
    quick={"epochs": 15},
)


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """784-128-64-32 and 32-64-128-784, ReLU, sigmoid at the end; 110,816 and 111,568 parameters on 28 x 28 with 32 latents.

    The latents go through a ReLU too, as published: some of them are 0 for every picture.
    """
    import keras
    from keras import layers

    image = keras.Input(canvas, name="image")
    x = layers.Flatten(name="pixels")(image)
    for units in (128, 64):
        x = layers.Dense(units, activation="relu", name=f"dense_{units}")(x)
    x = layers.Dense(settings.latents, activation="relu", name="latents")(x)
    encoder = keras.Model(image, x, name="dense_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    x = latents
    for units in (64, 128):
        x = layers.Dense(units, activation="relu", name=f"dense_{units}")(x)
    x = layers.Dense(math.prod(canvas), activation="sigmoid", name="pixels")(x)
    x = layers.Reshape(canvas, name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="dense_decoder"))
