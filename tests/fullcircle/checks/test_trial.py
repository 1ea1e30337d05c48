"""Classes whose code hangs, crashes or leaves: refused in a sentence, and the process that asked goes on."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fullcircle.checks import trial
from fullcircle.checks.trial import tried
from fullcircle.cli import main
from fullcircle.core.settings import SettingsError
from fullcircle.drawings import DRAWINGS, register

ROOT = Path(__file__).parents[3]

SPOT = """
    import ctypes, os, time
    import numpy as np
    from fullcircle.drawings import Drawing
    from fullcircle.drawings.factors import Factor, Factors
    {imported}
    class Spot(Drawing):
        name = "spot"
        height = width = 8
        factors = Factors(Factor("x", 0, 7), Factor("y", 0, 7))

        def draw(self, x, y):
            {drawn}
            image = np.zeros((8, 8), np.uint8)
            image[y, x] = 255
            return image
"""


@pytest.fixture
def spot(tmp_path, monkeypatch):
    """The reference of a class that does something when it is imported or draws."""
    monkeypatch.setattr(trial, "IMPORT_SECONDS", 8.0)
    monkeypatch.setattr(trial, "DRAW_SECONDS", 1.0)

    def write(imported="", drawn=""):
        (tmp_path / "spot.py").write_text(textwrap.dedent(SPOT.format(imported=imported, drawn=drawn)))
        return f"{tmp_path / 'spot.py'}:Spot"

    return write


def test_a_class_that_is_fine_is_had(spot, tmp_path, capfd):
    drawing = tried(spot(imported="print('imported')"), tmp_path)
    assert drawing.name == "spot"
    assert capfd.readouterr().out == "imported\n", "what the trial prints is not shown again"
    register(tmp_path, drawing.reference)
    assert type(tried("spot", tmp_path)) is type(drawing)


def test_ours_need_no_trial(monkeypatch, tmp_path):
    monkeypatch.setattr(trial, "watched", None)
    assert tried("line", tmp_path) is DRAWINGS["line"]
    with pytest.raises(SettingsError, match="Unknown drawing class 'star'"):
        tried("star", tmp_path)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            {"imported": "while True: time.sleep(0.01)"},
            "spot.py:Spot is expected to be imported, in 8 s at most. Received: it took longer than 8 s, at line 6 of spot.py. "
            "Importing is expected to define the class only: let draw do the rest, or a program that is run before.",
        ),
        (
            {"drawn": "while True: x += 1"},
            "spot.py:Spot is expected to draw {'x': 6, 'y': 1}, in 20 ms at most. Received: it took longer than 1 s, at line 13 of "
            "spot.py. Every spec within the factors is expected to be drawn: mend draw, or narrow the factors.",
        ),
        (
            {"drawn": "while x == 0 and y == 7: time.sleep(0.01)"},  # at a corner only
            "is expected to draw {'x': 0, 'y': 7}, in 20 ms at most. Received: it took longer than 1 s, at line 13 of spot.py.",
        ),
        (
            {"imported": "os._exit(0)"},
            "is expected to be imported, in 8 s at most. Received: its process ended with exit code 0. Importing is",
        ),
        (
            {"imported": "print('no licence', flush=True); os._exit(3)"},
            "Received: its process ended with exit code 3. The last it printed: 'no licence'. Importing is expected",
        ),
        (
            {"drawn": "ctypes.string_at(0)"},
            "is expected to draw {'x': 6, 'y': 1}, in 20 ms at most. Received: its process was ended by the signal SIGSEGV, at "
            "line 13 of spot.py. Every spec",
        ),
        ({"drawn": "os._exit(0)"}, "Received: its process ended with exit code 0. Every spec within the factors is"),
        ({"drawn": "os.abort()"}, "Received: its process was ended by the signal SIGABRT, at line 13 of spot.py."),
    ],
    ids=lambda given: next(iter(given.values())) if isinstance(given, dict) else None,
)
def test_a_class_that_does_not_come_back_is_refused_and_says_where(spot, tmp_path, where, message):
    with pytest.raises(SettingsError) as error:
        tried(spot(**where), tmp_path)
    assert message in str(error.value)


def test_a_module_says_its_line_too(spot, tmp_path, monkeypatch):
    spot(drawn="os.abort()")
    (tmp_path / "spot.py").rename(tmp_path / "spot_of_a_trial.py")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(
        SettingsError, match="spot_of_a_trial:Spot is .* by the signal SIGABRT, at line 13 of spot_of_a_trial.py"
    ):
        tried("spot_of_a_trial:Spot", tmp_path)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"imported": "1 / 0"}, "spot.py:Spot cannot be loaded at line 6. Received: ZeroDivisionError: division by zero."),
        ({"imported": "raise SystemExit(0)"}, "cannot be loaded at line 6. Received: SystemExit: 0."),
    ],
)
def test_what_is_refused_in_words_is_refused_as_ever(spot, tmp_path, where, message):
    with pytest.raises(SettingsError, match=message):
        tried(spot(**where), tmp_path)


def test_a_canvas_that_no_memory_holds_is_not_drawn(spot, tmp_path, capsys):
    reference = spot(drawn="np.ones((100_000, 100_000))")
    file = tmp_path / "spot.py"
    file.write_text(file.read_text().replace("height = width = 8", "height = width = 100_000"))
    assert main(["--store", str(tmp_path), "check", reference]) == 1
    assert "FAILED   is_described  spot: a canvas of at most 1,048,576 px is expected" in capsys.readouterr().out


def test_the_command_checks_in_another_process_first(spot, tmp_path, capsys):
    assert main(["--store", str(tmp_path), "check", spot(drawn="os._exit(0)")]) == 1
    assert "spot.py:Spot is expected to draw {'x': 6, 'y': 1}" in capsys.readouterr().err


def test_nothing_is_launched_of_a_class_that_ends_its_process(spot, tmp_path):
    command = [sys.executable, "-m", "pipelines.run", "--drawing", spot(imported="os._exit(0)")]
    environment = os.environ | {"FULLCIRCLE_STORE": str(tmp_path / "store")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith("Not launched. ")
    assert "spot.py:Spot is expected to be imported" in done.stderr
