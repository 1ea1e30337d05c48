"""Settings of the reader.

Belongs here: plain data and the rules it must keep.
"""

from __future__ import annotations

import dataclasses
import itertools

from fullcircle.core.settings import LARGEST_SEED, Settings, setting

STEPS = ("encoder", "gradient", "redraw")
"""The reader's steps, in order; each can be left out, but not all."""


@dataclasses.dataclass(frozen=True)
class ReaderSettings(Settings):
    """What a picture goes through until its factors are read, and how far each step goes."""

    steps: str = setting(
        ",".join(STEPS),
        "what a picture goes through",
        choices=[",".join(s) for n in (3, 2, 1) for s in itertools.combinations(STEPS, n)],
    )
    gradient_steps: int = setting(40, "steps of Adam on the latent through the frozen decoder", low=1)
    learning_rate: float = setting(0.005, "Adam's rate at the first of these steps; it falls to 0", above=0)
    levels: int = setting(5, "levels of the image loss's pyramid", low=1)
    redraws: int = setting(3000, "at most so many drawings per picture in the search", low=1)
    jump: int = setting(3, "farthest random jump when the search is stuck, in steps of a factor", low=1)
    patience: int = setting(10, "rounds of jumps in vain before a residual that noise explains is believed", low=0)
    batch_size: int = setting(100, "pictures per network step", low=1)
    pictures: int = setting(250, "readings: at most so many pictures of test, and of valid", low=1)
    seed: int = setting(1, "source of chance of the search, and of the readings' noise", low=0, high=LARGEST_SEED)
    workers: int = setting(
        0,
        "processes that search, 0: one per core where there are pictures enough; changes nothing but the time",
        low=0,
        high=256,
        idle=True,
    )

    @property
    def taken(self) -> tuple[str, ...]:
        """The steps, in order."""
        return tuple(self.steps.split(","))


@dataclasses.dataclass(frozen=True)
class InboxReadingSettings(ReaderSettings):
    """Where pictures arrive, and how the champion reads them."""

    folder: str = setting("data/inbox", "holds a folder for each drawing class, line/ for one; relative to the checkout")
    pictures: int = setting(1000, "at most so many pictures in one run; the others wait for the next", low=1)
    settle_seconds: float = setting(
        2.0, "a file that changes within so many seconds is still being copied, and waits for the next run", low=0, idle=True
    )

    @classmethod
    def section(cls) -> str:
        """As it is called in the settings of a whole run."""
        return "inbox"
