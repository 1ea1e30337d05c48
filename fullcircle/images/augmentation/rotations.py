"""Rotations, by any angle and by quarter turns. Left is anticlockwise, as one sees the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import about_centre
from fullcircle.images.augmentation.operation import REQUIRED, Frame, Geometric, Parameters

# What comes before lies where turning back takes it. y points down, so this pair of signs turns clockwise as one sees it.
_TURNS_BACK = {1: (0, -1, 1, 0), 2: (-1, 0, 0, -1), 3: (0, 1, -1, 0)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ByAngle(Geometric):
    max_left_rotation: float = setting(REQUIRED, "largest angle anticlockwise, in degrees", low=0, high=180)
    max_right_rotation: float = setting(REQUIRED, "largest angle clockwise, in degrees", low=0, high=180)

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"left_deg": rng.uniform(-self.max_right_rotation, self.max_left_rotation, len(frames))}


def _cos_sin(drawn: Parameters) -> tuple[np.ndarray, np.ndarray]:
    angle = np.radians(drawn["left_deg"])
    return np.cos(angle), np.sin(angle)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate(_ByAngle):
    """Turn by a random angle, keep the largest upright rectangle of the same aspect, and enlarge it to the frame.

    No empty corner shows. Every angle between the two largest is as likely.
    """

    name: ClassVar[str] = "rotate"
    example: ClassVar[Mapping[str, Any]] = {"max_left_rotation": 10, "max_right_rotation": 10}

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        cos, sin = _cos_sin(drawn)
        width, height = frames.T
        across, down = width * abs(cos) + height * abs(sin), width * abs(sin) + height * abs(cos)
        kept = np.minimum(width / across, height / down)
        return about_centre(frames, after, kept * cos, -kept * sin, kept * sin, kept * cos)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotateWithoutCrop(_ByAngle):
    """Turn by a random angle; corners leave the frame, or the frame grows (expand), and empty ones are filled."""

    name: ClassVar[str] = "rotate_without_crop"
    example: ClassVar[Mapping[str, Any]] = {"max_left_rotation": 10, "max_right_rotation": 10}
    expand: bool = setting(False, "whether the frame grows to hold the whole picture")
    fillcolor: int | None = setting(None, "level of empty corners; the pipeline's fill when left out", low=0, high=255)

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        cos, sin = _cos_sin(drawn)
        return about_centre(frames, after, cos, -sin, sin, cos)

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        if not self.expand:
            return frames
        cos, sin = np.abs(_cos_sin(drawn))
        width, height = frames.T
        # Rounded first: a quarter turn must not grow by a pixel because of the last digit of its cosine.
        grown = np.round([width * cos + height * sin, width * sin + height * cos], 6)
        return np.ceil(grown).astype(int).T

    def frame_after(self, frame: Frame | None) -> Frame | None:
        return None if self.expand else frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ByQuarters(Geometric):
    quarters: ClassVar[int]

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"left_quarters": np.full(len(frames), self.quarters)}

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        turns = np.array([_TURNS_BACK[q] for q in drawn["left_quarters"].tolist()]).reshape(-1, 4)
        return about_centre(frames, after, *turns.T)

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        return np.where(drawn["left_quarters"][:, None] % 2 == 1, frames[:, ::-1], frames)

    def frame_after(self, frame: Frame | None) -> Frame | None:
        return (frame[1], frame[0]) if frame and self.quarters % 2 else frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate90(_ByQuarters):
    """Turn by 90 degrees to the left."""

    name: ClassVar[str] = "rotate90"
    quarters: ClassVar[int] = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate180(_ByQuarters):
    """Turn by 180 degrees."""

    name: ClassVar[str] = "rotate180"
    quarters: ClassVar[int] = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rotate270(_ByQuarters):
    """Turn by 270 degrees to the left, 90 to the right."""

    name: ClassVar[str] = "rotate270"
    quarters: ClassVar[int] = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class RotateRandom90(_ByQuarters):
    """Turn by 90, 180 or 270 degrees, as likely each."""

    name: ClassVar[str] = "rotate_random_90"

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"left_quarters": rng.integers(1, 4, len(frames))}

    def frame_after(self, frame: Frame | None) -> Frame | None:
        return frame if frame and frame[0] == frame[1] else None
