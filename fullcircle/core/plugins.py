"""Registers: what a user adds to one of our lists, and how it is found again.

Belongs here: the store's files of names and what they stand for, entry points, loading ``module:Class`` or ``path/file.py:Class``.
Does not belong here: what is registered and what must hold of it (`drawings`, `data.sources`).

A name of a register may stand for a Python file, which is run when the name is used. Whoever names the file itself accepts it as it
is: its SHA-256 is recorded, and by its name only those very bytes are run. So neither an edit that nobody has looked at nor one by
somebody else is run by a schedule. What the file imports is not covered.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import importlib
import importlib.machinery
import importlib.metadata
import json
import os
import pwd
import re
import shlex
import stat
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


class NotAcceptedError(SettingsError):
    """A Python file is not as it was accepted when it was registered. The message has the command that accepts it."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """What a name of a register stands for.

    Attributes:
        text: what it stands for; of code the reference, ``/path/file.py:Class`` or ``module:Class``.
        sha256: of the Python file as it was accepted; None for what is no file, and for a file that an older version registered.
        despite: who else might change the file when it was accepted, as `changeable` has it.
        accept: the command that accepts the file as it is.
    """

    text: str
    sha256: str | None = None
    despite: str | None = None
    accept: str = ""

    @property
    def file(self) -> Path | None:
        """The Python file that is run; None where it stands for something else."""
        place = self.text.rpartition(":")[0]
        return Path(place) if place.endswith(".py") else None

    def accepted(self) -> Entry:
        """The same, of the file as it is now.

        Raises:
            SettingsError: when there is no such file.
        """
        if self.file is None:
            return self
        content, status = _read(self.file)
        return dataclasses.replace(self, sha256=hashlib.sha256(content).hexdigest(), despite=changeable(status))

    def refuse(self) -> None:
        """Refuse a file that is not as it was accepted; none of its code is run.

        Raises:
            NotAcceptedError: saying what differs, with the command that accepts it.
            SettingsError: when there is no such file.
        """
        if self.file is not None:
            self.check(*_read(self.file))

    def check(self, content: bytes, status: os.stat_result) -> None:
        """As `refuse`, of a file that has been read."""
        found = hashlib.sha256(content).hexdigest()
        others = changeable(status)
        if self.sha256 is not None and found != self.sha256:
            wrong = f"has changed since it was registered (SHA-256 {self.sha256[:12]} then, {found[:12]} now)"
        elif others not in (None, self.despite):
            wrong = f"is {others}, which it was not when it was registered" if self.sha256 else f"is {others}"
        else:
            return
        raise NotAcceptedError(f"{self.file} {wrong}, so it is not run. Look at it, then accept it as it is: {self.accept}")

    def as_plain(self) -> str | dict[str, str]:
        """As the file of a register has it."""
        held = {"reference": self.text, "sha256": self.sha256, "despite": self.despite}
        return self.text if self.sha256 is None else {name: value for name, value in held.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class Register:
    """The user's own of one kind: those in a file of the store, and those behind entry points.

    Attributes:
        file: its name in the store's folder.
        entry_points: group of entry points.
        what: what is registered, for messages.
        example: what the file may hold, for messages.
        valid: whether a text can be what a name stands for.
        accept: of names that stand for code, the words of the command that accepts it, which the reference follows without a space.
    """

    file: str
    entry_points: str
    what: str
    example: str
    valid: Callable[[str], bool]
    accept: str = ""

    def entries(self, root: Path) -> dict[str, Entry]:
        """What each name of the file stands for. No file that it names is looked at.

        Raises:
            SettingsError: when the file cannot be read, or when it names code and others may change it.
        """
        file = root / self.file
        try:
            with file.open("rb") as opened:
                status, content = os.fstat(opened.fileno()), opened.read()
            entries = {name: self._entry(held) for name, held in json.loads(content).items()}
            good = all(map(is_name, entries)) and None not in entries.values()
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, TypeError):
            good = False
        if not good:
            raise SettingsError(
                f"{file} is expected to hold names of {NAME_RULE} and what they stand for, "
                f"{self.example}. Mend it or delete it."
            )
        if self.accept and (others := changeable(status)):
            raise SettingsError(
                f"{file} names programs that are run, and is expected to be yours and writable by you alone. Received: a file "
                f"{others}. Look at what it names, then make it yours: chown $(id -u) {shlex.quote(str(file))} && chmod go-w "
                f"{shlex.quote(str(file))}"
            )
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _entry(self, held: object) -> Entry | None:
        """What a name stands for; None where it is nothing that can be."""
        of_file = held if self.accept and isinstance(held, dict) and "sha256" in held else {"reference": held}
        texts = {name: value for name, value in of_file.items() if isinstance(value, str)}
        if texts.keys() != of_file.keys() or "reference" not in texts or not self.valid(texts["reference"]):
            return None
        text = texts["reference"]
        return Entry(text, texts.get("sha256"), texts.get("despite"), f"{self.accept}{shlex.quote(text)}")

    def enter(self, root: Path, name: str, text: str) -> None:
        """Let `name` stand for `text` from now on; several processes may enter at once.

        Of code in a file, the file as it is now is accepted, for every name that stands for code in it.

        Raises:
            SettingsError: when there is no such file, or the register cannot be read.
        """
        root.mkdir(parents=True, exist_ok=True)
        file = root / self.file
        entered = Entry(text).accepted() if self.accept else Entry(text)
        with (root / f"{self.file}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = self.entries(root)
            entries = {
                other: dataclasses.replace(entered, text=entry.text) if entered.file and entry.file == entered.file else entry
                for other, entry in before.items()
            } | {name: entered}
            plain = {other: entry.as_plain() for other, entry in entries.items()}
            if plain != {other: entry.as_plain() for other, entry in before.items()}:
                draft = file.with_suffix(".draft")
                draft.write_text(json.dumps(plain, indent=1, sort_keys=True))
                draft.chmod(0o644)  # where new files are writable by everybody, it would be refused
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


def changeable(status: os.stat_result) -> str | None:
    """Who beside us and root may change a file: ``writable by everybody``; None where nobody may."""
    if status.st_uid not in (os.geteuid(), 0):
        try:
            return f"owned by {pwd.getpwuid(status.st_uid).pw_name}"
        except KeyError:
            return f"owned by user {status.st_uid}"
    return "writable by everybody" if status.st_mode & stat.S_IWOTH else None


def canonical(reference: str) -> str:
    """The same reference whatever the working folder: a file by its whole path.

    Raises:
        SettingsError: when it is not of the form ``module:Class`` or ``path/file.py:Class``, or when Python would take what lies
            in the working folder for the module.
    """
    place, _, name = reference.rpartition(":")
    file = place.endswith(".py")
    if not name.isidentifier() or not (file or all(part.isidentifier() for part in place.split("."))):
        raise SettingsError(f"A class is named as module:Class or path/to/file.py:Class. Received: {reference!r}.")
    if file:
        return f"{Path(place).expanduser().resolve()}:{name}"
    _refuse_ambiguous(place, name)
    return reference


def _refuse_ambiguous(module: str, name: str) -> None:
    """Python looks in the working folder first, and what lies there by chance, or by malice, is not what was meant."""
    folder = Path.cwd()
    top = module.partition(".")[0]
    elsewhere = importlib.machinery.PathFinder.find_spec(top, [p for p in sys.path if Path(p).resolve() != folder.resolve()])
    places = (elsewhere.origin or ", ".join(elsewhere.submodule_search_locations or [])) if elsewhere else ""
    there = f" The module {top} that is installed, {places}, is had from any other folder." if places else ""
    if (folder / f"{module}.py").is_file():
        raise SettingsError(
            f"A file of the working folder is named by its path: {module}.py:{name}. Received: {module}:{name}, and "
            f"{folder / module}.py is there.{there}"
        )
    if places and (folder / top / "__init__.py").is_file() and not Path(places).is_relative_to(folder / top):
        raise SettingsError(
            f"{module}:{name} is expected to be one module. Received: two, in {folder / top} and in {places}. Name the file of "
            f"the first, {module.replace('.', '/')}.py:{name}; the second is had from any other folder."
        )


def load(reference: str, base: type[T], accepted: Entry | None = None) -> T:
    """The object that a reference names; of a class, one made without arguments.

    This runs the code that is named, as importing it does. A file's folder is the last place where its imports are looked for.

    Args:
        reference: ``module:Class`` or ``path/file.py:Class``.
        base: what it is expected to be.
        accepted: the entry of a register by which it was found; the file is run only if it is as it was accepted.

    Raises:
        NotAcceptedError: when the file is not as it was accepted.
        SettingsError: when there is no such module, file or name, when the code fails, or when it is something else.
    """
    place, _, name = (reference := canonical(reference)).rpartition(":")
    with _failures_of(reference):
        module = _of_file(Path(place), accepted) if place.endswith(".py") else importlib.import_module(place)
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


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    """What a file holds, and whose it was when that was read."""
    if not path.is_file():
        raise SettingsError(f"A Python file is expected at {path}. Found none. If it moved, name its new place.")
    with path.open("rb") as file:
        return file.read(), os.fstat(file.fileno())


def _of_file(path: Path, accepted: Entry | None) -> ModuleType:
    content, status = _read(path)
    if accepted is not None:
        accepted.check(content, status)
    return _executed(path, content)


@cache
def _executed(path: Path, content: bytes) -> ModuleType:
    """The module of a file, executed once for as long as the file stays as it is."""
    name = f"fullcircle_own_{path.stem}_{blake2b(str(path).encode(), digest_size=4).hexdigest()}"
    module = ModuleType(name)
    module.__file__ = str(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = module
    try:
        # Of what was read and accepted, and not through Python's cache of compiled files, which takes an edit within the same
        # second for the old file.
        exec(compile(content, str(path), "exec"), vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module
