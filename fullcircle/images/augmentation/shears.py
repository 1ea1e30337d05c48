"""Shears: a rectangle becomes a parallelogram, cut and stretched to the frame so that no empty corner shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import affine
from fullcircle.images.augmentation.operation import REQUIRED, Geometric, Parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shear(Geometric):
    """Slant by a random angle, along x or along y, as likely each.

    Of a picture so long and narrow that nothing would be left, a tenth of its side remains.
    """

    name: ClassVar[str] = "shear"
    example: ClassVar[Mapping[str, Any]] = {"max_shear_left": 10, "max_shear_right": 10}
    max_shear_left: float = setting(REQUIRED, "largest angle to the left, in degrees", low=0, high=45)
    max_shear_right: float = setting(REQUIRED, "largest angle to the right, in degrees", low=0, high=45)

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(frames)
        return {
            "axis": np.array(["x", "y"])[rng.integers(0, 2, n)],
            "right_deg": rng.uniform(-self.max_shear_left, self.max_shear_right, n),
        }

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        along_x = drawn["axis"] == "x"
        side, other = np.where(along_x, frames.T, frames.T[::-1])
        slope = np.tan(np.radians(drawn["right_deg"]))
        slope = np.clip(slope, -0.9 * side / other, 0.9 * side / other)
        # What remains of the side, stretched back to it; it starts at 0 on one border and ends at `side` on the other.
        kept, start = 1 - np.abs(slope) * other / side, np.maximum(-slope, 0) * other
        return affine(
            len(frames),
            np.where(along_x, kept, 1),
            np.where(along_x, slope, 0),
            np.where(along_x, start, 0),
            np.where(along_x, 0, slope),
            np.where(along_x, 1, kept),
            np.where(along_x, 0, start),
        )
