"""Refinement of latents by gradient descent through the frozen decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fullcircle.drawings.scaling import Scaling
from fullcircle.reading.settings import ReaderSettings


def descent(decoder: Any, scaling: Scaling, periodic: np.ndarray, settings: ReaderSettings) -> Callable[[Any, Any], Any]:
    """Adam on latents through a frozen decoder, compiled; each picture by its own gradient, the rate falling as a cosine."""
    import tensorflow as tf

    from fullcircle.models.losses import Pyramid

    loss = Pyramid(settings.levels)
    # A periodic factor may pass its seam; `Factors.snap` brings it back.
    low, high = (tf.constant(np.where(periodic, np.sign(v) * np.inf, v), tf.float32) for v in (scaling.low, scaling.high))
    total = settings.gradient_steps

    def descend(latents: Any, images: Any) -> Any:
        first, second = tf.zeros_like(latents), tf.zeros_like(latents)
        for t in tf.range(total):
            with tf.GradientTape() as tape:
                tape.watch(latents)
                error = tf.reduce_sum(loss.call(images, decoder(latents, training=False)))
            gradient = tape.gradient(error, latents)
            now = tf.cast(t, tf.float32)
            rate = settings.learning_rate * 0.5 * (1 + tf.cos(np.pi * now / total))
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            step = first / (1 - 0.9 ** (now + 1)) / (tf.sqrt(second / (1 - 0.999 ** (now + 1))) + 1e-8)
            latents = tf.clip_by_value(latents - rate * step, low, high)
        return latents

    compiled: Callable[[Any, Any], Any] = tf.function(descend)
    return compiled
