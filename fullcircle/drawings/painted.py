"""Drawing classes that Pillow draws: a ground, and figures painted on it with a pen.

Belongs here: what such classes share: their ground, colours of one channel or three, their call as code, how a class becomes a
part of another, and classes that are made of parts. Does not belong here: any figure.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.factors import CHANNELS, Factor, Factors, colour_factors

Pen = ImageDraw.ImageDraw
Point = tuple[int, int]
Colour = int | tuple[int, int, int]


class Painted(Drawing):
    """A drawing class that gives `paint` instead of `draw`: what its pen does on a canvas that is there already.

    Colours arrive in `paint` whole, as Pillow takes them: ``line=200`` for the factor ``line_grey``, ``line=(200, 40, 31)`` for
    ``line_red``, ``line_green`` and ``line_blue``. The ground does not arrive: the canvas has its colour.
    """

    @abc.abstractmethod
    def paint(self, pen: Pen, *_: Any, **factors: Any) -> None:
        """Paint one figure, purely, and leave the rest of the canvas as it is."""

    def draw(self, *_: Any, **factors: Any) -> Image.Image:
        ground, values = self._gathered(factors)
        image = Image.new(self._mode, (self.width, self.height), ground)
        self.paint(ImageDraw.Draw(image), **values)
        return image

    def call(self, spec: np.ndarray) -> str:
        """What the pen does, in Pillow's words: ``draw.line([(3, 5), (60, 40)], fill=200, width=4)``."""
        recorder = _Recorder()
        self.paint(cast(Pen, recorder), **self._gathered(self.spec_values(spec))[1])
        return "; ".join(recorder.calls)

    def canvas_call(self, spec: np.ndarray) -> str:
        ground, _ = self._gathered(self.spec_values(spec))
        return f'Image.new("{self._mode}", ({self.width}, {self.height}), {ground})'

    def on(self, height: int, width: int, channels: int) -> Painted:
        """This class as a part of another: on its canvas, in its channels, without a ground.

        Its places and lengths, which are all in px, are free over the whole canvas; angles and counts are as they are.
        """
        factors: list[Factor] = []
        for f in self.factors:
            if f.kind == "colour":
                factors += () if f.name in self.ground else colour_factors(f.colour, channels)
            elif f.unit == "px":
                high = {"x": width, "y": height, None: max(width, height)}[f.axis]
                factors.append(dataclasses.replace(f, low=0, high=high))
            else:
                factors.append(f)
        about = {"height": height, "width": width, "channels": channels, "factors": Factors(*factors), "ground": ()}
        part: Painted = type(type(self).__name__, (type(self),), {"__doc__": self.__doc__, **about})()
        return part

    def spec_of(self, values: Mapping[str, Any]) -> np.ndarray:
        """The spec of what `paint` is given, ground aside, ``float64 (n_factors,)``. Of a class without a ground only."""
        whole = ((values[key], channel) for _, key, channel in self._arguments)
        return np.array([value if channel is None else value[channel] for value, channel in whole], np.float64)

    @property
    def _mode(self) -> str:
        return "L" if self.channels == 1 else "RGB"

    @cached_property
    def _arguments(self) -> list[tuple[str, str, int | None]]:
        """Per factor its name, its name in `paint` and which part of that colour it is."""
        return [
            (f.name, f.colour if f.kind == "colour" else f.name, None if f.channel is None else CHANNELS.index(f.channel))
            for f in self.factors
        ]

    @cached_property
    def _ground(self) -> str:
        """The ground's colour by its name in `paint`; empty where the ground is black."""
        return self.factors[self.factors.index(self.ground[0])].colour if self.ground else ""

    def _gathered(self, factors: Mapping[str, Any]) -> tuple[Colour, dict[str, Any]]:
        """The ground's colour, and all else as `paint` takes it."""
        values: dict[str, Any] = {}
        for name, key, channel in self._arguments:
            values[key] = factors[name] if channel is None else (*values.get(key, ()), factors[name])
        return (values.pop(self._ground) if self._ground else 0), values


class Composite(Painted):
    """A drawing class made of others: it says its parts, and painting them one after the other is how it is drawn."""

    @abc.abstractmethod
    def arrange(self, *_: Any, **factors: Any) -> Mapping[str, tuple[Painted, Mapping[str, Any]]]:
        """Each part by its name, in the order of painting: its class (see `Painted.on`) and what its `paint` is given."""

    def paint(self, pen: Pen, *_: Any, **factors: Any) -> None:
        for part, values in self.arrange(**factors).values():
            part.paint(pen, **values)

    def parts(self, spec: np.ndarray) -> Mapping[str, tuple[Drawing, np.ndarray]]:
        arranged = self.arrange(**self._gathered(self.spec_values(spec))[1])
        return {name: (part, part.spec_of(values)) for name, (part, values) in arranged.items()}


class _Recorder:
    """A pen that writes down, as code, what it is asked to do."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def record(*arguments: Any, **named: Any) -> None:
            arguments_as_code = [repr(a) for a in arguments] + [f"{key}={value!r}" for key, value in named.items()]
            self.calls.append(f"draw.{name}({', '.join(arguments_as_code)})")

        return record


def box(one: Point, other: Point) -> list[Point]:
    """The box between two corners as Pillow takes it, smaller coordinates first."""
    (x_1, y_1), (x_2, y_2) = one, other
    return [(min(x_1, x_2), min(y_1, y_2)), (max(x_1, x_2), max(y_1, y_2))]


def box_around(x: int, y: int, x_radius: int, y_radius: int) -> list[Point]:
    """The box with this middle and these half sides."""
    return [(x - x_radius, y - y_radius), (x + x_radius, y + y_radius)]
