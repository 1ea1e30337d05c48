"""Settings of the tables of pictures: examples, originals, augmented copies and splits.

Belongs here: plain data and the rules it must keep. A pipeline of augmentation is checked by its operations, which are settings
themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from fullcircle.core.settings import LARGEST_SEED, Settings, SettingsError, setting
from fullcircle.images.augmentation import CHOICES, Pipeline
from fullcircle.images.augmentation.geometry import INTERPOLATIONS
from fullcircle.images.noise import NOISE_LAWS

SMALLEST = 8
"""Fewest pixels that a side of a picture may have."""

POLARITIES = ("auto", "border", "keep", "invert")

UNITS = ("original", "group", "sample")
"""What must not stand in two splits: the copies of one original, those of a whole group, or only the single copy."""


@dataclasses.dataclass(frozen=True)
class ExamplesSettings(Settings):
    """How many examples of a drawing class there are, and the noise on their pictures."""

    n: int = setting(20_000, "how many examples", low=1)
    seed: int = setting(1, "source of chance of specs and noise", low=0, high=LARGEST_SEED)
    noise_law: str = setting("uniform", "how the noise level of each example is drawn", choices=NOISE_LAWS)
    noise_max_sigma: float = setting(25.5, "largest noise level, in grey levels", low=0, high=255)
    workers: int = setting(2, "threads that draw; changes nothing but the time", low=1, high=256, idle=True)


@dataclasses.dataclass(frozen=True)
class SplitsSettings(Settings):
    """Which share of the examples fits, chooses, and is only looked at by reports."""

    train: float = setting(0.9, "share that fits", above=0, high=1)
    test: float = setting(0.09, "share that only reports look at", above=0, high=1)
    valid: float = setting(0.01, "share that chooses (early stopping)", above=0, high=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if abs(sum(self.proportions) - 1) > 1e-9:
            raise SettingsError(
                f"splits.train, splits.test and splits.valid are expected to add up to 1. Received: {self.train:g} + "
                f"{self.test:g} + {self.valid:g} = {sum(self.proportions):g}."
            )

    @property
    def proportions(self) -> tuple[float, float, float]:
        """In the order of `splits.SPLITS`."""
        return self.train, self.test, self.valid


@dataclasses.dataclass(frozen=True)
class OriginalsSettings(Settings):
    """How a source's pictures are brought to one canvas, and which of them are taken."""

    height: int = setting(0, "of every picture, in px; 0 takes what suits the source", low=0, high=1024)
    width: int = setting(0, "of every picture, in px; 0 takes what suits the source", low=0, high=1024)
    channels: int = setting(0, "1 is grey, 3 is colour; 0 takes what suits the source", low=0, high=3)
    polarity: str = setting(
        "auto",
        "dark on light to light on dark: as each picture's border says, never, always, or auto: by the border if grey, else never",
        choices=POLARITIES,
    )
    even_light: bool = setting(False, "take uneven light away from pictures with a plain ground, as photographed pages have it")
    characters: str = setting(
        "", "of fonts: characters, ranges, code points, A-Z U+2D30-U+2D65 for one; empty: letters and digits"
    )
    n: int = setting(1000, "how many, for sources that draw theirs (faces); the others give all they have", low=1)
    seed: int = setting(1, "source of chance, for sources that draw theirs", low=0, high=LARGEST_SEED)
    max_rejected: float = setting(0.05, "share of rejected pictures above which a check warns", low=0, high=1)
    workers: int = setting(2, "threads that open pictures; changes nothing but the time", low=1, high=256, idle=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("height", "width"):
            if 0 < getattr(self, name) < SMALLEST:
                raise SettingsError(
                    f"originals.{name} is expected to be 0 or at least {SMALLEST}. Received: {getattr(self, name)}."
                )
        if self.channels == 2:
            raise SettingsError("originals.channels is expected to be 0, 1 or 3. Received: 2.")


PipelineData = Sequence[Mapping[str, Mapping[str, Any]]]

DEFAULT_PIPELINE: PipelineData = (
    {"rotate": {"probability": 0.7, "max_left_rotation": 10, "max_right_rotation": 10}},
    {"zoom": {"probability": 0.5, "min_factor": 0.85, "max_factor": 1.15}},
    {"shear": {"probability": 0.5, "max_shear_left": 10, "max_shear_right": 10}},
    {"skew": {"probability": 0.4, "magnitude": 0.15}},
    {"random_distortion": {"probability": 0.8, "grid_width": 4, "grid_height": 4, "magnitude": 2}},
)
"""What a hand does to a character: its turn, size, slant and view, and strokes that are not quite where they were."""


@dataclasses.dataclass(frozen=True)
class AugmentedSettings(Settings):
    """How many copies are made from the originals, and by which operations."""

    n: int = setting(10_000, "how many copies", low=1)
    seed: int = setting(1, "source of chance of every operation", low=0, high=LARGEST_SEED)
    choice: str = setting("balanced", "which originals: each as often as any other, or any each time", choices=CHOICES)
    fill: int | str = setting(
        "auto", "what lies outside an original: a level 0 to 255, edge, or auto: 0 if grey, edge if colour"
    )
    interpolation: str = setting("linear", "between pixels", choices=INTERPOLATIONS)
    pipeline: PipelineData = dataclasses.field(
        default=DEFAULT_PIPELINE, metadata={"about": "operations with their arguments, in order", "choices": None}
    )
    workers: int = setting(
        0, "processes, 0: one per core where there are copies enough; changes nothing but the time", low=0, high=256, idle=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fill not in ("auto", "edge") and not (str(self.fill).isdecimal() and int(self.fill) <= 255):
            raise SettingsError(
                f"augmented.fill is expected to be auto, edge or a level from 0 to 255. Received: {self.fill!r}."
            )
        self.made(1)

    def as_dict(self) -> dict[str, Any]:
        return super().as_dict() | {"pipeline": self.made(1).as_data()}

    def made(self, channels: int) -> Pipeline:
        """The pipeline for pictures of so many channels.

        Raises:
            SettingsError: naming the operation and the rule of its argument that is broken.
        """
        fill: int | str = {"auto": 0 if channels == 1 else "edge", "edge": "edge"}.get(str(self.fill), -1)
        return Pipeline.from_data(self.pipeline, fill=int(self.fill) if fill == -1 else fill, interpolation=self.interpolation)


@dataclasses.dataclass(frozen=True)
class GlyphSplitsSettings(SplitsSettings):
    """Which share of the copies fits, chooses, and is only looked at by reports, and what must not be parted."""

    train: float = setting(0.72, "share that fits", above=0, high=1)
    test: float = setting(0.2, "share that only reports look at", above=0, high=1)
    valid: float = setting(0.08, "share that chooses (early stopping), cut from train", above=0, high=1)
    unit: str = setting(
        "original", "what stands wholly in one split: the copies of an original, of a group, or a single copy", choices=UNITS
    )

    @classmethod
    def section(cls) -> str:
        return "splits"
