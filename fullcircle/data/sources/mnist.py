"""MNIST, or anything laid out like it: an ``.npz`` with x_train, y_train, x_test and y_test that the user has."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, PathSource, SourceError
from fullcircle.images.arrays import Canvas

PARTS = ("train", "test")
NAMES = [f"{axis}_{part}" for part in PARTS for axis in "xy"]

MAX_BYTES = 2 * 2**30
"""Most that all arrays together may take in memory; MNIST takes 55 MB. A few kilobytes can claim any size."""

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""How the header of an array is read, by the version of its format; the third is of arrays with several columns."""


class Mnist(PathSource):
    """``mnist:FILE.npz``. Label: y as text; group: the half of the file, for MNIST's halves have different writers."""

    kind = "mnist"
    summary = "pictures of an .npz laid out as MNIST's: x_train, y_train, x_test, y_test"
    canvas = (28, 28, 1)

    def files(self) -> Iterator[Path]:
        return iter((self.path,))

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        parts, sha256 = self._parts()
        for part, (images, labels) in parts.items():
            for row, (image, label) in enumerate(zip(images, labels, strict=True)):
                origin = f"{self.path.name} x_{part}[{row}]"
                yield Candidate(origin, self.path.name, str(label), part, partial(_load, image, sha256))

    def check(self, settings: OriginalsSettings) -> None:
        """Refuse settings that it does not take, and a file that is none or claims too much, before anything is launched."""
        super().check(settings)
        with self._opened() as (_, archive):
            self._refuse_large(archive)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[tuple[io.BufferedReader, zipfile.ZipFile]]:
        """The file and the archive in it; whatever is wrong with it while it is open is a `SourceError`."""
        try:
            if not stat.S_ISREG(self.path.stat().st_mode):  # a pipe would keep us waiting for ever
                raise SourceError(f"{self.path} is expected to be a file. Received: a folder, a pipe or a device.")
            with self.path.open("rb") as file, zipfile.ZipFile(file) as archive:
                if missing := [name for name in NAMES if f"{name}.npy" not in archive.namelist()]:
                    raise SourceError(f"{self.path} is expected to hold {', '.join(NAMES)}. Missing: {', '.join(missing)}.")
                yield file, archive
        except SourceError:
            raise
        # Of pickled objects nothing is loaded.
        except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise SourceError(f"{self.path} is expected to be an .npz of plain arrays. Received: {error}.") from error

    def _refuse_large(self, archive: zipfile.ZipFile) -> None:
        claimed = 0
        for name in NAMES:
            with archive.open(f"{name}.npy") as file:
                claimed += _claimed(file)
        if claimed > MAX_BYTES:
            raise SourceError(
                f"{self.path} is expected to hold at most {MAX_BYTES:,} bytes of arrays. Received: {claimed:,}. Take fewer "
                "pictures, or save them as files and name their folder: folder:PATH."
            )

    def _parts(self) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], str]:
        """Pictures and labels of each half, and the SHA-256 of the file that they were read from."""
        arrays = {}
        with self._opened() as (file, archive):
            before = os.fstat(file.fileno())
            self._refuse_large(archive)
            for name in NAMES:
                with archive.open(f"{name}.npy") as array:
                    arrays[name] = npy.read_array(array, allow_pickle=False)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                raise SourceError(f"{self.path} was written to while it was read. Run again once it is complete.")
        for part in PARTS:
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            pictures = x.dtype == np.uint8 and (x.ndim == 3 or (x.ndim == 4 and x.shape[3] == 3)) and 0 not in x.shape[1:]
            if not (pictures and y.shape == x.shape[:1]):
                raise SourceError(
                    f"{self.path}: x_{part} is expected to be uint8 (n, height, width[, 3]) and y_{part} to hold n labels. "
                    f"Received: {x.dtype} {x.shape} and {y.dtype} {y.shape}."
                )
        return {part: (arrays[f"x_{part}"], arrays[f"y_{part}"]) for part in PARTS}, sha256


def _load(image: np.ndarray, sha256: str) -> Loaded:
    return Loaded(Image.fromarray(image), sha256)


def _claimed(file: IO[bytes]) -> int:
    """Bytes in memory of an array, by its header."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"an array in version {version} of its format")
    shape, _, dtype = HEADERS[version](file)
    return math.prod(shape) * dtype.itemsize
