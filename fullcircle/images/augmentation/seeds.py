"""Chance that is too much to record: a seed per copy is, and what follows from it is computed again.

Belongs here: seeds, and numbers from many seeds at once.
"""

from __future__ import annotations

import numpy as np

LIMIT = 2**53
"""Seeds lie below it, so that every reader of JSON gives them back as they were."""


def draw_seeds(n: int, rng: np.random.Generator) -> np.ndarray:
    """A seed for each copy, ``int64 (n,)``."""
    return rng.integers(0, LIMIT, n)


def uniforms(seeds: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of each seed, uniform in [0, 1), ``float64 (n, *shape)``.

    SplitMix64 (Steele, Lea and Flood 2014): the k-th number is a hash of seed and k, so all of them are computed at once,
    where a generator per copy would take longer than the picture.
    """
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        # Seeds are hashed before they are counted from; else neighbours would share their numbers.
        state = _mixed(seeds.astype(np.uint64))[:, None] + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        bits = _mixed(state)
    return (bits >> np.uint64(11)).astype(np.float64).reshape(len(seeds), *shape) / LIMIT


def _mixed(z: np.ndarray) -> np.ndarray:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))
