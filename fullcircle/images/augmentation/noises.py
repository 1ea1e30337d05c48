"""Noise, which Augmentor has not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.operation import REQUIRED, Colouring, Parameters, check_order
from fullcircle.images.augmentation.seeds import draw_seeds
from fullcircle.images.noise import add_noise


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise(Colouring):
    """Add Gaussian noise of a random strength, rounded and cut to 0..255."""

    name: ClassVar[str] = "noise"
    example: ClassVar[Mapping[str, Any]] = {"max_sigma": 25.5}
    min_sigma: float = setting(0.0, "smallest standard deviation, in grey levels", low=0, high=255)
    max_sigma: float = setting(REQUIRED, "largest standard deviation, in grey levels", low=0, high=255)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_order(self, "min_sigma", "max_sigma")

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(frames)
        return {"sigma_level": rng.uniform(self.min_sigma, self.max_sigma, n), "seed": draw_seeds(n, rng)}

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        noisy = np.empty_like(images)
        for i, (sigma, seed) in enumerate(zip(drawn["sigma_level"], drawn["seed"].tolist(), strict=True)):
            rng = np.random.Generator(np.random.SFC64(seed))
            noisy[i] = add_noise(images[i : i + 1], np.array([sigma], np.float32), rng)[0]
        return noisy
