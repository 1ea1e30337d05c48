"""Pictures from outside, on the canvas of a drawing class, and the way back to their own pixels.

Belongs here: what the rule of `images.files` means for a drawing class.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.drawings.base import Drawing
from fullcircle.images.files import eight_bits, fit, open_upright


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture on the canvas.

    Attributes:
        path: where it came from.
        image: ``uint8 (height, width[, channels])``.
        size: its own (width, height), upright, in px.
        scale: canvas px per own px, in x and in y.
        offset: (left, top), where its corner lies on the canvas, in px.
    """

    path: Path
    image: np.ndarray
    size: tuple[int, int]
    scale: tuple[float, float]
    offset: tuple[int, int]

    def own_pixels(self, drawing: Drawing, spec: np.ndarray) -> np.ndarray:
        """A spec in the picture's own pixels, ``float64 (n_factors,)``.

        Points go back by pixel centres; other factors in px, lengths, are divided by the scale; the rest stays.
        """
        own = np.asarray(spec, np.float64).copy()
        for i, f in enumerate(drawing.factors):
            if f.point is not None:
                axis = "xy".index(str(f.axis))
                own[i] = (own[i] + 0.5 - self.offset[axis]) / self.scale[axis] - 0.5
            elif f.unit == "px":
                own[i] /= float(np.sqrt(self.scale[0] * self.scale[1]))
        return own


def open_picture(path: Path, drawing: Drawing) -> Picture:
    """One file by the rule above.

    Raises:
        PictureError: no such file, zero bytes, not a picture, too large, animated, or truncated.
    """
    return as_picture(path, open_upright(path).picture, drawing)


def as_picture(path: Path, opened: Image.Image, drawing: Drawing) -> Picture:
    """A file that is opened already, upright, by the rest of the rule.

    Args:
        path: where it came from.
        opened: of any mode.
        drawing: the drawing class.
    """
    picture = eight_bits(opened, drawing.channels)
    fitted = fit(picture, drawing.height, drawing.width, even=bool(drawing.ground))
    return Picture(path, fitted.image, picture.size, fitted.scale, fitted.offset)


def on_canvas(image: np.ndarray, drawing: Drawing) -> np.ndarray:
    """A picture at rest, ``uint8 (height, width[, 3])``, on the canvas of a drawing class: points 5 to 7 of the rule."""
    picture = eight_bits(Image.fromarray(image), drawing.channels)
    return fit(picture, drawing.height, drawing.width, even=bool(drawing.ground)).image
