"""The polyline: a stroke through three points."""

from __future__ import annotations

from fullcircle.drawings.base import exchange
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen


class Polyline(Painted):
    """A stroke from one point over a second to a third, its bend rounded, on a plain ground; 64 x 64, nine factors.

    The ends exchange, as those of a line do and with the same few edge pixels; the bend between them does not. Where the bend lies
    cannot be seen when the three points are on one line, nor the ends where one stroke covers the other.
    """

    name = "polyline"
    factors = Factors(
        Factor("x_start", 0, 63, point="start", axis="x"),
        Factor("y_start", 0, 63, point="start", axis="y"),
        Factor("x_bend", 0, 63, point="bend", axis="x"),
        Factor("y_bend", 0, 63, point="bend", axis="y"),
        Factor("x_end", 0, 63, point="end", axis="x"),
        Factor("y_end", 0, 63, point="end", axis="y"),
        Factor("line_grey", 0, 255, unit="level", kind="colour"),
        Factor("line_width", 1, 6),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)
    symmetries = (exchange(("x_start", "x_end"), ("y_start", "y_end")),)

    def paint(
        self,
        pen: Pen,
        *,
        x_start: int,
        y_start: int,
        x_bend: int,
        y_bend: int,
        x_end: int,
        y_end: int,
        line: Colour,
        line_width: int,
    ) -> None:
        points = [(x_start, y_start), (x_bend, y_bend), (x_end, y_end)]
        pen.line(points, fill=line, width=line_width, joint="curve")
