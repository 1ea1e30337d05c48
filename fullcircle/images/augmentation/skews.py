"""Skews: the picture in perspective, as if tilted or pulled at a corner, and cut to its frame so that no empty corner shows.

Each pulls corners of the picture out of its frame, by a random amount of at most `magnitude` times its longer side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.geometry import projective
from fullcircle.images.augmentation.operation import Geometric, Parameters

# Which way the corners go, in amounts: top left, top right, bottom right, bottom left.
_STAY = (0, 0)
_PULLS: dict[str, tuple[tuple[int, int], ...]] = {
    "left": ((0, -1), _STAY, _STAY, (0, 1)),
    "right": (_STAY, (0, -1), (0, 1), _STAY),
    "top": ((-1, 0), (1, 0), _STAY, _STAY),
    "bottom": (_STAY, _STAY, (1, 0), (-1, 0)),
    "top left across": ((-1, 0), _STAY, _STAY, _STAY),
    "top left up": ((0, -1), _STAY, _STAY, _STAY),
    "top right across": (_STAY, (1, 0), _STAY, _STAY),
    "top right up": (_STAY, (0, -1), _STAY, _STAY),
    "bottom right across": (_STAY, _STAY, (1, 0), _STAY),
    "bottom right down": (_STAY, _STAY, (0, 1), _STAY),
    "bottom left across": (_STAY, _STAY, _STAY, (-1, 0)),
    "bottom left down": (_STAY, _STAY, _STAY, (0, 1)),
}
_LEFT_RIGHT, _TOP_BOTTOM = ("left", "right"), ("top", "bottom")
_TILT = (*_LEFT_RIGHT, *_TOP_BOTTOM)
_CORNER = tuple(name for name in _PULLS if name not in _TILT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Skew(Geometric):
    # Kinds of skew, as likely each; within a kind its directions are as likely each.
    kinds: ClassVar[tuple[tuple[str, ...], ...]]
    magnitude: float = setting(1.0, "largest pull at a corner, in lengths of the longer side", above=0, high=1)

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        n = len(frames)
        kind, within = rng.integers(0, len(self.kinds), n), rng.random(n)
        sizes = np.array([len(k) for k in self.kinds])
        starts = np.cumsum(sizes) - sizes
        names = np.array([name for k in self.kinds for name in k])
        return {
            "direction": names[starts[kind] + (within * sizes[kind]).astype(int)],
            "pull_px": rng.random(n) * self.magnitude * frames.max(axis=1),
        }

    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        pulls = np.array([_PULLS[direction] for direction in drawn["direction"].tolist()]).reshape(-1, 4, 2)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * frames[:, None, :]
        return projective(corners + pulls * drawn["pull_px"][:, None, None], frames)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skew(_Skew):
    """Tilt in a random direction, or pull at a random corner."""

    name: ClassVar[str] = "skew"
    example: ClassVar[Mapping[str, Any]] = {"magnitude": 0.3}
    kinds: ClassVar[tuple[tuple[str, ...], ...]] = (_TILT, _LEFT_RIGHT, _TOP_BOTTOM, _CORNER)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkewLeftRight(_Skew):
    """Tilt so that the left or the right side comes nearer."""

    name: ClassVar[str] = "skew_left_right"
    example: ClassVar[Mapping[str, Any]] = {"magnitude": 0.3}
    kinds: ClassVar[tuple[tuple[str, ...], ...]] = (_LEFT_RIGHT,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkewTopBottom(_Skew):
    """Tilt so that the top or the bottom comes nearer."""

    name: ClassVar[str] = "skew_top_bottom"
    example: ClassVar[Mapping[str, Any]] = {"magnitude": 0.3}
    kinds: ClassVar[tuple[tuple[str, ...], ...]] = (_TOP_BOTTOM,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkewTilt(_Skew):
    """Tilt so that one of the four sides comes nearer."""

    name: ClassVar[str] = "skew_tilt"
    example: ClassVar[Mapping[str, Any]] = {"magnitude": 0.3}
    kinds: ClassVar[tuple[tuple[str, ...], ...]] = (_TILT,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkewCorner(_Skew):
    """Pull one of the four corners, along x or along y."""

    name: ClassVar[str] = "skew_corner"
    example: ClassVar[Mapping[str, Any]] = {"magnitude": 0.3}
    kinds: ClassVar[tuple[tuple[str, ...], ...]] = (_CORNER,)
