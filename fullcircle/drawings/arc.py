"""The arc: a stroke along part of an ellipse, the article's next class."""

from __future__ import annotations

from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen, box_around


class Arc(Painted):
    """A stroke along an upright ellipse from one angle to another, clockwise, on a plain ground; 64 x 64, nine factors.

    The ellipse's box is given by its middle and half sides, at least 8 px, so that no spec hides its angles in a box without
    width; it always lies on the canvas. Angles are Pillow's: 0 at three o'clock, then clockwise. Where `end` is `start` the whole
    ellipse is drawn, and where its ends are cannot be seen. Of a short arc the box can hardly be seen, nor which of a few close
    angles its ends have under a wide stroke. Angles in steps of 5 degrees would leave some arcs without a pixel.
    """

    name = "arc"
    factors = Factors(
        Factor("x", 20, 43, point="middle", axis="x"),
        Factor("y", 20, 43, point="middle", axis="y"),
        Factor("x_radius", 8, 20),
        Factor("y_radius", 8, 20),
        Factor("start", 0, 350, step=10, unit="degree", periodic=True),
        Factor("end", 0, 350, step=10, unit="degree", periodic=True),
        Factor("line_grey", 0, 255, unit="level", kind="colour"),
        Factor("line_width", 1, 5),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)

    def paint(
        self, pen: Pen, *, x: int, y: int, x_radius: int, y_radius: int, start: int, end: int, line: Colour, line_width: int
    ) -> None:
        last = end if end > start else end + 360
        pen.arc(box_around(x, y, x_radius, y_radius), start, last, fill=line, width=line_width)
