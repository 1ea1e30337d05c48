"""Sources: which code an asset depends on, as one hash.

Belongs here: walking the imports of this project's own modules, without importing any. Other packages are pinned in the lock file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from fullcircle.hashing import digest

ROOT = Path(__file__).parents[1]
PACKAGE = "fullcircle"
WITHOUT_EFFECT = frozenset({f"fullcircle.{name}" for name in ("settings", "glyph_settings", "progress", "storage", "ledger")})
"""Modules that cannot change what an asset holds: settings are recorded as configuration, the others only carry."""


def _file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(module: str) -> frozenset[str]:
    path = _file_of(module)
    assert path is not None
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(m for m in found if m.split(".")[0] == PACKAGE and m != PACKAGE and _file_of(m))


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
