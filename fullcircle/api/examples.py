"""Examples of a drawing class in memory.

Belongs here: sampling and drawing for who wants arrays. Tables of examples are made by `fullcircle.data.examples`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fullcircle.api.drawing import DrawingLike, as_drawing
from fullcircle.core.default_store import default_store


class Examples(NamedTuple):
    """Specs and the clean pictures that they draw, row by row.

    Attributes:
        specs: ``float64 (n, n_factors)``, in real units, in the order of the class's factors.
        images: ``uint8 (n, height, width)``, or ``(n, height, width, 3)`` of a class in colour.
    """

    specs: np.ndarray
    images: np.ndarray


def examples(drawing: DrawingLike, n: int, rng: np.random.Generator) -> Examples:
    """Sample specs of a drawing class, each factor uniform over its values, and draw them.

    Args:
        drawing: its name, ``path/to/file.py:Class``, a subclass of `Drawing`, or an object of one.
        n: how many.
        rng: source of chance; the same one gives the same examples.

    Returns:
        Their specs and pictures, which can be unpacked: ``specs, images = fc.examples(...)``.

    Raises:
        SettingsError: when there is no such drawing class.
        TypeError: when `rng` is no generator.
        ValueError: when `n` is negative, or the class's `draw` returns something else than its canvas.

    Example:
        >>> import numpy as np
        >>> import fullcircle as fc
        >>> specs, images = fc.examples("line", 100, np.random.default_rng(1))
        >>> images.shape
        (100, 64, 64)
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is expected to be a numpy.random.Generator, np.random.default_rng(1) for one. Received: {rng!r}.")
    if n < 0:
        raise ValueError(f"n is expected to be at least 0. Received: {n}.")
    of = as_drawing(drawing, default_store())
    specs = of.factors.sample(n, rng)
    return Examples(specs, of.render(specs))
