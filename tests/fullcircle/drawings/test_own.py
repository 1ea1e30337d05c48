"""Drawing classes of the user's own: how they get a name, and the message when they cannot."""

import hashlib
import importlib.metadata
import json
import textwrap
import warnings

import numpy as np
import pytest

from fullcircle import drawings
from fullcircle.checks.trial import tried
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import (
    DRAWINGS,
    accepted_reference,
    drawing_class,
    drawing_of,
    known_drawings,
    loaded,
    reference_of,
    register,
)
from fullcircle.drawings.scaling import scaling
from fullcircle.reading.reader import Reader, ReaderSettings
from fullcircle.store.code_version import class_version

BAR = """
    import numpy as np
    from fullcircle.drawings import Drawing
    from fullcircle.drawings.factors import Factor, Factors

    class Bar(Drawing):
        name = "bar"
        height = width = 8
        factors = Factors(Factor("x", 0, 7), Factor("grey", 1, 255, unit="level", kind="colour"))

        def draw(self, x, grey):
            image = np.zeros((8, 8), np.uint8)
            image[:, : x + 1] = grey
            return image
"""


@pytest.fixture
def bar(tmp_path):
    return written(tmp_path / "classes")


def written(folder, text=BAR, name="bar.py"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(textwrap.dedent(text))
    return folder / name


def entry_of(path):
    return {"reference": f"{path}:Bar", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_class_of_a_file_gets_its_own_name_and_keeps_it(tmp_path, bar):
    root = tmp_path / "store"
    drawing = register(root, f"{bar}:Bar")
    assert (drawing.name, drawing.reference, reference_of(drawing)) == ("bar", f"{bar}:Bar", f"{bar}:Bar")
    assert json.loads((root / "drawings.json").read_text()) == {"bar": entry_of(bar)}
    assert known_drawings(root) == {**{name: name for name in DRAWINGS}, "bar": f"{bar}:Bar"}
    assert type(register(root, "bar")) is type(drawing_class("bar", root)) is type(drawing)
    assert register(root, f"{bar}:Bar").name == "bar"


def test_ours_are_had_by_name():
    line = DRAWINGS["line"]
    assert reference_of(line) == "line"
    assert loaded("line") is drawing_class("line") is line
    assert reference_of(type(line)()) is None


def test_listing_names_runs_no_code(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    written(bar.parent, "raise RuntimeError")
    assert "bar" in known_drawings(tmp_path)
    with pytest.raises(SettingsError, match="bar.py:Bar cannot be loaded at line 1. Received: RuntimeError"):
        drawing_of(f"{bar}:Bar", tmp_path)


def test_a_file_that_changed_is_not_run_until_it_is_named(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    written(bar.parent, BAR + '\n        (Factors, open(__file__ + ".ran", "w"))')
    message = f"bar.py has changed since it was registered .* accept it as it is: make run DRAWING={bar}:Bar$"
    for by_name in (drawing_class, drawing_of, tried, accepted_reference, lambda name, root: register(root, name)):
        with pytest.raises(SettingsError, match=message):
            by_name("bar", tmp_path)
    other = written(tmp_path / "others")
    with pytest.raises(SettingsError, match=f"is called 'bar', which is {bar}:Bar. Give it another name."):
        register(tmp_path, f"{other}:Bar")
    assert not bar.with_name("bar.py.ran").exists()
    assert tried(f"{bar}:Bar", tmp_path).name == register(tmp_path, f"{bar}:Bar").name == "bar"
    assert bar.with_name("bar.py.ran").exists()
    assert drawing_class("bar", tmp_path).reference == accepted_reference("bar", tmp_path) == f"{bar}:Bar"


def test_a_class_that_an_older_version_registered_is_accepted_by_the_next_run_which_says_so(tmp_path, bar):
    (tmp_path / "drawings.json").write_text(json.dumps({"bar": f"{bar}:Bar"}))
    assert drawing_class("bar", tmp_path).name == "bar"
    with pytest.warns(
        UserWarning, match="bar.py was registered as 'bar' by a version that did not record its SHA-256. It is acc"
    ):
        register(tmp_path, "bar")
    assert json.loads((tmp_path / "drawings.json").read_text()) == {"bar": entry_of(bar)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register(tmp_path, "bar")


def test_a_file_that_moved_is_named_and_may_be_named_anew(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    moved = bar.rename(bar.with_name("barred.py"))
    with pytest.raises(
        SettingsError, match=r"A Python file is expected at .*bar.py. Found none. If it moved, name its new place."
    ):
        register(tmp_path, "bar")
    assert register(tmp_path, f"{moved}:Bar").reference == known_drawings(tmp_path)["bar"] == f"{moved}:Bar"


def test_a_class_that_changed_its_name_is_named(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    written(bar.parent, BAR.replace('"bar"', '"beam"'))
    message = (
        r"bar.py:Bar is expected to be called 'bar', as when it was registered. Received: 'beam'.*make run DRAWING=.*bar.py:Bar"
    )
    assert register(tmp_path, f"{bar}:Bar").name == "beam"
    with pytest.raises(SettingsError, match=message):
        drawing_class("bar", tmp_path)


def test_a_name_that_is_taken_is_refused(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    other = written(tmp_path / "others")
    with pytest.raises(
        SettingsError, match=r"others/bar.py:Bar is called 'bar', which is .*classes/bar.py:Bar. Give it another"
    ):
        register(tmp_path, f"{other}:Bar")
    written(other.parent, BAR.replace('"bar"', '"line"'))
    with pytest.raises(SettingsError, match="is called 'line', which is one of Full Circle's own. Give it another name."):
        register(tmp_path, f"{other}:Bar")
    assert json.loads((tmp_path / "drawings.json").read_text()) == {"bar": entry_of(bar)}


@pytest.mark.parametrize("name", ['"a b"', "1", '"all"', '"auto"', '""', '"a" * 101'])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    path = written(tmp_path, BAR.replace('"bar"', name))
    with pytest.raises(SettingsError, match="is expected to have a name of letters.* other than all and auto."):
        register(tmp_path / "store", f"{path}:Bar")


def test_a_class_without_factors_is_refused(tmp_path):
    path = written(tmp_path, BAR.replace("factors =", "factor ="))
    with pytest.raises(SettingsError, match=r"is expected to have factors, Factors\(Factor\(...\), ...\). Received: None."):
        loaded(f"{path}:Bar")


def test_an_unknown_name_names_the_choices(tmp_path, bar):
    register(tmp_path, f"{bar}:Bar")
    with pytest.raises(SettingsError, match="'bat'. Choose from: line, .*bar, module:Class, path/to/file.py:Class"):
        drawing_class("bat", tmp_path)


def test_a_class_behind_an_entry_point_is_there(tmp_path, bar, monkeypatch):
    written(bar.parent, name="bar_behind_a_point.py")
    group = drawings.REGISTER.entry_points
    values = {"bar": "bar_behind_a_point:Bar", "gone": "no.such.module:Bar", "line": "json:dumps", "all": "json:dumps"}
    points = [importlib.metadata.EntryPoint(name, value, group) for name, value in values.items()]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    monkeypatch.syspath_prepend(bar.parent)
    with pytest.warns(
        UserWarning, match="is left out: a name of .* that no other drawing class has is expected. Taken: "
    ) as warned:
        known = known_drawings(tmp_path)
    assert len(warned) == 2
    assert list(known) == [*DRAWINGS, "bar", "gone"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert drawing_class("bar", tmp_path).reference == "bar_behind_a_point:Bar"
        assert register(tmp_path, "bar_behind_a_point:Bar").name == "bar"
        with pytest.raises(SettingsError, match="no.such.module:Bar cannot be loaded. Received: ModuleNotFoundError"):
            drawing_class("gone", tmp_path)


def test_other_processes_search_with_a_class_of_the_users_own(bar, rng):
    drawing = loaded(f"{bar}:Bar")
    specs = drawing.factors.sample(24, rng)
    settings = ReaderSettings(steps="redraw", redraws=200, workers=2)
    reader = Reader(drawing, scaling("range", drawing.factors), None, None, settings)
    read = reader.read(drawing.render(specs), np.random.default_rng(1))
    assert np.array_equal(read.specs, specs)


def test_the_code_version_changes_with_the_class_and_with_what_it_imports_beside_it(tmp_path, bar):
    def version():
        return class_version(loaded(f"{bar}:Bar"))

    first = version()
    assert len(first) == 12
    written(bar.parent, "    from helper_of_bar import SIDE\n" + BAR.replace("height = width = 8", "height = width = SIDE"))
    written(bar.parent, "SIDE = 8", "helper_of_bar.py")
    written(bar.parent, "", "stranger.py")
    second = version()
    written(bar.parent, "pass", "stranger.py")
    assert version() == second != first
    written(bar.parent, "SIDE = 4 + 4", "helper_of_bar.py")
    assert version() not in (first, second)


def test_the_code_version_of_a_package_is_that_of_what_it_imports_of_itself(tmp_path, monkeypatch):
    package = tmp_path / "package_of_a_test"
    written(package, "", "__init__.py")
    written(package, "SIDE = 8", "sizes.py")
    written(
        package,
        "    from . import sizes\n" + BAR.replace("width = 8", "width = sizes.SIDE") + "    import other_of_a_package_test\n",
    )
    written(tmp_path, "", "other_of_a_package_test.py")
    monkeypatch.syspath_prepend(tmp_path)
    drawing = loaded("package_of_a_test.bar:Bar")
    first = class_version(drawing)
    written(tmp_path, "x = 1", "other_of_a_package_test.py")
    assert class_version(drawing) == first
    written(package, "SIDE = 4 + 4", "sizes.py")
    assert class_version(drawing) != first
