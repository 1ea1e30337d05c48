"""Zooms: part of the picture, enlarged to its frame."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import about_centre, affine
from fullcircle.images.augmentation.operation import REQUIRED, Geometric, Parameters, check_order


@dataclasses.dataclass(frozen=True, kw_only=True)
class Zoom(Geometric):
    """Enlarge about the centre by a random factor; below 1 the picture shrinks and its surroundings are filled."""

    name: ClassVar[str] = "zoom"
    example: ClassVar[Mapping[str, Any]] = {"min_factor": 1.1, "max_factor": 1.5}
    min_factor: float = setting(REQUIRED, "smallest enlargement", above=0, high=100)
    max_factor: float = setting(REQUIRED, "largest enlargement", above=0, high=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_order(self, "min_factor", "max_factor")

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"factor": rng.uniform(self.min_factor, self.max_factor, len(frames))}

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return about_centre(frames, after, 1 / drawn["factor"], 0, 0, 1 / drawn["factor"])


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZoomRandom(Geometric):
    """Enlarge a rectangle of the picture, anywhere in it, to the frame."""

    name: ClassVar[str] = "zoom_random"
    example: ClassVar[Mapping[str, Any]] = {"percentage_area": 0.8}
    percentage_area: float = setting(REQUIRED, "share of each side that is kept", low=0.1, high=1)
    randomise_percentage_area: bool = setting(False, "whether the share is random, from 0.1 to percentage_area")

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        share = drawn_share(self.percentage_area, self.randomise_percentage_area, len(frames), rng)
        left, top = rng.random((2, len(frames))) * (frames * (1 - share[:, None])).T
        return {"share": share, "left_px": left, "top_px": top}

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return affine(len(frames), a=drawn["share"], c=drawn["left_px"], e=drawn["share"], f=drawn["top_px"])


def drawn_share(share: float, randomise: bool, n: int, rng: np.random.Generator) -> np.ndarray:
    """The share of each side that a zoom or a crop keeps, ``float64 (n,)``."""
    return rng.uniform(0.1, share, n) if randomise else np.full(n, float(share))
