"""MNIST, or anything laid out like it: an ``.npz`` with x_train, y_train, x_test and y_test that the user has."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, Source, SourceError, shared_sha256
from fullcircle.images.arrays import Canvas

PARTS = ("train", "test")


class Mnist(Source):
    """``mnist:FILE.npz``. Label: y as text; group: the half of the file, for MNIST's halves have different writers."""

    summary = "pictures of an .npz laid out as MNIST's: x_train, y_train, x_test, y_test"
    canvas = (28, 28, 1)

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path

    @property
    def about(self) -> dict[str, str]:
        return {"path": str(self.path)}

    def files(self) -> Iterator[Path]:
        return iter((self.path,))

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        for part, (images, labels) in self._parts().items():
            for row, (image, label) in enumerate(zip(images, labels, strict=True)):
                origin = f"{self.path.name} x_{part}[{row}]"
                yield Candidate(origin, self.path.name, str(label), part, partial(self._load, image))

    def _load(self, image: np.ndarray) -> Loaded:
        return Loaded(Image.fromarray(image), shared_sha256(self.path))

    def _parts(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        names = [f"{axis}_{part}" for part in PARTS for axis in "xy"]
        try:
            with np.load(self.path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in names}
        except KeyError as error:
            raise SourceError(f"{self.path} is expected to hold {', '.join(names)}. Missing: {error.args[0]}.") from None
        # Of a single .npy there is nothing to enter, of pickled objects nothing is loaded.
        except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile) as error:
            raise SourceError(f"{self.path} is expected to be an .npz of plain arrays. Received: {error}.") from error
        for part in PARTS:
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            pictures = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)) and 0 not in x.shape[1:]
            if not (pictures and y.shape == x.shape[:1]):
                raise SourceError(
                    f"{self.path}: x_{part} is expected to be uint8 (n, height, width[, 3]) and y_{part} to hold n labels. "
                    f"Received: {x.dtype} {x.shape} and {y.dtype} {y.shape}."
                )
        return {part: (arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in PARTS}
