"""Arrays of pixels: their ranges, shapes and hashes.

Belongs here: what needs no file, no drawing class and no network.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

Canvas = tuple[int, int, int]
"""(height, width, channels)."""

SSIM = {"filter_size": 11, "filter_sigma": 1.5, "k1": 0.01, "k2": 0.03}
"""Of structural similarity, as figure and as loss: the published settings."""


def unit_images(images: np.ndarray) -> np.ndarray:
    """Pictures at rest, ``uint8 (n, h, w[, c])``, as networks see them, ``float32 (n, h, w, c)`` in [0, 1]."""
    return (images if images.ndim == 4 else images[..., None]).astype(np.float32) / 255


def at_rest(images: np.ndarray) -> np.ndarray:
    """The inverse of `unit_images`, rounded and cut to 0..255."""
    rounded = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return rounded[..., 0] if rounded.shape[-1] == 1 else rounded


def picture_unit(image: np.ndarray) -> str:
    """Hash of a clean picture: what must not stand in two splits. Lines that cannot be seen share it, for example."""
    return blake2b(image.tobytes(), digest_size=8).hexdigest()


def image_shape(canvas: Canvas) -> tuple[int, ...]:
    """Shape of one picture at rest: (height, width), or (height, width, 3)."""
    return canvas[:2] if canvas[2] == 1 else canvas
