"""Losses: what the networks are fitted by, in Keras's operations.

Belongs here: distances between specs (order-free, derived from the drawing class) and between images, and the list
`IMAGE_LOSSES`, as classes for compile(); and the two terms of an autoencoder's loss. All take batches ``(batch, ...)`` and return
one number per example; Keras averages.
Does not belong here: figures for people, in NumPy (`metrics.reconstruction_loss` and `latents.kl_nats` are the same cross-entropy
and KL divergence for them); how a loss is weighted over a run (`training`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling
from fullcircle.images.arrays import SSIM as SSIM_SETTINGS


def _register(cls: type[keras.losses.Loss]) -> type[keras.losses.Loss]:
    registered: type[keras.losses.Loss] = keras.saving.register_keras_serializable(package="fullcircle")(cls)
    return registered


@_register
class SpecLoss(keras.losses.Loss):
    """Smallest mean squared (or Huber) distance between two latents over the orders that are judged equal.

    A line from A to B and one from B to A are one picture, so a network is free to answer either. The order is chosen once
    for all factors of an example; factor by factor would pass a line through the corners of the other diagonal. Periodic
    factors are compared by the short way round the circle. Latents are brought to [-1, 1] first, so the value is the same
    under every scaling.

    Args:
        permutations: ``int (k, n_factors)``, `Drawing.permutations`.
        low, high: latents of the ends of the ranges, ``(n_factors,)``.
        periods: per factor, its period in units of [-1, 1], or 0 where it has none.
        delta: where squared turns into absolute, in units of [-1, 1]; None: squared throughout.
    """

    def __init__(
        self,
        permutations: Any,
        low: Any,
        high: Any,
        periods: Any,
        delta: float | None = None,
        name: str = "spec",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.permutations = np.asarray(permutations, int).tolist()
        self.low, self.high, self.periods = (np.asarray(v, float).tolist() for v in (low, high, periods))
        self.delta = delta

    def get_config(self) -> dict[str, Any]:
        keys = ("permutations", "low", "high", "periods", "delta")
        return {**super().get_config(), **{key: getattr(self, key) for key in keys}}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        y_true, y_pred = (ops.convert_to_tensor(y, dtype="float32") for y in (y_true, y_pred))
        gain = 2 / (np.array(self.high) - np.array(self.low))
        errors = []
        for permutation in self.permutations:
            error = (y_pred - ops.take(y_true, permutation, axis=1)) * gain.astype("float32")
            errors.append(ops.mean(self._cost(self._shortest(error)), axis=1))
        return ops.min(ops.stack(errors), axis=0)

    def _shortest(self, error: Any) -> Any:
        periods = np.array(self.periods, "float32")
        if not periods.any():
            return error
        safe = np.where(periods > 0, periods, 1).astype("float32")
        return ops.where(periods > 0, error - safe * ops.round(error / safe), error)

    def _cost(self, error: Any) -> Any:
        if self.delta is None:
            return error**2
        size = ops.abs(error)
        # Huber's, divided by delta / 2: squared near zero, then 2 delta |error| - delta^2
        return ops.where(size <= self.delta, size**2, 2 * self.delta * size - self.delta**2)


def periods(drawing: Drawing) -> np.ndarray:
    """Period of each factor when its range is [-1, 1], ``float64 (n_factors,)``; 0 for one that is not periodic.

    `high` is followed by `low`, one step on, so the period is one step longer than the range.
    """
    return np.array([2 * f.count / (f.count - 1) if f.periodic else 0.0 for f in drawing.factors])


def spec_loss(drawing: Drawing, scaling: Scaling, delta: float | None = None) -> SpecLoss:
    """The order-free distance between latents of this drawing class.

    Example:
        >>> encoder.compile("adam", loss=spec_loss(drawing, scaling))  # doctest: +SKIP
    """
    return SpecLoss(drawing.permutations, scaling.low, scaling.high, periods(drawing), delta)


@_register
class MSE(keras.losses.Loss):
    """Mean squared error over pixels and channels."""

    def __init__(self, name: str = "mse", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return ops.mean((y_pred - y_true) ** 2, axis=(1, 2, 3))


@_register
class SSIM(keras.losses.Loss):
    """1 - structural similarity (Wang et al. 2004): filter 11, sigma 1.5, k1 .01, k2 .03, pixels in [0, 1].

    Needs the TensorFlow backend and a canvas of at least 11 x 11 px. The article negates SSIM; 1 - SSIM differs from that by a
    constant, so the gradient is the same and 0 is perfect, as with every other loss here.
    """

    def __init__(self, name: str = "ssim", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        import tensorflow as tf

        return 1 - tf.image.ssim(y_true, y_pred, max_val=1.0, **SSIM_SETTINGS)


@_register
class Pyramid(keras.losses.Loss):
    """Mean squared errors of the images and of their average-pooled halves, quarters ..., summed.

    A stroke that misses the true one by more than its width gets no pull from single pixels; on a coarse level the two
    overlap. Levels past the smaller side of the canvas are left out.

    Args:
        levels: how many, the full size included.
    """

    def __init__(self, levels: int = 5, name: str = "pyramid", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.levels = levels

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "levels": self.levels}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = y_pred - y_true  # pooling is linear: the difference is pooled once, not both images
        total = ops.mean(error**2, axis=(1, 2, 3))
        for _ in range(1, self.levels):
            if min(error.shape[1:3]) < 2:
                break
            error = ops.average_pool(error, 2, strides=2, padding="valid")
            total = total + ops.mean(error**2, axis=(1, 2, 3))
        return total


@_register
class Balanced(keras.losses.Loss):
    """Mean squared error with what is drawn and what is ground weighing the same: for a decoder's first epochs.

    A line covers 4 % of its canvas, so a decoder that draws the ground alone is nearly right, and many starts never leave
    that. Pixels are weighted by (1 + z^2) / 2, z the true image standardised; for two colours that gives the pixels of
    either half the weight, however few they are. Not for the end of a training: where an edge is in doubt, the least of this
    loss is not at the mean.

    Args:
        limit: highest z^2, so that a dot of some pixels does not outweigh a batch.
    """

    def __init__(self, limit: float = 50.0, name: str = "balanced", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.limit = limit

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "limit": self.limit}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        squares = (y_true - ops.mean(y_true, axis=(1, 2), keepdims=True)) ** 2
        # The constant: a deviation of 0.8 grey levels, so that an image without contrast is weighted evenly.
        z2 = ops.minimum(squares / (ops.mean(squares, axis=(1, 2), keepdims=True) + 1e-5), self.limit)
        return ops.mean((1 + z2) / 2 * (y_pred - y_true) ** 2, axis=(1, 2, 3))


IMAGE_LOSSES: dict[str, Callable[..., keras.losses.Loss]] = {
    "mse": MSE,
    "ssim": SSIM,
    "pyramid": Pyramid,
    "balanced": Balanced,
}


def image_loss(name: str, **settings: Any) -> keras.losses.Loss:
    """The image loss called `name`.

    Raises:
        ValueError: naming the image losses there are.
    """
    if name not in IMAGE_LOSSES:
        raise ValueError(f"Unknown image loss {name!r}. Choose from: {', '.join(IMAGE_LOSSES)}.")
    return IMAGE_LOSSES[name](**settings)


def reconstruction_loss(name: str, image: Any, made: Any) -> Any:
    """Loss per picture ``(n,)``, summed over its pixels and channels: of `bce` in nats, of `mse` the squared error.

    Args:
        name: one of `models.settings.RECONSTRUCTIONS`.
        image: ``float32 (n, height, width, channels)`` in [0, 1].
        made: the same shape.
    """
    each = keras.losses.binary_crossentropy(image, made) if name == "bce" else ops.mean((image - made) ** 2, axis=-1)
    return ops.sum(each, axis=(1, 2)) * image.shape[-1]  # both are means over channels


def kl_divergence(mean: Any, log_var: Any) -> Any:
    """KL divergence of N(mean, exp(log_var)) from N(0, 1) per latent, in nats, ``(n, latents)``."""
    return 0.5 * (mean**2 + ops.exp(log_var) - 1 - log_var)
