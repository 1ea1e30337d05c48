"""Making examples: both ways make what they should, and the table's ratios are those of the figures."""

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks import examples
from fullcircle.core.progress import silent
from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.store.tables import TableReader

LINE = DRAWINGS["line"]


def test_the_write_ups_way_makes_the_same_kind_of_examples(tmp_path):
    settings = ExamplesSettings(n=5)
    examples.write_up(tmp_path, settings, silent)
    frame = pd.read_pickle(tmp_path / "specs.pkl")
    assert len(frame) == 5
    assert len(list(tmp_path.glob("*.png"))) == 10
    specs = frame[list(LINE.factors.names)].to_numpy(float)
    for i, drawn in enumerate(LINE.render(specs)):
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"{i:07}_clean.png")), drawn)
        noisy = np.asarray(Image.open(tmp_path / f"{i:07}_noisy.png")).astype(int)
        assert 0 < np.abs(noisy - drawn).mean() < frame.sigma[i]  # a normal deviate's mean size is 0.8 sigma
    assert (frame.end_address == frame.x_end + 64 * frame.y_end).all()


def test_bytes_are_counted_in_all_folders(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "inner" / "b").write_bytes(b"x" * 5000)
    size, on_disk = examples.bytes_of(tmp_path)
    assert size == 5100
    assert on_disk >= 0


def test_known_numbers_give_known_ratios():
    rows = [
        {"way": examples.WRITE_UP, "seconds": 20.0, "examples/s": 50.0, "bytes / example": 5000.0, "on disk": 9000.0},
        {"way": "ours, 1 worker", "seconds": 1.0, "examples/s": 1000.0, "bytes / example": 4400.0, "on disk": 4500.0},
    ]
    made = examples.table("uniform", rows)
    assert [row["speed, ratio"] for row in made.rows] == [1, 20]
    assert [row["disk, ratio"] for row in made.rows] == [1, 0.5]


def test_every_way_is_run_under_both_laws(monkeypatch):
    monkeypatch.setattr(examples.os, "sync", lambda: None)  # the disk of a busy machine is not what is tested
    outcome = examples.run(examples.ExamplesSettings(n=40), silent)
    assert [t.title[:20] for t in outcome.tables] == ["**Noise law `uniform", "**Noise law `article"]
    for table in outcome.tables:
        assert [row["way"] for row in table.rows] == [name for name, _, _ in examples.WAYS]
        assert all(row["examples/s"] > 0 and row["on disk"] > 0 for row in table.rows)


def test_ours_writes_a_whole_table(tmp_path):
    examples._table(tmp_path, ExamplesSettings(n=7), silent)
    assert TableReader(tmp_path / "examples.parquet").rows == 7
