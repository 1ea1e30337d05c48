"""The variational autoencoder of glyphs, as published, with two latents.

Belongs here: that network alone; docs/autoencoders.md gives its description under "As published". What its counts decide: every
layer but the last of each half has batch norm, the dense ones too.
"""

from __future__ import annotations

from typing import Any

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings

AUTOENCODER = Autoencoder(
    "vae",
    __name__,
    "variational: convolutions 32-64 with batch norm, two latents",
    canvas=4,
    variational=True,
    settings={"latents": 2, "epochs": 30},
    quick={"epochs": 6, "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine"},
    goals={"quick": {"tifinagh": {"negative_elbo": 1200.0}}, "full": {"tifinagh": {"negative_elbo": 1120.0}}},
)

SHRINK = 4  # two strides of two


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """Convolutions 32 and 64 of stride 2, dense 16; dense map of 64, transposed convolutions 16 and 8 of stride 2, then 1.

    281,492 and 125,249 parameters on 64 x 64 with 2 latents; the counts hold only with batch norm after each of these layers but
    the last.

    Args:
        canvas: height and width are multiples of 4.
        settings: `latents` is 2 as published.
    """
    import keras
    from keras import layers

    height, width, channels = canvas
    image = keras.Input(canvas, name="image")
    x = image
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", name=f"conv_{filters}")(x)
        x = _normalised(x, f"conv_{filters}")
    x = layers.Flatten(name="flat")(x)
    x = _normalised(layers.Dense(16, name="dense")(x), "dense")
    moments = {name: layers.Dense(settings.latents, name=name)(x) for name in ("mean", "log_var")}
    encoder = keras.Model(image, moments, name="vae_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    rows, columns = height // SHRINK, width // SHRINK
    x = _normalised(layers.Dense(rows * columns * 64, name="dense")(latents), "dense")
    x = layers.Reshape((rows, columns, 64), name="map")(x)
    for filters in (16, 8):
        x = layers.Conv2DTranspose(filters, 3, strides=2, padding="same", name=f"conv_{filters}")(x)
        x = _normalised(x, f"conv_{filters}")
    x = layers.Conv2DTranspose(channels, 3, padding="same", activation="sigmoid", name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="vae_decoder"))


def _normalised(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))
