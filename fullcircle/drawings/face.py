"""The face: a class arranged out of simpler ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullcircle.drawings.arc import Arc
from fullcircle.drawings.ellipse import Ellipse
from fullcircle.drawings.factors import Factor, Factors, colour_factors
from fullcircle.drawings.line import Line
from fullcircle.drawings.painted import Colour, Composite, Painted

SIDE = 96
ELLIPSE, ARC, LINE = (drawing.on(SIDE, SIDE, 3) for drawing in (Ellipse(), Arc(), Line()))

HAIR, WHITE, RIM, NOSE, LIPS = (58, 36, 22), (250, 248, 244), (24, 18, 12), (112, 66, 50), (168, 32, 46)
HAIR_SIDES, HAIR_TOP = 5, 4  # px of hair beside the head and above it


class Face(Composite):
    """A face on a plain ground: hair, head, two eyes, a nose and a mouth; 96 x 96 in colour, eighteen factors.

    Head, eyes and mouth are given by points of their own, so that a face looks and turns a little to a side. `smile` is how far
    the middle of the mouth lies below its corners; below 0 the corners hang. Skin and ground have any colour in their ranges, all
    else has one. Where skin and hair, or hair and ground, are of a colour the edge between them cannot be seen.
    """

    name = "face"
    height, width, channels = SIDE, SIDE, 3
    factors = Factors(
        Factor("x_head", 42, 53, point="head", axis="x"),
        Factor("y_head", 46, 53, point="head", axis="y"),
        Factor("head_width", 20, 30),
        Factor("head_height", 26, 34),
        Factor("x_eyes", 44, 51, point="eyes", axis="x"),
        Factor("y_eyes", 38, 45, point="eyes", axis="y"),
        Factor("eye_distance", 7, 12),
        Factor("eye_size", 3, 6),
        Factor("x_mouth", 44, 51, point="mouth", axis="x"),
        Factor("y_mouth", 60, 65, point="mouth", axis="y"),
        Factor("mouth_width", 5, 12),
        Factor("smile", -6, 6),
        *colour_factors("skin", 3, 80, 255),
        *colour_factors("background", 3),
    )
    ground = ("background_red", "background_green", "background_blue")

    def arrange(
        self,
        *,
        x_head: int,
        y_head: int,
        head_width: int,
        head_height: int,
        x_eyes: int,
        y_eyes: int,
        eye_distance: int,
        eye_size: int,
        x_mouth: int,
        y_mouth: int,
        mouth_width: int,
        smile: int,
        skin: Colour,
    ) -> Mapping[str, tuple[Painted, Mapping[str, Any]]]:
        def ellipse(
            x: int, y: int, x_radius: int, y_radius: int, filling: Colour, outline: Colour
        ) -> tuple[Painted, dict[str, Any]]:
            place = {"x": x, "y": y, "x_radius": x_radius, "y_radius": y_radius}
            return ELLIPSE, {**place, "outline_width": 1, "outline": outline, "filling": filling}

        start, end = (0, 180) if smile >= 0 else (180, 0)
        lips = {"x": x_mouth, "y": y_mouth, "x_radius": mouth_width, "y_radius": abs(smile), "start": start, "end": end}
        nose = {"x_start": x_eyes, "y_start": y_eyes + 6, "x_end": x_eyes, "y_end": y_eyes + 12}
        return {
            "hair": ellipse(x_head, y_head - HAIR_TOP, head_width + HAIR_SIDES, head_height + HAIR_TOP, HAIR, HAIR),
            "head": ellipse(x_head, y_head, head_width, head_height, skin, skin),
            "left eye": ellipse(x_eyes - eye_distance, y_eyes, eye_size, eye_size - 1, WHITE, RIM),
            "right eye": ellipse(x_eyes + eye_distance, y_eyes, eye_size, eye_size - 1, WHITE, RIM),
            "nose": (LINE, {**nose, "line": NOSE, "line_width": 2}),
            "mouth": (ARC, {**lips, "line": LIPS, "line_width": 2}),
        }
