"""The line of "Completing the circle" (O. Morris): one straight stroke on a plain ground."""

from __future__ import annotations

from fullcircle.drawings.base import exchange
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen


class Line(Painted):
    """One straight line of any grey, width and place on a plain ground; 64 x 64, seven factors.

    Coordinates run to 64, one past the last pixel, as published. Exchanging the ends moves 10 to 94 edge pixels, so the
    two orders are judged equal as specs but never demanded to give the same picture.
    """

    name = "line"
    factors = Factors(
        Factor("x_start", 0, 64, point="start", axis="x"),
        Factor("y_start", 0, 64, point="start", axis="y"),
        Factor("x_end", 0, 64, point="end", axis="x"),
        Factor("y_end", 0, 64, point="end", axis="y"),
        Factor("line_grey", 0, 255, unit="level", kind="colour"),
        Factor("line_width", 1, 10, kind="geometry"),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)
    symmetries = (exchange(("x_start", "x_end"), ("y_start", "y_end")),)

    def paint(self, pen: Pen, *, x_start: int, y_start: int, x_end: int, y_end: int, line: Colour, line_width: int) -> None:
        pen.line([(x_start, y_start), (x_end, y_end)], fill=line, width=line_width)
