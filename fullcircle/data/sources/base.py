"""What a picture source is: a name, a canvas of its own, and the candidates it offers.

Belongs here: the abstract class and what a candidate is. Nothing here knows a particular source.
Does not belong here: what becomes of a candidate (`data.originals`): bringing it to the canvas, refusing it, writing it down.
"""

from __future__ import annotations

import abc
import dataclasses
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import OriginalsSettings
from fullcircle.images.arrays import Canvas
from fullcircle.images.files import PictureError, valid_name
from fullcircle.store.hashing import digest, file_sha256

__all__ = ["Candidate", "Loaded", "PathSource", "PictureError", "Source", "SourceError"]


class SourceError(ValueError):
    """A source as a whole cannot be had. The message says the rule, what was found and what to do."""


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A picture as its source has it, before it is brought to the canvas.

    Attributes:
        picture: any size and mode.
        sha256: hex digest of the file that it comes from.
        keypoints: ``(k, 2)``, x and y in the picture's pixels, pixel centres at whole numbers; None without.
    """

    picture: Image.Image
    sha256: str
    keypoints: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A picture that a source offers; whether it can be had is known when it is loaded.

    Attributes:
        origin: what it is, for people, and different for each: ``a/b.png``, ``DejaVuSans.ttf U+2D30``.
        file: the file it comes from, for people: relative to the source's folder, or a plain name.
        label: what it shows; empty where it is not known.
        group: whose hand or face it is; empty where it is not known.
        load: gets it. Raises `PictureError`, whose message is the reason why not.
    """

    origin: str
    file: str
    label: str
    group: str
    load: Callable[[], Loaded]


class Source(abc.ABC):
    """Where pictures come from.

    A subclass gives the attributes and `candidates`; size, polarity, duplicates, rejects and the table are the same for all. A
    source must be pure: the same settings and files give the same candidates, in the same order.

    Attributes:
        name: identifier, also the partition key.
        summary: one line for lists.
        canvas: (height, width, channels) that suits it, for settings that leave the size to it.
        keypoints: names of the points that it knows on each of its pictures.
        takes: names of the settings, beyond those of all sources, that it takes.
        about: what the table's metadata is to hold of it beside its name. Where its files lie is not: the same pictures elsewhere
            are the same table.
        place: where the user's files lie, ``folder:/my/pictures``; goes on record. Empty for a source that comes with a library.
    """

    name: str
    summary: str
    canvas: Canvas = (64, 64, 1)
    keypoints: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[frozenset[str]] = frozenset()

    @property
    def about(self) -> dict[str, str]:
        return {}

    @property
    def place(self) -> str:
        return ""

    def files(self) -> Iterator[Path]:
        """The user's files that it reads, in an order that does not change; none for a source that comes with a library."""
        return iter(())

    def state(self) -> str:
        """Short hash of the names, sizes and times of `files`: it changes when one of them may have; empty without any."""
        parts = []
        for path in self.files():
            try:
                status = path.lstat()
                stamp = f"{status.st_size} {status.st_mtime_ns}"
            except OSError as error:
                stamp = str(error.errno)
            parts += [os.fsencode(path), stamp.encode()]
        return digest(parts)[:12] if parts else ""

    @abc.abstractmethod
    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        """What it offers, in an order that does not change.

        Args:
            settings: of the run.
            canvas: (height, width, channels) that the pictures will be brought to, for sources that draw them.

        Raises:
            SourceError: when the source as a whole cannot be had.
        """

    def check(self, settings: OriginalsSettings) -> None:
        """Refuse settings that this source does not take.

        Raises:
            SettingsError: naming the setting.
        """
        if settings.characters and "characters" not in self.takes:
            raise SettingsError(
                f"originals.characters is taken by the source latin and by fonts:PATH. Received: {settings.characters!r} for "
                f"{self.name}. Leave it empty."
            )

    def canvas_for(self, settings: OriginalsSettings) -> Canvas:
        """(height, width, channels) of the pictures: the settings', or its own where they say 0."""
        own = self.canvas
        return settings.height or own[0], settings.width or own[1], settings.channels or own[2]


class PathSource(Source):
    """A source that the user names by its path, ``kind:PATH``.

    Attributes:
        kind: what stands before the colon.
        path: a file or a folder.
    """

    kind: ClassVar[str]

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path

    @property
    def about(self) -> dict[str, str]:
        return {"source": self.kind}

    @property
    def place(self) -> str:
        return valid_name(f"{self.kind}:{self.path}")


@cache
def _sha256(path: Path, stamp: tuple[int, int]) -> str:
    return file_sha256(path)


def shared_sha256(path: Path) -> str:
    """Hex SHA-256 of a file that many pictures come from, computed once for as long as the file stays as it is."""
    status = path.stat()
    return _sha256(path, (status.st_size, status.st_mtime_ns))
