"""Code versions: which code a result depends on, as one short hash that tells the truth.

Belongs here: following names from definition to definition, through the modules of this project and those around a class of the
user's own, without importing any. A version covers what can change a value and nothing else: not a comment, a docstring, the
order of functions or an unused neighbour (`definitions` says what is left out and why).
Does not belong here: other packages, which the lock file pins; `libraries_behind` says which of them are used.

Conventions. A *root* is a module, ``fullcircle.training.loop``, with all its definitions, or one definition,
``fullcircle.training.drawings:train_decoder``. From the roots every name that is read is followed: of the same file, imported (at
the top, under TYPE_CHECKING, inside a function), re-exported, an attribute of a module, in an annotation. With a definition count
the statements that its module, and the packages around that, run when they are imported, and the files of a ``templates`` folder
that it names. A module that is handed around as a value counts as a whole. What is loaded by a name that is only known at run time
(``importlib.import_module``) cannot be seen: name it as a root.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import os
import re
import stat
import sys
import sysconfig
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fullcircle.store.definitions import STATEMENTS, Imported, Source, Use
from fullcircle.store.hashing import digest, file_sha256

ROOT = Path(__file__).parents[2]
LENGTH = 12
TEMPLATES = "templates"

WITHOUT_EFFECT = frozenset(
    {
        # They carry, name and report; what passes through them is the same without them.
        *(f"fullcircle.core.{name}" for name in ("plugins", "progress")),
        *(f"fullcircle.store.{name}" for name in ("objects", "ledger", "code_version")),
        *(f"fullcircle.training.{name}" for name in ("tensorboard", "projector")),
        "fullcircle.models.tensorflow",
        # Rules that settings are held to, and their messages: a run that breaks one makes nothing, and what settings hold is
        # recorded as configuration.
        *(f"fullcircle.core.settings:{name}" for name in ("Settings", "SettingsError", "Parts", "setting", "unknown_name")),
        # Lists to choose from. What was chosen is recorded as configuration or partition; whoever asks for a version names the
        # chosen entry as a root, and takes `class_version` of the drawing class.
        *(f"fullcircle.models.{kind}s:{kind.upper()}S" for kind in ("decoder", "encoder", "autoencoder")),
        "fullcircle.models.losses:IMAGE_LOSSES",
        "fullcircle.images.augmentation.operations:OPERATIONS",
        *(f"fullcircle.drawings:{name}" for name in ("DRAWINGS", "drawing_class", "loaded", "reference_of")),
        "fullcircle.data.sources:picture_source",
    }
)
"""Modules, and definitions (``module:name``), that cannot change what an asset holds: uses of them are not followed."""

_TAG = re.compile(rb"\{%[-+]?\s*(?:include|extends|import|from)\b(.*?)%\}", re.DOTALL)
_QUOTED = re.compile(rb"""["']([^"']+)["']""")


class Node(NamedTuple):
    """One thing that a version covers: a definition, a module's `STATEMENTS`, or a file, whose module is empty."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}" if self.module else self.name


class Status(NamedTuple):
    """What is compared to see whether a file is as it was: its kind, when it was changed in ns, its size in bytes."""

    mode: int
    mtime_ns: int
    size: int


Stamp = Status | None
"""None where there is no file."""


def code_version(*roots: str, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> str:
    """Short hash of the definitions behind the roots; it changes when what one of them does may have changed.

    Args:
        roots: modules, or definitions as ``module:name``; their order changes nothing.
        root: folder of the packages that are this project.
        without: modules and definitions that are not followed; see `WITHOUT_EFFECT`.

    Raises:
        ValueError: when there is no such module or definition.

    Example:
        >>> code_version("fullcircle.training.drawings:train_decoder", "fullcircle.models.decoders.article")
        '3f0c92b1d7aa'
    """
    tree = _tree(root, without)
    return tree.version(tree.starts(roots))


def class_version(drawing: Any, *, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> str:
    """Short hash of the definitions behind a class: ours, or one of the user's own with what it uses of its own files and of ours.

    A user's own files are those of its package or, where its module is in none, of its folder; of everything else that is installed
    there are other records. A class without a Python file, such as one of a notebook, counts as the nearest of its bases that has
    one.

    Args:
        drawing: the class or an object of it.
        root: folder of the packages that are this project.
        without: modules and definitions that are not followed.
    """
    kind = drawing if isinstance(drawing, type) else type(drawing)
    for base in kind.__mro__:
        file = getattr(sys.modules.get(base.__module__), "__file__", None)
        if file is None or not file.endswith(".py"):
            continue
        ours = Path(file).is_relative_to(ROOT / base.__module__.partition(".")[0])
        own = None if ours else _Own.of(Path(file), base.__module__)
        tree, module = _tree(root, without, own), own.module if own else base.__module__
        name = base.__qualname__.partition(".")[0]  # of a class inside a function, that function
        return tree.version(tree.starts([f"{module}:{name}" if tree.binds(module, name) else module]))
    return digest([])[:LENGTH]


def definitions_behind(*roots: str, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> list[str]:
    """What `code_version` of the same roots covers, as ``module:name`` in order; raises as that does.

    ``module:<statements>`` are the statements that a module runs when it is imported.
    """
    tree = _tree(root, without)
    return sorted(str(node) for node in tree.behind(tree.starts(roots)) if node.module)


def files_behind(*roots: str, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> list[str]:
    """The files in which that stands, templates included, relative to `root` and in order; raises as `code_version` does."""
    tree = _tree(root, without)
    return sorted({tree.place(node) for node in tree.behind(tree.starts(roots))})


def libraries_behind(*roots: str, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> dict[str, str]:
    """The installed packages whose modules the definitions behind the roots use themselves, and their versions.

    By the name that a package index knows them by, ``{"numpy": "2.1.3", "pillow": "11.0.0"}``. The standard library, what is not
    installed and what those packages use in turn are left out. Raises as `code_version` does.
    """
    tree = _tree(root, without)
    used = {name.partition(".")[0] for node in tree.behind(tree.starts(roots)) for name in tree.content(node).libraries}
    distributions = {d for name in used - sys.stdlib_module_names for d in _distributions().get(name, ())}
    found = {re.sub(r"[-_.]+", "-", d).lower(): importlib.metadata.version(d) for d in distributions}
    return dict(sorted(found.items()))


def why(target: str, *roots: str, root: Path = ROOT, without: frozenset[str] = WITHOUT_EFFECT) -> list[str]:
    """A shortest way of uses from one of the roots to a definition or file, both included; empty where there is none.

    Args:
        target: as `definitions_behind` or `files_behind` has it, or a module: its nearest definition.
        roots: as of `code_version`, which says what is raised.
        root: folder of the packages that are this project.
        without: modules and definitions that are not followed.
    """
    tree = _tree(root, without)
    came_from = tree.behind(tree.starts(roots))
    for found in came_from:
        if target in (str(found), found.module):
            way: list[str] = []
            node: Node | None = found
            while node is not None:
                way.append(str(node))
                node = came_from[node]
            return way[::-1]
    return []


@dataclasses.dataclass(frozen=True)
class _Own:
    """Where files of the user's own are.

    Attributes:
        folder: the one that holds them all.
        module: the class's module as it is called from there.
        packaged: whether the module is in a package; then that package is the user's own, else what lies in the folder.
        alone: whether the folder is one where everything that is installed lies; then only the module is.
    """

    folder: Path
    module: str
    packaged: bool
    alone: bool

    @classmethod
    def of(cls, file: Path, module: str) -> _Own:
        inner = module.split(".")[1:]
        package = file.name == "__init__.py"
        folder = file.parents[len(inner) + package]
        name = ".".join((file.parent if package else file.with_suffix("")).relative_to(folder).parts)
        installed = {Path(sysconfig.get_path(place)) for place in ("purelib", "platlib", "stdlib")}
        return cls(folder, name, bool(inner) or package, folder in installed)

    def holds(self, module: str) -> bool:
        """Whether a module is looked for in the folder."""
        top = module.partition(".")[0]
        return module == self.module or (top == self.module.partition(".")[0] if self.packaged else not self.alone)


@dataclasses.dataclass(frozen=True)
class _Content:
    """What a node is and leads to: hash, nodes, modules of other packages by dotted name."""

    hash: str
    nodes: frozenset[Node]
    libraries: frozenset[str]


Found = set[Node | str]
"""What a name stands for: nodes, and by dotted name what is of other packages."""


class _Tree:
    """The sources as they are now; everything that was found out about them is kept for as long as they stay so."""

    def __init__(self, root: Path, without: frozenset[str], own: _Own | None) -> None:
        self._root, self._without, self._own = root, without, own
        self._stamps: dict[Path, Stamp] = {}
        self._files: dict[str, Path | None] = {}
        self._contents: dict[Node, _Content] = {}

    def is_current(self) -> bool:
        """Whether every file that was looked at, or looked for in vain, is as it was."""
        return all(_stamp(path) == stamp for path, stamp in self._stamps.items())

    def starts(self, roots: Iterable[str]) -> list[Node]:
        """The nodes of roots; of a module that only re-exports, what it re-exports."""
        found: Found = set()
        for text in roots:
            module, colon, name = text.partition(":")
            if self._file(module) is None:
                raise ValueError(
                    f"A root is expected to be a module of {self._root}, or module:definition. Received: {text!r}; "
                    f"there is no source of {module!r}."
                )
            if not colon:
                found |= self._whole(module)
            elif self.binds(module, name):
                found |= self._named(module, name, ())
            else:
                known = ", ".join(n for n in self._source(module).names if n != STATEMENTS)
                raise ValueError(f"A definition of {module} is expected. Received: {name!r}. Choose from: {known or 'none'}.")
        return sorted(node for node in found if isinstance(node, Node))

    def behind(self, starts: Iterable[Node]) -> dict[Node, Node | None]:
        """Every node that is reached, nearest first, and from which it was reached first."""
        came_from: dict[Node, Node | None] = dict.fromkeys(starts)
        waiting = deque(came_from)
        while waiting:
            node = waiting.popleft()
            for other in sorted(self.content(node).nodes):
                if other not in came_from:
                    came_from[other] = node
                    waiting.append(other)
        return came_from

    def version(self, starts: Iterable[Node]) -> str:
        covered = sorted(self.behind(starts))
        return digest(part.encode() for node in covered for part in (str(node), self.content(node).hash))[:LENGTH]

    def place(self, node: Node) -> str:
        """The file of a node, relative to the folder that it was found from."""
        if not node.module:
            return node.name
        file = self._file(node.module)
        assert file is not None
        return self._relative(file)

    def content(self, node: Node) -> _Content:
        if node not in self._contents:
            self._contents[node] = self._of_definition(node) if node.module else self._of_file(node.name)
        return self._contents[node]

    def _of_definition(self, node: Node) -> _Content:
        definition = self._source(node.module).definition(node.name)
        found: Found = self._statements(node.module)
        meanings: set[str] = set()  # ``from a import f`` and ``from b import f`` read the same in the definition itself
        for use in definition.uses:
            targets = self._used(node.module, use)
            meanings.update(f"{use} is {target}" for target in targets)
            found |= targets
        found.update(Node("", self._relative(path)) for text in definition.texts for path in self._data(node.module, text))
        return _Content(
            digest(part.encode() for part in (definition.tree, *sorted(meanings))),
            frozenset(n for n in found if isinstance(n, Node) and n != node),
            frozenset(n for n in found if isinstance(n, str)),
        )

    def _of_file(self, name: str) -> _Content:
        """A template, and those that it includes or extends."""
        path = self._root / name
        if self._own is not None and not self._is_file(path):
            path = self._own.folder / name
        folder = next(p for p in path.parents if p.name == TEMPLATES)
        texts = [q.decode() for tag in _TAG.findall(path.read_bytes()) for q in _QUOTED.findall(tag)]
        others = [folder / text for text in texts if self._is_file(folder / text)]
        return _Content(file_sha256(path), frozenset(Node("", self._relative(p)) for p in others), frozenset())

    def _data(self, module: str, text: str) -> list[Path]:
        """The file that a text names in the nearest folder of templates, beside the module or in a package around it."""
        file = self._file(module)
        assert file is not None
        top = len(module.split(".")) - (file.name != "__init__.py")
        for folder in list(file.parents)[: max(1, top)]:
            path = folder / TEMPLATES / text.removeprefix(f"{TEMPLATES}/")
            if self._is_file(path):
                return [path]
        return []

    def _used(self, module: str, use: Use) -> Found:
        if isinstance(use.origin, Imported):
            return self._imported(module, use.origin, use.attributes, frozenset())
        return self._named(module, use.origin, use.attributes)

    def _named(self, module: str, name: str, attributes: tuple[str, ...], seen: frozenset[Node] = frozenset()) -> Found:
        """What a name of a module stands for there; nothing if it is one of Python's own."""
        found: Found = set()
        if f"{module}:{name}" in self._without or Node(module, name) in seen:
            return found
        seen |= {Node(module, name)}
        source = self._source(module)
        if source.defines(name):
            found.add(Node(module, name))
        for imported in source.imports.get(name, ()):
            found |= self._imported(module, imported, attributes, seen)
        if not found and name not in source.imports:
            for star in source.stars:
                base = self._absolute(module, star)
                if base not in self._without and self._file(base) and self.binds(base, name):
                    found |= self._statements(base) | self._named(base, name, attributes, seen)
        return found

    def _imported(self, module: str, imported: Imported, attributes: tuple[str, ...], seen: frozenset[Node]) -> Found:
        base = self._absolute(module, imported)
        if imported.name is None:
            return self._of_module(base, attributes, seen)
        return self._of_module(base, (imported.name, *attributes), seen)

    def _of_module(self, module: str, attributes: tuple[str, ...], seen: frozenset[Node]) -> Found:
        """What an attribute of a module stands for: a name of it, or of a module inside it; without one, the whole module."""
        if module in self._without:
            return set()
        inner = f"{module}.{attributes[0]}" if attributes else ""
        if self._file(module) is None:
            if attributes and self._file(inner):
                return self._of_module(inner, attributes[1:], seen)
            return {inner or module}
        if not attributes:
            return self._whole(module, seen)
        if self.binds(module, attributes[0]):
            return self._statements(module) | self._named(module, attributes[0], attributes[1:], seen)
        if self._file(inner):
            return self._of_module(inner, attributes[1:], seen)
        return self._whole(module, seen)

    def _whole(self, module: str, seen: frozenset[Node] = frozenset()) -> Found:
        """All definitions of a module and all that it re-exports; modules that it imports count where they are used."""
        source = self._source(module)
        found: Found = {Node(module, name) for name in source.names if f"{module}:{name}" not in self._without}
        found |= self._statements(module)
        for name, imports in source.imports.items():
            for imported in imports:
                base = self._absolute(module, imported)
                if imported.name and self._file(base) and self.binds(base, imported.name):
                    found |= self._named(module, name, (), seen)
        return found

    def _statements(self, module: str) -> Found:
        """What importing a module runs: its statements, and those of the packages around it."""
        names = module.split(".")
        around = (".".join(names[:n]) for n in range(1, len(names) + 1))
        return {
            Node(m, STATEMENTS)
            for m in around
            if m not in self._without and self._file(m) and self._source(m).defines(STATEMENTS)
        }

    def binds(self, module: str, name: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a module has such a name at its top level."""
        source = self._source(module)
        return (
            source.defines(name)
            or name in source.imports
            or any(
                self._file(base) is not None and self.binds(base, name, seen | {module})
                for base in (self._absolute(module, star) for star in source.stars)
                if base not in seen
            )
        )

    def _absolute(self, module: str, imported: Imported) -> str:
        """The module that an import names, whatever it is relative to."""
        if not imported.level:
            return imported.module
        file = self._file(module)
        names = module.split(".")
        package = names if file is not None and file.name == "__init__.py" else names[:-1]
        above = package[: len(package) - imported.level + 1]
        return ".".join([*above, *([imported.module] if imported.module else [])])

    def _source(self, module: str) -> Source:
        file = self._file(module)
        assert file is not None
        stamp = self._seen(file)
        assert stamp is not None
        return _parsed(file, stamp)

    def _file(self, module: str) -> Path | None:
        """The source of a module of the project or of the user's own; None for every other."""
        if module not in self._files:
            names = module.split(".")
            paths = [folder.joinpath(*names) for folder in self._folders(module)] if all(names) else []
            candidates = (file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py"))
            self._files[module] = next((file for file in candidates if self._is_file(file)), None)
        return self._files[module]

    def _folders(self, module: str) -> list[Path]:
        """Where a module is looked for. A user's folder comes after the project, as it does when Python imports."""
        found = []
        if self._own is not None and self._own.holds(module):
            found = [self._own.folder]
        if self._is_file(self._root / module.partition(".")[0] / "__init__.py"):
            first = self._own is None or not (self._own.packaged or module == self._own.module)
            found.insert(0 if first else len(found), self._root)
        return found

    def _relative(self, path: Path) -> str:
        own = self._own.folder if self._own is not None else self._root
        return path.relative_to(self._root if path.is_relative_to(self._root) else own).as_posix()

    def _seen(self, path: Path) -> Stamp:
        if path not in self._stamps:
            self._stamps[path] = _stamp(path)
        return self._stamps[path]

    def _is_file(self, path: Path) -> bool:
        stamp = self._seen(path)
        return stamp is not None and stat.S_ISREG(stamp.mode)


def _stamp(path: Path) -> Stamp:
    try:
        status = os.stat(path)  # noqa: PTH116  half as long as Path.stat, and there are hundreds
    except (OSError, ValueError):
        return None
    return Status(status.st_mode, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1024)
def _parsed(file: Path, stamp: Status) -> Source:
    """A file's source, parsed once for as long as the file stays as it is."""
    return Source(file.read_bytes(), str(file))


_TREES: dict[tuple[Path, frozenset[str], _Own | None], _Tree] = {}


def _tree(root: Path, without: frozenset[str], own: _Own | None = None) -> _Tree:
    """The sources below a root as they are now; what was found out before is kept if nothing has changed since."""
    key = (root, without, own)
    if key not in _TREES or not _TREES[key].is_current():
        _TREES[key] = _Tree(root, without, own)
    return _TREES[key]


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()
