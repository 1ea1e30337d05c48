"""Reading from Python: whatever holds a picture, back into the call that draws it.

Belongs here: telling paths, folders, arrays, images and lists of them apart.
Does not belong here: how a picture is opened and read (`fullcircle.reading`), which is the same for the command.
"""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypedDict, Unpack, overload

import numpy as np
from PIL import Image

from fullcircle.api.answer import Answer, Answers
from fullcircle.api.drawing import DrawingLike, as_drawing
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.drawings.base import Drawing
from fullcircle.images.files import PictureError, pictures_at, printable_name
from fullcircle.reading.batches import read_in_batches
from fullcircle.reading.pictures import Picture, as_picture, open_picture
from fullcircle.reading.settings import STEPS, ReaderSettings
from fullcircle.reading.stored import reader_at_hand
from fullcircle.store.objects import Store

One: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray
"""What can hold one picture. A path may also be a folder, an array several pictures."""

CHANNELS = (1, 3, 4)
"""Lengths of an array's last axis that are a picture's channels: grey, RGB, RGB with transparency."""


class Reader:
    """Reads pictures of one drawing class; its models are loaded once.

    It is made of the champion's networks, as ``fullcircle read`` takes them. Where no model can be used, because the class was
    never trained or no model passed its checks, the search reads alone, and `model` says so: that works for any class.

    Args:
        drawing: name, ``path/to/file.py:Class``, a subclass of `Drawing`, or an object of one.
        store: folder of the store; without it ``FULLCIRCLE_STORE``, or the folder ``store`` of the checkout.
        steps: what a picture goes through, of ``encoder,gradient,redraw``; ``"redraw"`` is the search alone.
        redraws: at most so many drawings per picture in the search.
        seed: source of chance of the search; the same one gives the same answers.
        workers: processes that search, from 200 pictures on; changes nothing but the time. 0 is one per core. They are fresh
            interpreters, so a script that asks for more than one does so under ``if __name__ == "__main__":``.
        unverified: use the latest models, champion or not, whatever their checks found.
        last_whole: where the champion's files are damaged, use the last champion that is whole.

    Raises:
        SettingsError: when there is no such drawing class, or a setting breaks its rule.
        NothingMaterializedError: when no model can be used and `steps` leaves ``redraw`` out.
        StoredObjectError: when the champion's files are damaged.

    Example:
        >>> import fullcircle as fc
        >>> reader = fc.Reader("line")
        >>> reader.read("a.png").spec
        {'x_start': 3, 'y_start': 5, 'x_end': 60, 'y_end': 40, 'line_grey': 200, 'line_width': 4, 'background_grey': 31}
    """

    def __init__(
        self,
        drawing: DrawingLike = "line",
        *,
        store: str | Path | None = None,
        steps: str = ",".join(STEPS),
        redraws: int = ReaderSettings.redraws,
        seed: int = ReaderSettings.seed,
        workers: int = 1,
        unverified: bool = False,
        last_whole: bool = False,
    ) -> None:
        where = Store(store or default_store())
        settings = ReaderSettings(steps=steps, redraws=redraws, seed=seed, workers=workers)
        self._drawing = as_drawing(drawing, where.root)
        self._reader, self._models, alone = reader_at_hand(
            where,
            self._drawing,
            settings,
            unverified=unverified,
            last_whole=last_whole,
            progress=Progress(lambda text: warnings.warn(text, stacklevel=2)),
        )
        networks = ", ".join(f"{name} {version[:12]}" for name, version in self._models.items())
        self._model = networks or f"no network, the search alone{alone and f': {alone}'}"

    @property
    def drawing(self) -> Drawing:
        """The drawing class that is read."""
        return self._drawing

    @property
    def model(self) -> str:
        """What reads: networks by the beginning of their content hash, or that the search does alone, and why."""
        return self._model

    @property
    def models(self) -> dict[str, str]:
        """The content hash of each network; empty if the search is alone."""
        return dict(self._models)

    @overload
    def read(self, pictures: Image.Image) -> Answer: ...
    @overload
    def read(self, pictures: str | os.PathLike[str] | np.ndarray) -> Answer | Any: ...
    @overload
    def read(self, pictures: list[Any] | tuple[Any, ...] | Iterator[Any]) -> Answers: ...
    def read(self, pictures: One | Iterable[One]) -> Answer | Answers | Any:
        """Read one picture, or several.

        Args:
            pictures: the path of a picture; a Pillow image; an array ``uint8 (height, width)``, or ``(height, width, c)`` with
                c of 1, 3 or 4. Of several: the path of a folder, an array with one axis more, or a list of any of these.

        Returns:
            An `Answer`, or `Answers` to several. A picture of a list or a folder that cannot be read is warned of, and is in
            `Answers.failed`. Type checkers cannot know which a path or an array gives, and accept it as either.

        Raises:
            PictureError: when the one picture cannot be read, a folder has none, or an array is no picture.
        """
        if isinstance(pictures, str | os.PathLike):
            path = Path(pictures)
            if path.is_dir():
                return self._answers(_of_path(path))
            return self._one(path)
        if isinstance(pictures, np.ndarray):
            several = pictures.ndim == 4 or (pictures.ndim == 3 and pictures.shape[2] not in CHANNELS)
            return self._answers(pictures) if several else self._one(pictures)
        if isinstance(pictures, Image.Image):
            return self._one(pictures)
        if not isinstance(pictures, Iterable):
            raise PictureError(f"A path, an array, a Pillow image, or a list of them is expected. Received: {pictures!r}.")
        return self._answers(found for picture in pictures for found in _of_path(picture))

    def _one(self, picture: One) -> Answer:
        opened = self._opened(picture, 0)
        ((read,),) = read_in_batches(self._reader, [opened], 1)
        return Answer(read, self._drawing, self._models, self._model, _path(picture))

    def _answers(self, pictures: Iterable[One]) -> Answers:
        given = list(pictures)
        paths: list[Path | None] = []
        failed: dict[Path, PictureError] = {}

        def opened() -> Iterator[Picture]:
            for i, picture in enumerate(given):
                path = _path(picture)
                try:
                    found = self._opened(picture, i)
                except PictureError as error:
                    if path is None:  # a mistake of who made the array, not a file among many that is damaged
                        raise
                    failed[path] = error
                    warnings.warn(f"Not read: {error}", stacklevel=2)
                    continue
                paths.append(path)
                yield found

        read = itertools.chain.from_iterable(read_in_batches(self._reader, opened(), len(given)))
        found = [
            Answer(answer, self._drawing, self._models, self._model, path) for answer, path in zip(read, paths, strict=True)
        ]
        return Answers(found, failed)

    def _opened(self, picture: One, place: int) -> Picture:
        """One picture on the canvas; what is no file is called by its place."""
        path = _path(picture)
        if path is None:
            image = picture if isinstance(picture, Image.Image) else _image(picture)
            return as_picture(Path(f"picture {place}"), image, self._drawing)
        try:
            return open_picture(path, self._drawing)
        except PictureError as error:
            raise PictureError(f"{printable_name(path)}: {error}") from error


class ReaderOptions(TypedDict, total=False):
    """What `Reader` takes beside the drawing class."""

    store: str | Path | None
    steps: str
    redraws: int
    seed: int
    workers: int
    unverified: bool
    last_whole: bool


@overload
def read(pictures: Image.Image, drawing: DrawingLike = "line", **options: Unpack[ReaderOptions]) -> Answer: ...
@overload
def read(
    pictures: str | os.PathLike[str] | np.ndarray, drawing: DrawingLike = "line", **options: Unpack[ReaderOptions]
) -> Answer | Any: ...
@overload
def read(
    pictures: list[Any] | tuple[Any, ...] | Iterator[Any], drawing: DrawingLike = "line", **options: Unpack[ReaderOptions]
) -> Answers: ...
def read(
    pictures: One | Iterable[One], drawing: DrawingLike = "line", **options: Unpack[ReaderOptions]
) -> Answer | Answers | Any:
    """Read one picture, or several, back into the calls that draw them: a `Reader` for once.

    Args:
        pictures: what `Reader.read` takes: a path, a folder, an array, a Pillow image, or a list of them.
        drawing: what they show: name, ``path/to/file.py:Class``, a subclass of `Drawing`, or an object of one.
        options: all others that `Reader` takes, ``steps="redraw"`` for one.

    Returns:
        An `Answer`, or `Answers` to several.

    Raises:
        PictureError: when the one picture cannot be read, a folder has none, or an array is no picture.
        SettingsError: when there is no such drawing class, or a setting breaks its rule.

    Example:
        >>> import fullcircle as fc
        >>> answer = fc.read("a.png")
        >>> answer.call
        'draw.line([(3, 5), (60, 40)], fill=200, width=4)'
        >>> answer.redraw.size
        (64, 64)
    """
    given: Any = pictures
    return Reader(drawing, **options).read(given)


def _path(picture: One) -> Path | None:
    return Path(picture) if isinstance(picture, str | os.PathLike) else None


def _of_path(picture: One) -> list[One]:
    """A picture as it is, or the pictures of a folder."""
    path = _path(picture)
    if path is None or not path.is_dir():
        return [picture]
    try:
        return list(pictures_at(path))
    except PictureError as error:
        raise PictureError(f"{printable_name(path)}: {error}") from error


def _image(array: object) -> Image.Image:
    """An array as a Pillow image.

    Raises:
        PictureError: when it is none, or of another shape or type.
    """
    if not isinstance(array, np.ndarray):
        raise PictureError(f"A path, an array, a Pillow image, or a list of them is expected. Received: {array!r}.")
    shape = array.shape
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and shape[2] in CHANNELS)) or not array.size:
        raise PictureError(
            "A picture as an array is expected to be uint8 (height, width), or (height, width, c) with c of 1, 3 or 4. Received: "
            f"{array.dtype} {shape}. Levels in [0, 1] become such by (255 * array).round().astype(np.uint8)."
        )
    return Image.fromarray(array[..., 0] if array.ndim == 3 and shape[2] == 1 else array)
