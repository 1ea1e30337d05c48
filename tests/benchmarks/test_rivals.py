"""Rivals: each reads lines that are easy for it, and says so where there is none."""

import numpy as np
import pytest

from benchmarks.rivals import RIVALS, stroke_mask, with_greys
from fullcircle.drawings import DRAWINGS
from fullcircle.evaluation.metrics import spec_errors

LINE = DRAWINGS["line"]
EASY = np.array([[8, 12, 54, 47, 230, 5, 40], [10, 50, 55, 18, 20, 4, 200], [12, 31, 52, 31, 255, 6, 0]], float)


@pytest.mark.parametrize("rival", RIVALS, ids=lambda r: r.name)
def test_an_easy_line_is_read(rival):
    """Some setting of the grid reads it within 1.5 px; the longest edge of a stroke is half its width off by nature."""
    off = 3.5 if "longest" in rival.name else 1.5
    for true, image in zip(EASY, LINE.render(EASY), strict=True):
        read = [rival.read(image, **settings) for settings in rival.settings()]
        errors = [spec_errors(LINE, spec[None], true[None]) for spec in read if spec is not None]
        best = min(errors, key=lambda e: e["points"].max())
        assert best["points"].max() <= off
        assert best["factors"][0, 4] <= 2
        assert best["factors"][0, 6] == 0
        assert best["factors"][0, 5] <= 2


@pytest.mark.parametrize("rival", RIVALS, ids=lambda r: r.name)
def test_where_there_is_no_line_there_is_no_answer(rival):
    blank = np.full((64, 64), 90, np.uint8)
    assert all(rival.read(blank, **settings) is None for settings in rival.settings())


def test_the_mask_of_a_clean_line_is_the_line():
    image = LINE.render(EASY[:1])[0]
    for threshold in ("otsu", "half", "4"):
        assert np.array_equal(stroke_mask(image, threshold, 0), image != 40)


def test_of_two_blots_the_heavier_one_is_the_stroke():
    image = np.full((64, 64), 100, np.uint8)
    image[10:14, 5:60] = 180
    image[40:42, 40:42] = 255
    mask = stroke_mask(image, "4", 0)
    assert mask.sum() == 4 * 55
    assert mask[10:14, 5:60].all()


def test_greys_are_the_medians_inside_and_outside():
    image = LINE.render(EASY[:1])[0]
    image[20, 40] = 99
    spec = with_greys(image, EASY[0, :2], EASY[0, 2:4], 5.0)
    assert spec.tolist() == EASY[0].tolist()


def test_the_grid_is_every_combination():
    settings = RIVALS[0].settings()
    assert len(settings) == np.prod([len(choices) for choices in RIVALS[0].grid.values()])
    assert len({tuple(s.items()) for s in settings}) == len(settings)
