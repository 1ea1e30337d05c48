"""The walls: imports point one way, pipelines -> assets -> fullcircle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_NOT_IMPORT = {"fullcircle": {"dagster", "assets", "pipelines"}, "assets": {"pipelines"}, "pipelines": set()}
FILES = [(package, path) for package in MAY_NOT_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize(("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES])
def test_imports_point_one_way(package, path):
    assert not MAY_NOT_IMPORT[package] & set(imported(path))


@pytest.mark.parametrize(("package", "path"), FILES, ids=[str(p.relative_to(ROOT)) for _, p in FILES])
def test_a_module_opens_by_saying_what_belongs_in_it(package, path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_index_address_stands_in_the_lock_files():
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert "index-url" not in text
