"""Growth: readings of known numbers, the refusal of a full disk, and every piece of work at a tiny size."""

import json

import pytest

from benchmarks import growth
from benchmarks.results import BenchmarkError
from fullcircle.core.progress import silent


def point(n, seconds, peak, rows=None):
    return {"n": n, "rows": rows or n, "rest": 1.0, "seconds": seconds, "baseline_mib": 50.0, "peak_mib": peak}


def test_readings_are_against_the_middle():
    rows = growth.readings([point(10, 2.0, 90.0), point(100, 10.0, 100.0), point(1000, 114.0, 121.0)], 1)
    assert [r["us / example"] for r in rows] == [200_000, 100_000, 114_000]
    assert [r["time ratio"] for r in rows] == [2, 1, 1.14]
    assert [r["within 15%"] for r in rows] == ["no", "yes", "yes"]
    assert [r["memory ratio"] for r in rows] == [0.9, 1, 1.21]
    assert [r["within 20%"] for r in rows] == ["yes", "yes", "no"]


def test_a_result_says_what_follows(monkeypatch):
    def measured(what, n, seed, root, progress):
        assert root.is_dir()
        return point(n, n / (1000 if what != "train" or n < 50_000 else 500), 100.0)

    monkeypatch.setattr(growth, "_in_a_process", measured)
    outcome = growth.run(growth.GrowthSettings(n=50_000), silent)
    assert [t.title for t in outcome.tables] == list(growth.TITLES.values())
    assert [row["examples"] for row in outcome.tables[0].rows] == ["500", "5,000", "50,000"]
    assert outcome.tables[2].rows[2]["time ratio"] == 2
    messages = " ".join(outcome.notes[0].split())
    assert "in proportion within 15% for 2 of 3 works, peak memory level within 20% for 3 of 3" in messages


def test_what_the_disk_cannot_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(growth.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2_000_000_000}))
    with pytest.raises(
        BenchmarkError, match=r"1,000,000 examples and their splits need about 13.0 GB .* Free: 2.0 GB. Set TMPDIR"
    ):
        growth.check_disk(tmp_path, 1_000_000)
    growth.check_disk(tmp_path, 1000)


def test_every_work_does_its_work(tmp_path):
    found = {what: growth.work(what, 600, 1, tmp_path) for what in growth.WORKS}
    assert json.loads((tmp_path / "made.json").read_text()).keys() == {"examples", "train", "test", "valid"}
    assert found["make"]["rows"] == found["split"]["rows"] == 600
    assert 400 < found["train"]["rows"] < 600 * 0.96
    assert all(0 < f["baseline_mib"] <= f["peak_mib"] and f["seconds"] > 0 for f in found.values())


def test_a_process_of_its_own_answers(tmp_path):
    messages = []
    found = growth._in_a_process("make", 30, 1, tmp_path, growth.Progress(messages.append))
    assert found["rows"] == 30
    assert found["rest"] > 0.1  # an interpreter and its imports
    assert 10 < found["peak_mib"] < 2000
    assert messages[-1].startswith("30, examples: 30 of 30")
    with pytest.raises(BenchmarkError, match=r"-m benchmarks.growth split ended with 1: .*KeyError: 'examples'"):
        growth._in_a_process("split", 30, 1, tmp_path / "nowhere", growth.Progress(messages.append))
