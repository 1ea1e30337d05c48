"""Pictures from elsewhere: the truth that is claimed of them is in them, and answers are judged by it."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import foreign_pictures as fp
from fullcircle.drawings import DRAWINGS
from fullcircle.reading.pictures import open_picture

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


def test_a_crossing_line_leaves_the_picture_where_it_should():
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
