import numpy as np

from fullcircle.drawings import DRAWINGS

ELLIPSE = DRAWINGS["ellipse"]


def draw(*spec):
    return ELLIPSE.render(np.array([spec]))[0]


def test_it_fills_its_box_and_nothing_else():
    image = draw(30, 31, 12, 9, 2, 200, 100, 31)
    rows, columns = np.nonzero(image != 31)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (18, 42, 22, 40)
    assert np.array_equal(image[22:41, 18:43], image[22:41, 18:43][::-1, ::-1])


def test_its_area_is_that_of_an_ellipse():
    painted = (draw(31, 31, 20, 16, 1, 200, 100, 31) != 31).sum()
    assert abs(painted / (np.pi * 20.5 * 16.5) - 1) < 0.02  # a pixel is a square: half a px on each side


def test_the_outline_is_as_wide_as_asked_for():
    row = draw(31, 31, 20, 16, 3, 200, 100, 31)[31]
    assert row[11:14].tolist() == [200] * 3
    assert row[14:49].tolist() == [100] * 35
    assert row[49:52].tolist() == [200] * 3
    assert row[[10, 52]].tolist() == [31, 31]


def test_some_filling_shows_in_the_smallest_with_the_widest_outline():
    assert (draw(31, 31, 6, 6, 4, 200, 100, 31) == 100).sum() >= 9
