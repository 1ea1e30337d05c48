"""Mirror images."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from fullcircle.images.augmentation.geometry import about_centre
from fullcircle.images.augmentation.operation import Geometric, Parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlipLeftRight(Geometric):
    """Mirror: left becomes right."""

    name: ClassVar[str] = "flip_left_right"

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return about_centre(frames, after, -1, 0, 0, 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlipTopBottom(Geometric):
    """Mirror: top becomes bottom."""

    name: ClassVar[str] = "flip_top_bottom"

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return about_centre(frames, after, 1, 0, 0, -1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlipRandom(Geometric):
    """Mirror left to right or top to bottom, as likely each."""

    name: ClassVar[str] = "flip_random"

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"axis": np.array(["left_right", "top_bottom"])[rng.integers(0, 2, len(frames))]}

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        across = drawn["axis"] == "left_right"
        return about_centre(frames, after, np.where(across, -1, 1), 0, 0, np.where(across, 1, -1))
