"""The digit autoencoder, as published: small convolutions to 10 or 2 latents, up-sampling back.

Belongs here: that network alone; docs/autoencoders.md gives its description under "As published".
"""

from __future__ import annotations

from fullcircle.images.arrays import Canvas
from fullcircle.models.autoencoders.autoencoder import Autoencoder, Halves
from fullcircle.models.settings import AutoencoderSettings

AUTOENCODER = Autoencoder(
    "digit_autoencoder",
    __name__,
    "four small convolutions, 10 or 2 latents",
    canvas=4,
    settings={
        "latents": 10,
        "epochs": 60,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "loss": "mse",
    },
    quick={"epochs": 15},
    published={"optimizer": "rmsprop", "learning_rate": 3e-4, "schedule": "constant", "patience": 5},
    goals={"full": {"digits": {"mse": 6.67e-3}}},  # 3 dB above PCA with as many latents
)

SHRINK = 4  # two strides of two


def build(canvas: Canvas, settings: AutoencoderSettings) -> Halves:
    """Convolutions of 8 maps, the first and third with a stride of 2, dense latents; dense map of 64, convolutions 64, 32, 1.

    The latents are linear and unbounded: their picture over [-5, 5) is the published one.

    Args:
        canvas: height and width are multiples of 4.
        settings: `latents` is 10 or 2 as published.
    """
    import keras
    from keras import layers

    height, width, channels = canvas
    image = keras.Input(canvas, name="image")
    x = image
    for i, stride in enumerate((2, 1, 2, 1), start=1):
        x = layers.Conv2D(8, 3, strides=stride, padding="same", activation="relu", name=f"conv_{i}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(settings.latents, name="latents")(x)
    encoder = keras.Model(image, x, name="digit_encoder")

    latents = keras.Input((settings.latents,), name="latents")
    rows, columns = height // SHRINK, width // SHRINK
    x = layers.Dense(rows * columns * 64, activation="relu", name="dense")(latents)
    x = layers.Reshape((rows, columns, 64), name="map")(x)
    for filters in (64, 32):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv_{filters}")(x)
        x = layers.UpSampling2D(name=f"up_{filters}")(x)
    x = layers.Conv2D(channels, 3, padding="same", activation="sigmoid", name="image")(x)
    return Halves(encoder, keras.Model(latents, x, name="digit_decoder"))
