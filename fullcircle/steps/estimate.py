"""What a run will take of disk and time, before it is launched: so that a slip of three noughts is noticed by then.

Belongs here: estimates from settings and canvas alone, and what is too much. They are good to a factor of two or three.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path

from fullcircle.core.progress import size
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import AugmentedSettings, OriginalsSettings
from fullcircle.images.arrays import Canvas
from fullcircle.steps.settings import DrawingsSettings

EXAMPLE_BYTES, PICTURE_BYTES = 1.0, 0.5
"""On disk, for each value of a picture (one a pixel if grey, three in colour): an example, whose noisy picture hardly shrinks
(measured: 0.97 in line, 0.96 in face), and a picture without noise (0.12 in faces, 0.19 in characters, 0.91 in digits)."""

COPIES = 2
"""Each row stands in the whole table and in its split."""

VALUES_PER_S = 1e7
"""Values of pictures that are made, written and split in a second on 2 cores (measured: 1.0e7 to 1.9e7)."""

TRAINED_VALUES_PER_S = 4e6
"""Values of pictures that go through a training in a second on 2 cores: 1000 pictures of 64 x 64, as profile full of the line."""

MOST_BYTES, MOST_SECONDS = 50e9, 24 * 3600.0
"""What is launched without a word to go on."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a run takes.

    Attributes:
        settings: those that decide it, ``examples.n=500``.
        bytes: on disk.
        seconds: on 2 cores without a GPU.
    """

    settings: str
    bytes: float
    seconds: float

    @property
    def is_large(self) -> bool:
        """Whether a word to go on is needed, whatever is free."""
        return self.bytes > MOST_BYTES or self.seconds > MOST_SECONDS

    def refuse(self, store: Path, *, meant: bool) -> None:
        """Say no to what does not fit, and to what is large unless it is meant.

        Args:
            store: folder of the store, which need not be there yet.
            meant: whether the word to go on was given.

        Raises:
            SettingsError: with the estimate, what is allowed, and the word.
        """
        takes = f"{self.settings} is estimated to take {size(self.bytes)} on disk and {_time(self.seconds)} on 2 cores"
        free = shutil.disk_usage(next(folder for folder in (store, *store.parents) if folder.exists())).free
        if self.bytes > free:
            raise SettingsError(
                f"What is made is expected to fit where the store is. Received: {takes}, and {size(free)} are free at {store}. "
                "Ask for less, make room, or let FULLCIRCLE_STORE name a folder on a larger disk."
            )
        if self.is_large and not meant:
            raise SettingsError(
                f"At most {size(MOST_BYTES)} and {_time(MOST_SECONDS)} are expected unless more is meant. Received: {takes}. Ask "
                "for less, or say that it is meant: make run LARGE=1, or --large."
            )


def estimate_drawing(settings: DrawingsSettings, canvas: Canvas) -> Estimate:
    """Of a drawing class: its examples, and all epochs of both trainings."""
    decoder, encoder = settings.decoder, settings.encoder
    values = settings.examples.n * math.prod(canvas)
    epochs = decoder.epochs + encoder.epochs + (encoder.image_epochs if encoder.objective == "both" else 0)
    seconds = values / VALUES_PER_S + epochs * values * settings.splits.train / TRAINED_VALUES_PER_S
    return Estimate(f"examples.n={settings.examples.n} with {epochs} epochs", COPIES * EXAMPLE_BYTES * values, seconds)


def estimate_pictures(
    originals: OriginalsSettings, augmented: AugmentedSettings, canvas: Canvas, *, draws: bool = False
) -> Estimate:
    """Of the tables of a picture source.

    Args:
        originals: how many, for a source that draws its own.
        augmented: how many copies.
        canvas: of the originals.
        draws: whether the source draws its own.
    """
    setting = f"augmented.n={augmented.n}" + (f" with originals.n={originals.n}" if draws else "")
    values = math.prod(canvas) * (COPIES * augmented.n + (originals.n if draws else 0))
    return Estimate(setting, PICTURE_BYTES * values, values / VALUES_PER_S)


def _time(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1:
        return f"{max(1.0, seconds / 60):.0f} minutes"
    return f"{hours:.3g} hours" if hours <= 48 else f"{hours / 24:,.0f} days"
