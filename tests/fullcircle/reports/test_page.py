import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullcircle.drawings import DRAWINGS
from fullcircle.images.sheets import CAPTION, GAP, NOTE, contact_sheet, data_uri, film, mosaic, png, small_webp, tiles
from fullcircle.reports.autoencoders import write_report
from fullcircle.reports.charts import MARKS, NAMED, latent_map, loss_curves
from fullcircle.reports.drawings.decoder import decoder_report
from fullcircle.reports.drawings.encoder import encoder_report, part_listings
from fullcircle.reports.feature_patterns import feature_patterns_report
from fullcircle.reports.figures import AUTOENCODER, DRAWING
from fullcircle.reports.page import Section, Table, figure_table, page, page_version, split_difference_tables
from fullcircle.reports.recognition import recognition_report
from fullcircle.store.code_version import code_version, files_behind

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


def test_a_table_has_a_row_per_figure_in_the_order_of_the_list():
    table = figure_table("On test", {"clean": {"fvu": 0.1, "mse": 0.2}, "noisy": {"fvu": 0.3}}, DRAWING)
    assert table == Table("On test", ["clean", "noisy"], [("MSE", ["2.00e-01", "–"]), ("FVU", ["0.100", "0.300"])])


def test_a_difference_is_shown_with_its_interval_and_what_follows():
    difference = {
        "valid": 0.5,
        "test": 0.45,
        "difference": -0.05,
        "low": -0.1,
        "high": 0.01,
        "holds_zero": True,
        "beyond_chance": False,
    }
    (table,) = split_difference_tables({"reader": {"pixel_exact": difference}}, DRAWING)
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
    html = page(title="t", summary="s", pictures=[], tables=[], curves="", facts={}, figures={}, listings=[first])
    assert f"<code>{first.lines[2][1]}</code>" in html


def test_the_page_is_self_contained_and_escapes():
    html = page(
        title="A <b>",
        summary="s",
        pictures=[("c", data_uri(b"x", "image/png"))],
        tables=[Table("t", ["a"], [("FVU", ["1"])])],
        curves=loss_curves(HISTORY),
        facts={"k": "v"},
        figures=DRAWING,
    )
    assert "A &lt;b&gt;" in html
    assert "data:image/png;base64,eA==" in html
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", html)
    assert DRAWING["fvu"].meaning.split("'")[0] in html
    assert DRAWING["ssim"].meaning not in html  # only what is shown is explained


@pytest.mark.parametrize(
    ("report", "templates"),
    [
        (decoder_report, {"page"}),
        (encoder_report, {"page"}),
        (recognition_report, {"page"}),
        (feature_patterns_report, {"page"}),
        (write_report, {"page", "explorer"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_version_of_a_page_covers_its_templates(report, templates):
    root = f"{report.__module__}:{report.__name__}"
    covered = {Path(file).name for file in files_behind(root) if file.endswith(".j2")}
    assert covered == {f"{name}.html.j2" for name in templates}
    assert page_version(report) == code_version(root)


def test_notes_stand_under_their_columns(rng):
    rows = [("a", rng.integers(0, 256, (3, 40, 40), np.uint8))]
    plain, noted = contact_sheet(rows), contact_sheet(rows, notes=["one", "two\nlines", ""])
    assert noted.height == plain.height + 2 * NOTE
    assert np.array_equal(np.asarray(noted)[: plain.height], np.asarray(plain))
    under = np.asarray(noted.convert("L"))[plain.height :]
    first, _, last = (under[:, CAPTION + c * (40 + GAP) :][:, :40] for c in range(3))
    assert first.min() < 100
    assert last.min() == 255


def test_a_mosaic_keeps_the_order_of_its_grid(rng):
    pictures = rng.integers(0, 256, (2, 3, 5, 4), np.uint8)
    made = np.asarray(mosaic(pictures, scale=2, gap=1))[..., 0]
    assert made.shape == (2 * 11 - 1, 3 * 9 - 1)
    assert np.array_equal(made[11::2, 18::2], pictures[1, 2])


def test_a_film_lasts_as_long_as_its_frames(rng):
    frames = rng.integers(0, 256, (4, 8, 6), np.uint8)
    there_and_back = np.concatenate([frames, frames[::-1]])
    gif = Image.open(io.BytesIO(film(there_and_back, scale=3, ms=40)))
    assert gif.size == (18, 24)
    assert gif.info["loop"] == 0
    seen, lasted = [], 0
    for i in range(gif.n_frames):
        gif.seek(i)
        seen.append(np.asarray(gif.convert("L"))[::3, ::3])
        lasted += gif.info["duration"]
    assert lasted == 8 * 40
    assert len(seen) == 7  # the turning point, twice the same, stays twice as long
    assert np.array_equal(seen[0], frames[0])
    assert np.array_equal(seen[6], frames[0])


def test_latents_are_shown_field_by_field():
    made = tiles(np.array([[1.0, -1.0, 0.0], [0.5, 0.0, 0.0]]), 10, 10)
    assert made.shape == (2, 10, 10, 3)
    assert made[0, 0, 0].tolist() == [204, 0, 0]  # red above
    assert made[0, 0, 9].tolist() == [0, 102, 204]  # blue below
    assert made[0, 9, 0].tolist() == [255, 255, 255]
    assert made[0, 9, 9].tolist() == [217, 217, 217]  # no latent
    assert np.array_equal(tiles(np.zeros((1, 4)), 4, 4), np.full((1, 4, 4, 3), 255))


def test_three_losses_have_their_curves_even_where_one_is_nothing():
    history = [
        {"loss": 3.0, "val_loss": 3.5, "reconstruction": 2.0, "val_reconstruction": 2.5, "kl": kl, "val_kl": 1.0}
        for kl in (0.0, 1.0)
    ]
    svg = loss_curves(history)
    for words in ("total, train", "reconstruction, valid", "KL, train"):
        assert f"<!-- {words} -->" in svg


@pytest.mark.parametrize("labels", [["a"], ["ⴰ", "ⵉ"], [f"{i}" for i in range(NAMED + 20)], ["", "\ufdd0", "$x", "_b"]])
def test_a_map_takes_any_labels(labels, rng, recwarn):
    words = np.array([labels[i % len(labels)] for i in range(200)], object)
    picture = rng.integers(0, 256, (8, 8), np.uint8)
    colour = rng.integers(0, 256, (8, 8, 3), np.uint8)
    drawn = latent_map(rng.standard_normal((200, 2)), words, {labels[0]: picture, labels[-1]: colour}, ("latent 1", "latent 2"))
    image = Image.open(io.BytesIO(drawn))
    assert image.width > image.height > 500
    assert not [w for w in recwarn if "Glyph" in str(w.message) or "legend" in str(w.message)]
    assert len(MARKS) * 10 == NAMED


def test_a_section_has_its_parts_in_order_and_a_warning_comes_first():
    section = Section(
        "Grid <1>",
        "Words.",
        [("a picture", data_uri(b"x", "image/png"))],
        [Table("t", ["PSNR, dB"], [("w", ["1"])])],
        "<svg></svg>",
    )
    html = page(
        title="t",
        summary="All.",
        pictures=[],
        tables=[],
        curves="",
        facts={},
        figures=AUTOENCODER,
        sections=[section],
        warning="Beware: 1 < 2.",
    )
    parts = [
        "Beware: 1 &lt; 2.",
        "All.",
        "Grid &lt;1&gt;",
        "Words.",
        "data:image/png",
        "<svg></svg>",
        "<td>w</td>",
        "How it came",
    ]
    assert [html.index(part) for part in parts] == sorted(html.index(part) for part in parts)
    assert AUTOENCODER["psnr_db"].meaning in html  # explained where it heads a column, too
