"""The walls: imports point one way, pipelines -> assets -> fullcircle, and inside the library to lower levels only."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_NOT_IMPORT = {"fullcircle": {"dagster", "assets", "pipelines"}, "assets": {"pipelines"}, "pipelines": set()}
FILES = [(package, path) for package in MAY_NOT_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]

LEVELS = {
    "core": 1,
    "images": 2,
    "store": 2,
    "drawings": 3,
    "models": 4,
    "evaluation": 4,
    "data": 5,
    "reading": 5,
    "promotion": 6,
    "training": 6,
    "reports": 6,
    "checks": 7,
    "steps": 7,
    "lineage": 8,
    "exports": 9,
    "api": 10,
    "cli": 10,
}
"""The rooms of the library. A room imports from rooms of lower levels only."""


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted((ROOT / "fullcircle").rglob("*.py"))}


def imported(path):
    """Dotted names of the modules that a file imports, inside functions and for type checking included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else str(node.module)


def room(module):
    return module.split(".")[1]


IMPORTS = {
    module: {name for name in imported(path) if name in MODULES and name not in ("fullcircle", module)}
    for module, path in MODULES.items()
    if module != "fullcircle"
}


@pytest.mark.parametrize(("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES])
def test_imports_point_one_way(package, path):
    assert not MAY_NOT_IMPORT[package] & {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize(("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES])
def test_a_module_opens_by_saying_what_belongs_in_it(package, path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_every_room_has_its_level():
    assert {room(module) for module in IMPORTS} == set(LEVELS)


@pytest.mark.parametrize("module", IMPORTS)
def test_a_room_imports_from_lower_levels_only(module):
    own = room(module)
    others = {name for name in IMPORTS[module] if room(name) != own}
    assert [name for name in sorted(others) if LEVELS[room(name)] >= LEVELS[own]] == []


def test_no_modules_import_each_other_in_a_cycle():
    graphlib.TopologicalSorter(IMPORTS).prepare()  # raises CycleError, naming the cycle


def test_one_private_name_of_dagster_is_used_and_is_explained_where_it_is():
    """What is private may go with any version of Dagster; `test_a_bad_value_is_refused_at_launch` holds what this one is for."""
    found = {}
    for _, path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [(alias.name, "") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "", alias.name) for alias in node.names]
            else:
                continue
            for module, name in names:
                parts = module.split(".") + [name]
                if parts[0].startswith("dagster") and any(part.startswith("_") for part in parts):
                    found[f"{module}.{name}"] = path.relative_to(ROOT).as_posix()
    assert found == {"dagster._config.PostProcessingError": "assets/configuration.py"}


def test_no_index_address_stands_in_the_lock_files():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text
