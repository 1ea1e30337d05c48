import numpy as np

from fullcircle.drawings import DRAWINGS

TRIANGLE = DRAWINGS["triangle"]


def painted(*points):
    return TRIANGLE.render(np.array([[*points, 200, 31]]))[0] == 200


def test_half_a_square_and_its_diagonal():
    """Legs of 9 px along the edges of 10 x 10 pixels: those below the diagonal and the diagonal itself."""
    assert np.array_equal(painted(0, 0, 0, 9, 9, 9)[:10, :10], np.tri(10, dtype=bool))
    assert painted(0, 0, 0, 9, 9, 9).sum() == 55


def test_three_points_on_a_row_are_the_row():
    image = painted(5, 7, 40, 7, 20, 7)
    assert image.sum() == 36
    assert image[7, 5:41].all()
    assert painted(5, 7, 5, 7, 5, 7).sum() == 1


def test_all_six_orders_are_one_triangle(rng):
    specs = TRIANGLE.factors.sample(200, rng)
    assert len(TRIANGLE.permutations) == 6
    images = TRIANGLE.render(specs)
    for order in TRIANGLE.permutations:
        assert (TRIANGLE.render(specs[:, order]) != images).sum(axis=(1, 2)).max() <= 4
