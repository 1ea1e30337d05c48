"""A variational autoencoder of ours: residual blocks with group norm, and a decoder that knows where on the canvas it draws.

Belongs here: that network alone. It is meant to beat `vae` at the same number of latents.

A transposed convolution over a dense map must learn for every place anew what a stroke looks like, and two latents must choose
among 16,384 numbers. Here the latents open a small map, to which the places of its cells are joined; the latents also steer
every residual block again, by a scale and a shift of its normalised maps.
"""

from __future__ import annotations

from typing import Any

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings

AUTOENCODER = Autoencoder(
    "residual_vae",
    __name__,
    "variational: residual blocks with group norm, a decoder that knows where it draws, two latents",
    canvas=4,
    variational=True,
    settings={"latents": 2, "epochs": 16, "learning_rate": 2e-3, "schedule": "cosine"},
    quick={"epochs": 12},
)

SHRINK = 4
GROUPS = 8
ENCODER = (24, 32, 64)
MAP, DECODER = 8, (48, 16)  # channels of the map that the latents open, and of those at a quarter and a half of the size
SEEN, CONDITION = 128, 128  # widths of what the encoder concludes and of what the decoder makes of the latents


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """Strided convolutions with residual blocks between; a map of a quarter of the size, blocks steered by the latents, up twice.

    The last convolution works at half the size and says four pixels for each of its cells: work at full size would cost as much
    as all the rest.

    Args:
        canvas: height and width are multiples of 4.
        settings: `latents`.
    """
    import keras
    from keras import layers

    from fullcircle.models.layers import Coordinates

    height, width, channels = canvas
    image = keras.Input(canvas, name="image")
    x = layers.Conv2D(ENCODER[0], 5, strides=2, padding="same", name="stem")(image)
    for filters in ENCODER[1:]:
        x = layers.Activation("silu", name=f"down_{filters}_silu")(x)
        x = layers.Conv2D(filters, 3, strides=2, padding="same", name=f"down_{filters}")(x)
        x = _residual(x, f"block_{filters}")
    x = layers.Flatten(name="flat")(layers.Activation("silu", name="silu")(x))
    x = layers.Dense(SEEN, activation="silu", name="seen")(x)
    moments = {name: layers.Dense(settings.latents, name=name)(x) for name in ("mean", "log_var")}
    encoder = keras.Model(image, moments, name="residual_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    condition = latents
    for i in (1, 2, 3):
        condition = layers.Dense(CONDITION, activation="silu", name=f"condition_{i}")(condition)
    rows, columns = height // SHRINK, width // SHRINK
    x = layers.Dense(rows * columns * MAP, name="dense")(condition)
    x = Coordinates(name="coordinates")(layers.Reshape((rows, columns, MAP), name="map")(x))
    for i, filters in enumerate(DECODER):
        if i:
            x = layers.UpSampling2D(interpolation="bilinear", name=f"up_{filters}")(x)
        x = layers.Conv2D(filters, 3, padding="same", name=f"conv_{filters}")(x)
        x = _residual(x, f"block_{filters}", condition)
    x = layers.Activation("silu", name="silu")(x)
    x = layers.Conv2D(4 * channels, 3, padding="same", activation="sigmoid", name="fours")(x)
    x = layers.Reshape((height // 2, width // 2, 2, 2, channels), name="cells")(x)
    x = layers.Permute((1, 3, 2, 4, 5), name="rows")(x)
    x = layers.Reshape(canvas, name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="residual_decoder"))


def _residual(x: Any, name: str, condition: Any = None) -> Any:
    """Norm, SiLU, convolution, twice, added to what came in; with `condition`, its scale and shift stand after the second norm."""
    from keras import layers

    filters = x.shape[-1]
    y = x
    for i in (1, 2):
        y = layers.GroupNormalization(GROUPS, name=f"{name}_norm_{i}")(y)
        if i == 2 and condition is not None:
            scale, shift = (
                layers.Reshape((1, 1, filters), name=f"{name}_{what}")(
                    layers.Dense(filters, bias_initializer=initial, name=f"{name}_{what}_dense")(condition)
                )
                for what, initial in (("scale", "ones"), ("shift", "zeros"))
            )
            y = layers.Add(name=f"{name}_shifted")([layers.Multiply(name=f"{name}_scaled")([y, scale]), shift])
        y = layers.Activation("silu", name=f"{name}_silu_{i}")(y)
        y = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv_{i}")(y)
    return layers.Add(name=f"{name}_sum")([x, y])
