"""Random erasing (Zhong et al. 2017): a rectangle of the picture becomes noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.operation import REQUIRED, Colouring, Parameters
from fullcircle.images.augmentation.seeds import draw_seeds


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomErasing(Colouring):
    """Fill a random rectangle of the copy with random levels.

    Each side is uniform between a tenth of the frame's (or `rectangle_area`, where that is less) and `rectangle_area` of it. It
    is placed in the frame of the copy, wherever in the list it stands.
    """

    name: ClassVar[str] = "random_erasing"
    example: ClassVar[Mapping[str, Any]] = {"rectangle_area": 0.4}
    rectangle_area: float = setting(REQUIRED, "largest share of each side that is erased", low=0.01, high=1)

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(frames)
        least = np.maximum((frames * min(0.1, self.rectangle_area)).astype(int), 1)
        most = np.maximum((frames * self.rectangle_area).astype(int), least)
        size = rng.integers(least, most + 1)
        corner = rng.integers(0, frames - size + 1)
        return {
            "left_px": corner[:, 0],
            "top_px": corner[:, 1],
            "width_px": size[:, 0],
            "height_px": size[:, 1],
            "seed": draw_seeds(n, rng),
        }

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        erased = images.copy()
        boxes = np.stack([drawn[name] for name in ("left_px", "top_px", "width_px", "height_px")], axis=1).tolist()
        for image, (left, top, width, height), seed in zip(erased, boxes, drawn["seed"].tolist(), strict=True):
            box = image[top : top + height, left : left + width]
            box[...] = np.random.Generator(np.random.SFC64(seed)).integers(0, 256, box.shape, np.uint8)
        return erased
