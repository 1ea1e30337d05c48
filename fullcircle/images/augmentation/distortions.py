"""Distortions: a grid of tiles over the frame, whose inner corners are moved at random; in between, displacement is linear."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.operation import REQUIRED, Bending, Parameters
from fullcircle.images.augmentation.seeds import draw_seeds, uniforms


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Grid(Bending):
    grid_width: int = setting(REQUIRED, "tiles across", low=1, high=50)
    grid_height: int = setting(REQUIRED, "tiles down", low=1, high=50)
    magnitude: float = setting(REQUIRED, "how far a corner of a tile is moved, in px", low=0, high=1000)

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"seed": draw_seeds(len(frames), rng)}

    def _nodes(self, inner: np.ndarray) -> np.ndarray:
        """The displacement of inner nodes, ``(n, rows, columns, 2)``, with the border, which stays."""
        return np.pad(inner, ((0, 0), (1, 1), (1, 1), (0, 0)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomDistortion(_Grid):
    """Move every inner corner of a grid by up to `magnitude` px in x and in y, uniformly."""

    name: ClassVar[str] = "random_distortion"
    example: ClassVar[Mapping[str, Any]] = {"grid_width": 4, "grid_height": 4, "magnitude": 4}

    def nodes(self, drawn: Parameters) -> np.ndarray:
        shape = (self.grid_height - 1, self.grid_width - 1, 2)
        return self._nodes((2 * uniforms(drawn["seed"], shape) - 1) * self.magnitude)


@dataclasses.dataclass(frozen=True, kw_only=True)
class GaussianDistortion(_Grid):
    """Move the inner corners of a grid by normally distributed amounts, most where a bell over the picture is highest.

    The bell is ``exp(-((x - mex)^2 / sdx + (y - mey)^2 / sdy))`` over [0, 1] x [0, 1], scaled to reach from 0 to 1. It covers the
    picture ("bell"), or a quarter of it does, so that its peak lies in a corner. Sigma is `magnitude` px at the peak and a
    hundredth of it at the least; with the method "out" it is least at the peak.
    """

    name: ClassVar[str] = "gaussian_distortion"
    example: ClassVar[Mapping[str, Any]] = {"grid_width": 5, "grid_height": 5, "magnitude": 2, "corner": "bell", "method": "in"}
    corner: str = setting(REQUIRED, "where the peak lies", choices=("bell", "ul", "ur", "dl", "dr"))
    method: str = setting(REQUIRED, "most at the peak (in), or least (out)", choices=("in", "out"))
    mex: float = setting(0.5, "x of the bell's peak, in widths of the bell", low=0, high=1)
    mey: float = setting(0.5, "y of the bell's peak, in heights of the bell", low=0, high=1)
    sdx: float = setting(0.05, "twice the variance of the bell along x", above=0)
    sdy: float = setting(0.05, "twice the variance of the bell along y", above=0)

    def nodes(self, drawn: Parameters) -> np.ndarray:
        shape = (self.grid_height - 1, self.grid_width - 1)
        u, v = uniforms(drawn["seed"], (2, *shape, 2)).swapaxes(0, 1)
        normals = np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
        return self._nodes(normals * self.sigmas()[..., None])

    def sigmas(self) -> np.ndarray:
        """Sigma at each inner node in px, ``float64 (rows, columns)``."""
        x = np.arange(1, self.grid_width) / self.grid_width
        y = np.arange(1, self.grid_height)[:, None] / self.grid_height
        if self.corner != "bell":
            x = x / 2 + 0.5 * (self.corner[1] == "l")
            y = y / 2 + 0.5 * (self.corner[0] == "u")
        ends = [np.exp(-((ex - self.mex) ** 2 / self.sdx + (ey - self.mey) ** 2 / self.sdy)) for ex in (0, 1) for ey in (0, 1)]
        bell = np.exp(-((x - self.mex) ** 2 / self.sdx + (y - self.mey) ** 2 / self.sdy))
        height = (bell - min(ends)) / (1 - min(ends))
        return np.asarray(np.maximum(height if self.method == "in" else 1 - height, 0.01) * self.magnitude)
