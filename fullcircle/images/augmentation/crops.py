"""Crops: part of the picture, as large as it is. They cut at whole pixels, so levels stay as they are.

Copies are one array: see `Pipeline` for what happens where only some of them are cropped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import affine
from fullcircle.images.augmentation.operation import REQUIRED, Frame, Geometric, Parameters
from fullcircle.images.augmentation.zooms import drawn_share


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Crop(Geometric):
    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return affine(len(frames), c=drawn["left_px"], f=drawn["top_px"])

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        return np.stack([drawn["width_px"], drawn["height_px"]], axis=1)


def _placed(frames: np.ndarray, kept: np.ndarray, centre: bool, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rectangles of the sizes `kept` in `frames`, in the middle or anywhere."""
    spare = frames - kept
    corner = spare // 2 if centre else rng.integers(0, spare + 1)
    return {"left_px": corner[:, 0], "top_px": corner[:, 1], "width_px": kept[:, 0], "height_px": kept[:, 1]}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ShareCrop(_Crop):
    percentage_area: float = setting(REQUIRED, "share of each side that is kept", low=0.1, high=1)
    randomise_percentage_area: bool = setting(False, "whether the share is random, from 0.1 to percentage_area")
    centre: ClassVar[bool]

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        share = drawn_share(self.percentage_area, self.randomise_percentage_area, len(frames), rng)
        return _placed(frames, _kept(frames, share[:, None]), self.centre, rng)

    def frame_after(self, frame: Frame | None) -> Frame | None:
        if frame is None or self.randomise_percentage_area:
            return None
        width, height = _kept(np.array(frame), self.percentage_area).tolist()
        return width, height


def _kept(frames: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(np.floor(frames * share), 1).astype(int))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropCentre(_ShareCrop):
    """Cut out the middle: a share of each side."""

    name: ClassVar[str] = "crop_centre"
    example: ClassVar[Mapping[str, Any]] = {"percentage_area": 0.8}
    centre: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropRandom(_ShareCrop):
    """Cut out a rectangle anywhere: a share of each side."""

    name: ClassVar[str] = "crop_random"
    example: ClassVar[Mapping[str, Any]] = {"percentage_area": 0.8}
    centre: ClassVar[bool] = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class CropBySize(_Crop):
    """Cut out a rectangle of a size in px; a picture that is smaller stays as it is."""

    name: ClassVar[str] = "crop_by_size"
    example: ClassVar[Mapping[str, Any]] = {"width": 24, "height": 24}
    width: int = setting(REQUIRED, "width that is kept, in px", low=1)
    height: int = setting(REQUIRED, "height that is kept, in px", low=1)
    centre: bool = setting(True, "whether it lies in the middle, or anywhere")

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        size = (self.width, self.height)
        kept = np.where((frames >= size).all(axis=1, keepdims=True), size, frames)
        return _placed(frames, kept, self.centre, rng)

    def frame_after(self, frame: Frame | None) -> Frame | None:
        if frame is None:
            return None
        return (self.width, self.height) if self.width <= frame[0] and self.height <= frame[1] else frame
