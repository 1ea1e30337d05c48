"""The triangle: three points and what lies between them."""

from __future__ import annotations

from fullcircle.drawings.base import exchange
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen


class Triangle(Painted):
    """A filled triangle between any three points on a plain ground; 64 x 64, eight factors.

    The points can be given in any of six orders; Pillow, which draws edge by edge, may then paint a few edge pixels otherwise.
    Three points on one line are drawn as that line; where on it the middle one lies cannot be seen.
    """

    name = "triangle"
    factors = Factors(
        Factor("x_1", 0, 63, point="corner_1", axis="x"),
        Factor("y_1", 0, 63, point="corner_1", axis="y"),
        Factor("x_2", 0, 63, point="corner_2", axis="x"),
        Factor("y_2", 0, 63, point="corner_2", axis="y"),
        Factor("x_3", 0, 63, point="corner_3", axis="x"),
        Factor("y_3", 0, 63, point="corner_3", axis="y"),
        Factor("triangle_grey", 0, 255, unit="level", kind="colour"),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)
    symmetries = (exchange(("x_1", "x_2"), ("y_1", "y_2")), exchange(("x_2", "x_3"), ("y_2", "y_3")))

    def paint(self, pen: Pen, *, x_1: int, y_1: int, x_2: int, y_2: int, x_3: int, y_3: int, triangle: Colour) -> None:
        pen.polygon([(x_1, y_1), (x_2, y_2), (x_3, y_3)], fill=triangle)
