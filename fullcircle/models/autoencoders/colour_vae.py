"""The variational autoencoder for colour, 96 x 96 x 3 to 256 latents as published.

Belongs here: that network alone; docs/autoencoders.md gives its description under "As published".
"""

from __future__ import annotations

from typing import Any

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings, ShapedSettings

AUTOENCODER = Autoencoder(
    "colour_vae",
    __name__,
    "variational: four strided convolutions 32-64-128-256, 256 latents, for colour",
    canvas=16,
    variational=True,
    shaped=True,
    settings={"latents": 256, "epochs": 24, "learning_rate": 5e-4, "kl_factor": 5.0},
    quick={"epochs": 6},
)

SHRINK = 16  # four strides of two
FILTERS = (32, 64, 128, 256)


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """Convolutions 32-64-128-256, transposed ones 128-64-32-3, all 3 x 3 with a stride of 2; sigmoid at the end.

    Batch norm before ReLU and leaky ReLU. SELU normalises itself: it comes without, and its dropout is alpha dropout, which keeps
    mean and variance.

    Args:
        canvas: height and width are multiples of 16.
        settings: `latents` is 256 as published, `activation` leaky_relu, `dropout` 0.
    """
    import keras
    from keras import layers

    assert isinstance(settings, ShapedSettings)
    height, width, channels = canvas
    image = keras.Input(canvas, name="image")
    x = image
    for filters in FILTERS:
        x = layers.Conv2D(filters, name=f"conv_{filters}", **_convolution(settings))(x)
        x = _activated(x, f"conv_{filters}", settings)
    x = layers.Flatten(name="flat")(x)
    moments = {name: layers.Dense(settings.latents, name=name)(x) for name in ("mean", "log_var")}
    encoder = keras.Model(image, moments, name="colour_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    rows, columns = height // SHRINK, width // SHRINK
    x = layers.Dense(rows * columns * FILTERS[-1], name="dense")(latents)
    x = layers.Reshape((rows, columns, FILTERS[-1]), name="map")(x)
    x = _activated(x, "map", settings)
    for filters in FILTERS[-2::-1]:
        x = layers.Conv2DTranspose(filters, name=f"conv_{filters}", **_convolution(settings))(x)
        x = _activated(x, f"conv_{filters}", settings)
    x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation="sigmoid", name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="colour_decoder"))


def _convolution(settings: ShapedSettings) -> dict[str, Any]:
    initial = "lecun_normal" if settings.activation == "selu" else "glorot_uniform"
    return {"kernel_size": 3, "strides": 2, "padding": "same", "kernel_initializer": initial}


def _activated(x: Any, name: str, settings: ShapedSettings) -> Any:
    from keras import layers

    if settings.activation == "selu":
        x = layers.Activation("selu", name=f"{name}_selu")(x)
        return layers.AlphaDropout(settings.dropout, name=f"{name}_dropout")(x) if settings.dropout else x
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    x = layers.Activation(settings.activation, name=f"{name}_{settings.activation}")(x)
    return layers.Dropout(settings.dropout, name=f"{name}_dropout")(x) if settings.dropout else x
