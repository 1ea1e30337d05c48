"""Tables, ratios, what is written, and what the command line refuses; known numbers in, known ratios out."""

import dataclasses
import json
import re

import pytest

from benchmarks import __main__ as command
from benchmarks import machine
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table, doubts, write
from fullcircle.core.progress import silent
from fullcircle.core.settings import Settings, SettingsError, setting

TABLE = Table(
    "**Speed**",
    {"way": "", "per s": ",.0f", "bytes": ".1f"},
    [
        {"way": "theirs", "per s": 250.0, "bytes": 8.0},
        {"way": "ours", "per s": 3000.0, "bytes": 2.0},
        {"way": "none", "per s": None},
    ],
)
MACHINE = {"date": "2026-01-01", "cores": 2, "processor": "x", "memory_gib": 8.0, "python": "3.12", "load_at_start": 0.05}


@dataclasses.dataclass(frozen=True)
class TinySettings(Settings):
    n: int = setting(5000, "how many", low=1)


def outcome(settings, progress):
    return Outcome([TABLE], ["One\n   paragraph."], {"nan": float("nan")}, {"tiny.svg": ("a chart", b"<svg/>")})


TINY = Benchmark("tiny", "is it so?", TinySettings, minutes=lambda s: s.n / 1000, run=outcome)


def test_ratios_are_those_of_the_figures():
    with_both = TABLE.with_ratio("per s", "theirs", "speed").with_ratio("bytes", "theirs", "saved", inverse=True)
    assert [row["speed"] for row in with_both.rows] == [1, 12, None]
    assert [row["saved"] for row in with_both.rows] == [1, 4, None]
    assert with_both.cells() == [
        ["way", "per s", "bytes", "speed", "saved"],
        ["theirs", "250", "8.0", "1 x", "1 x"],
        ["ours", "3,000", "2.0", "12 x", "4 x"],
        ["none", "–", "–", "–", "–"],
    ]


def test_a_table_is_markdown_of_even_width():
    lines = TABLE.markdown().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[1] == "|--------|------:|------:|"
    assert lines[3] == "| ours   | 3,000 |   2.0 |"


def test_a_ratio_needs_one_row_to_compare_with():
    with pytest.raises(ValueError, match="One row is expected to be called 'others'. Received: theirs, ours, none"):
        TABLE.with_ratio("per s", "others", "speed")


@pytest.mark.parametrize(
    ("n", "load", "others", "expected"),
    [
        (5000, 9.0, 0.01, []),
        (5000, 0.01, 0.3, ["on 30% of its cores"]),
        (5000, 1.5, None, ["load average 1.5 at the start"]),
        (10, 0.01, 0.0, ["A trial, not the measurement: n 10 instead of 5,000."]),
    ],
)
def test_doubts_are_reported(n, load, others, expected):
    found = doubts(TINY, TinySettings(n=n), {**MACHINE, "load_at_start": load}, others)
    assert len(found) == len(expected)
    assert all(part in doubt for part, doubt in zip(expected, found, strict=True))


def test_a_result_is_written_for_people_and_for_programs(tmp_path):
    page = write(tmp_path, TINY, TinySettings(n=7), MACHINE, 0.25, 90.0, outcome(None, silent))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tiny.json", "tiny.md", "tiny.svg"]
    text = page.read_text()
    assert text.startswith("# tiny: is it so?\n")
    assert "**A trial, not the measurement: n 7 instead of 5,000.**" in text
    assert "on 25% of its cores" in text
    assert "![a chart](tiny.svg)" in text
    assert "\n\nOne paragraph.\n\n" in text
    assert "1.5 minutes in all. Settings: n 7." in text
    data = json.loads((tmp_path / "tiny.json").read_text())
    assert data["tables"] == [{"title": "**Speed**", "rows": [{**r, "bytes": r.get("bytes")} for r in TABLE.rows]}]
    assert data["figures"] == {"nan": None}
    assert (data["settings"], data["machine"], data["used_by_others"], data["seconds"]) == ({"n": 7}, MACHINE, 0.25, 90.0)


def test_a_failure_leaves_the_last_result_as_it_was(tmp_path):
    before = write(tmp_path, TINY, TinySettings(), MACHINE, 0.0, 1.0, outcome(None, silent)).read_text()
    bad = dataclasses.replace(outcome(None, silent), figures={"odd": object()})
    with pytest.raises(TypeError):
        write(tmp_path, TINY, TinySettings(), MACHINE, 0.0, 2.0, bad)
    assert (tmp_path / "tiny.md").read_text() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_the_machine_says_what_figures_depend_on():
    facts = machine.facts()
    assert {"date", "cores", "processor", "python", "tensorflow", "commit", "load_at_start"} <= facts.keys()
    assert re.fullmatch(r"unknown|[0-9a-f]{12}(-dirty)?", facts["commit"])


def test_others_are_all_but_this_process(monkeypatch):
    clock = iter([0.0, 10.0])
    monkeypatch.setattr(machine.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(machine, "_busy_seconds", iter([100.0, 115.0]).__next__)
    monkeypatch.setattr(machine, "_own_seconds", iter([3.0, 14.0]).__next__)
    assert machine.Others().share() == pytest.approx(0.2)  # 15 s busy, 11 of them ours, of 20 s there were


def test_one_benchmark_is_run_printed_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(command.BENCHMARKS, "tiny", TINY)
    assert command.main(["tiny", "--set", "tiny.n=2000", "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("tiny: is it so? About 2 minutes on 2 quiet cores.")
    assert TABLE.markdown() in printed
    assert str(tmp_path / "tiny.md") in printed


def test_one_that_cannot_run_says_why(tmp_path, monkeypatch, capsys):
    def refuse(settings, progress):
        raise BenchmarkError("No room.")

    monkeypatch.setitem(command.BENCHMARKS, "tiny", dataclasses.replace(TINY, run=refuse))
    assert command.main(["tiny", "--folder", str(tmp_path)]) == 1
    assert "tiny was not run. No room." in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["speed"], "Unknown benchmark 'speed'. Choose from: reading, "),
        (["reading", "--set", "reading.n=3"], "Unknown setting of reading: 'n'. Choose from: pictures, tuning, seed."),
        (["reading", "--set", "growth.n=60000"], "Settings of growth are given, but only reading is asked for."),
        (["reading", "--set", "reading.pictures=0"], "reading.pictures is expected to be at least 1. Received: 0."),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, expected, capsys):
    assert command.main(arguments) == 2
    assert expected in capsys.readouterr().err


def test_several_run_one_after_the_other_each_with_its_own_settings(monkeypatch, capsys):
    run = []
    monkeypatch.setattr(command.subprocess, "run", lambda c: run.append(c) or type("Done", (), {"returncode": len(run) == 1}))
    assert command.main(["growth", "examples", "--set", "growth.n=60000"]) == 1
    assert "growth, examples: about" in capsys.readouterr().out
    assert [c[3] for c in run] == ["growth", "examples"]
    assert "growth.n=60000" in run[0]
    assert "--set" not in run[1]


def test_settings_are_named_as_they_are_typed():
    for name, benchmark in command.BENCHMARKS.items():
        field = dataclasses.fields(benchmark.settings)[0].name
        with pytest.raises(SettingsError, match=rf"^{name}\.{field} is expected"):
            benchmark.settings(**{field: -1})
