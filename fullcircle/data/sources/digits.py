"""Digits: 1,797 real handwritten digits that scikit-learn brings along, 8 x 8."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, Source, shared_sha256
from fullcircle.images.arrays import Canvas

FILE = "digits.csv.gz"
HIGHEST = 16  # values run from 0 to 16


class Digits(Source):
    """Handwritten digits, white on black; label: the digit. Who wrote which is not known, so there are no groups."""

    name = "digits"
    summary = "1,797 handwritten digits, 8 x 8, of scikit-learn"
    canvas = (28, 28, 1)

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        from sklearn import datasets

        data = datasets.load_digits()
        path = Path(datasets.__file__).parent / "data" / FILE
        images = np.rint(data.images * (255 / HIGHEST)).astype(np.uint8)
        for row, (image, digit) in enumerate(zip(images, data.target, strict=True), 1):
            yield Candidate(f"{FILE} row {row}", FILE, str(digit), "", partial(_load, path, image))


def _load(path: Path, image: np.ndarray) -> Loaded:
    return Loaded(Image.fromarray(image), shared_sha256(path))
