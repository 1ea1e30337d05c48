"""Overhead: the plain script makes what the assets make, and known times go where they should."""

import pytest

from assets.drawings import ASSETS
from benchmarks import overhead


def test_every_part_of_the_pipeline_is_in_the_plain_script():
    assert {a.op.name for a in ASSETS} == {overhead.op_name(step) for step in overhead.STEPS}


def test_the_difference_goes_where_the_times_say():
    dagster = {
        "began": 100.0,
        "ended": 160.0,
        "steps": {
            "drawings__examples": {"asked": 106.0, "began": 108.0, "ended": 118.0},
            "examples_checks": {"asked": 119.0, "began": 121.0, "ended": 124.0},
            "drawings__decoder": {"asked": 120.0, "began": 122.0, "ended": 152.0},
        },
    }
    script = {"seconds": {"examples": 8.0, "decoder": 25.0}}
    whole, steps, goes = overhead.compare(dagster, 60.0, script, 36.0)
    assert [row["ratio"] for row in whole.rows] == pytest.approx([1, 60 / 36])
    assert [(r["step"], r["process"], r["step itself"], r["plain script"], r["more"]) for r in steps.rows] == [
        ("examples", 2, 10, 8, 2),
        ("examples_checks", 2, 3, None, None),
        ("decoder", 2, 30, 25, 5),
    ]
    found = [row["seconds"] for row in goes.rows]
    assert found == pytest.approx([6, 6, 7, 3, 8, -3, -3, 24])
    assert found[-1] == pytest.approx(60 - 36)


def test_a_difference_in_what_was_made_is_reported():
    one = {"train": "a" * 64, "decoder": "b" * 64}
    assert overhead.same_hashes(one, one).startswith("Both made the same 2 objects, hash for hash: decoder `bbbbbbbbbbbb`")
    assert "did not make the same: the content hashes of decoder differ" in overhead.same_hashes(one, {**one, "decoder": "c"})
    assert "the content hashes of report differ" in overhead.same_hashes({**one, "report": "d"}, one)


def test_the_settings_are_those_of_the_profile_but_for_what_is_given():
    settings = overhead.OverheadSettings()
    assert overhead.PROFILE.settings.replaced(settings.overrides()) == overhead.PROFILE.settings
    assert overhead.OverheadSettings(examples=2000).overrides()["examples"] == {"n": 2000}
