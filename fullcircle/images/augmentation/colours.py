"""Levels and colours. Colour pictures are RGB; of grey ones there is only brightness.

Grey is Pillow's "L" (ITU-R 601), as everywhere in this project.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import setting
from fullcircle.images.augmentation.operation import REQUIRED, Colouring, Parameters, check_order

# Pillow's weights, in 65,536ths.
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 0x8000


def grey(images: np.ndarray) -> np.ndarray:
    """Grey levels of each pixel, one channel, ``uint8 (n, height, width)``. Grey pictures are given back as they are."""
    if images.ndim == 3:
        return images
    r, g, b = np.moveaxis(images.astype(np.uint32), -1, 0)
    return ((r * _RED + g * _GREEN + b * _BLUE + _HALF) >> 16).astype(np.uint8)


def _in_channels(levels: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Grey levels in as many channels as the pictures have."""
    return levels if images.ndim == 3 else np.repeat(levels[..., None], 3, axis=-1)


def _looked_up(images: np.ndarray, tables: np.ndarray) -> np.ndarray:
    """Every level replaced by what the picture's table says, ``uint8 (n, 256)``, or ``(n, 256, 3)`` for each channel its own."""
    import cv2

    changed = np.empty_like(images)
    for image, table, out in zip(images, tables, changed, strict=True):
        cv2.LUT(image, table[None], out)
    return changed


def _blend_tables(factors: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """For each picture ``towards + factor * (level - towards)``, rounded and cut to 0..255, ``uint8 (n, 256)``."""
    levels = towards[:, None] + factors[:, None] * (np.arange(256) - towards[:, None])
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invert(Colouring):
    """Make black white: 255 minus each level."""

    name: ClassVar[str] = "invert"

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        return 255 - images


@dataclasses.dataclass(frozen=True, kw_only=True)
class Greyscale(Colouring):
    """Take the colour out; the channels stay, equal."""

    name: ClassVar[str] = "greyscale"

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        return _in_channels(grey(images), images)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlackAndWhite(Colouring):
    """Make each pixel black where its grey is below the threshold, else white."""

    name: ClassVar[str] = "black_and_white"
    threshold: int = setting(128, "the least level that becomes white", low=0, high=255)

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        return _in_channels(np.where(grey(images) < self.threshold, np.uint8(0), np.uint8(255)), images)


@dataclasses.dataclass(frozen=True, kw_only=True)
class HistogramEqualisation(Colouring):
    """Spread the levels evenly over 0..255, each channel by itself.

    A level becomes the share of pixels below it, scaled so that the brightest becomes 255. A plain channel stays as it is.
    """

    name: ClassVar[str] = "histogram_equalisation"
    probability: float = setting(1.0, "share of the copies that it is applied to", low=0, high=1)

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        planes = images.reshape(len(images), -1, *images.shape[3:])
        tables = np.empty((len(images), 256, *images.shape[3:]), np.uint8)
        # One by one: a picture stays in the processor's cache, a block of them does not.
        for plane, table in zip(planes, tables, strict=True):
            if plane.ndim == 1:
                table[:] = _spread(plane)
            else:
                for channel in range(plane.shape[1]):
                    table[:, channel] = _spread(plane[:, channel])
        return _looked_up(images, tables)


def _spread(plane: np.ndarray) -> np.ndarray:
    """The table that spreads the levels of one channel, ``(256,)``."""
    counts = np.bincount(plane, minlength=256)
    below = np.cumsum(counts) - counts
    brightest = below[plane.max()]
    return np.rint(below * (255 / brightest)) if brightest else np.arange(256)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _ByFactor(Colouring):
    min_factor: float = setting(REQUIRED, "smallest factor; 1 changes nothing", low=0, high=100)
    max_factor: float = setting(REQUIRED, "largest factor", low=0, high=100)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_order(self, "min_factor", "max_factor")

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        return {"factor": rng.uniform(self.min_factor, self.max_factor, len(frames))}


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomBrightness(_ByFactor):
    """Multiply the levels by a random factor; 0 is black."""

    name: ClassVar[str] = "random_brightness"
    example: ClassVar[Mapping[str, Any]] = {"min_factor": 0.5, "max_factor": 1.5}

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        return _looked_up(images, _blend_tables(drawn["factor"], np.zeros(len(images))))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomContrast(_ByFactor):
    """Multiply each pixel's distance from the picture's mean grey by a random factor; 0 is plain grey."""

    name: ClassVar[str] = "random_contrast"
    example: ClassVar[Mapping[str, Any]] = {"min_factor": 0.5, "max_factor": 1.5}

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        # Rounded half up, as Pillow does.
        means = np.floor(np.array([levels.mean() for levels in grey(images)]) + 0.5)
        return _looked_up(images, _blend_tables(drawn["factor"], means))


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomColor(_ByFactor):
    """Multiply each pixel's distance from its own grey by a random factor; 0 is grey, and grey pictures stay as they are."""

    name: ClassVar[str] = "random_color"
    example: ClassVar[Mapping[str, Any]] = {"min_factor": 0, "max_factor": 2}

    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        if images.ndim == 3:
            return images
        towards = grey(images)[..., None].astype(np.float32)
        levels = towards + drawn["factor"].astype(np.float32)[:, None, None, None] * (images - towards)
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
