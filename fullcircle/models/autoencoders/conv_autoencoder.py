"""The convolutional autoencoder of glyphs, as published.

Belongs here: that network alone; docs/autoencoders.md gives its description under "As published".
"""

from __future__ import annotations

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings

AUTOENCODER = Autoencoder(
    "conv_autoencoder",
    __name__,
    "convolutions 32-64, 128 latents, transposed convolutions back",
    canvas=4,
    settings={"latents": 128, "epochs": 15},
    quick={"epochs": 3, "batch_size": 64},
    goals={"quick": {"tifinagh": {"mse": 0.04}}, "full": {"tifinagh": {"mse": 8e-3}}},
)

SHRINK = 4  # two strides of two


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """Convolutions 32 and 64 of stride 2, dense 128; dense map of 64, transposed convolutions 64 and 32 of stride 2, then 1.

    2,116,096 and 2,169,217 parameters on 64 x 64 with 128 latents.

    Args:
        canvas: height and width are multiples of 4.
        settings: `latents` is 128 as published.
    """
    import keras
    from keras import layers

    height, width, channels = canvas
    image = keras.Input(canvas, name="image")
    x = image
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu", name=f"conv_{filters}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(settings.latents, name="latents")(x)
    encoder = keras.Model(image, x, name="conv_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    rows, columns = height // SHRINK, width // SHRINK
    x = layers.Dense(rows * columns * 64, activation="relu", name="dense")(latents)
    x = layers.Reshape((rows, columns, 64), name="map")(x)
    for filters in (64, 32):
        x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu", name=f"conv_{filters}")(x)
    x = layers.Conv2DTranspose(channels, 3, padding="same", activation="sigmoid", name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="conv_decoder"))
