"""Registers: what a user adds to one of our lists, and how it is found again.

Belongs here: the store's files of names and what they stand for, entry points, loading ``module:Class`` or ``path/file.py:Class``.
Does not belong here: what is registered and what must hold of it (`drawings`, `data.sources`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import importlib
import importlib.metadata
import json
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from fullcircle.core.settings import SettingsError

T = TypeVar("T")

MOVED = {
    "fullcircle.factors": "fullcircle.drawings",
    "fullcircle.glyphs": "fullcircle.data.sources",
    "fullcircle.glyphs.base": "fullcircle.data.sources.base",
    "fullcircle.glyphs.fonts": "fullcircle.data.sources.fonts",
    "fullcircle.augmentation": "fullcircle.images.augmentation",
    "fullcircle.augmentation.operation": "fullcircle.images.augmentation.operation",
    "fullcircle.augmentation.pipeline": "fullcircle.images.augmentation.pipeline",
    "fullcircle.noise": "fullcircle.images.noise",
    "fullcircle.scaling": "fullcircle.drawings.scaling",
    "fullcircle.settings": "fullcircle.core.settings",
    "fullcircle.storage": "fullcircle.store.objects",
    "fullcircle.tables": "fullcircle.store.tables",
}
"""Modules that classes of users import and that are elsewhere now."""


LONGEST_NAME = 100
"""Characters; with what stands around it, a checkpoint's hash for one, a file's name may have 255."""

NAME_RULE = f"letters, digits and underscores, at most {LONGEST_NAME},"
"""What `is_name` asks, for messages."""


def is_name(text: str) -> bool:
    """Whether it may be a partition key, which may become a file name, an address or a word in a command: `NAME_RULE`."""
    return re.fullmatch(rf"\w{{1,{LONGEST_NAME}}}", text, re.ASCII) is not None


@dataclasses.dataclass(frozen=True)
class Register:
    """The user's own of one kind: those in a file of the store, and those behind entry points.

    Attributes:
        file: its name in the store's folder.
        entry_points: group of entry points.
        what: what is registered, for messages.
        example: what the file may hold, for messages.
        valid: whether a text can be what a name stands for.
    """

    file: str
    entry_points: str
    what: str
    example: str
    valid: Callable[[str], bool]

    def entries(self, root: Path) -> dict[str, str]:
        """What each name of the file stands for.

        Raises:
            SettingsError: when the file cannot be read.
        """
        file = root / self.file
        try:
            entries = json.loads(file.read_text())
            good = all(is_name(name) and self.valid(text) for name, text in entries.items())
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, TypeError):
            good = False
        if not good:
            raise SettingsError(
                f"{file} is expected to hold names of {NAME_RULE} and what they stand for, "
                f"{self.example}. Mend it or delete it."
            )
        return dict(entries)

    def enter(self, root: Path, name: str, text: str) -> None:
        """Let `name` stand for `text` from now on; several processes may enter at once."""
        root.mkdir(parents=True, exist_ok=True)
        file = root / self.file
        with (root / f"{self.file}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self.entries(root)
            if entries.get(name) != text:
                entries[name] = text
                draft = file.with_suffix(".draft")
                draft.write_text(json.dumps(entries, indent=1, sort_keys=True))
                draft.rename(file)

    def points(self, taken: Iterable[str]) -> dict[str, importlib.metadata.EntryPoint]:
        """The entry points by name, none of them loaded. A name that is taken, or is none, is left out with a warning."""
        taken = list(taken)
        found: dict[str, importlib.metadata.EntryPoint] = {}
        for point in sorted(importlib.metadata.entry_points(group=self.entry_points), key=lambda p: p.name):
            if point.name in (*taken, *found) or not is_name(point.name):
                warnings.warn(
                    f"Entry point {point.name!r} of {self.entry_points} is left out: a name of {NAME_RULE} "
                    f"that no other {self.what} has is expected. Taken: {', '.join((*taken, *found))}.",
                    stacklevel=3,
                )
                continue
            found[point.name] = point
        return found


def canonical(reference: str) -> str:
    """The same reference whatever the working folder: a file by its whole path, a module of the working folder as that file.

    Raises:
        SettingsError: when it is not of the form ``module:Class`` or ``path/file.py:Class``.
    """
    place, _, name = reference.rpartition(":")
    if place.isidentifier() and Path(f"{place}.py").is_file():
        place = f"{place}.py"
    file = place.endswith(".py")
    if not name.isidentifier() or not (file or all(part.isidentifier() for part in place.split("."))):
        raise SettingsError(f"A class is named as module:Class or path/to/file.py:Class. Received: {reference!r}.")
    return f"{Path(place).expanduser().resolve()}:{name}" if file else f"{place}:{name}"


def load(reference: str, base: type[T]) -> T:
    """The object that a reference names; of a class, one made without arguments.

    This runs the code that is named, as importing it does. A file's folder is the last place where its imports are looked for.

    Raises:
        SettingsError: when there is no such module, file or name, when the code fails, or when it is something else.
    """
    place, _, name = (reference := canonical(reference)).rpartition(":")
    with _failures_of(reference):
        module = _of_file(place) if place.endswith(".py") else importlib.import_module(place)
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, base):
        with _failures_of(reference):
            found = found()
    if not isinstance(found, base):
        classes = (v for v in vars(module).values() if isinstance(v, type) and v.__module__ == module.__name__)
        own = [c.__name__ for c in classes if issubclass(c, base)]
        received = repr(found) if hasattr(module, name) else f"no such name; of that kind it has {', '.join(own) or 'none'}"
        raise SettingsError(f"{reference} is expected to be a {base.__name__}. Received: {received}.")
    return found


@contextlib.contextmanager
def _failures_of(reference: str) -> Iterator[None]:
    """Whatever the user's code raises, as one sentence that says where."""
    try:
        yield
    except SettingsError:
        raise
    except (Exception, SystemExit) as error:
        place = reference.rpartition(":")[0]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place]
        where = f" at line {lines[-1]}" if lines else ""
        message = f"{reference} cannot be loaded{where}. Received: {type(error).__name__}: {error}."
        if isinstance(error, ImportError) and error.name in MOVED:  # an empty folder may be left of an old module
            message += f" What stood there is now in {MOVED[error.name]}."
        if not place.endswith(".py"):
            message += " It is looked for in the environment and on PYTHONPATH; a file is named by its path."
        raise SettingsError(message) from error


def _of_file(place: str) -> ModuleType:
    path = Path(place)
    if not path.is_file():
        raise SettingsError(f"A Python file is expected at {path}. Found none. If it moved, name its new place.")
    status = path.stat()
    return _executed(path, (status.st_mtime_ns, status.st_size))


@cache
def _executed(path: Path, stamp: tuple[int, int]) -> ModuleType:
    """The module of a file, executed once for as long as the file stays as it is."""
    name = f"fullcircle_own_{path.stem}_{blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    module = ModuleType(name)
    module.__file__ = str(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    try:
        # Not through Python's cache of compiled files, which takes an edit within the same second for the old file.
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
