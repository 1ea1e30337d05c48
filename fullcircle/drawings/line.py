"""The line of "Completing the circle" (O. Morris): one straight stroke on a plain ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from fullcircle.drawings.base import Drawing, exchange
from fullcircle.factors import Factor, Factors


class Line(Drawing):
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

    def draw(
        self,
        *,
        x_start: int,
        y_start: int,
        x_end: int,
        y_end: int,
        line_grey: int,
        line_width: int,
        background_grey: int,
    ) -> Image.Image:
        image = Image.new("L", (self.width, self.height), background_grey)
        ImageDraw.Draw(image).line([(x_start, y_start), (x_end, y_end)], fill=line_grey, width=line_width)
        return image

    def call(self, spec: np.ndarray) -> str:
        v = self.spec_values(spec)
        ends = f"[({v['x_start']}, {v['y_start']}), ({v['x_end']}, {v['y_end']})]"
        return f"draw.line({ends}, fill={v['line_grey']}, width={v['line_width']})"

    def canvas_call(self, spec: np.ndarray) -> str:
        return f'Image.new("L", ({self.width}, {self.height}), {self.spec_values(spec)["background_grey"]})'
