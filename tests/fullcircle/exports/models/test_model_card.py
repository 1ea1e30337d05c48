"""Model cards: every figure is one on record, and the header is what Hugging Face reads."""

import json
import re

import pytest
import yaml

from fullcircle import cli
from fullcircle.reports.figures import ALL


@pytest.fixture(scope="module")
def card(trained_records, tmp_path_factory):
    path = tmp_path_factory.mktemp("card") / "README.md"
    asked = ["model-card", "drawings/champion", "--partition", "line", "--license", "mit", "--to", str(path)]
    assert cli.main(["--store", str(trained_records.store.root), "audit", "export", *asked]) == 0
    return path.read_text()


def section(card, title):
    return card.split(f"## {title}\n")[1].split("\n## ")[0]


def report(records):
    return json.loads((records.store.path_of(records.own["drawings/encoder_report"]) / "report.json").read_text())


def test_the_header_has_the_figures_of_the_report(card, trained_records):
    start, header, _ = card.split("---\n", 2)
    found = yaml.safe_load(header)
    assert start == ""
    assert (found["license"], found["library_name"], found["tags"][-1]) == ("mit", "keras", "line")
    (model,) = found["model-index"]
    (result,) = model["results"]
    # What Hugging Face demands of each result.
    assert {"type", "name"} <= result["task"].keys() and {"type", "name"} <= result["dataset"].keys()
    assert result["dataset"]["revision"] == trained_records.own["drawings/test"]
    metrics = report(trained_records)["metrics"]
    assert {m["type"]: m["value"] for m in result["metrics"]} == {
        name: value for name, value in metrics.items() if ALL[name.removeprefix("reader_")].on_index
    }
    assert [metric["type"] for metric in result["metrics"]] == found["metrics"]


def test_the_reader_has_intervals_that_hold_its_figures(card, trained_records):
    figures = section(card, "Figures on test")
    assert f"drawings/encoder_report@{trained_records.own['drawings/encoder_report'][:12]}" in figures
    (row,) = re.findall(r"^\| 0\.1 \| (.*) \|$", figures, re.MULTILINE)
    exact, *_ = row.split(" | ")
    value, low, high = (float(number) for number in re.fullmatch(r"([\d.]+)% \(([\d.]+)% to ([\d.]+)%\)", exact).groups())
    assert value == pytest.approx(100 * report(trained_records)["reader"]["0.1"]["redraw"]["all"]["pixel_exact"])
    assert 0 < low < value < high < 100


def test_a_figure_that_the_readings_do_not_give_again_has_no_interval(export, records):
    changed = report(records)
    changed["reader"]["0"]["redraw"]["all"]["pixel_exact"] = 0.123
    stored = records.files(report=changed)
    records.enter("drawings/encoder_report", stored, ["drawings/test", "drawings/encoder", "drawings/readings"])
    _, card, _ = export(records.store, "model-card", "drawings/encoder")
    assert "12.3%" not in card
    assert "sigma" in section(card, "Figures on test")


def test_it_says_what_it_was_made_from_how_and_where_it_ends(card, trained_records):
    data = section(card, "What it was trained on")
    own = trained_records.own
    assert f"| `drawings/examples` | `{own['drawings/examples'][:12]}` | 120 | " in data and "seed 7" in data
    assert f"`drawings/test` | `{own['drawings/test'][:12]}`" in data
    assert "| `line_width` | 1 | 10 | 1 | px | geometry |" in data
    how = section(card, "How it was trained")
    assert "| `drawings/encoder` | 1,234, 1,200 of them trainable | 2 epochs, 0.5 min | epochs 2, seed 3 |" in how
    assert "numpy 2.0.0, on Abacus with 2 cores" in how
    served = section(card, "Why it is served")
    assert "The first | of all." in served and "| exact | 99.5 % (0.0 %) | 99.0 % | 0.05 |" in served
    assert "On 400 test pictures; each bound holds with probability 0.95." in served
    limits = section(card, "Limits")
    assert "1.50 at contrast < 8 (3 examples)" in limits
    assert "differ beyond chance in: FVU (encoder, clean)." in limits


def test_it_names_versions_and_commit_and_its_commands_can_be_typed(card, trained_records):
    lineage = section(card, "Lineage")
    for asset in ("drawings/encoder", "drawings/decoder", "drawings/champion", "drawings/encoder_report"):
        if asset != "drawings/champion":  # which a later record is of another partition of
            assert f"| `{asset}` | `{trained_records.own[asset]}` |" in lineage
    assert f"commit `{'c' * 40}`, with changes that are in no commit." in lineage
    commands = re.findall(r"^\$ fullcircle (.*)$", card, re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        cli.parser().parse_args(command.split())
    assert "$ make run DRAWING=line" in lineage


def test_an_autoencoder_has_a_card_without_a_report(ask):
    _, card, _ = ask("model-card", "glyphs/vae")
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["license"] == "unknown" and "model-index" not in header and header["metrics"] == []
    assert "# tifinagh/vae\n" in card
    assert "A picture becomes 2 numbers" in card
    assert "All copies stand in one split." in section(card, "What it was trained on")
    assert "No report on it is on record. Make one: `make run SOURCE=tifinagh MODELS=vae`" in section(card, "Figures on test")
    assert "## Why it is served" not in card


def test_what_is_no_model_is_refused(ask):
    code, _, err = ask("model-card", "drawings/train")
    assert code == 2
    assert "A champion or a model is expected, drawings/champion, drawings/encoder, glyphs/vae_champion or glyphs/vae" in err
