"""The palette: colours fitted instead of searched."""

from __future__ import annotations

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.factors import CHANNELS


class Palette:
    """Which pixels each colour factor paints, found out by drawing, so that colours are fitted instead of searched.

    A geometry is drawn once with a level of its own for every colour factor, the labels. Where a label shows, its factor
    paints; the colour with the least squared error there is the mean, rounded to the factor's step, which on a clean picture
    is the colour itself. Anything else in the drawing is taken as fixed. A factor that names its channel is looked for in no
    other: a third of the work, and what has its label's level elsewhere does not matter.

    That holds for classes that lay on colours as they are. Whether this is one is tried, not believed: `TRIED` specs are
    drawn, in label colours and in their own, and `valid` is False unless the first predict the second to the pixel (a blend
    or an edge smoothed over shows levels in between, and fails).
    """

    TRIED = 32

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.colours = drawing.factors.of_kind("colour")
        self.low, self.high, self.step = (
            v[self.colours] for v in (drawing.factors.low, drawing.factors.high, drawing.factors.step)
        )
        count = np.array([drawing.factors[i].count for i in self.colours])
        channels = [drawing.factors[i].channel for i in self.colours]
        # Where in a flattened picture each factor may show
        self.places = [slice(None) if c is None else slice(CHANNELS.index(c), None, drawing.channels) for c in channels]
        rng = np.random.default_rng(0)  # what is tried decides how, never what, is answered
        specs = drawing.factors.sample(self.TRIED, rng)
        truth = drawing.render(specs).reshape(len(specs), -1)
        k = len(self.colours)
        # In a second and third try the labels move, should one of them be a level that the class uses anyway.
        for share in (0.5, 0.37, 0.63):
            self.labels = self.low + self.step * np.floor(count * (np.arange(k) + share) / max(k, 1))
            levels = np.rint(self.labels)
            if len(set(levels)) < k or not np.array_equal(levels, self.labels):
                continue
            drawn = self.draw(specs)
            mixed = drawn.copy()
            for j, place in enumerate(self.places):
                own = specs[:, self.colours[j], None]
                mixed[:, place] = np.where(drawn[:, place] == levels[j], own, mixed[:, place])
            self.valid = bool(np.array_equal(mixed, truth))
            if self.valid:
                return
        self.valid = False

    def draw(self, specs: np.ndarray) -> np.ndarray:
        """Drawings in label colours, ``uint8 (n, pixels * channels)``."""
        labelled = specs.copy()
        labelled[:, self.colours] = self.labels
        return self.drawing.render(labelled).reshape(len(specs), -1)

    def fit(self, specs: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`specs` with the best colours for a picture, and the squared error left, in levels.

        Args:
            specs: ``(n, n_factors)``, whose colours count only where nothing is painted with them, or for a class that is not
                `valid`.
            image: ``float (pixels * channels,)`` in levels.
        """
        if not self.valid:
            drawn = self.drawing.render(specs).reshape(len(specs), -1)
            return specs, ((drawn - image) ** 2).sum(axis=1, dtype=np.float64)
        drawn = self.draw(specs)
        fitted = specs.copy()
        # (image - c)^2 summed over the pixels that a colour paints is the sum of image^2 there, - 2 c sum of image + n c^2.
        left = np.full(len(specs), (image.astype(np.float64) ** 2).sum())
        columns = np.stack([np.ones_like(image), image], axis=1)
        fixed = np.ones_like(drawn, dtype=bool)
        every = zip(self.labels, self.low, self.high, self.step, self.places, strict=True)
        for j, (label, low, high, step, place) in enumerate(every):
            painted = drawn[:, place] == label
            n, total = (painted.astype(image.dtype) @ columns[place]).T.astype(np.float64)
            mean = np.where(n > 0, total / np.maximum(n, 1), specs[:, self.colours[j]])
            colour = np.clip(low + step * np.rint((mean - low) / step), low, high)
            fitted[:, self.colours[j]] = colour
            left += n * colour**2 - 2 * colour * total
            fixed[:, place] &= ~painted
        if fixed.any():
            level = fixed * drawn.astype(np.float64)
            left += (level * (level - 2 * image)).sum(axis=1)
        return fitted, left
