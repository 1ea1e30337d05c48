"""An encoder that looks for points and colours on a map of the image, each by an attention of its own.

Belongs here: the network and its layers. All of it follows from the factor table and the canvas; nothing knows a particular
figure.

A coordinate read by a dense layer from a flattened map must learn anew for every place what an end looks like. Here every
cell of a coarse map says how likely a point lies nearby (softmax over the canvas) and by how much off; the answer is the
mean of cell centre plus offset. One softmax places x and y together, so two ends whose order is in doubt are not mixed up
coordinate by coordinate. Colours are read the same way: where to look is learned, what is there is the image itself.

That first guess is then looked at closely, twice: the pixels around every point that was found are cut out at full size and
say how far off the whole spec is. The first guess and every closer look have losses of their own, see `models.GUESS`.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling
from fullcircle.models.layers import Coordinates, centres
from fullcircle.models.networks import GUESS

PATCH = 4  # px to a cell of the fine map: pixels are looked at once, everything else is a sixteenth of the work
STEM, FINE, COARSE, SQUEEZE, CONTEXT = 48, 64, 96, 32, 256
GLANCES = 2  # attentions per colour factor
LOOKS = 2  # closer looks, each at what the one before it found
WINDOW = 16  # px: side of what a closer look sees around a point
LOOK = 256
CORRECTION = 0.1  # latents a closer look moves per unit of its answer: it corrects, it does not start anew


@keras.saving.register_keras_serializable(package="fullcircle")
class Standardised(layers.Layer):
    """The image, and beside it the image standardised by its own mean and deviation: low contrast looks like high contrast."""

    def call(self, image: Any) -> Any:
        mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
        variance = ops.mean((image - mean) ** 2, axis=(1, 2, 3), keepdims=True)
        # The constant: a quarter of a grey level, less than one faint thin stroke causes.
        return ops.concatenate([image, (image - mean) / ops.sqrt(variance + 1e-6)], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        return *shape[:3], 2 * shape[3]


@keras.saving.register_keras_serializable(package="fullcircle")
class Attention(layers.Layer):
    """Means over the canvas: of k maps of logits ``(n, h, w, k)``, with values ``(n, h, w, m)`` shared by all, or k * m own.

    Args:
        shared: whether all maps weigh the same values.

    Returns ``(n, k * m)``.
    """

    def __init__(self, shared: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shared = shared

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shared": self.shared}

    def call(self, inputs: Any) -> Any:
        logits, values = inputs
        _, h, w, k = logits.shape
        weights = ops.softmax(ops.reshape(logits, (-1, h * w, k)), axis=1)
        if self.shared:
            means = ops.einsum("nck,ncm->nkm", weights, ops.reshape(values, (-1, h * w, values.shape[3])))
        else:
            values = ops.reshape(values, (-1, h * w, k, values.shape[3] // k))
            means = ops.sum(weights[..., None] * values, axis=1)
        return ops.reshape(means, (-1, k * means.shape[2]))

    def compute_output_shape(self, shapes: Any) -> Any:
        logits, values = shapes
        return logits[0], logits[3] * values[3] if self.shared else values[3]


@keras.saving.register_keras_serializable(package="fullcircle")
class Places(layers.Layer):
    """Offsets ``(n, h, w, 2 k)``, in cells, to places in [-1, 1] over the canvas: the cell's centre plus the offset."""

    def call(self, offsets: Any) -> Any:
        _, h, w, twice = offsets.shape
        cell = np.tile([2 / w, 2 / h], twice // 2).astype("float32")
        return ops.convert_to_tensor(np.tile(centres(h, w), (1, 1, twice // 2))[None]) + offsets * cell

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@keras.saving.register_keras_serializable(package="fullcircle")
class Angles(layers.Layer):
    """Pairs of sine and cosine ``(n, 2 k)`` to shares of a turn, ``(n, k)`` in [-0.5, 0.5]: an angle has no seam to learn."""

    def call(self, pairs: Any) -> Any:
        # The constant keeps the gradient finite where both are 0.
        return ops.arctan2(pairs[:, 0::2], pairs[:, 1::2] + 1e-7) / (2 * np.pi)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape[0], shape[1] // 2


@keras.saving.register_keras_serializable(package="fullcircle")
class Arranged(layers.Layer):
    """Columns put in another order.

    Args:
        order: which column comes first, second, ...
    """

    def __init__(self, order: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "order": self.order}

    def call(self, x: Any) -> Any:
        return ops.take(x, self.order, axis=1)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape[0], len(self.order)


@keras.saving.register_keras_serializable(package="fullcircle")
class StopGradient(layers.Layer):
    """Its input, as if it were a constant."""

    def call(self, x: Any) -> Any:
        return ops.stop_gradient(x)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape


@keras.saving.register_keras_serializable(package="fullcircle")
class Windows(layers.Layer):
    """What is seen around some points of a latent: pixels at full size, and where in the window the point lies.

    Takes images ``(n, h, w, c)`` and latents ``(n, n_factors)``; returns windows ``(n * k, size, size, c)``, zero outside the
    canvas, and ``(n, 2 k)`` distances in px from the window's middle pixel to the point. The gradient does not pass.

    Args:
        size: side of a window, px.
        points: per point ``[[index, gain, shift], [index, gain, shift]]`` for x and y: px = gain * latent + shift.
    """

    def __init__(self, size: int, points: list[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.points = size, points

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "points": self.points}

    def call(self, inputs: Any) -> tuple[Any, Any]:
        image, latent = inputs
        _, h, w, c = image.shape
        k, half = len(self.points), self.size // 2
        order, gain, shift = np.moveaxis(np.array(self.points, "float32"), 2, 0)
        places = ops.take(ops.stop_gradient(latent), order.astype("int32").ravel(), axis=1) * gain.ravel() + shift.ravel()
        places = ops.reshape(places, (-1, k, 2)) - 0.5  # pixel (0, 0) has its centre at (0.5, 0.5)
        middle = ops.clip(ops.round(places), 0, [w - 1.0, h - 1.0])
        # One gather from flattened rows: the first pixel of every window, and from there the same steps for all.
        padded = ops.pad(image, ((0, 0), (half, half), (half, half), (0, 0)))
        across = w + 2 * half
        first = ops.cast(middle[..., 1] * across + middle[..., 0], "int32")
        steps = (np.arange(self.size)[:, None] * across + np.arange(self.size)).ravel().astype("int32")
        chosen = ops.reshape(first[..., None] + steps, (-1, k * self.size**2, 1))
        seen = ops.take_along_axis(ops.reshape(padded, (-1, (h + 2 * half) * across, c)), chosen, axis=1)
        return ops.reshape(seen, (-1, self.size, self.size, c)), ops.reshape(places - middle, (-1, 2 * k))

    def compute_output_shape(self, shapes: Any) -> Any:
        image, latent = shapes
        return (None, self.size, self.size, image[3]), (latent[0], 2 * len(self.points))


@keras.saving.register_keras_serializable(package="fullcircle")
class Together(layers.Layer):
    """Rows that belong to one example side by side, ``(n * k, m)`` to ``(n, k * m)``.

    Args:
        count: k, rows per example.
    """

    def __init__(self, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.count = count

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "count": self.count}

    def call(self, x: Any) -> Any:
        return ops.reshape(x, (-1, self.count * x.shape[1]))

    def compute_output_shape(self, shape: Any) -> Any:
        return None, self.count * shape[1]


def _conv(x: Any, filters: int, size: int, stride: int, name: str) -> Any:
    return layers.Conv2D(
        filters, size, strides=stride, padding="same", activation="relu", kernel_initializer="he_normal", name=name
    )(x)


def build(drawing: Drawing, scaling: Scaling) -> keras.Model:
    """A fine map and a coarse one with the whole image in view; points and colours by attention, the rest by a dense layer.

    Where there are points, closer looks at them follow, each correcting the whole spec.

    Args:
        drawing: height and width are multiples of 8.
        scaling: between the latents that come out and the drawing's specs.

    Returns:
        'image' ``(n, height, width, channels)`` in [0, 1] to 'latent' ``(n, n_factors)``. A latent can leave its range a
        little, as a point just outside the canvas must; `Factors.snap` brings it back.
    """
    factors = drawing.factors
    height, width, _ = drawing.canvas
    placed = factors.point_indices()
    coloured = [int(i) for i in factors.of_kind("colour")]
    turning = [i for i, f in enumerate(factors) if f.periodic]
    rest = [i for i in range(len(factors)) if i not in coloured and i not in turning and i not in placed]

    image = keras.Input(drawing.canvas, name="image")
    standardised = Standardised(name="standardised")(image)
    x = _conv(standardised, STEM, PATCH, PATCH, "stem")
    x = Coordinates(name="where")(x)
    fine = _conv(x, FINE, 3, 1, "fine")
    x = _conv(fine, COARSE, 3, 2, "coarse_1")
    coarse = _conv(x, COARSE, 3, 1, "coarse_2")
    x = layers.Conv2D(SQUEEZE, 1, activation="relu", name="squeeze")(coarse)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(CONTEXT, activation="relu", name="context_1")(x)
    context = layers.Dense(CONTEXT, activation="relu", name="context_2")(x)

    # The fine map, joined with what the coarse one sees around it and what the whole image is about
    around = layers.UpSampling2D(name="around")(layers.Conv2D(FINE, 1, name="lateral")(coarse))
    about = layers.Reshape((1, 1, FINE), name="about")(layers.Dense(FINE, name="context_3")(context))
    x = layers.Activation("relu", name="joined")(layers.Add(name="join")([fine, around, about]))
    joined = _conv(Coordinates(name="where_joined")(x), FINE, 1, 1, "mix")

    parts = []
    if len(placed):
        found = layers.Conv2D(len(placed), 1, name="point_logits")(joined)
        offsets = layers.Conv2D(2 * len(placed), 1, kernel_initializer="zeros", name="point_offsets")(joined)
        parts.append(Attention(False, name="points")([found, Places(name="places")(offsets)]))
    if coloured:
        pools = [
            layers.AveragePooling2D(PATCH, name="mean")(image),
            layers.MaxPooling2D(PATCH, name="lightest")(image),
            # A line one pixel wide is the darkest or the lightest of its cell, seldom the mean.
            layers.Rescaling(-1.0, name="darkest")(
                layers.MaxPooling2D(PATCH, name="pooled")(layers.Rescaling(-1.0, name="negative")(image))
            ),
        ]
        looked = layers.Conv2D(GLANCES * len(coloured), 1, name="colour_logits")(joined)
        seen = Attention(True, name="seen")([looked, layers.Concatenate(name="cells")(pools)])
        x = layers.Dense(64, activation="relu", name="judged")(layers.Concatenate(name="evidence")([seen, context]))
        parts.append(layers.Dense(len(coloured), name="colours")(layers.Concatenate(name="verdict")([seen, x])))
    if turning:
        parts.append(Angles(name="angles")(layers.Dense(2 * len(turning), name="sines_and_cosines")(context)))
    if rest:
        parts.append(layers.Dense(len(rest), name="rest")(context))

    looks = LOOKS if len(placed) else 0  # without a point there is nowhere to look

    # Every part answers in units of its own: spec = unit * answer + zero. From there to latents, in the factors' order.
    unit, zero = np.empty(len(factors)), np.empty(len(factors))
    unit[placed], zero[placed] = [width / 2, height / 2], [width / 2, height / 2]
    unit[coloured], zero[coloured] = 255, 0
    unit[rest], zero[rest] = (factors.high - factors.low)[rest] / 2, (factors.high + factors.low)[rest] / 2
    for i in turning:
        unit[i] = factors[i].count * factors[i].step
        zero[i] = factors[i].low + unit[i] / 2
    made = [*(int(i) for i in placed.ravel()), *coloured, *turning, *rest]
    x = layers.Concatenate(name="parts")(parts) if len(parts) > 1 else parts[0]
    x = Arranged([made.index(i) for i in range(len(factors))], name="arranged")(x)
    gain, shift = unit / scaling.scale, (zero - scaling.offset) / scaling.scale
    latent = layers.Rescaling(gain.tolist(), shift.tolist(), name=f"{GUESS}_0" if looks else "latent")(x)
    if not looks:
        return keras.Model(image, latent, name="attention_encoder")

    # px = scale * latent + offset
    windows = [[[int(i), float(scaling.scale[i]), float(scaling.offset[i])] for i in pair] for pair in placed]
    for look in range(1, looks + 1):
        before = StopGradient(name=f"before_{look}")(latent)
        seen, off = Windows(WINDOW, windows, name=f"windows_{look}")([standardised, before])
        x = _conv(seen, 32, 3, 2, f"look_{look}_1")
        x = _conv(x, 64, 3, 2, f"look_{look}_2")
        x = layers.Reshape((WINDOW // 4 * (WINDOW // 4) * 64,), name=f"look_{look}_flat")(x)
        x = Together(len(placed), name=f"look_{look}_together")(x)
        x = layers.Concatenate(name=f"look_{look}_all")([x, off, context, before])
        for layer in (3, 4):
            x = layers.Dense(LOOK, activation="relu", name=f"look_{look}_{layer}")(x)
        x = layers.Dense(len(factors), kernel_initializer="zeros", name=f"look_{look}_5")(x)
        x = layers.Rescaling(CORRECTION, name=f"correction_{look}")(x)
        latent = layers.Add(name="latent" if look == looks else f"{GUESS}_{look}")([before, x])
    return keras.Model(image, latent, name="attention_encoder")
