"""The picture sources there are. A new one is a file here and a line in `SOURCES`.

Belongs here: the lists, and how a source of the user's own gets a name. The names are also the partition set of the glyph
assets and the parameter list of the contract tests.

A user's own comes in by two doors. *Pictures*: ``folder:PATH``, ``fonts:PATH`` and ``mnist:FILE.npz`` are registered in the
store's `REGISTER` under a name of letters, digits and underscores, for a partition key may become a file name, an address or a
word in a command. *Code*: a `Source` class or object behind an entry point of the group ``fullcircle.sources``; its name is that
of the entry point.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from fullcircle.core.plugins import Register
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, PathSource, Source, SourceError
from fullcircle.data.sources.digits import Digits
from fullcircle.data.sources.faces import Faces
from fullcircle.data.sources.folder import Folder
from fullcircle.data.sources.fonts import Fonts
from fullcircle.data.sources.latin import Latin
from fullcircle.data.sources.mnist import Mnist
from fullcircle.data.sources.tifinagh import Tifinagh
from fullcircle.images.arrays import Canvas

__all__ = ["KINDS", "SOURCES", "Source", "SourceError", "known_sources", "picture_source", "register"]

SOURCES: dict[str, Source] = {s.name: s for s in (Tifinagh(), Latin(), Digits(), Faces())}

KINDS: dict[str, type[PathSource]] = {s.kind: s for s in (Folder, Fonts, Mnist)}
"""What stands before the colon of a source that the user names by its path."""

REGISTER = Register(
    "sources.json",
    "fullcircle.sources",
    "source",
    '{"mine": "folder:/my/pictures"}',
    lambda text: text.partition(":")[0] in KINDS,
)


def register(root: Path, text: str) -> str:
    """The name of a source, entered into the store's register if it is one by path.

    Args:
        root: folder of the store.
        text: a name, or ``folder:PATH``, ``fonts:PATH``, ``mnist:FILE.npz``.

    Returns:
        The name: of a path always the same, made of the last part of the path and a hash of all of it.

    Raises:
        SettingsError: when there is no such kind, or nothing at the path.
    """
    kind, colon, place = text.partition(":")
    if not colon:
        return picture_source(root, text).name
    if kind not in KINDS:
        raise SettingsError(f"Unknown kind of source {kind!r}. Choose from: {', '.join(f'{k}:PATH' for k in KINDS)}.")
    path = Path(place).expanduser().absolute()
    if not place or not path.exists():
        raise SettingsError(f"{kind}:PATH is expected to name something that exists. Received: {place!r}.")
    last = path.name if path.is_dir() else path.stem
    name = f"{kind}_{_plain(last)}_{blake2b(os.fsencode(path), digest_size=3).hexdigest()}"
    REGISTER.enter(root, name, f"{kind}:{path}")
    return name


def known_sources(root: Path) -> dict[str, Source]:
    """Every source by name: ours, those behind entry points, those in the store's register."""
    known = dict(SOURCES)
    for name, point in REGISTER.points(known).items():
        known[name] = _behind(point)
    for name, entry in REGISTER.entries(root).items():
        kind, _, place = entry.text.partition(":")
        known.setdefault(name, KINDS[kind](name, Path(place)))
    return known


def picture_source(root: Path, name: str) -> Source:
    """The source called `name`.

    Raises:
        SettingsError: naming the sources there are.
    """
    known = known_sources(root)
    if name not in known:
        raise SettingsError(
            f"Unknown picture source {name!r}. Choose from: {', '.join(known)}, {', '.join(f'{kind}:PATH' for kind in KINDS)}."
        )
    return known[name]


def _plain(text: str) -> str:
    """Letters, digits and underscores of ASCII that remind of `text`."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"\W+", "_", ascii_only).strip("_")[:40] or "pictures"


class _Broken(Source):
    """An entry point that does not load: there, so that it is not missed, and saying why when it is used."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.summary, self._reason = name, f"does not load: {reason}", reason

    def candidates(self, settings: OriginalsSettings, canvas: Canvas) -> Iterator[Candidate]:
        raise SourceError(
            f"The entry point {self.name!r} of {REGISTER.entry_points} is expected to be a Source. {self._reason}"
        )


def _behind(point: importlib.metadata.EntryPoint) -> Source:
    try:
        found = point.load()
        source = found() if isinstance(found, type) else found
        if not isinstance(source, Source):
            return _Broken(point.name, f"Received: {found!r}.")
        source.name = point.name
        return source
    except Exception as error:  # the user's code may raise anything, and must not take the other sources with it
        return _Broken(point.name, f"Received: {type(error).__name__}: {error}.")
