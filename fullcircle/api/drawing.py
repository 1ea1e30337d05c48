"""The drawing class that a user means: by its name, by reference, the class itself or an object of it.

Belongs here: what Python has beside the text that the command takes.
Does not belong here: what a name or a reference stands for (`fullcircle.drawings`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, described, drawing_of
from fullcircle.drawings.base import Drawing

DrawingLike: TypeAlias = str | Drawing | type[Drawing]
"""A drawing class by its name, by reference, as a class or as an object of it."""


def as_drawing(given: DrawingLike, root: Path) -> Drawing:
    """The drawing class that is meant.

    Args:
        given: ``"line"``, ``"path/to/file.py:Class"``, ``"module:Class"``, a subclass of `Drawing`, or an object of one.
        root: folder of the store whose register of names counts.

    Raises:
        SettingsError: when there is no such class, or it does not say its name and factors.
    """
    if isinstance(given, str):
        return drawing_of(given, root)
    if isinstance(given, type) and issubclass(given, Drawing):
        # One of ours has a name that other processes find it by.
        ours = [drawing for drawing in DRAWINGS.values() if type(drawing) is given]
        return ours[0] if ours else described(given(), given.__name__)
    if isinstance(given, Drawing):
        return described(given, type(given).__name__)
    raise SettingsError(
        "drawing is expected to be a name ('line'), a reference ('path/to/file.py:Class'), a subclass of fullcircle.Drawing or an "
        f"object of one. Received: {given!r}."
    )
