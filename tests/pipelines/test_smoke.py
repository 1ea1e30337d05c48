"""The smoke test, of the steps that need no network; tests/end_to_end/test_daemon.py runs all of it."""

import pytest

from fullcircle.checks import drawings as checks
from fullcircle.checks.check import Check
from fullcircle.core.progress import Progress
from fullcircle.steps.drawings import EXAMPLES, SPLITTING
from pipelines.smoke import SETTINGS, SmokeError, smoke

TABLES = (EXAMPLES, SPLITTING)


def test_what_it_makes_is_gone_afterwards_and_the_store_is_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    lines = []
    assert smoke(tmp_path / "store", "line", SETTINGS, Progress(lines.append), TABLES) == []
    assert "drawings/train, drawings/test, drawings/valid of line" in lines
    assert not list((tmp_path / "temporary").iterdir())
    assert not (tmp_path / "store").exists()


def test_a_check_that_fails_fails_the_smoke_test_and_names_it(tmp_path, monkeypatch):
    settings = SETTINGS.replaced({"examples": {"n": 2}})
    with pytest.raises(SmokeError, match="drawings/train of line, splits_are_whole: Empty split: "):
        smoke(tmp_path, "line", settings, steps=TABLES)


def test_a_check_of_what_was_learned_is_only_noted(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.smoke.LEARNED", {checks.specs_within_factors.__name__})
    (guard, *_) = checks.GUARDS
    (rule, *_) = guard.rules
    monkeypatch.setattr(type(rule), "__call__", lambda rule, subject: Check(rule.name != "specs_within_factors", "Far off."))
    assert smoke(tmp_path, "line", SETTINGS, steps=TABLES) == ["drawings/examples of line, specs_within_factors: Far off."]
