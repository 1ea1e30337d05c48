"""What is read from pictures from elsewhere: each answer beside its own truth, figures, the sheet, the page."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import foreign
from benchmarks import foreign_pictures as fp
from benchmarks.results import BenchmarkError, write
from fullcircle.core.progress import silent
from fullcircle.drawings import DRAWINGS
from fullcircle.reading.answers import Answer, overlay
from fullcircle.reading.pictures import Picture

LINE = DRAWINGS["line"]


def test_figures_count_only_where_there_is_a_truth():
    answered = {"redraw_mse": 0.5, "pixel_exact": False, "confidence": 0.2, "explained": 0.1, "redraws": 7}
    with_truth = {"endpoint": [0.0, 2.0], "longer": 1.0, "wider": 0.0, "within_a_step": True}
    found = foreign.figures([answered | with_truth, answered | {"within_a_step": False}])
    assert (found["ends, mean"], found["within 1"], found["within a step"], found["redraws"]) == (1, 0.5, 0.5, 7)
    assert foreign.figures([answered | {"within_a_step": False}])["ends, mean"] is None


def test_overlay_parts_are_what_the_overlay_was_made_of(tmp_path, rng):
    image = rng.integers(256, size=(64, 64)).astype(np.uint8)
    spec = np.array([3, 5, 60, 40, 200, 4, 31])
    picture = Picture(Path("a.png"), image, (64, 64), (1.0, 1.0), (0, 0))
    answer = Answer(picture, spec, spec, "", "", 0.0, False, 0.5, 0.5, 1, 0.0)
    overlay(LINE, answer).save(tmp_path / "a.png")
    given, redrawn, _ = foreign.overlay_parts(tmp_path / "a.png")
    assert np.array_equal(given[..., 0], image)
    assert np.array_equal(redrawn[..., 1], LINE.render(spec[None])[0])


def test_a_run_joins_each_answer_with_its_own_truth(tmp_path, monkeypatch):
    """With a command that reads every picture right but the first, and is as sure of all of them."""
    kinds = {name: fp.KINDS[name] for name in ("agg hard", "200 px jpeg", "text")}
    monkeypatch.setattr(foreign, "KINDS", kinds)

    def ask(store, folders, overlays):
        overlays.mkdir()
        answers = []
        for name, folder in zip(kinds, folders, strict=True):
            for i, path in enumerate(sorted(folder.iterdir())):
                made = fp.make(name, 2, 9)[i]
                (x0, y0), (x1, y1) = (np.zeros((2, 2)) if made.ends is None else made.ends) + 5 * (
                    name == "agg hard" and i == 0
                )
                own = {"x_start_px": x0, "y_start_px": y0, "x_end_px": x1, "y_end_px": y1, "line_width_px": made.width or 1}
                answered = {
                    "size_px": made.picture.size,
                    "spec_own_pixels": own,
                    "path": str(path),
                    "models": {"encoder": "e"},
                }
                answers.append(answered | {"redraw_mse": 0.0, "confidence": 0.9, "explained": 1.0, "redraws": 1})
                Image.new("RGB", (3 * 256 + 2 * foreign.GAP, 256)).save(overlays / f"{path.stem}.png")
        return answers, 2.0

    monkeypatch.setattr(foreign, "ask", ask)
    settings = foreign.ForeignSettings(pictures=2, seed=9)
    outcome = foreign.run(settings, silent)
    lines, others = (table.rows for table in outcome.tables)
    assert [row["within a step"] for row in lines] == [0.5, 1]
    assert [row["ends, mean"] for row in lines] == pytest.approx([5 / np.sqrt(2), 0])
    assert (len(others), others[0]["within a step"], others[0]["confidence"]) == (1, 0, pytest.approx(0.9))
    machine = {"date": "", "cores": 2, "processor": "", "memory_gib": 1, "load_at_start": 0.0}
    page = write(tmp_path, foreign.BENCHMARK, settings, machine, 0.0, 2.0, outcome)
    assert "A trial, not the measurement: pictures 2 instead of 40" in page.read_text()
    assert "encoder `e`" in page.read_text()
    assert len(json.loads((tmp_path / "foreign.json").read_text())["tables"][1]["rows"]) == 1
    assert Image.open(tmp_path / "foreign.webp").size[1] >= 2 * 64


def test_a_sheet_fits_or_says_why_not(rng):
    rough = Image.fromarray(rng.integers(256, size=(300, 300, 3)).astype(np.uint8))
    assert len(foreign.small_webp(rough, 40_000)) <= 40_000
    with pytest.raises(ValueError, match="A sheet is expected to fit 10 bytes. Received: \\(300, 300\\) px."):
        foreign.small_webp(rough, 10)
    rows = [(name, np.full((3, 8, 8), level, np.uint8)) for name, level in (("a", 10), ("b", 90), ("c", 200))]
    both = np.asarray(foreign.sheet(rows))
    assert both[8, 96].tolist() == [10] * 3
    assert both[8, both.shape[1] // 2 + 96].tolist() == [200] * 3


def test_without_models_it_says_which_command_makes_them(tmp_path):
    folders = fp.write(tmp_path / "pictures", {"blank": fp.make("blank", 1, 1)})
    with pytest.raises(BenchmarkError, match="Make one with: make run DRAWING=line"):
        foreign.ask(tmp_path, folders, tmp_path / "overlays")
