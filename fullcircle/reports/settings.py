"""Settings of the reports.

Belongs here: plain data and the rules it must keep.
"""

from __future__ import annotations

import dataclasses

from fullcircle.core.settings import LARGEST_SEED, Settings, setting


@dataclasses.dataclass(frozen=True)
class ReportSettings(Settings):
    """What the report of a decoder or an encoder shows."""

    pictures: int = setting(10, "examples shown, drawn at random from test", low=1, high=64)
    seed: int = setting(1, "source of chance of which are shown", low=0, high=LARGEST_SEED)


@dataclasses.dataclass(frozen=True)
class RecognitionSettings(Settings):
    """How many pictures of each drawing class are recognised, and how long every class may search."""

    pictures: int = setting(40, "of test, of each class, that every class reads, clean and noisy", low=1)
    redraws: int = setting(500, "at most so many drawings per picture and class in the search", low=1)
    pixels: int = setting(1000, "examples of train, of each class, for the classifier on pixels", low=2)
    seed: int = setting(1, "source of chance of noise, search and classifier", low=0, high=LARGEST_SEED)
    workers: int = setting(
        0, "processes that search, 0: one per core; changes nothing but the time", low=0, high=256, idle=True
    )
