"""Other sizes of the whole picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import resized
from fullcircle.images.augmentation.operation import REQUIRED, Frame, Geometric, Parameters


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale(Geometric):
    """Scale by a factor, frame and all."""

    name: ClassVar[str] = "scale"
    example: ClassVar[Mapping[str, Any]] = {"scale_factor": 1.5}
    scale_factor: float = setting(REQUIRED, "size after it, in sizes before it", above=0, high=100)

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return resized(frames, after)

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        return np.asarray(np.maximum(np.floor(frames * self.scale_factor), 1).astype(int))

    def frame_after(self, frame: Frame | None) -> Frame | None:
        if frame is None:
            return None
        width, height = self.frames_after(np.array(frame), {}).tolist()
        return width, height


@dataclasses.dataclass(frozen=True, kw_only=True)
class Resize(Geometric):
    """Stretch to a size in px."""

    name: ClassVar[str] = "resize"
    example: ClassVar[Mapping[str, Any]] = {"width": 48, "height": 48}
    width: int = setting(REQUIRED, "width after it, in px", low=1, high=10_000)
    height: int = setting(REQUIRED, "height after it, in px", low=1, high=10_000)

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        return resized(frames, after)

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        return np.broadcast_to([self.width, self.height], frames.shape)

    def frame_after(self, frame: Frame | None) -> Frame | None:
        return self.width, self.height
