"""Synthetic colour faces: the drawing class `face` with its factors at random, as pictures without their class.

For models of colour pictures where no photographs are at hand. The label says that they are synthetic.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, Source, shared_sha256
from fullcircle.drawings.face import Face
from fullcircle.images.arrays import Canvas

FACE = Face()
FILE = Path(inspect.getfile(Face))


class Faces(Source):
    """`originals.n` faces, 96 x 96 in colour; the same seed gives the same ones, however many."""

    name = "faces"
    summary = "synthetic colour faces: the drawing class face, its factors at random"
    canvas = FACE.canvas
    takes = frozenset({"n", "seed"})
    keypoints = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        for i in range(settings.n):
            origin = f"{FILE.name} seed {settings.seed} number {i}"
            yield Candidate(origin, FILE.name, "synthetic", "", partial(_load, settings.seed, i))


def _load(seed: int, number: int) -> Loaded:
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))
    spec = FACE.factors.sample(1, rng)
    return Loaded(Image.fromarray(FACE.render(spec)[0]), shared_sha256(FILE), keypoints_of(spec[0]))


def keypoints_of(spec: np.ndarray) -> np.ndarray:
    """Middles of the eyes, tip of the nose and corners of the mouth of a face, ``(5, 2)`` x, y in px."""
    parts = {name: part.spec_values(own) for name, (part, own) in FACE.parts(spec).items()}
    eyes = [(parts[f"{side} eye"]["x"], parts[f"{side} eye"]["y"]) for side in ("left", "right")]
    mouth, nose = parts["mouth"], parts["nose"]
    corners = [(mouth["x"] + side * mouth["x_radius"], mouth["y"]) for side in (-1, 1)]
    return np.array([*eyes, (nose["x_end"], nose["y_end"]), *corners], np.float64)
