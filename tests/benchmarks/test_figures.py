"""Every figure that README and docs print names where it is from, and is printed as it was measured."""

import json

import pytest

from benchmarks import figures
from benchmarks.figures import LISTED, ROOT, main, pages, printed, problems, refreshed

VERSION = "91b536c12029" + 52 * "0"
NAME = "drawings/encoder_report line"
REPORT = {
    "version": VERSION,
    "meaning": "",
    "metrics": {"endpoint_px_mean": 0.7117, "pixel_exact": 0.02, "reader_pixel_exact": 0.988},
}
OF = [[NAME, "endpoint_px_mean"], None, [NAME, "reader_pixel_exact"]]
PAGE = "# Page\n\nEnds 0.71 px off, of 2 levels 98.8 % (91b536c12029).\n"


def quote(text="Ends 0.71 px off, of 2 levels 98.8 %", of=OF):
    return {"page": "a.md", "text": text, "of": of}


def listing(**more):
    return {"reports": {NAME: REPORT}, "blocks": {}, "quoted": [], "not_measured": [], "without_report": [], **more}


@pytest.fixture
def results(tmp_path):
    """A result of a benchmark, and a trial of another."""
    for name, doubts in {"speed": [], "trial": ["A trial, not the measurement: n 2 instead of 9."]}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"doubts": doubts, "tables": [{"rows": [{"share": 0.3333}]}]}))
        (tmp_path / f"{name}.md").write_text("| a | b |\n|---|--:|\n| x | 16.5 x |\n\nIt took 4.25 dB.\n")
    return tmp_path


def test_every_printed_figure_is_as_it_was_measured():
    listed = json.loads((ROOT / LISTED).read_text())
    assert problems(pages(), listed, ROOT / "benchmarks" / "results") == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0.71 px, and 98.8 %, 4,096 nats", ["0.71 px", "98.8 %", "4,096 nats"]),
        ("7.0, 16.3 and 26.8 %, .5 / 1.0 px", ["7.0, 16.3 and 26.8 %", ".5 / 1.0 px"]),
        ("an FVU of .120, MSE 1.85e-4", ["FVU of .120", "MSE 1.85e-4"]),
        ("64 x 64, 20,000 examples, 12 minutes, encoder@98% no", []),
    ],
)
def test_a_figure_is_a_number_with_a_unit(line, found):
    assert [line[a:b] for a, b in printed(line)] == found


def test_columns_have_units_and_commands_have_none():
    table = "| a | PSNR, dB | n |\n|---|---|---|\n| x | 24.19 | 7 |\n| y | 9 px | 8 |\n"
    page = f"{table}\n```console\n$ make # 5 %\n```\n```text\n7 %\n```\n"
    assert {page[a:b] for a, b in printed(page)} == {"24.19", "9 px", "7 %"}


@pytest.mark.parametrize(
    ("page", "listed"),
    [
        (PAGE, listing(quoted=[quote()])),
        ("# Page\n\nNo percentage.\n", listing()),
        ("# Page\n\n33.3 % and 4.2 dB: benchmarks/results/speed.md\n", listing()),
        ("# Page\n\nAt most 5 %.\n", listing(not_measured=[{"page": "a.md", "text": "At most 5 %", "why": "a goal"}])),
        (
            "# Page\n\n5 %. There is no\nreport on record.\n",
            listing(without_report=[{"page": "a.md", "text": "# Page", "why": "a trial"}]),
        ),
    ],
)
def test_a_figure_with_its_source_is_right(page, listed, results):
    assert problems({"a.md": page}, listed, results) == []


@pytest.mark.parametrize(
    ("page", "listed", "problem"),
    [
        (PAGE, listing(), "a.md, '# Page': a figure is expected to be listed in docs/figures.json. Received: '0.71 px'."),
        (
            PAGE.replace("98.8", "98.9"),
            listing(quoted=[quote("Ends 0.71 px off, of 2 levels 98.9 %")]),
            "a.md: reader_pixel_exact of drawings/encoder_report line is 98.8. Received: 98.9 in "
            "'Ends 0.71 px off, of 2 levels 98.9 %'.",
        ),
        (
            PAGE,
            listing(quoted=[quote("0.71 px off, of 2 levels 98.8 %", OF[1:])]),
            "a.md: 2 numbers are expected in '0.71 px off, of 2 levels 98.8 %'. Received: 0.71, 2, 98.8.",
        ),
        (
            PAGE.replace("91b5", "81b5"),
            listing(quoted=[quote()]),
            "a.md is expected to name the report of 'Ends 0.71 px off, of 2 levels 98.8 %'. Received: no drawings/encoder_report "
            "line@91b536c12029.",
        ),
        (
            "# Page\n",
            listing(not_measured=[{"page": "a.md", "text": "5 %", "why": "a goal"}]),
            "a.md is expected to print the figures that docs/figures.json lists. Received: none in '5 %'.",
        ),
        (
            "# Page\n\n5 %.\n",
            listing(without_report=[{"page": "a.md", "text": "5 %", "why": "a trial"}]),
            "a.md: the section of '5 %' is expected to say 'no report on record'. Received: it does not.",
        ),
        ("# Page\n\n33.4 %: benchmarks/results/speed.md\n", listing(), "a.md, '# Page': '33.4 %' is not in speed: 33.4."),
        ("# Page\n\n33.3 %: benchmarks/results/trial.md\n", listing(), "a.md, '# Page': '33.3 %' is not in trial: 33.3."),
    ],
)
def test_a_figure_without_its_source_is_found(page, listed, problem, results):
    assert problem in problems({"a.md": page}, listed, results)


def test_a_whole_report_is_held_against_its_figures(results):
    text = figures.block(NAME, REPORT)
    assert "endpoint error, mean px                 0.71" in text
    listed = listing(blocks={"a.md": [NAME]})
    assert problems({"a.md": f"# Page\n\n```text\n{text}\n```\n"}, listed, results) == []
    wrong = problems({"a.md": f"# Page\n\n```text\n{text.replace('98.8%', '98.9%')}\n```\n"}, listed, results)
    assert wrong[0].startswith(f"a.md is expected to have the figures of {NAME}. Received: others than these:\ndrawings/enc")
    assert any(sentence.endswith("Received: '98.9%'.") for sentence in wrong)


def test_the_figures_of_a_store_are_taken_over(tmp_path, monkeypatch, capsys):
    other = "0" * 12 + 52 * "1"
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        f"# Page\n\nEnds .71 px off (91b536c12029).\n\n```text\n{figures.block(NAME, REPORT)}\n```\n"
    )
    quoted = [{"page": "README.md", "text": "Ends .71 px off", "of": OF[:1]}]
    gone = {"drawings/decoder_report line": {**REPORT, "version": "d" * 64}}
    listed = listing(blocks={"README.md": [NAME]}, quoted=quoted, reports={NAME: REPORT, **gone})
    (tmp_path / LISTED).write_text(json.dumps(listed))
    found = {**REPORT, "version": other, "metrics": {**REPORT["metrics"], "endpoint_px_mean": 0.666}}
    made = [{"asset": "drawings/encoder_report", "partition": "line", "report": "x", **found}]
    monkeypatch.setattr(figures, "latest_reports", lambda store: made)
    assert main([str(tmp_path / "store")], tmp_path) == 0
    text = (tmp_path / "README.md").read_text()
    assert "Ends .67 px off (000000000000)." in text
    assert figures.block(NAME, found) in text
    assert VERSION[:12] not in text
    now = json.loads((tmp_path / LISTED).read_text())
    assert now["reports"] == {NAME: found, **gone}
    assert now["quoted"][0]["text"] == "Ends .67 px off"
    output = capsys.readouterr()
    assert "written: README.md" in output.out
    assert "Every printed figure is as it was measured." in output.out
    assert f"drawings/decoder_report line stays as it was: {tmp_path / 'store'} has none." in output.err
    assert main([], tmp_path) == 0
    (tmp_path / "README.md").write_text(text.replace(".67 px", ".68 px"))
    assert main([], tmp_path) == 1


def test_numbers_keep_their_form():
    reports = {NAME: {**REPORT, "metrics": {"latents": 12345.6, "fvu": 1.26}}}
    text = "1,000 latents, FVU .10"
    listed = listing(reports=reports, quoted=[quote(text, [[NAME, "latents"], [NAME, "fvu"]])])
    pages_now, listed_now = refreshed({"a.md": f"{text}\n"}, listed, {})
    assert pages_now == {"a.md": "12,346 latents, FVU 1.26\n"}
    assert listed_now["quoted"][0]["text"] == "12,346 latents, FVU 1.26"
