import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS

ARC = DRAWINGS["arc"]


def draw(*spec):
    return ARC.render(np.array([spec]))[0] == 200


def test_a_whole_ellipse_touches_its_box_and_is_hollow():
    painted = draw(30, 31, 12, 9, 0, 0, 200, 1, 31)
    rows, columns = np.nonzero(painted)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (18, 42, 22, 40)
    assert np.array_equal(painted, draw(30, 31, 12, 9, 130, 130, 200, 1, 31))  # wherever it begins
    assert np.array_equal(painted, np.roll(painted[:, ::-1], -3, axis=1))  # mirrored about x = 30
    assert not painted[31, 19:42].any()


@pytest.mark.parametrize(
    ("start", "end", "side"), [(0, 180, "below"), (180, 0, "above"), (90, 270, "left"), (270, 90, "right")]
)
def test_angles_run_clockwise_from_three_o_clock(start, end, side):
    rows, columns = np.nonzero(draw(30, 30, 12, 12, start, end, 200, 2, 31))
    off = {"below": rows - 30, "above": 30 - rows, "left": 30 - columns, "right": columns - 30}[side]
    assert off.min() >= -1  # a pixel that the end lies on may be painted
    assert off.max() == 12


def test_two_halves_make_the_whole():
    whole = draw(31, 31, 20, 10, 40, 40, 200, 3, 0)
    assert np.array_equal(whole, draw(31, 31, 20, 10, 40, 220, 200, 3, 0) | draw(31, 31, 20, 10, 220, 40, 200, 3, 0))


def test_the_shortest_thinnest_arcs_show():
    starts = np.arange(0, 360, 10)
    specs = np.array([[31, 31, r, q, s, (s + 10) % 360, 200, 1, 0] for r in (8, 9, 20) for q in (8, 13, 20) for s in starts])
    assert (ARC.render(specs) == 200).any(axis=(1, 2)).all()
