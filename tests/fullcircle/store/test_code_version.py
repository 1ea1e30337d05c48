"""Code versions: what changes one, and what does not."""

import importlib.metadata
import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fullcircle.drawings import DRAWINGS
from fullcircle.store import code_version as module_under_test
from fullcircle.store.code_version import (
    WITHOUT_EFFECT,
    class_version,
    code_version,
    definitions_behind,
    files_behind,
    libraries_behind,
    why,
)

ROOT = Path(__file__).parents[3]
MAKE = "lib.work:make"
TREE = {
    "lib/__init__.py": "",
    "lib/settings.py": """
        import dataclasses

        def setting(default, about):
            return dataclasses.field(default=default, metadata={"about": about})
    """,
    "lib/maths.py": """
        import numpy as np

        def double(x):
            return np.add(x, x)

        def halve(x):
            return x / 2
    """,
    "lib/parts/__init__.py": """
        from lib.parts.inner import helper
        from lib.parts.inner import neighbour

        __all__ = ["helper"]
    """,
    "lib/parts/inner.py": """
        def helper(x):
            return x + 1

        def neighbour(x):
            return x - 1
    """,
    "lib/tables.py": """
        class Table:
            def rows(self):
                return 1

        class Lines:
            def count(self):
                return 1

        class Column:
            pass
    """,
    "lib/late.py": """
        def late(x):
            return deeper(x)

        def deeper(x):
            return 3 * x
    """,
    "lib/effects.py": """
        import os

        NAMES = []
        for name in ("a", "b"):
            NAMES.append(name.upper())

        def quiet():
            return 1
    """,
    "lib/pages/__init__.py": "",
    "lib/pages/page.py": """
        def page():
            return rendered("page.html.j2")

        def rendered(name):
            return name
    """,
    "lib/pages/templates/page.html.j2": '{% extends "base.html.j2" %}{% include "part.html.j2" %}',
    "lib/pages/templates/base.html.j2": "base",
    "lib/pages/templates/part.html.j2": "part",
    "lib/pages/templates/other.html.j2": "other",
    "lib/round.py": """
        from lib import about

        def ping(n):
            return about.pong(n - 1) if n else 0
    """,
    "lib/about.py": """
        from lib import round

        def pong(n):
            return round.ping(n - 1) if n else 1
    """,
    "lib/work.py": '''
        """Work."""

        from __future__ import annotations

        import dataclasses
        from typing import TYPE_CHECKING

        from lib import effects, maths
        from lib import parts as pieces
        from lib.settings import setting

        if TYPE_CHECKING:
            from lib.tables import Lines, Table

        LIMIT = 10
        """The most."""
        FIRST, SECOND = 1, 2

        def named(f):
            return f

        class Base:
            def weight(self):
                return 1

        class Kind(Base):
            """A kind."""

            size = 3

        @dataclasses.dataclass
        class WorkSettings:
            n: int = setting(5, "how many")
            fixed: int = 7

            @property
            def twice(self):
                """Two of them."""
                return 2 * self.n

        def unused(x):
            return maths.halve(x)

        @named
        def make(table: Table, lines: "list[Lines]", settings: WorkSettings, step=1):
            """Make it."""
            # a reason
            from lib.late import late

            limit = LIMIT + FIRST
            if isinstance(table, Kind):
                limit += 1
            return f"{maths.double(limit):>{step}}" + pieces.helper(step) + late(1)
    ''',
}


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return root


def edited(file: str, old: str, new: str) -> dict[str, str]:
    assert old in TREE[file]
    return TREE | {file: TREE[file].replace(old, new)}


@pytest.fixture
def version(tmp_path):
    """The version of a tree that is written for it alone."""
    numbers = itertools.count()

    def of(files=TREE, *roots, without=frozenset()):
        return code_version(*roots or (MAKE,), root=written(tmp_path / str(next(numbers)), files), without=without)

    return of


@pytest.fixture
def tree(tmp_path):
    return written(tmp_path / "tree", TREE)


WORK = "lib/work.py"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(WORK, "# a reason", "# another", id="comment"),
        pytest.param(WORK, '"""Work."""', '"""Other work."""', id="docstring of the module"),
        pytest.param(WORK, '"""Make it."""', '"""Made."""', id="docstring of a function"),
        pytest.param(WORK, '"""Make it."""', "", id="no docstring"),
        pytest.param(WORK, '"""A kind."""', '"""Kind."""', id="docstring of a class"),
        pytest.param(WORK, '"""Two of them."""', '"""Both."""', id="docstring of a method"),
        pytest.param(WORK, '"""The most."""', '"""At most."""', id="text under a constant"),
        pytest.param(WORK, "limit += 1", "limit  +=  (1)\n", id="layout"),
        pytest.param(WORK, "SECOND = 1, 2", "SECOND = 1, 3", id="the other part of an assignment to two names"),
        pytest.param(WORK, "maths.halve(x)", "maths.halve(x) + 1", id="unused neighbour"),
        pytest.param(WORK, "setting(5,", "setting(6,", id="default of a setting"),
        pytest.param(WORK, "how many", "number of them", id="text of a setting"),
        pytest.param(WORK, "n: int = setting", "k: int = setting(1, '')\n            n: int = setting", id="a new setting"),
        pytest.param(WORK, "from lib.settings import setting", "from lib import settings", id="setting by its module"),
        pytest.param("lib/settings.py", "default=default", "default=None", id="what setting does"),
        pytest.param("lib/maths.py", "x / 2", "x / 3", id="unused function of a used module"),
        pytest.param("lib/parts/inner.py", "x - 1", "x - 2", id="unused function behind a re-export"),
        pytest.param("lib/parts/__init__.py", '["helper"]', '["helper", "neighbour"]', id="__all__"),
        pytest.param("lib/tables.py", "pass", "x = 1", id="class beside the annotation's"),
        pytest.param("lib/pages/templates/page.html.j2", "include", "import", id="template of something else"),
    ],
)
def test_what_changes_nothing(version, file, old, new):
    files = edited(file, old, new)
    if new == "from lib import settings":
        files[file] = files[file].replace("= setting(", "= settings.setting(")
    assert version(files) == version()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(WORK, "limit += 1", "limit += 2", id="the function itself"),
        pytest.param(WORK, "step=1", "step=2", id="default of an argument"),
        pytest.param(WORK, "LIMIT = 10", "LIMIT = 11", id="constant"),
        pytest.param(WORK, "FIRST, SECOND = 1", "FIRST, SECOND = 2", id="its part of an assignment to two names"),
        pytest.param(WORK, "return f\n", "return print(f) or f\n", id="decorator"),
        pytest.param(WORK, "@named", "@named\n        @named", id="one decorator more"),
        pytest.param(WORK, "return 1\n", "return 2\n", id="method of a base class of a class that isinstance asks for"),
        pytest.param(WORK, "size = 3", "size = 4", id="attribute of a class that isinstance asks for"),
        pytest.param(WORK, "2 * self.n", "3 * self.n", id="method of settings"),
        pytest.param(WORK, "fixed: int = 7", "fixed: int = 8", id="field of settings that is no setting"),
        pytest.param(WORK, ":>{step}", ":<{step}", id="format"),
        pytest.param("lib/maths.py", "(x, x)", "(x, 2 * x)", id="attribute of a module"),
        pytest.param("lib/maths.py", "import numpy as np", "import jax.numpy as np", id="what an alias stands for"),
        pytest.param("lib/parts/inner.py", "x + 1", "x + 2", id="re-exported function"),
        pytest.param("lib/parts/__init__.py", "import helper", "import neighbour as helper", id="another one re-exported"),
        pytest.param("lib/tables.py", "def rows(self):\n                return 1", "rows = 1", id="class of an annotation"),
        pytest.param("lib/tables.py", "def count(self):\n                return 1", "count = 1", id="annotation in quotes"),
        pytest.param("lib/late.py", "deeper(x)\n", "-deeper(x)\n", id="import in the function"),
        pytest.param("lib/late.py", "3 * x", "4 * x", id="what that uses"),
        pytest.param("lib/__init__.py", "", "print('imported')", id="what the package does when it is imported"),
    ],
)
def test_what_changes_a_version(version, file, old, new):
    assert version(edited(file, old, new) if old else TREE | {file: new}) != version()


def test_the_order_of_functions_changes_nothing(version):
    turned = 'def deeper(x):\n    return 3 * x\n\n"""Text."""\n\n\ndef late(x):\n    return deeper(x)\n'
    assert version(TREE | {"lib/late.py": turned}) == version()


def test_the_order_of_roots_changes_nothing(version):
    roots = (MAKE, "lib.round", "lib.pages.page:page")
    assert len({version(TREE, *order) for order in itertools.permutations(roots)}) == 1


def test_another_process_gets_the_same(tree):
    command = (
        "import sys; from pathlib import Path; from fullcircle.store.code_version import code_version;"
        "print(code_version(*sys.argv[2:], root=Path(sys.argv[1])))"
    )
    roots = (MAKE, "lib.round", "lib.effects", "lib.pages.page")
    made = {
        subprocess.run(
            [sys.executable, "-c", command, tree, *roots],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert made == {code_version(*roots, root=tree)}


def test_it_is_a_short_hash(version):
    assert len(version()) == 12
    assert set(version()) <= set("0123456789abcdef")


def test_cycles_end(version):
    first = version(TREE, "lib.round:ping")
    assert first != version(edited("lib/about.py", "else 1", "else 2"), "lib.round:ping")
    assert first == version(TREE, "lib.round:ping")


def test_a_re_export_in_a_cycle_ends(version):
    files = TREE | {"lib/one.py": "from lib.two import x", "lib/two.py": "from lib.one import x"}
    files["lib/three.py"] = "from lib.one import x\ny = x"
    assert version(files, "lib.three:y")


def test_a_module_as_root_is_all_its_definitions(version):
    before = version(TREE, "lib.work")
    assert before != version(edited(WORK, "maths.halve(x)", "maths.halve(x) + 1"), "lib.work")
    assert before == version(edited(WORK, "# a reason", ""), "lib.work")


def test_a_package_as_root_is_what_it_re_exports(version):
    assert version(TREE, "lib.parts") != version(edited("lib/parts/inner.py", "x - 1", "x - 2"), "lib.parts")


@pytest.mark.parametrize("use", ["getattr(maths, x)(1)", "[maths]", "maths.missing"])
def test_a_module_as_a_value_counts_as_a_whole(version, use):
    files = TREE | {"lib/asks.py": f"from lib import maths\n\ndef ask(x):\n    return {use}\n"}
    other = files | {"lib/maths.py": TREE["lib/maths.py"].replace("x / 2", "x / 3")}
    assert version(files, "lib.asks:ask") != version(other, "lib.asks:ask")


@pytest.mark.parametrize(
    "text",
    [
        "import lib.maths\n\ndef ask(x):\n    return lib.maths.halve(x)\n",
        "import lib.maths as m\n\ndef ask(x):\n    return m.halve(x)\n",
        "from .maths import halve as h\n\ndef ask(x):\n    return h(x)\n",
        "from . import maths\n\ndef ask(x):\n    return maths.halve(x)\n",
        "from lib.maths import *\n\ndef ask(x):\n    return halve(x)\n",
        "try:\n    from lib.maths import halve\nexcept ImportError:\n    halve = None\n\ndef ask(x):\n    return halve(x)\n",
        "def ask(x):\n    import lib.maths as m\n    return [m.halve(y) for y in x]\n",
        "def ask(x):\n    from lib.maths import halve\n    def inner(y):\n        return halve(y)\n    return inner\n",
        "from lib.maths import halve\n\nclass ask:\n    half = halve(3)\n",
        "from lib.maths import halve\n\nclass ask:\n    def __call__(self):\n        return halve(3)\n    halve = 3\n",
        "from lib.maths import halve\nask = {'a': lambda x: halve(x)}\n",
        "from lib.maths import halve\n\nasync def ask(x):\n    return [h async for h in x if halve(h)]\n",
        "from lib.maths import halve\n\ndef ask(x):\n    match x:\n        case [y] if halve(y):\n            return y\n",
    ],
)
def test_every_way_to_a_name_is_followed(tmp_path, text):
    root = written(tmp_path, TREE | {"lib/asks.py": text})
    assert "lib.maths:halve" in definitions_behind("lib.asks:ask", root=root)
    assert "lib.maths:double" not in definitions_behind("lib.asks:ask", root=root)


@pytest.mark.parametrize(
    "text",
    [
        "def ask(halve):\n    return halve(1)\n",
        "def ask(*halve, **others):\n    return halve\n",
        "def ask(x):\n    halve = x\n    return halve\n",
        "def ask(x):\n    return [halve for halve in x]\n",
        "ask = lambda halve: halve\n",
        "def ask(x):\n    for i, (halve, z) in x:\n        print(halve)\n",
        "def ask(x):\n    if (halve := x):\n        return halve\n",
        "def ask(x):\n    with x as halve:\n        return halve\n",
        "def ask(x):\n    try:\n        return 1\n    except ValueError as halve:\n        return halve\n",
        "def ask(x):\n    match x:\n        case [*halve]:\n            return halve\n",
        "def ask(x):\n    match x:\n        case {'a': 1, **halve}:\n            return halve\n",
        "def ask(x):\n    def halve(y):\n        return y\n    return halve(x)\n",
        "def ask(x):\n    halve = x\n    def inner():\n        nonlocal halve\n        return halve\n    return inner\n",
        "def ask(x):\n    return x.halve\n",
        "from typing import Literal\n\ndef ask(x: Literal['halve']):\n    return x\n",
    ],
)
def test_a_local_name_is_not_the_modules(tmp_path, text):
    root = written(tmp_path, TREE | {"lib/asks.py": f"from lib.maths import halve\n{text}"})
    assert "lib.maths:halve" not in definitions_behind("lib.asks:ask", root=root)


def test_a_global_name_is_the_modules(tmp_path):
    text = "STATE = 1\n\ndef ask(x):\n    global STATE\n    STATE = x\n"
    root = written(tmp_path, TREE | {"lib/asks.py": text})
    assert definitions_behind("lib.asks:ask", root=root) == ["lib.asks:STATE", "lib.asks:ask"]


def test_the_first_iterable_is_looked_up_outside(tmp_path):
    text = "halve = [1]\n\ndef ask():\n    return [halve for halve in halve]\n"
    root = written(tmp_path, TREE | {"lib/asks.py": text})
    assert "lib.asks:halve" in definitions_behind("lib.asks:ask", root=root)


@pytest.mark.parametrize(
    "statement",
    [
        "NAMES += ['c']",
        "NAMES[0] = 'c'",
        "print('c')",
        "del NAMES",
        "if os.name == 'posix':\n    NAMES = ['c']",
        "with open(os.devnull) as file:\n    NAMES = ['c']",
    ],
)
def test_statements_of_a_module_count_with_any_of_its_definitions(version, statement):
    files = TREE | {"lib/effects.py": textwrap.dedent(TREE["lib/effects.py"]) + f"\n{statement}\n"}
    assert version(files, "lib.effects:quiet") != version(TREE, "lib.effects:quiet")


def test_what_statements_use_counts(tmp_path):
    text = "from lib.maths import halve\n\nfor i in range(3):\n    halve(i)\n\ndef ask():\n    return 1\n"
    root = written(tmp_path, TREE | {"lib/asks.py": text})
    assert "lib.maths:halve" in definitions_behind("lib.asks:ask", root=root)
    assert "lib.asks:<statements>" in definitions_behind("lib.asks:ask", root=root)


@pytest.mark.parametrize(
    "text", ['if __name__ == "__main__":\n    print(1)\n', '"""Text."""\n', "__all__ += ['quiet']\n", "pass"]
)
def test_statements_that_are_no_code_do_not_count(version, text):
    files = TREE | {"lib/effects.py": textwrap.dedent(TREE["lib/effects.py"]) + f"\n{text}"}
    assert version(files, "lib.effects") == version(TREE, "lib.effects")


def test_what_runs_only_when_imported_counts(version):
    files = TREE | {"lib/effects.py": textwrap.dedent(TREE["lib/effects.py"]) + '\nif __name__ != "__main__":\n    print(1)\n'}
    assert version(files, "lib.effects") != version(TREE, "lib.effects")


@pytest.mark.parametrize("name", ["page", "base", "part"])
def test_a_template_and_those_that_it_includes_count(version, name):
    file = f"lib/pages/templates/{name}.html.j2"
    assert version(TREE | {file: TREE[file] + "!"}, "lib.pages.page:page") != version(TREE, "lib.pages.page:page")


def test_a_template_that_is_not_named_does_not_count(version):
    files = TREE | {"lib/pages/templates/other.html.j2": "changed"}
    assert version(files, "lib.pages.page:page") == version(TREE, "lib.pages.page:page")


def test_a_template_may_be_named_with_its_folder_and_from_a_module_further_inside(version):
    files = TREE | {
        "lib/pages/deep/__init__.py": "",
        "lib/pages/deep/page.py": 'def page():\n    return "templates/other.html.j2"\n',
    }
    other = files | {"lib/pages/templates/other.html.j2": "changed"}
    assert version(files, "lib.pages.deep.page") != version(other, "lib.pages.deep.page")


def test_templates_that_include_each_other_end(version):
    files = TREE | {"lib/pages/templates/base.html.j2": "{%- include 'page.html.j2' ignore missing -%}"}
    assert version(files, "lib.pages.page:page")


def test_what_is_without_effect_is_not_followed(version):
    changed = edited("lib/maths.py", "(x, x)", "(x, 2 * x)")
    for without in ({"lib.maths"}, {"lib.maths:double"}):
        assert version(changed, without=frozenset(without)) == version(without=frozenset(without)) != version()


def test_a_root_counts_even_if_it_is_without_effect(version):
    changed = edited("lib/late.py", "deeper(x)\n", "-deeper(x)\n")
    without = frozenset({"lib.late"})
    assert version(changed, "lib.late", without=without) != version(TREE, "lib.late", without=without)
    assert version(changed, "lib.late:late", without=without) != version(TREE, "lib.late:late", without=without)


def test_the_definitions_and_files_behind_a_root_are_named(tree):
    assert definitions_behind("lib.pages.page:page", root=tree) == ["lib.pages.page:page", "lib.pages.page:rendered"]
    assert files_behind("lib.pages.page:page", root=tree) == [
        "lib/pages/page.py",
        "lib/pages/templates/base.html.j2",
        "lib/pages/templates/page.html.j2",
        "lib/pages/templates/part.html.j2",
    ]
    behind = definitions_behind(MAKE, root=tree)
    assert "lib.parts.inner:helper" in behind
    assert "lib.effects:<statements>" not in behind
    assert set(behind) >= {f"lib.work:{name}" for name in ("make", "named", "Kind", "Base", "LIMIT", "FIRST", "WorkSettings")}


def test_a_way_to_a_definition_is_shown(tree):
    assert why("lib.late:deeper", MAKE, root=tree) == [MAKE, "lib.late:late", "lib.late:deeper"]
    assert why("lib.late", MAKE, root=tree) == [MAKE, "lib.late:late"]
    assert why("lib/pages/templates/base.html.j2", "lib.pages.page", root=tree)[0] == "lib.pages.page:page"
    assert why("lib.maths:halve", MAKE, root=tree) == []


def test_the_libraries_that_definitions_use_are_named_with_their_versions(tmp_path):
    text = "import json\nimport numpy as np\nimport pyarrow\nfrom PIL import Image\nimport no_such_library\n"
    text += "\ndef ask(x):\n    return np.array(json.loads(x)), Image.open(x), no_such_library\n"
    root = written(tmp_path, TREE | {"lib/asks.py": text})
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "pillow")}
    assert libraries_behind("lib.asks:ask", root=root) == versions
    assert libraries_behind("lib.late", root=root) == {}


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (
            "lib.missing",
            "A root is expected to be a module of .*, or module:definition. Received: 'lib.missing'; there is no "
            "source of 'lib.missing'",
        ),
        ("os.path:join", "Received: 'os.path:join'; there is no source of 'os.path'"),
        ("lib.late:never", "A definition of lib.late is expected. Received: 'never'. Choose from: late, deeper"),
    ],
)
def test_a_root_that_is_not_there_is_refused(tree, root, message):
    with pytest.raises(ValueError, match=message):
        code_version(root, root=tree)


def test_a_file_is_parsed_once_as_long_as_it_stays_as_it_is(tree):
    first = code_version(MAKE, root=tree)
    before = module_under_test._parsed.cache_info().misses
    assert code_version(MAKE, "lib.late", root=tree)
    assert code_version(MAKE, root=tree) == first
    assert module_under_test._parsed.cache_info().misses == before
    late = tree / "lib/late.py"
    late.write_text(late.read_text().replace("3 * x", "4 * x"))
    os.utime(late, ns=(1, 1))
    assert code_version(MAKE, root=tree) != first
    assert module_under_test._parsed.cache_info().misses == before + 1


def test_a_module_that_appears_is_seen(tree):
    (tree / "lib/asks.py").write_text("from lib import new\n\ndef ask():\n    return new.x\n")
    first = code_version("lib.asks", root=tree)
    (tree / "lib/new.py").write_text("x = 1\n")
    assert code_version("lib.asks", root=tree) != first


# --- classes ------------------------------------------------------------------------------------------------------------------

STAR = """
    import json
    from rays import count
    from fullcircle.drawings.painted import Painted

    class Star(Painted):
        def paint(self, pen, *, x):
            pen.line([(x, count()), (1, 1)])

    def unused():
        return 1
"""


@pytest.fixture
def star(tmp_path, monkeypatch):
    """The class of a user's file, and how to write another text into a file beside it."""
    folder = written(tmp_path / "classes", {"star.py": STAR, "rays.py": "def count():\n    return 5\n", "stranger.py": ""})
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("star_of_a_test", folder / "star.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    numbers = itertools.count(1)

    def write(name, text):
        written(folder, {name: text})
        os.utime(folder / name, ns=(n := next(numbers), n))

    yield module.Star, write
    sys.modules.pop("rays", None)


@pytest.mark.parametrize(
    ("file", "text", "changes"),
    [
        ("star.py", STAR.replace("(1, 1)", "(1, 2)"), True),
        ("star.py", STAR.replace("return 1", "return 2"), False),
        ("star.py", STAR.replace("class Star(Painted):", 'class Star(Painted):\n        """A star."""'), False),
        ("rays.py", "def count():\n    return 6\n", True),
        ("rays.py", "def count():\n    return 5  # still\n", False),
        ("stranger.py", "x = 1", False),
        ("json.py", "x = 1", True),  # in the way of the standard library's, as it is for Python
    ],
)
def test_the_version_of_a_users_class_is_of_its_files(star, file, text, changes):
    drawing, write = star
    first = class_version(drawing)
    if file == "json.py":
        write("star.py", STAR.replace("count()", "count(json)"))
        first = class_version(drawing)
    write(file, text)
    assert (class_version(drawing) != first) is changes


def test_a_users_class_has_the_version_of_what_it_uses_of_ours(star, tmp_path):
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "fullcircle", root / "fullcircle", ignore=shutil.ignore_patterns("__pycache__"))
    drawing, _ = star
    before = class_version(drawing, root=root), class_version(DRAWINGS["line"], root=root)
    painted = root / "fullcircle/drawings/painted.py"
    painted.write_text(painted.read_text().replace("ImageDraw.Draw(image)", 'ImageDraw.Draw(image, "L")'))
    after = class_version(drawing, root=root), class_version(DRAWINGS["line"], root=root)
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_the_version_does_not_depend_on_where_a_users_files_lie(star, tmp_path, monkeypatch):
    drawing, _ = star
    first = class_version(drawing)
    moved = shutil.copytree(tmp_path / "classes", tmp_path / "moved")
    monkeypatch.setattr(sys.modules["star_of_a_test"], "__file__", str(moved / "star.py"))
    assert class_version(drawing) == first


def test_a_users_package_is_its_own_and_what_lies_beside_it_is_not(tmp_path, monkeypatch):
    files = {
        "package_of_versions/__init__.py": "",
        "package_of_versions/sizes.py": "SIDE = 8\nOTHER = 9\n",
        "package_of_versions/inner/__init__.py": "",
        "package_of_versions/inner/bar.py": """
            from .. import sizes
            import beside_a_package_of_versions as beside

            class Bar:
                side = sizes.SIDE, beside.x
        """,
        "beside_a_package_of_versions.py": "x = 1\n",
    }
    written(tmp_path, files)
    monkeypatch.syspath_prepend(tmp_path)
    kind = importlib.import_module("package_of_versions.inner.bar").Bar
    first = class_version(kind())
    written(tmp_path, {"beside_a_package_of_versions.py": "x = 22\n"})
    assert class_version(kind) == first
    written(tmp_path, {"package_of_versions/sizes.py": "SIDE = 8\nOTHER = 1010\n"})
    assert class_version(kind) == first
    written(tmp_path, {"package_of_versions/sizes.py": "SIDE = 10\nOTHER = 9\n"})
    assert class_version(kind) != first
    for name in [name for name in sys.modules if "package_of_versions" in name]:
        del sys.modules[name]


def test_a_class_without_a_file_counts_as_its_base():
    line = type(DRAWINGS["line"])
    own = type("Own", (line,), {"__module__": "a_notebook"})
    assert class_version(own) == class_version(line) == class_version(DRAWINGS["line"])
    assert class_version(type("Own", (), {"__module__": "a_notebook"}))


def test_a_class_inside_a_function_counts_as_that_function(star):
    drawing, write = star
    drawing.__qualname__ = "made.<locals>.Star"
    text = STAR + "\n    def made():\n        class Star:\n            x = 1\n        return Star\n"
    write("star.py", text)
    first = class_version(drawing)
    write("star.py", text.replace("(1, 1)", "(1, 2)"))
    assert class_version(drawing) == first
    write("star.py", text.replace("x = 1", "x = 2"))
    assert class_version(drawing) != first


def test_a_class_that_is_made_by_a_call_counts_as_its_module(star):
    drawing, write = star
    drawing.__qualname__ = "Made"
    first = class_version(drawing)
    write("star.py", STAR.replace("return 1", "return 2"))
    assert class_version(drawing) != first


def test_what_is_without_effect_is_there():
    for name in WITHOUT_EFFECT:
        assert code_version(name)
