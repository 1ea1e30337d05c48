"""Noise laws: how strong the noise of each example is, and how it is added.

Belongs here: the explicit list of laws. Noise is Gaussian, one sigma per example, in grey levels, added to the drawn picture and
rounded; the picture is not stretched to 0..255 afterwards (as the published pipeline does), because that would destroy the greys.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

ROUNDING = 0.3  # levels: the standard deviation of rounding, the least noise there is

CHUNK = 1 << 16
"""Pixels that get their noise at once: few enough for a core's cache, many enough that threads do not wait for the interpreter."""


def _article(n: int, maximum: float, rng: np.random.Generator) -> np.ndarray:
    """Variance |N(0, 1)| levels squared, as published; `maximum` only cuts its tail."""
    return np.minimum(np.sqrt(np.abs(rng.standard_normal(n))), maximum)


def _uniform(n: int, maximum: float, rng: np.random.Generator) -> np.ndarray:
    """Sigma uniform in [0, maximum] levels: what makes a reader robust."""
    return rng.uniform(0, maximum, n)


def _none(n: int, maximum: float, rng: np.random.Generator) -> np.ndarray:
    """No noise: the noisy picture is the clean one."""
    return np.zeros(n)


NOISE_LAWS: dict[str, Callable[[int, float, np.random.Generator], np.ndarray]] = {
    "uniform": _uniform,
    "article": _article,
    "none": _none,
}


def sample_sigmas(law: str, n: int, maximum: float, rng: np.random.Generator) -> np.ndarray:
    """Noise levels of `n` examples by a named law, ``float32 (n,)`` in grey levels.

    Raises:
        ValueError: naming the laws there are.
    """
    if law not in NOISE_LAWS:
        raise ValueError(f"Unknown noise law {law!r}. Choose from: {', '.join(NOISE_LAWS)}.")
    return NOISE_LAWS[law](n, maximum, rng).astype(np.float32)


def add_noise(images: np.ndarray, sigmas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures with Gaussian noise, rounded and cut to 0..255.

    Args:
        images: ``uint8 (n, ...)``.
        sigmas: ``(n,)`` in grey levels.
        rng: source of chance. Pictures are drawn in order, so the first ones do not depend on how many follow.

    Returns:
        ``uint8 (n, ...)``.

    Raises:
        ValueError: when there is not one level for each picture.
    """
    if len(sigmas) != len(images):
        raise ValueError(f"One noise level is expected for each picture. Received: {len(sigmas)} for {len(images)} pictures.")
    noisy = np.empty_like(images)
    size = max(1, CHUNK // max(1, images[:1].size))
    for first in range(0, len(images), size):
        some = slice(first, first + size)
        noise = rng.standard_normal(images[some].shape, np.float32)
        noise *= sigmas[some].reshape(-1, *(1,) * (images.ndim - 1))
        noise += images[some]
        np.rint(noise, out=noise)
        noisy[some] = np.clip(noise, 0, 255, out=noise)
    return noisy


def noise_level(image: np.ndarray) -> float:
    """Standard deviation of the noise in a picture, in grey levels, from the picture alone; 0 for a clean one.

    From differences of 2 x 2 neighbours, (a - b - c + d) / 2, in which plain areas and slopes cancel. Edges remain; they are
    left out as what lies beyond three deviations, again until nothing changes.
    """
    levels = image.astype(np.float64)
    d = ((levels[:-1, :-1] - levels[1:, :-1] - levels[:-1, 1:] + levels[1:, 1:]) / 2).ravel()
    sigma = np.median(np.abs(d)) / 0.6745
    for _ in range(10):
        inside = np.abs(d) <= 3 * max(sigma, ROUNDING)
        # Cutting at three deviations takes away 1.3 % of the deviation.
        sigma, before = np.sqrt((d[inside] ** 2).mean()) / 0.987, sigma
        if sigma == before:
            break
    return float(sigma)
