"""A folder of the user's own pictures, and all folders in it.

Every file is a candidate, whatever its name says, so that none vanishes: what is no picture is listed with its reason. The order
does not depend on the file system. Symbolic links are followed only where they stay in the folder and lead to a file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Loaded, PathSource, PictureError, SourceError
from fullcircle.images.arrays import Canvas
from fullcircle.images.files import open_upright, valid_name


class Folder(PathSource):
    """``folder:PATH``. Label: the first sub-folder's name; group: the folders below it, ``a/anna/1.png`` is an "a" by "anna"."""

    kind = "folder"
    summary = "pictures of a folder, sub-folder names as labels"

    def files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            links = [name for name in folders if Path(folder, name).is_symlink()]
            yield from (Path(folder, name) for name in sorted([*files, *links]))

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        if not self.path.is_dir():
            raise SourceError(f"A folder of pictures is expected at {self.path}. Found none.")
        return self._walk(self.path.resolve())

    def _walk(self, root: Path) -> Iterator[Candidate]:
        for path, message in everything_in(root):
            origin = valid_name(path.relative_to(root).as_posix())
            inner = path.relative_to(root).parts[:-1]
            label, group = valid_name(inner[0]) if inner else "", valid_name("/".join(inner[1:]))
            if message is None:
                yield Candidate(origin, origin, label, group, partial(load_within, path, root))
            else:
                yield Candidate(origin, origin, "", "", partial(_fail, message))


def everything_in(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file of a folder and of those in it, and every link to a folder, in an order that does not change; None with each.

    After them come the folders that cannot be read, each with the reason.
    """
    unreadable: list[OSError] = []
    for folder, folders, files in os.walk(root, onerror=unreadable.append):
        folders.sort()
        links = [name for name in folders if Path(folder, name).is_symlink()]
        yield from ((Path(folder, name), None) for name in sorted([*files, *links]))
    for error in unreadable:
        yield Path(error.filename), f"A folder that can be read is expected. Received: {error.strerror}."


def _fail(message: str) -> Loaded:
    raise PictureError(message)


def load_within(path: Path, root: Path) -> Loaded:
    """A file of a folder as a picture.

    Args:
        path: of the file.
        root: the folder, without links in its own path.

    Raises:
        PictureError: as `open_upright`, and for a link that leaves the folder or leads to one.
    """
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            _fail("A picture inside the folder is expected. Received: a symbolic link that leaves it.")
        if target.is_dir():
            _fail("A picture is expected. Received: a symbolic link to a folder; its files stand under their own names.")
    opened = open_upright(path)
    return Loaded(opened.picture, opened.sha256)
