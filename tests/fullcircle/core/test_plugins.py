"""Registers and references: each rule by its message. What is registered is tested where it is at home."""

import importlib.util
import sys
import textwrap
import types

import pytest

from fullcircle.core.plugins import MOVED, Register, canonical, load
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import Drawing

THINGS = Register("things.json", "fullcircle.things", "thing", '{"a": "b:c"}', lambda text: ":" in text)

DOT = """
    import numpy as np
    from fullcircle.drawings import Drawing
    from fullcircle.drawings.factors import Factor, Factors

    class Dot(Drawing):
        name = "dot"
        height = width = 8
        factors = Factors(Factor("x", 0, 7))

        def draw(self, x):
            image = np.zeros((8, 8), np.uint8)
            image[3, x] = 255
            return image
"""


def written(folder, text=DOT, name="dot.py"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text))
    return folder / name


def test_names_are_entered_and_found_again(tmp_path):
    assert THINGS.entries(tmp_path / "store") == {}
    THINGS.enter(tmp_path / "store", "a", "b:c")
    THINGS.enter(tmp_path / "store", "d", "e:f")
    THINGS.enter(tmp_path / "store", "a", "g:h")
    assert THINGS.entries(tmp_path / "store") == {"a": "g:h", "d": "e:f"}


@pytest.mark.parametrize("text", ["{", "[]", '{"a b": "b:c"}', '{"a": "b"}', '{"a": 1}'])
def test_a_spoilt_register_is_named_and_left_alone(tmp_path, text):
    (tmp_path / "things.json").write_text(text)
    with pytest.raises(
        SettingsError, match=r"things.json is expected to hold names .*, {\"a\": \"b:c\"}. Mend it or delete it"
    ):
        THINGS.enter(tmp_path, "a", "b:c")
    assert (tmp_path / "things.json").read_text() == text


def test_a_reference_does_not_depend_on_the_working_folder(tmp_path, monkeypatch):
    path = written(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert canonical("dot.py:Dot") == canonical("./x/../dot.py:Dot") == canonical("dot:Dot") == f"{path}:Dot"
    assert canonical("package.module:Dot") == "package.module:Dot"


@pytest.mark.parametrize("text", ["dot", "dot.py", "dot:", ":Dot", "a-b:Dot", "a/b:Dot", "dot.py:Dot()"])
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(SettingsError, match="A class is named as module:Class or path/to/file.py:Class. Received: "):
        canonical(text)


def test_a_file_is_loaded_again_only_when_it_changed(tmp_path):
    path = written(tmp_path)
    first = load(f"{path}:Dot", Drawing)
    assert type(load(f"{path}:Dot", Drawing)) is type(first)
    written(tmp_path, DOT.replace("255", "254"))
    assert load(f"{path}:Dot", Drawing).draw(0).max() == 254
    assert first.draw(0).max() == 255


def test_a_module_on_the_path_and_its_neighbours_are_loaded(tmp_path, monkeypatch):
    written(tmp_path, name="dot_of_a_test.py")
    written(tmp_path, "from dot_of_a_test import Dot\nMade = Dot()\n", "other_of_a_test.py")
    monkeypatch.setattr(sys, "path", [*sys.path])
    made = load(f"{tmp_path / 'other_of_a_test.py'}:Made", Drawing)
    assert type(load("dot_of_a_test:Dot", Drawing)) is type(made)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (DOT, "Line", r"dot.py:Line is expected to be a Drawing. Received: no such name; of that kind it has Dot\."),
        (DOT, "np", r"is expected to be a Drawing. Received: <module 'numpy'"),
        ("class Dot: ...", "Dot", r"is expected to be a Drawing. Received: <class '.*Dot'>"),
        ("x = 1\n1 / 0", "Dot", "dot.py:Dot cannot be loaded at line 2. Received: ZeroDivisionError: division by zero."),
        ("x = = 1", "Dot", "dot.py:Dot cannot be loaded. Received: SyntaxError: invalid syntax"),
        ("import sys; sys.exit(0)", "Dot", "cannot be loaded at line 1. Received: SystemExit: 0."),
        (
            "import nothing_of_the_kind",
            "Dot",
            "at line 1. Received: ModuleNotFoundError: No module named 'nothing_of_the_kind'",
        ),
        (DOT.replace("0, 7", "5, 5"), "Dot", r"Received: ValueError: x: the range \[5, 5\] is empty; high must exceed low."),
        (DOT.replace("def draw", "def paint"), "Dot", "Received: TypeError: Can't instantiate abstract class Dot"),
        (
            DOT.replace("def draw(self, x):", "def __init__(self, x): ...\n\n        def draw(self, x):"),
            "Dot",
            "TypeError: .*missing",
        ),
    ],
    ids=lambda text: text[:20] if isinstance(text, str) else None,
)
def test_what_cannot_be_loaded_says_where_and_why(tmp_path, text, name, message):
    with pytest.raises(SettingsError, match=message):
        load(f"{written(tmp_path, text)}:{name}", Drawing)


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_a_class_that_imports_a_module_that_moved_gets_the_new_place(tmp_path, old, new):
    assert importlib.util.find_spec(new)
    whole = ".".join(old.split(".")[:2])  # of a folder that moved the import of the folder may fail first
    with pytest.raises(SettingsError, match=rf" What stood there is now in ({new}|{MOVED[whole]})\."):
        load(f"{written(tmp_path, f'from {old} import Thing')}:Dot", Drawing)


def test_a_folder_that_is_left_of_a_module_that_moved_does_not_hide_the_new_place(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fullcircle.factors", types.ModuleType("fullcircle.factors"))
    with pytest.raises(SettingsError, match="cannot import name 'Factor'.* What stood there is now in fullcircle.drawings."):
        load(f"{written(tmp_path, 'from fullcircle.factors import Factor')}:Dot", Drawing)


def test_what_is_not_there_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(
        SettingsError, match=r"A Python file is expected at .*gone.py. Found none. If it moved, name its new pl"
    ):
        load(f"{tmp_path / 'gone.py'}:Dot", Drawing)
    with pytest.raises(
        SettingsError, match="No module named 'no'. It is looked for in the environment and on PYTHONPATH; a file"
    ):
        load("no.such.module:Dot", Drawing)


def test_a_group_that_nobody_uses_has_no_entry_points():
    assert THINGS.points([]) == {}
