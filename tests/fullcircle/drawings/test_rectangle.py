import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS

RECTANGLE = DRAWINGS["rectangle"]


def painted(*spec):
    return (RECTANGLE.render(np.array([spec]))[0] == 200).sum()


def test_both_edges_are_painted():
    assert painted(5, 9, 24, 19, 1, 3, 200, 0) == 20 * 11
    assert painted(5, 9, 5, 9, 1, 3, 200, 0) == 1


@pytest.mark.parametrize("width", [1, 2, 4])
def test_an_outline_lies_inside(width):
    assert painted(5, 9, 24, 28, 0, width, 200, 0) == 20 * 20 - (20 - 2 * width) ** 2


def test_an_outline_that_leaves_nothing_open_is_a_filled_rectangle():
    assert painted(5, 9, 10, 19, 0, 3, 200, 0) == painted(5, 9, 10, 19, 1, 1, 200, 0) == 6 * 11


def test_any_opposite_corners_say_the_same_picture():
    spec = np.array([[40, 9, 24, 50, 0, 3, 200, 0]])
    assert len(RECTANGLE.permutations) == 4
    for order in RECTANGLE.permutations:
        assert np.array_equal(RECTANGLE.render(spec[:, order]), RECTANGLE.render(spec))


def test_the_width_of_a_filled_one_cannot_be_seen():
    assert painted(5, 9, 24, 19, 1, 1, 200, 0) == painted(5, 9, 24, 19, 1, 6, 200, 0)
