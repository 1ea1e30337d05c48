from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fullcircle.drawings import DRAWINGS
from fullcircle.images.sheets import CAPTION
from fullcircle.reports.class_pictures import SHOWN, example_sheet, factor_table, write_class_pictures

DOCS = Path(__file__).parents[3] / "docs"
EVERY = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@EVERY
def test_the_page_shows_what_the_class_draws(drawing):
    """Else: python -m fullcircle.reports.class_pictures docs/images."""
    shown = Image.open(DOCS / "images" / f"drawing_{drawing.name}.webp").convert("RGB")
    now = example_sheet(drawing)
    assert shown.size == now.size
    assert np.array_equal(np.asarray(shown)[:, CAPTION:], np.asarray(now)[:, CAPTION:])  # the caption's font is the system's


@EVERY
def test_the_page_has_the_factors_that_the_class_has(drawing):
    section = (DOCS / "drawings.md").read_text().split(f"\n## {drawing.name}\n")[1].split("\n## ")[0]
    assert factor_table(drawing) in section


def test_a_row_of_the_table_says_range_unit_and_kind():
    rows = factor_table(DRAWINGS["arc"]).splitlines()
    assert rows[2] == "| `x` | 20 to 43 | px | geometry, x of middle |"
    assert "| `start` | 0 to 350, steps of 10 | degree | geometry, periodic |" in rows
    assert rows[-1] == "| `background_grey` | 0 to 255 | level | colour |"


def test_every_class_is_written(tmp_path):
    write_class_pictures(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {f"drawing_{name}.webp" for name in DRAWINGS}
    assert Image.open(tmp_path / "drawing_line.webp").width > SHOWN * 64
