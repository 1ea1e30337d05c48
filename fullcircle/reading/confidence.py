"""How sure an answer is: what is left of a picture, on every scale, and calibrated confidence."""

from __future__ import annotations

import numpy as np

from fullcircle.images.noise import ROUNDING

TEMPERATURE = 4.0  # what a squared error must grow by to count is so many times what independent noise would ask for
NOTHING = 10.0  # the picture with nothing on it weighs as much as exp(10) specs: a drawing unseen could be anywhere

# Confidence as `make bench BENCH=confidence` measures it (docs/reading.md): of pictures whose alternatives leave this share of
# the weight near the answer, so many are right; and where so much of a picture is left unexplained, this part of those.
CALIBRATION = (
    (0.0, 0.0),
    (0.015, 0.0),
    (0.229, 0.269),
    (0.372, 0.37),
    (0.526, 0.686),
    (0.672, 0.8),
    (0.798, 0.848),
    (0.908, 0.879),
    (0.97, 0.97),
    (1.0, 0.993),
)
BELIEF = ((0.0, 1.0), (0.032, 0.846), (0.056, 0.735), (0.082, 0.587), (0.188, 0.483), (0.54, 0.482), (0.818, 0.098), (1.0, 0.0))


def mean_squares(rest: np.ndarray) -> list[tuple[int, float]]:
    """How many numbers, and their mean square, of block means on four scales, scaled so that noise of variance v gives v on each.

    A stroke drawn a little off leaves little in single pixels but the same sign over many, which shows in the blocks.
    """
    scales = [(size, block_means(rest, size)) for size in (1, 2, 4, 8) if size <= min(rest.shape[:2])]
    return [(means.size, float((means**2).mean()) * size**2) for size, means in scales]


def explained_variance(images: np.ndarray, redraw_mse: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Share of each picture's variance beyond noise that its redraws explain, ``float64 (n, k)`` in [0, 1].

    1 where no more is left than noise leaves, within three deviations: a picture of noise alone is explained.

    Args:
        images: ``uint8 (n, height, width[, channels])``.
        redraw_mse: of k redraws of each, pixels in [0, 1], ``(n, k)``.
        sigmas: noise levels in grey levels, ``(n,)``.
    """
    channels = images.reshape(len(images), images.shape[1] * images.shape[2], -1).astype(np.float64)
    variance = channels.var(axis=1).mean(axis=1)
    noise = np.maximum(sigmas, ROUNDING) ** 2
    left = redraw_mse * 255**2 - (noise * (1 + 3 * np.sqrt(2 / np.prod(images.shape[1:]))))[:, None]
    there = np.maximum((variance - noise)[:, None], ROUNDING**2)
    return np.asarray(1 - np.clip(left / there, 0, 1))


def calibrated(near: np.ndarray, explained: np.ndarray) -> np.ndarray:
    """Confidence: how often answers with so much weight near them, and so much explained, were right.

    A product of two tables, `CALIBRATION` for pictures of the class, `BELIEF` for what is left of others.

    Args:
        near: see `_Search.near`, ``(n,)``.
        explained: see `explained_variance`, ``(n,)``.
    """
    return np.asarray(np.interp(near, *np.transpose(CALIBRATION)) * np.interp(1 - explained, *np.transpose(BELIEF)))


def block_means(rest: np.ndarray, size: int) -> np.ndarray:
    """Means over squares of `size` px, ``(height // size, width // size, channels)``; what is over at the edge is left out."""
    h, w = rest.shape[0] // size, rest.shape[1] // size
    return np.asarray(rest[: h * size, : w * size].reshape(h, size, w, size, -1).mean(axis=(1, 3)))
