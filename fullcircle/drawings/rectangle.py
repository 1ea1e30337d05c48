"""The rectangle: upright, filled or an outline."""

from __future__ import annotations

from fullcircle.drawings.base import exchange
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.painted import Colour, Painted, Pen, box


class Rectangle(Painted):
    """An upright rectangle between two corners, filled or outlined, on a plain ground; 64 x 64, eight factors.

    Any two opposite corners say the same, in either order, so the two x exchange and the two y exchange, each by itself, and the
    picture stays as it is. Both edges are painted: w px from corner to corner make w + 1 columns. The outline lies inside; its
    width cannot be seen of a filled one, nor `filled` of one so small that its outline leaves nothing open.
    """

    name = "rectangle"
    factors = Factors(
        Factor("x_1", 0, 63, point="corner_1", axis="x"),
        Factor("y_1", 0, 63, point="corner_1", axis="y"),
        Factor("x_2", 0, 63, point="corner_2", axis="x"),
        Factor("y_2", 0, 63, point="corner_2", axis="y"),
        Factor("filled", 0, 1, unit="", kind="count"),
        Factor("outline_width", 1, 6),
        Factor("rectangle_grey", 0, 255, unit="level", kind="colour"),
        Factor("background_grey", 0, 255, unit="level", kind="colour"),
    )
    ground = ("background_grey",)
    symmetries = (exchange(("x_1", "x_2")), exchange(("y_1", "y_2")))

    def paint(
        self, pen: Pen, *, x_1: int, y_1: int, x_2: int, y_2: int, filled: int, outline_width: int, rectangle: Colour
    ) -> None:
        between = box((x_1, y_1), (x_2, y_2))
        if filled:
            pen.rectangle(between, fill=rectangle)
        else:
            pen.rectangle(between, outline=rectangle, width=outline_width)
