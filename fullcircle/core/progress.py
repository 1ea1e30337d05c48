"""Progress of long work, in lines that fit a terminal and a log alike.

Belongs here: when to speak and what a line says, times and sizes in words. Where a line goes is the caller's choice: a function
that takes text.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable


def duration(seconds: float) -> str:
    """``75`` as ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(n: float) -> str:
    """Bytes in words: ``1234567`` as ``1.23 MB``."""
    power = min(int(math.log10(max(n, 1))) // 3, len(UNITS) - 1)
    n /= 1000**power
    return f"{n:.3g} {UNITS[power]}" if n < 1000 else f"{n:,.0f} {UNITS[power]}"


class Progress:
    """Says how far a stage is, at most every `every` seconds, and always at its end.

    Args:
        say: takes one line of text.
        every: seconds between lines.
    """

    def __init__(self, say: Callable[[str], None], every: float = 5.0) -> None:
        self._say = say
        self._every = every
        self._stage = ""
        self._began = self._spoke = 0.0
        self._done_before = 0

    def say(self, text: str) -> None:
        """One line at once."""
        self._spoke = time.monotonic()
        self._say(text)

    def step(self, stage: str, done: int, total: int, unit: str, note: str = "") -> None:
        """Say that `done` of `total` are through: rate, time left, and a note such as the loss."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._began, self._spoke = stage, now, now
            self._done_before = done
        if done < total and now - self._spoke < self._every:
            return
        rate = (done - self._done_before) / max(now - self._began, 1e-9)
        parts = [f"{stage}: {done:,} of {total:,} {unit}"]
        parts += [note] if note else []
        if rate > 0:
            parts += [f"{rate:,.0f} {unit}/s", f"{duration((total - done) / rate)} left"]
        self.say(", ".join(parts))


silent = Progress(lambda text: None)
