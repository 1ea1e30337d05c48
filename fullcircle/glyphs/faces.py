"""Synthetic colour faces: a head, hair, eyes, brows, a nose and a mouth, drawn from random parameters.

A simple face of its own, for models of colour pictures where no photographs are at hand. The label says that they are synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fullcircle.glyph_settings import OriginalsSettings
from fullcircle.glyphs.base import Candidate, Canvas, Loaded, Source, shared_sha256

SIDE = 192  # px, drawn twice as large as shown
SKIN = np.array([(255, 224, 196), (241, 194, 150), (198, 134, 86), (141, 85, 50), (88, 52, 32)], np.float64)
HAIR = np.array([(24, 20, 18), (74, 44, 24), (130, 78, 36), (212, 168, 88), (150, 150, 152), (150, 54, 28)], np.float64)
IRIS = np.array([(58, 36, 20), (52, 92, 140), (74, 116, 62), (110, 110, 116)], np.float64)

Colour = tuple[int, int, int]


class Faces(Source):
    """`originals.n` faces, 96 x 96 in colour; the same seed gives the same ones, however many."""

    name = "faces"
    summary = "synthetic colour faces, drawn from random parameters"
    canvas = (96, 96, 3)
    keypoints = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        name = Path(__file__).name
        for i in range(settings.n):
            origin = f"{name} seed {settings.seed} number {i}"
            yield Candidate(origin, name, "synthetic", "", partial(_load, settings.seed, i))


def _load(seed: int, number: int) -> Loaded:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))
    picture, keypoints = draw_face(rng)
    return Loaded(picture, shared_sha256(Path(__file__)), keypoints)


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (int(v) for v in np.clip(np.rint(values), 0, 255))
    return red, green, blue


def _between(palette: np.ndarray, rng: np.random.Generator) -> Colour:
    """Somewhere between two neighbours of a palette."""
    place = rng.uniform(0, len(palette) - 1)
    low = min(int(place), len(palette) - 2)
    return _colour(palette[low] + (place - low) * (palette[low + 1] - palette[low]))


def _darker(colour: Colour, share: float) -> Colour:
    return _colour(np.array(colour) * share)


def draw_face(rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """One face and its five points, ``(5, 2)`` x, y in its pixels."""
    skin, hair, iris = _between(SKIN, rng), _between(HAIR, rng), _between(IRIS, rng)
    ground = _colour(rng.uniform(40, 230, 3))
    x, y = SIDE / 2 + rng.uniform(-8, 8, 2)
    width, height = rng.uniform(46, 60), rng.uniform(60, 74)  # half axes of the head
    apart, eye = rng.uniform(0.36, 0.46) * width, rng.uniform(7, 11)
    eyes_y, gaze = y - rng.uniform(0.06, 0.18) * height, rng.uniform(-2.5, 2.5)
    open_eye = rng.uniform(0.55, 0.95) * eye
    brow, lift = rng.uniform(2, 6), rng.uniform(-4, 4)
    nose_y, nose = y + rng.uniform(0.16, 0.26) * height, rng.uniform(4, 9)
    mouth_y, mouth, smile = y + rng.uniform(0.48, 0.6) * height, rng.uniform(0.28, 0.5) * width, rng.uniform(-9, 14)
    fringe, long_hair = rng.uniform(0.25, 0.6) * height, rng.uniform() < 0.5

    picture = Image.new("RGB", (SIDE, SIDE), ground)
    draw = ImageDraw.Draw(picture)

    def ellipse(cx: float, cy: float, rx: float, ry: float, fill: Colour) -> None:
        draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=fill)

    ellipse(x, y - 8, width + 9, height + 6, hair)
    if long_hair:
        draw.rectangle((x - width - 9, y - 8, x + width + 9, y + height * 0.9), fill=hair)
    draw.rectangle((x - width * 0.36, y + height * 0.6, x + width * 0.36, SIDE), fill=_darker(skin, 0.85))
    ellipse(x, y, width, height, skin)
    draw.chord((x - width, y - height, x + width, y - height + 2 * fringe), 180, 360, fill=hair)
    for side in (-1, 1):
        ex = x + side * apart
        ellipse(ex, eyes_y, eye, open_eye, (250, 250, 248))
        ellipse(ex + gaze, eyes_y, open_eye * 0.75, open_eye * 0.75, iris)
        ellipse(ex + gaze, eyes_y, open_eye * 0.35, open_eye * 0.35, (12, 12, 12))
        above = eyes_y - open_eye - 7
        draw.line((ex - side * eye, above + lift, ex + side * eye * 1.2, above), fill=_darker(hair, 0.7), width=round(brow))
    draw.polygon([(x, nose_y - 16), (x - nose, nose_y), (x + nose, nose_y)], fill=_darker(skin, 0.8))
    lips = [(x + t * mouth, mouth_y - smile * t * t) for t in np.linspace(-1, 1, 17)]
    draw.line(lips, fill=_colour(0.5 * np.array(skin) + 0.5 * np.array((176, 40, 52))), width=7, joint="curve")
    corners = [(x - mouth, mouth_y - smile), (x + mouth, mouth_y - smile)]
    return picture, np.array([(x - apart, eyes_y), (x + apart, eyes_y), (x, nose_y), *corners])
