"""Sources: which code an asset depends on, as one hash.

Belongs here: walking the imports of this project's own modules, and of those around a class of the user's own, without importing
any. Other packages are pinned in the lock file.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fullcircle.store.hashing import digest

ROOT = Path(__file__).parents[2]
PACKAGE = "fullcircle"
WITHOUT_EFFECT = frozenset(
    f"fullcircle.{name}"
    for name in (
        *(f"{room}.settings" for room in ("core", "data", "models", "evaluation", "reading", "training", "reports", "steps")),
        *("training.tensorboard", "training.projector", "core.progress", "store.objects", "store.ledger", "core.plugins"),
    )
)
"""Modules that cannot change what an asset holds: settings are recorded as configuration, the others only carry."""


def _file_of(module: str, root: Path = ROOT) -> Path | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imported(path: Path, package: str = "") -> set[str]:
    """What a file imports, as dotted names; `package` is what it is in, for imports relative to it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


@cache
def _imports(module: str) -> frozenset[str]:
    path = _file_of(module)
    assert path is not None
    return frozenset(m for m in _imported(path) if m.split(".")[0] == PACKAGE and m != PACKAGE and _file_of(m))


def modules_behind(roots: Iterable[str]) -> list[str]:
    """The modules of the library that `roots` import, directly or not, themselves included, in order of name."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module not in seen and module not in WITHOUT_EFFECT:
            if _file_of(module) is None:
                raise ValueError(f"No source of the module {module!r} under {ROOT}.")
            seen.add(module)
            waiting += _imports(module)
    return sorted(seen)


def code_version(*roots: str) -> str:
    """Short hash of the sources behind these modules; it changes when any of them does."""
    parts: list[bytes] = []
    for module in modules_behind(roots):
        path = _file_of(module)
        assert path is not None
        parts += [module.encode(), path.read_bytes()]
    return digest(parts)[:12]


def code_with(version: str, drawing: object) -> str:
    """The code version of an asset of `drawing`: with a class of the user's own, its sources count too.

    Those are its module and what that imports from the same folder or, if it is in a package, from that package. Ours stand behind
    every asset's imports already.
    """
    module = type(drawing).__module__
    file = getattr(sys.modules[module], "__file__", None)
    if module.split(".")[0] == PACKAGE or file is None:
        return version
    parts: list[bytes] = []
    for path, name in sorted(_own(Path(file), module).items()):
        parts += [name.encode(), path.read_bytes()]
    return digest([version.encode(), *parts])[:12]


def _own(file: Path, module: str) -> dict[Path, str]:
    """The files behind a module of the user's, and what each is called from the folder that holds them all."""
    top, *inner = module.split(".")
    package = file.name == "__init__.py"
    root = file.parents[len(inner) + package]
    packaged = bool(inner) or package
    # Beside a lone module that was installed lies everything else that was.
    alone = root in {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")}
    seen: dict[Path, str] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = path.relative_to(root).as_posix()
        for imported in _imported(path, ".".join(path.relative_to(root).parts[:-1])):
            if imported.split(".")[0] == top if packaged else not alone:
                waiting += [found for found in [_file_of(imported, root)] if found]
    return seen
