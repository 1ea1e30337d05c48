"""Layers that more than one network uses.

Belongs here: layers without a network of their own; those of one network stand beside it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package="fullcircle")
class Coordinates(layers.Layer):
    """Two further channels, x and y of each cell's centre in [-1, 1]."""

    def call(self, x: Any) -> Any:
        grid = ops.convert_to_tensor(centres(*x.shape[1:3])[None])
        grid = ops.broadcast_to(grid, (ops.shape(x)[0], *grid.shape[1:]))
        return ops.concatenate([x, grid], axis=-1)

    def compute_output_shape(self, shape: Any) -> Any:
        return *shape[:3], shape[3] + 2


def centres(height: int, width: int) -> np.ndarray:
    """Centres of the cells as x and y in [-1, 1], ``float32 (height, width, 2)``."""
    rows, columns = ((2 * np.arange(n) + 1) / n - 1 for n in (height, width))
    return np.stack(np.meshgrid(columns, rows), axis=-1).astype("float32")
