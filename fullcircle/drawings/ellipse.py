"""The ellipse: upright, filled, with an outline of its own colour."""

from __future__ import annotations

from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen, box_around


class Ellipse(Painted):
    """An upright ellipse with an outline and a filling of two greys on a plain ground; 64 x 64, eight factors.

    Given by its middle and half axes, so each factor can be read from the picture: half axes of 6 px or more leave some filling
    inside the widest outline, and the ellipse always lies on the canvas. Only colours that are equal hide what is between them:
    filling and outline the width, outline and ground a part of the half axes.
    """

    name = "ellipse"
    factors = Factors(
        Factor("x", 20, 43, point="middle", axis="x"),
        Factor("y", 20, 43, point="middle", axis="y"),
        Factor("x_radius", 6, 20),
        Factor("y_radius", 6, 20),
        Factor("outline_width", 1, 4),
        Factor("outline_grey", 0, 255, unit="level", kind="colour"),
        Factor("filling_grey", 0, 255, unit="level", kind="colour"),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)

    def paint(
        self, pen: Pen, *, x: int, y: int, x_radius: int, y_radius: int, outline_width: int, outline: Colour, filling: Colour
    ) -> None:
        pen.ellipse(box_around(x, y, x_radius, y_radius), fill=filling, outline=outline, width=outline_width)
