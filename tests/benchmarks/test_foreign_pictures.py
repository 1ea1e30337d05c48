"""Pictures from elsewhere: the truth that is claimed of them is in them, and answers are joined with it as they should be."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import foreign_pictures as fp
from fullcircle.answers import Answer, overlay
from fullcircle.drawings import DRAWINGS
from fullcircle.incoming import Incoming, open_picture

LINE = DRAWINGS["line"]
SEEN = [name for name, kind in fp.KINDS.items() if kind.line and not name.startswith(("equal", "photo", "scan"))]


def grey(picture):
    """As the reader takes it, at the picture's own size."""
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(picture.convert("L")).astype(float)


@pytest.mark.parametrize("name", SEEN)
def test_ink_lies_between_the_stated_ends_and_not_beyond(name):
    for made in fp.make(name, 3, seed=1):
        image = grey(made.picture)
        ground = np.median(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]))
        ink = np.abs(image - ground) > np.abs(image - ground).max() / 2
        along = (made.ends[1] - made.ends[0]) / np.hypot(*(made.ends[1] - made.ends[0]))
        rows, columns = np.nonzero(ink)
        place = np.stack([columns, rows], axis=1) - made.ends[0]
        far, aside = place @ along, place @ np.array([-along[1], along[0]])
        slack = 1.5 * max(image.shape) / fp.UNITS
        cap = made.width / 2 if "round" in fp.KINDS[name].about else 0
        assert -cap - slack <= far.min() <= slack
        assert -slack <= far.max() - np.hypot(*(made.ends[1] - made.ends[0])) <= cap + slack
        assert np.abs(aside).max() <= made.width / 2 + slack
        assert len(rows) >= 0.5 * made.width * np.hypot(*(made.ends[1] - made.ends[0]))


@pytest.mark.parametrize("name", ["photo", "photo, frame", "scan", "scan 1-bit"])
def test_the_middle_of_a_photographed_stroke_differs_from_what_lies_beside_it(name):
    for made in fp.make(name, 3, seed=1):
        image = grey(made.picture)
        along = made.ends[1] - made.ends[0]
        aside = np.array([-along[1], along[0]]) / np.hypot(*along) * (made.width + 6)
        middle = made.ends[0] + np.linspace(0.1, 0.9, 40)[:, None] * along

        def level(places, image=image):
            x, y = np.clip(np.rint(places).astype(int), 0, np.array(image.shape[::-1]) - 1).T
            return image[y, x].mean()

        assert abs(level(middle) - level(middle + aside)) > 10


def test_a_line_of_equal_brightness_is_gone_in_grey_and_a_blank_one_everywhere():
    for made in fp.make("equal bright", 3, seed=1):
        assert np.ptp(grey(made.picture)) <= 1
        assert np.ptp(np.asarray(made.picture).reshape(-1, 3), axis=0).max() >= 3 * fp.CONTRAST
    assert np.ptp(grey(fp.make("blank", 1, seed=1)[0].picture)) == 0


def test_a_crossing_line_leaves_the_picture_where_it_is_said_to():
    for made in fp.make("crossing", 5, seed=1):
        on_edge = np.isclose(made.ends, -0.5) | np.isclose(made.ends, fp.UNITS - 0.5)
        assert on_edge.any(axis=1).all()
        image = grey(made.picture)
        middle = np.rint(made.ends.mean(axis=0)).astype(int)
        for x, y in np.clip(np.rint(made.ends), 0, fp.UNITS - 1).astype(int):
            around = image[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            assert (around == image[middle[1], middle[0]]).any()


def test_equal_seeds_make_equal_pictures_and_classes_do_not_depend_on_each_other():
    one, two = (fp.make("scan", 2, seed=4) for _ in range(2))
    assert all(np.array_equal(a.picture, b.picture) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0].picture, fp.make("scan", 1, seed=5)[0].picture)
    assert np.array_equal(one[0].picture, fp.make("scan", 1, seed=4)[0].picture)


def test_files_open_with_the_size_and_mode_that_they_were_made_with(tmp_path):
    made = {name: fp.make(name, 4, seed=1) for name in ("modes", "300 x 200", "jpeg 50")}
    folders = fp.write(tmp_path, made)
    assert [f.name for f in folders] == ["modes", "300_x_200", "jpeg_50"]
    for folder, pictures in zip(folders, made.values(), strict=True):
        for path, picture in zip(sorted(folder.iterdir()), pictures, strict=True):
            opened = open_picture(path, LINE)
            assert opened.size == picture.picture.size
    assert {p.suffix for p in folders[2].iterdir()} == {".jpg"}


def answer_of(ends, width, size):
    (x0, y0), (x1, y1) = ends
    own = {"x_start_px": x0, "y_start_px": y0, "x_end_px": x1, "y_end_px": y1, "line_width_px": width}
    return {"size_px": [size, size // 2], "spec_own_pixels": own}


def test_an_answer_is_judged_in_units_by_the_better_order():
    truth = fp.Foreign(Image.new("L", (128, 64)), np.array([[10.0, 20], [90, 20]]), 6)
    judged = fp.judge(answer_of([(92, 20), (10, 22)], 8, 128), truth)
    assert judged["endpoint"] == pytest.approx([1, 1])  # 2 px of 128 are one unit
    assert judged["longer"] == pytest.approx((np.hypot(82, 2) - 80) / 2)
    assert judged["wider"] == 1
    assert judged["within_a_step"]
    assert not fp.judge(answer_of([(93, 20), (10, 22)], 8, 128), truth)["within_a_step"]
    assert not fp.judge(answer_of([(90, 20), (10, 20)], 9, 128), truth)["within_a_step"]
    assert fp.judge(answer_of([(90, 20), (10, 20)], 6, 128), fp.Foreign(truth.picture, None, None)) == {"within_a_step": False}


def test_figures_count_only_where_there_is_a_truth():
    said = {"redraw_mse": 0.5, "pixel_exact": False, "confidence": 0.2, "explained": 0.1, "redraws": 7}
    with_truth = {"endpoint": [0.0, 2.0], "longer": 1.0, "wider": 0.0, "within_a_step": True}
    found = fp.figures([said | with_truth, said | {"within_a_step": False}])
    assert (found["endpoint_mean"], found["within_1"], found["within_a_step"], found["redraws"]) == (1, 0.5, 0.5, 7)
    assert fp.figures([said | {"within_a_step": False}])["endpoint_mean"] is None


def test_overlay_parts_are_what_the_overlay_was_made_of(tmp_path, rng):
    image = rng.integers(256, size=(64, 64)).astype(np.uint8)
    spec = np.array([3, 5, 60, 40, 200, 4, 31])
    incoming = Incoming(Path("a.png"), image, (64, 64), (1.0, 1.0), (0, 0))
    answer = Answer(incoming, spec, spec, "", "", 0.0, False, 0.5, 0.5, 1, 0.0)
    overlay(LINE, answer).save(tmp_path / "a.png")
    given, redrawn, _ = fp.overlay_parts(tmp_path / "a.png")
    assert np.array_equal(given[..., 0], image)
    assert np.array_equal(redrawn[..., 1], LINE.render(spec[None])[0])


def test_a_run_joins_each_answer_with_its_own_truth(tmp_path, monkeypatch):
    """With a command that reads every picture right but the first, and says so."""
    monkeypatch.setattr(fp, "KINDS", {name: fp.KINDS[name] for name in ("agg hard", "200 px jpeg", "text")})

    def ask(store, folders, overlays):
        overlays.mkdir()
        answers = []
        for name, folder in zip(fp.KINDS, folders, strict=True):
            for i, path in enumerate(sorted(folder.iterdir())):
                made = fp.make(name, 2, 9)[i]
                size = made.picture.size
                ends = made.ends if made.ends is not None else np.zeros((2, 2))
                off = 5 * (name == "agg hard" and i == 0)
                said = {"redraw_mse": 0.0, "pixel_exact": True, "confidence": 0.9, "explained": 1.0, "redraws": 1}
                answers.append(
                    answer_of(ends + off, made.width or 1, size[0]) | said | {"path": str(path), "models": {"encoder": "e"}}
                )
                Image.new("RGB", (3 * 256 + 2 * fp.GAP, 256)).save(overlays / f"{path.stem}.png")
        return answers, 2.0

    monkeypatch.setattr(fp, "ask", ask)
    result, shown = fp.run(tmp_path, 2, 9, tmp_path)
    kinds = {name: kind["figures"] for name, kind in result["kinds"].items()}
    assert kinds["agg hard"]["within_a_step"] == 0.5
    assert kinds["agg hard"]["endpoint_mean"] == pytest.approx(5 / np.sqrt(2))
    assert kinds["200 px jpeg"]["endpoint_mean"] == 0
    assert (kinds["text"]["within_a_step"], kinds["text"]["confidence"]) == (0, pytest.approx(0.9))
    page = fp.as_markdown(json.loads(json.dumps(result)))
    assert page.count("\n|") == 2 + len(kinds)
    assert "| three letters | – |" in page
    assert len(fp.small_webp(shown, fp.SHEET_BYTES)) <= fp.SHEET_BYTES
    with pytest.raises(ValueError, match="A sheet is expected to fit 10 bytes"):
        fp.small_webp(shown, 10)
