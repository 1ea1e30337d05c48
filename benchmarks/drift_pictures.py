"""Pictures that drifted: lines of the drawing class as it draws them, and what may become of them in front of a reader.

Belongs here: one function per kind, from specs to pictures, and the list of kinds.
Does not belong here: when they are noticed (`drift`), pictures by other libraries with their truth (`foreign_pictures`).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image, ImageDraw

from fullcircle.drawings import DRAWINGS
from fullcircle.images.noise import add_noise

LINE = DRAWINGS["line"]
MAX_SIGMA = 25.5
"""The largest noise that examples have by default, in levels."""

Make = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""From specs of lines, ``(n, n_factors)``, to pictures without noise, ``uint8 (n, height, width)``."""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of pictures.

    Attributes:
        about: what it is, in words.
        make: pictures from specs of lines.
        share: of the stream that is so; the others are lines as before.
        harmless: whether these are pictures that the class draws too, which no test can tell from others and none should.
        noisy: what noise does to it; None: that of the examples.
        after: what happens to the picture when it has its noise.
    """

    about: str
    make: Make
    share: float = 1.0
    harmless: bool = False
    noisy: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None
    after: Callable[[np.ndarray], np.ndarray] | None = None


def same(specs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As the class draws them."""
    return LINE.render(specs)


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    """A kind that changes each picture by itself, ``uint8 (height, width)`` to the same."""
    return lambda specs, rng: np.stack([change(image) for image in LINE.render(specs)])


def _rows(draw: Callable[[dict[str, int], np.random.Generator], np.ndarray]) -> Make:
    """A kind that draws each spec by itself."""

    def make(specs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rows = [dict(zip(LINE.factors.names, map(int, spec), strict=True)) for spec in specs]
        return np.stack([draw(row, rng) for row in rows])

    return make


def _of_class(name: str) -> Make:
    """Pictures of another class on the same canvas."""
    drawing = DRAWINGS[name]
    return lambda specs, rng: drawing.render(drawing.factors.sample(len(specs), rng))


def _opencv(kind: int) -> Make:
    def draw(s: dict[str, int], rng: np.random.Generator) -> np.ndarray:
        image = np.full(LINE.canvas[:2], s["background_grey"], np.uint8)
        ends = (s["x_start"], s["y_start"]), (s["x_end"], s["y_end"])
        cv2.line(image, *ends, s["line_grey"], s["line_width"], kind)
        return image

    return _rows(draw)


def _pillow(draw: Callable[[ImageDraw.ImageDraw, dict[str, int], np.random.Generator], None]) -> Make:
    def one(s: dict[str, int], rng: np.random.Generator) -> np.ndarray:
        picture = Image.new("L", (LINE.width, LINE.height), s["background_grey"])
        draw(ImageDraw.Draw(picture), s, rng)
        return np.asarray(picture)

    return _rows(one)


def _line(pen: ImageDraw.ImageDraw, s: dict[str, int], width: int = 0) -> None:
    ends = [(s["x_start"], s["y_start"]), (s["x_end"], s["y_end"])]
    pen.line(ends, fill=s["line_grey"], width=width or s["line_width"])


def _two(pen: ImageDraw.ImageDraw, s: dict[str, int], rng: np.random.Generator) -> None:
    _line(pen, s)
    pen.line([tuple(p) for p in rng.integers(0, LINE.width, (2, 2)).tolist()], fill=s["line_grey"], width=s["line_width"])


def _dashed(pen: ImageDraw.ImageDraw, s: dict[str, int], rng: np.random.Generator) -> None:
    ends = np.array([[s["x_start"], s["y_start"]], [s["x_end"], s["y_end"]]])
    for i in range(4):
        dash = ends[0] + np.outer([i / 3.6, (i + 0.6) / 3.6], ends[1] - ends[0])
        pen.line([tuple(p) for p in np.rint(dash).astype(int).tolist()], fill=s["line_grey"], width=s["line_width"])


def _wide(pen: ImageDraw.ImageDraw, s: dict[str, int], rng: np.random.Generator) -> None:
    _line(pen, s, int(rng.integers(12, 21)))


def _scaled(image: np.ndarray) -> np.ndarray:
    """Three quarters of its size, in the middle of what its corner looks like."""
    side = LINE.width * 3 // 4
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    before = (LINE.width - side) // 2
    return np.pad(small, (before, LINE.width - side - before), constant_values=int(image[0, 0]))


def _shifted(image: np.ndarray) -> np.ndarray:
    """Eight pixels to the right and down; what was at the edge goes on."""
    return np.pad(image, ((8, 0), (8, 0)), mode="edge")[: LINE.height, : LINE.width]


def _gradient(image: np.ndarray) -> np.ndarray:
    """Light from one side: 24 levels from left to right."""
    return np.clip(image + np.linspace(-12, 12, LINE.width), 0, 255).astype(np.uint8)


def _covered(image: np.ndarray) -> np.ndarray:
    """A sticker of 14 x 14 pixels in a corner."""
    image = image.copy()
    image[-14:, -14:] = 128 if abs(int(image[-1, -1]) - 128) > 32 else 255
    return image


def _jpeg(image: np.ndarray, quality: int = 30) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _low_contrast(image: np.ndarray) -> np.ndarray:
    return np.rint(128 + (image.astype(float) - 128) / 8).astype(np.uint8)


def _beyond(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of one and a half to twice the largest that was trained."""
    return add_noise(images, MAX_SIGMA * rng.uniform(1.5, 2, len(images)), rng)


def _salt_and_pepper(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two pixels of a hundred black or white, beside the usual noise."""
    noisy, struck = usual_noise(images, rng), rng.random(images.shape) < 0.02
    return np.where(struck, 255 * rng.integers(2, size=images.shape), noisy).astype(np.uint8)


def usual_noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise as the examples have it by default."""
    return add_noise(images, rng.uniform(0, MAX_SIGMA, len(images)), rng)


KINDS: dict[str, Kind] = {
    "noise": Kind("noise of 1.5 to 2 times the largest trained", same, noisy=_beyond),
    "salt": Kind("salt and pepper, 2 % of the pixels", same, noisy=_salt_and_pepper),
    "blur": Kind("blurred, 1 px", _each(lambda image: cv2.GaussianBlur(image, (0, 0), 1))),
    "opencv": Kind("another renderer: OpenCV, hard edges, round caps", _opencv(cv2.LINE_8)),
    "opencv aa": Kind("another renderer: OpenCV, anti-aliased", _opencv(cv2.LINE_AA)),
    "contrast": Kind("contrast an eighth of what it was", _each(_low_contrast)),
    "scaled": Kind("the canvas scaled to three quarters", _each(_scaled)),
    "jpeg": Kind("JPEG of quality 30", same, after=_jpeg),
    "gradient": Kind("light from one side, 24 levels across", _each(_gradient)),
    "covered": Kind("a sticker of 14 px in a corner", _each(_covered)),
    "wide": Kind("lines wider than the class has: 12 to 20 px", _pillow(_wide)),
    "dashed": Kind("dashed lines", _pillow(_dashed)),
    "two": Kind("two lines in one picture", _pillow(_two)),
    "arc": Kind("another class: arc", _of_class("arc")),
    "rectangle": Kind("another class: rectangle", _of_class("rectangle")),
    "some arcs": Kind("one picture of five is an arc", _of_class("arc"), share=0.2),
    "inverted": Kind("polarity inverted", _each(lambda image: 255 - image), harmless=True),
    "shifted": Kind("the canvas shifted by 8 px, what was at the edge goes on", _each(_shifted)),
    "none": Kind("no drift", same, harmless=True),
}


def drifted(kind: Kind, n: int, noise: bool, rng: np.random.Generator) -> np.ndarray:
    """`n` pictures of a kind, ``uint8 (n, height, width)``, with noise or, unless noise is what drifts, without."""
    specs = LINE.factors.sample(n, rng)
    images = np.where((rng.random(n) < kind.share)[:, None, None], kind.make(specs, rng), LINE.render(specs))
    if kind.noisy is not None:
        images = kind.noisy(images, rng)
    elif noise:
        images = usual_noise(images, rng)
    return images if kind.after is None else np.stack([kind.after(image) for image in images])
