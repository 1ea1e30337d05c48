import numpy as np

from fullcircle.drawings import DRAWINGS

POLYLINE = DRAWINGS["polyline"]


def painted(*spec):
    return POLYLINE.render(np.array([spec]))[0] == 200


def test_a_right_angle_of_width_one_paints_both_legs_and_the_bend_once():
    image = painted(5, 7, 30, 7, 30, 27, 200, 1, 31)
    assert image.sum() == 26 + 20
    assert image[7, 5:31].all()
    assert image[7:28, 30].all()


def test_a_bend_on_the_way_is_a_line():
    line = DRAWINGS["line"].render(np.array([[5, 20, 45, 20, 200, 4, 31]]))[0] == 200
    assert np.array_equal(painted(5, 20, 25, 20, 45, 20, 200, 4, 31), line)


def test_only_the_ends_exchange():
    assert POLYLINE.permutations.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7, 8], [4, 5, 2, 3, 0, 1, 6, 7, 8]]
    there, back = painted(5, 9, 30, 40, 60, 12, 200, 3, 31), painted(60, 12, 30, 40, 5, 9, 200, 3, 31)
    assert (there != back).mean() < 0.02
    assert (there != painted(30, 40, 5, 9, 60, 12, 200, 3, 31)).mean() > 0.02
