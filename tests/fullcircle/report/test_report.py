import io
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullcircle.drawings import DRAWINGS
from fullcircle.report.charts import loss_curves
from fullcircle.report.drawings import part_listings
from fullcircle.report.page import FIGURES, Table, figure_table, figure_text, gap_tables, page
from fullcircle.report.pictures import contact_sheet, data_uri, png, small_webp

HISTORY = [{"stage": s, "loss": 1 / e, "val_loss": 1.1 / e} for e, s in enumerate("aaabb", start=1)]


def test_a_contact_sheet_shows_each_picture_where_it_belongs(rng):
    rows = [(name, rng.integers(0, 256, (3, 8, 8), np.uint8)) for name in ("truth", "decoded")]
    sheet = np.asarray(contact_sheet(rows, scale=2))
    first = sheet[4:20, 92:108, 0]
    assert np.array_equal(first[::2, ::2], rows[0][1][0])
    assert np.array_equal(first[1::2, 1::2], rows[0][1][0])
    below = sheet[4 + 20 : 20 + 20, 92 + 20 : 108 + 20, 0]
    assert np.array_equal(below[::2, ::2], rows[1][1][1])


def test_pictures_keep_their_pixels_in_png(rng):
    sheet = contact_sheet([("truth", rng.integers(0, 256, (3, 8, 8), np.uint8))])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(sheet)))), np.asarray(sheet))


def test_the_small_sheet_fits_its_limit(rng):
    noise = [("truth", rng.integers(0, 256, (10, 64, 64), np.uint8))] * 6
    small = small_webp(noise)
    assert len(small) <= 40_000
    assert Image.open(io.BytesIO(small)).height == contact_sheet(noise).height
    plain = [("truth", np.zeros((3, 8, 8), np.uint8))]
    exact = np.asarray(Image.open(io.BytesIO(small_webp(plain))))
    assert np.array_equal(exact, np.asarray(contact_sheet(plain)))  # lossless where it can
    with pytest.raises(ValueError, match="expected to fit 100 bytes"):
        small_webp(noise, limit=100)


def test_curves_are_the_same_every_time_and_mark_the_stages():
    svg = loss_curves(HISTORY)
    assert svg == loss_curves(HISTORY)
    assert svg.startswith("<svg")
    assert svg.count("<!-- b -->") == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("fvu", 0.0512, "0.051"),
        ("mse", 0.000123, "1.23e-04"),
        ("within_1px", 0.5, "50.0%"),
        ("noisy_pixel_exact", 1.0, "100.0%"),
        ("reader_within_step", 0.25, "25.0%"),
        ("endpoint_px_mean", 1.234, "1.23"),
        ("examples", 1800, "1,800"),
        ("psnr_db", None, "–"),
    ],
)
def test_figures_are_readable(name, value, text):
    assert figure_text(name, value) == text


def test_a_table_has_a_row_per_figure_in_the_order_of_the_list():
    table = figure_table("On test", {"clean": {"fvu": 0.1, "mse": 0.2}, "noisy": {"fvu": 0.3}})
    assert table == Table("On test", ["clean", "noisy"], [("MSE", ["2.00e-01", "–"]), ("FVU", ["0.100", "0.300"])])


def test_a_gap_is_shown_with_its_interval_and_what_follows():
    gap = {
        "valid": 0.5,
        "test": 0.45,
        "difference": -0.05,
        "low": -0.1,
        "high": 0.01,
        "holds_zero": True,
        "beyond_chance": False,
    }
    (table,) = gap_tables({"reader": {"pixel_exact": gap}})
    assert table.title == "Valid against test: reader"
    assert table.rows == [("redrawn pixel for pixel", ["50.0%", "45.0%", "-5.0%", "-10.0% to 1.0%", "yes", "no"])]


def test_what_was_read_is_listed_part_by_part_each_as_its_own_call(rng):
    face = DRAWINGS["face"]
    specs = face.factors.sample(2, rng)
    first, second = part_listings(face, specs)
    assert [listing.title.split(",")[0] for listing in (first, second)] == ["Picture 1", "Picture 2"]
    assert [name for name, _ in first.lines] == [
        "ground",
        "hair: ellipse",
        "head: ellipse",
        "left eye: ellipse",
        "right eye: ellipse",
        "nose: line",
        "mouth: arc",
    ]
    names = {"Image": Image}
    exec(f"image = {first.lines[0][1]}", names)
    names["draw"] = ImageDraw.Draw(names["image"])
    for _, code in first.lines[1:]:
        exec(code, names)
    assert np.array_equal(np.asarray(names["image"]), face.render(specs[:1])[0])
    assert part_listings(DRAWINGS["line"], DRAWINGS["line"].factors.sample(2, rng)) == []
    html = page(title="t", summary="s", pictures=[], tables=[], curves="", facts={}, listings=[first])
    assert f"<code>{first.lines[2][1]}</code>" in html


def test_the_page_is_self_contained_and_escapes():
    html = page(
        title="A <b>",
        summary="s",
        pictures=[("c", data_uri(b"x", "image/png"))],
        tables=[Table("t", ["a"], [("FVU", ["1"])])],
        curves=loss_curves(HISTORY),
        facts={"k": "v"},
    )
    assert "A &lt;b&gt;" in html
    assert "data:image/png;base64,eA==" in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert FIGURES["fvu"][1].split("'")[0] in html
    assert FIGURES["ssim"][1] not in html  # only what is shown is explained
