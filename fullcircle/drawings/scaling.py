"""Scalings: between specs in real units and latents, what networks speak.

Belongs here: the two scalings of "Completing the circle", standardise and shift-to-range, and their inverses. Both are
computed from the factor table, whose law (uniform on its steps) gives minimum, peak-to-peak, mean and deviation exactly; no
data is looked at, so nothing can leak from one split into another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fullcircle.drawings.factors import Factors


@dataclasses.dataclass(frozen=True)
class Scaling:
    """An affine map, ``latent = (spec - offset) / scale``, factor by factor.

    Attributes:
        name: key in `SCALINGS`.
        offset, scale: ``float64 (n_factors,)`` in real units.
        low, high: the latents of the ends of the factors' ranges, ``float64 (n_factors,)``.
    """

    name: str
    offset: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def to_latent(self, specs: np.ndarray) -> np.ndarray:
        """``float32 (n, n_factors)`` from specs in real units."""
        return ((np.asarray(specs, np.float64) - self.offset) / self.scale).astype(np.float32)

    def from_latent(self, latents: np.ndarray) -> np.ndarray:
        """Specs in real units, ``float64 (n, n_factors)``, neither rounded nor clipped (`Factors.snap` does that)."""
        return np.asarray(latents, np.float64) * self.scale + self.offset


def _range(factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    return (factors.low + factors.high) / 2, (factors.high - factors.low) / 2


def _standardise(factors: Factors) -> tuple[np.ndarray, np.ndarray]:
    count = np.array([f.count for f in factors])
    # Deviation of a discrete uniform law on `count` values one step apart.
    return (factors.low + factors.high) / 2, factors.step * np.sqrt((count**2 - 1) / 12)


SCALINGS: dict[str, Callable[[Factors], tuple[np.ndarray, np.ndarray]]] = {
    "range": _range,
    "standardise": _standardise,
}


def scaling(name: str, factors: Factors) -> Scaling:
    """The scaling called `name` for these factors: ``range`` maps each range to [-1, 1], ``standardise`` to mean 0, sd 1.

    Raises:
        ValueError: naming the scalings there are.
    """
    if name not in SCALINGS:
        raise ValueError(f"Unknown scaling {name!r}. Choose from: {', '.join(SCALINGS)}.")
    offset, scale = SCALINGS[name](factors)
    return Scaling(name, offset, scale, (factors.low - offset) / scale, (factors.high - offset) / scale)
