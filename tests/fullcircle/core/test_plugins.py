"""Registers and references: each rule by its message. What is registered is tested where it is at home."""

import hashlib
import importlib.util
import json
import os
import sys
import textwrap
import types

import pytest

from fullcircle.core.plugins import MOVED, NotAcceptedError, Register, canonical, changeable, load
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import Drawing

THINGS = Register("things.json", "fullcircle.things", "thing", '{"a": "b:c"}', lambda text: ":" in text)
PROGRAMS = Register("programs.json", "fullcircle.programs", "program", "...", lambda text: ":" in text, accept="make run P=")

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
    assert {name: entry.text for name, entry in THINGS.entries(tmp_path / "store").items()} == {"a": "g:h", "d": "e:f"}
    assert json.loads((tmp_path / "store" / "things.json").read_text()) == {"a": "g:h", "d": "e:f"}


@pytest.fixture
def program(tmp_path):
    """A register with a class of a file whose name is to be quoted, and what its entry is now."""
    path = written(tmp_path / "my classes")
    PROGRAMS.enter(tmp_path, "dot", f"{path}:Dot")
    return path, lambda: PROGRAMS.entries(tmp_path)["dot"]


def test_of_a_file_its_hash_is_recorded(program, tmp_path):
    path, entry = program
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    PROGRAMS.enter(tmp_path, "other", "module:Class")
    held = json.loads((tmp_path / "programs.json").read_text())
    assert held == {"dot": {"reference": f"{path}:Dot", "sha256": sha256}, "other": "module:Class"}
    entry().refuse()
    assert load(entry().text, Drawing, entry()).name == "dot"


def test_a_file_that_changed_is_run_by_its_name_only_when_that_was_accepted(program, tmp_path):
    path, entry = program
    written(path.parent, DOT + "\n        x = 1 / 0")
    message = (
        r"my classes/dot.py has changed since it was registered \(SHA-256 \w{12} then, \w{12} now\), so it is not run. Look at it, "
        rf"then accept it as it is: make run P='{path}:Dot'$"
    )
    for refused in (entry().refuse, lambda: load(entry().text, Drawing, entry())):
        with pytest.raises(NotAcceptedError, match=message):
            refused()
    written(path.parent, DOT + "\n        y = 2")
    PROGRAMS.enter(tmp_path, "dot", f"{path}:Dot")
    assert load(entry().text, Drawing, entry()).y == 2


def test_accepting_a_file_is_accepting_it_for_all_its_names(program, tmp_path):
    path, entry = program
    PROGRAMS.enter(tmp_path, "other", f"{written(tmp_path, name='other.py')}:Dot")
    before = PROGRAMS.entries(tmp_path)["other"]
    written(path.parent, DOT + "\n    Dash = Dot")
    PROGRAMS.enter(tmp_path, "dash", f"{path}:Dash")
    entry().refuse()
    assert PROGRAMS.entries(tmp_path)["other"] == before


def test_a_file_that_everybody_may_change_is_to_be_accepted_as_such(program, tmp_path):
    path, entry = program
    path.chmod(0o666)
    with pytest.raises(
        NotAcceptedError, match="dot.py is writable by everybody, which it was not when it was registered, so it"
    ):
        entry().refuse()
    PROGRAMS.enter(tmp_path, "dot", f"{path}:Dot")
    entry().refuse()
    assert json.loads((tmp_path / "programs.json").read_text())["dot"]["despite"] == "writable by everybody"
    path.chmod(0o644)
    entry().refuse()


def test_of_a_file_that_an_older_version_registered_only_its_owner_is_known(tmp_path):
    path = written(tmp_path)
    (tmp_path / "programs.json").write_text(json.dumps({"dot": f"{path}:Dot"}))
    entry = PROGRAMS.entries(tmp_path)["dot"]
    entry.refuse()
    assert entry.sha256 is None
    path.chmod(0o646)
    with pytest.raises(NotAcceptedError, match="dot.py is writable by everybody, so it is not run"):
        entry.refuse()


def test_who_else_may_change_a_file():
    def of(owner, mode):
        return changeable(types.SimpleNamespace(st_uid=owner, st_mode=mode))

    assert of(os.geteuid(), 0o100664) is None
    assert of(0, 0o100644) is None
    assert of(os.geteuid(), 0o100646) == "writable by everybody"
    assert of(54_321_987, 0o100600) == "owned by user 54321987"


def test_a_register_of_programs_that_everybody_may_change_is_refused(program, tmp_path):
    register = tmp_path / "programs.json"
    register.chmod(0o666)
    with pytest.raises(
        SettingsError, match=rf"yours and writable by you alone. Received: .*everybody.* && chmod go-w {register}$"
    ):
        PROGRAMS.enter(tmp_path, "a", "b:c")
    (tmp_path / "things.json").write_text('{"a": "b:c"}')
    (tmp_path / "things.json").chmod(0o666)
    assert list(THINGS.entries(tmp_path)) == ["a"], "it names no programs"


def test_a_register_is_not_written_for_everybody_whatever_new_files_are(tmp_path):
    before = os.umask(0)
    try:
        PROGRAMS.enter(tmp_path, "a", "b:c")
    finally:
        os.umask(before)
    assert list(PROGRAMS.entries(tmp_path)) == ["a"]


@pytest.mark.parametrize("held", ['{"reference": "b:c"}', '{"sha256": "0"}', '{"reference": "b", "sha256": "0"}', "[]"])
def test_an_entry_that_is_none_is_named(tmp_path, held):
    (tmp_path / "programs.json").write_text(f'{{"a": {held}}}')
    with pytest.raises(SettingsError, match="Mend it or delete it"):
        PROGRAMS.entries(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a b": "b:c"}', '{"a": "b"}', '{"a": 1}', '{"a": {"reference": "b:c", "sha256": "0"}}']
)
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
    assert canonical("dot.py:Dot") == canonical("./x/../dot.py:Dot") == f"{path}:Dot"
    assert canonical("package.module:Dot") == "package.module:Dot"


def test_a_module_is_not_looked_for_in_the_working_folder(tmp_path, monkeypatch):
    here, installed = tmp_path / "here", tmp_path / "installed"
    for folder in (here, installed):
        written(folder, "1 / 0", "two_of_a_test.py")
        written(folder, "1 / 0", "only_here.py") if folder is here else None
        (folder / "package_of_two").mkdir()
        written(folder / "package_of_two", "1 / 0", "__init__.py")
    monkeypatch.setattr(sys, "path", [str(here), "", *sys.path, str(installed)])
    monkeypatch.chdir(here)
    with pytest.raises(
        SettingsError, match=r"named by its path: only_here.py:Dot. Received: only_here:Dot, and .* is there\.$"
    ):
        load("only_here:Dot", Drawing)
    both = (
        rf"named by its path: two_of_a_test.py:Dot.* is installed, {installed}/two_of_a_test.py, is had from any other folder"
    )
    with pytest.raises(SettingsError, match=both):
        load("two_of_a_test:Dot", Drawing)
    both = (
        rf"one module. Received: two, in {here}/package_of_two and in {installed}/.*, package_of_two/of.py:Dot; the second is"
    )
    with pytest.raises(SettingsError, match=both):
        load("package_of_two.of:Dot", Drawing)
    monkeypatch.chdir(tmp_path)
    assert canonical("two_of_a_test:Dot") == "two_of_a_test:Dot"


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
