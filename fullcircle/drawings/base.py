"""What a drawing class is: factors, a canvas, and a `draw` that turns one spec into one picture.

Belongs here: the abstract class and what follows from it for every class. Nothing here knows a particular figure.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from fullcircle.drawings.factors import CHANNELS, Factors

LARGEST_CANVAS = 2**20
"""Pixels, 1024 x 1024 for one: the checks of a class hold some 500 pictures in memory, and examples are made 1024 at a time."""


class Drawing(abc.ABC):
    """A kind of figure that knows its factors and how to draw them.

    A subclass gives `name`, `factors`, the canvas and `draw`; everything else (examples, networks, losses, checks,
    reports) is derived. `draw` must be pure: the same factors give the same picture.

    Attributes:
        name: identifier, also the partition key.
        factors: the table of factors.
        height, width, channels: the canvas in pixels, at most `LARGEST_CANVAS`; channels is 1 (grey) or 3 (RGB).
        ground: names of the colour factors that fill the canvas before anything is drawn, one per channel. Empty: the
            ground is black.
        symmetries: exchanges that leave the picture as good as unchanged, each a mapping from factor to factor
            (``{"x_start": "x_end", "x_end": "x_start", ...}``). Every combination of them is judged equal.
        reference: ``module:Class`` or ``/path/file.py:Class`` of a class of the user's own, set when it is loaded: what other
            processes have it by.
    """

    name: ClassVar[str]
    factors: ClassVar[Factors]
    height: ClassVar[int] = 64
    width: ClassVar[int] = 64
    channels: ClassVar[int] = 1
    ground: ClassVar[tuple[str, ...]] = ()
    symmetries: ClassVar[Sequence[Mapping[str, str]]] = ()
    reference: str | None = None

    @abc.abstractmethod
    def draw(self, *_: Any, **factors: Any) -> Image.Image | np.ndarray:
        """Draw one picture. Whole-numbered factors arrive as `int`, the others as `float`, all in real units."""

    @property
    def canvas(self) -> tuple[int, int, int]:
        """(height, width, channels) in pixels."""
        return self.height, self.width, self.channels

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one picture at rest: (height, width), or (height, width, 3)."""
        return self.canvas[:2] if self.channels == 1 else self.canvas

    @property
    def summary(self) -> str:
        """First line of the class's docstring."""
        return (self.__doc__ or self.name).strip().splitlines()[0]

    def spec_values(self, spec: np.ndarray) -> dict[str, Any]:
        """One spec as the keyword arguments of `draw`."""
        return {f.name: round(v) if f.integral else float(v) for f, v in zip(self.factors, spec.tolist(), strict=True)}

    def call(self, spec: np.ndarray) -> str:
        """The call that draws one spec, as code: ``dot.draw(x=3, y=5)``. A class that Pillow draws may say it in Pillow's words."""
        return f"{self.name}.draw({', '.join(f'{name}={value!r}' for name, value in self.spec_values(spec).items())})"

    def parts(self, spec: np.ndarray) -> Mapping[str, tuple[Drawing, np.ndarray]]:
        """What one spec is made of, in the order of drawing: for each part its drawing class and its own spec.

        Empty for a class that is made of nothing else. A part's class is one on this canvas, see `Painted.on`.
        """
        return {}

    def canvas_call(self, spec: np.ndarray) -> str:
        """What `call` draws on, as code, where that stands apart: ``Image.new("L", (64, 64), 31)``; else empty."""
        return ""

    def render(self, specs: np.ndarray) -> np.ndarray:
        """The true pictures of `specs`.

        Args:
            specs: ``(n, n_factors)`` in real units.

        Returns:
            ``uint8 (n, height, width[, channels])``.

        Raises:
            ValueError: when a spec lies outside its factors, or `draw` returns something else than the canvas.
        """
        specs = self.factors.check(specs)
        images = np.empty((len(specs), *self.image_shape), np.uint8)
        for i, spec in enumerate(specs):
            image = np.asarray(self.draw(**self.spec_values(spec)))
            if image.shape != self.image_shape or image.dtype != np.uint8:
                raise ValueError(
                    f"{self.name}.draw is expected to return {self.image_shape} uint8. "
                    f"Received: {image.shape} {image.dtype} for {self.spec_values(spec)}."
                )
            images[i] = image
        return images

    def ground_of(self, specs: np.ndarray) -> np.ndarray:
        """Ground colour of each spec, ``float64 (n, channels)``."""
        if not self.ground:
            return np.zeros((len(specs), self.channels))
        return np.asarray(specs, np.float64)[:, [self.factors.index(name) for name in self.ground]]

    def drawn(self, images: np.ndarray, specs: np.ndarray) -> np.ndarray:
        """Which pixels of the clean `images` differ from their ground, ``bool (n, height, width)``."""
        ground = self.ground_of(specs)
        if self.channels == 1:
            return np.asarray(images != ground[:, :, None])
        return np.asarray((images != ground[:, None, None, :]).any(axis=-1))

    def contrast(self, specs: np.ndarray) -> np.ndarray:
        """Largest difference between a colour factor and the ground in a channel of its own, in levels, ``float64 (n,)``.

        For the line that is ``|line - background|``. Without a ground factor the ground is black.
        """
        ground, most = self.ground_of(specs), np.full(len(specs), -np.inf)
        for i in self.factors.of_kind("colour"):
            factor = self.factors[i]
            if factor.name not in self.ground:
                own = ground if factor.channel is None else ground[:, [CHANNELS.index(factor.channel)]]
                most = np.maximum(most, np.abs(np.asarray(specs, np.float64)[:, [i]] - own).max(axis=1))
        return np.where(np.isfinite(most), most, 255.0)

    @cached_property
    def permutations(self) -> np.ndarray:
        """Every way to exchange factors that the symmetries allow, ``int (k, n_factors)``; the first changes nothing.

        ``specs[:, permutation]`` draws as good as the same picture as ``specs``.
        """
        base = tuple(range(len(self.factors)))
        generators = []
        for symmetry in self.symmetries:
            generator = list(base)
            for to, source in symmetry.items():
                i, j = self.factors.index(to), self.factors.index(source)
                a, b = self.factors[i], self.factors[j]
                if (a.low, a.high, a.step) != (b.low, b.high, b.step):
                    raise ValueError(f"{self.name}: {to} and {source} exchange, so they need one range and one step.")
                generator[i] = j
            if sorted(generator) != list(base):
                raise ValueError(f"{self.name}: a symmetry is an exchange, each factor once. Received: {symmetry}.")
            generators.append(tuple(generator))
        group = {base: None}
        while True:
            new = {tuple(p[i] for i in g): None for p, g in itertools.product(group, generators)}
            if new.keys() <= group.keys():
                return np.array(list(group), int)
            group |= new


def exchange(*pairs: tuple[str, str]) -> dict[str, str]:
    """The symmetry that exchanges the two factors of each pair.

    Example:
        >>> exchange(("x_start", "x_end"))
        {'x_start': 'x_end', 'x_end': 'x_start'}
    """
    return {a: b for left, right in pairs for a, b in ((left, right), (right, left))}
