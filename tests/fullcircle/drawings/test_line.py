import numpy as np

from fullcircle.drawings import DRAWINGS

LINE = DRAWINGS["line"]


def draw(*spec):
    return LINE.render(np.array([spec]))[0]


def test_a_row_of_width_one_paints_its_64_pixels():
    image = draw(0, 5, 63, 5, 200, 1, 31)
    painted = np.argwhere(image == 200)
    assert len(painted) == 64
    assert (painted[:, 0] == 5).all()
    assert (image == 31).sum() == 64 * 63


def test_a_diagonal_of_width_one_paints_its_diagonal():
    assert np.array_equal(draw(0, 0, 63, 63, 255, 1, 0), np.eye(64, dtype=np.uint8) * 255)


def test_a_column_of_width_four_is_four_wide():
    image = draw(32, 0, 32, 63, 255, 4, 0)
    assert ((image > 0).sum(axis=1) == 4).all()


def test_contrast_is_line_against_background():
    assert LINE.contrast(np.array([[0, 0, 9, 9, 40, 1, 47], [0, 0, 9, 9, 255, 1, 0]])).tolist() == [7, 255]


def test_drawn_pixels_are_those_of_the_line():
    specs = np.array([[0, 5, 63, 5, 200, 1, 31], [0, 5, 63, 5, 31, 1, 31]])
    assert LINE.drawn(LINE.render(specs), specs).sum(axis=(1, 2)).tolist() == [64, 0]


def test_exchanging_the_ends_is_the_one_symmetry():
    assert LINE.permutations.tolist() == [[0, 1, 2, 3, 4, 5, 6], [2, 3, 0, 1, 4, 5, 6]]
