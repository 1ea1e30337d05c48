"""What every drawing class must hold to, without exceptions by name."""

import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS, Drawing, drawing_class, exchange
from fullcircle.factors import Factor, Factors
from fullcircle.metrics import order_free, spec_errors
from fullcircle.scaling import SCALINGS, scaling

EVERY = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@EVERY
def test_sampled_specs_are_within_the_factors(drawing, rng):
    specs = drawing.factors.sample(500, rng)
    assert drawing.factors.check(specs).shape == (500, len(drawing.factors))


@EVERY
def test_rendering_is_repeatable_and_fills_the_canvas(drawing, rng):
    specs = drawing.factors.sample(50, rng)
    images = drawing.render(specs)
    assert images.dtype == np.uint8
    assert images.shape == (50, *drawing.image_shape)
    assert np.array_equal(images, drawing.render(specs))
    assert np.array_equal(images[::-1], drawing.render(specs[::-1]))


@EVERY
def test_every_factor_changes_some_picture(drawing, rng):
    specs = drawing.factors.sample(100, rng)
    for i, factor in enumerate(drawing.factors):
        moved = specs.copy()
        moved[:, i] = np.where(specs[:, i] > (factor.low + factor.high) / 2, factor.low, factor.high)
        assert (drawing.render(specs) != drawing.render(moved)).any(), factor.name


@EVERY
def test_specs_outside_the_factors_are_refused(drawing, rng):
    spec = drawing.factors.sample(1, rng)
    spec[0, 0] = drawing.factors.high[0] + 1
    with pytest.raises(ValueError, match=drawing.factors[0].name):
        drawing.render(spec)


@EVERY
@pytest.mark.parametrize("name", SCALINGS)
def test_to_latent_and_back(drawing, name, rng):
    specs = drawing.factors.sample(200, rng)
    scale = scaling(name, drawing.factors)
    assert np.array_equal(drawing.factors.snap(scale.from_latent(scale.to_latent(specs))), specs)


@EVERY
def test_symmetric_specs_are_judged_equal(drawing, rng):
    specs = drawing.factors.sample(100, rng)
    for permutation in drawing.permutations:
        assert spec_errors(drawing, specs[:, permutation], specs)["factors"].max() == 0
        assert np.array_equal(order_free(drawing, specs[:, permutation], specs), specs)


@EVERY
def test_it_says_what_it_is(drawing):
    assert len(drawing.summary) > 10
    assert drawing_class(drawing.name) is drawing


def test_an_unknown_class_names_the_choices():
    with pytest.raises(ValueError, match="Unknown drawing class 'star'. Choose from: line"):
        drawing_class("star")


class Dot(Drawing):
    """One pixel."""

    name = "dot"
    width = height = 4
    factors = Factors(Factor("x", 0, 3), Factor("y", 0, 3), Factor("dx", 0, 5))

    def draw(self, x, y, dx):
        image = np.zeros((4, 4), np.uint8)
        image[y, x] = 255
        return image


def test_a_wrong_picture_is_refused():
    class Wide(Dot):
        def draw(self, x, y, dx):
            return np.zeros((4, 5), np.uint8)

    with pytest.raises(ValueError, match=r"expected to return \(4, 4\) uint8. Received: \(4, 5\) uint8 for {'x': 1"):
        Wide().render(np.array([[1, 2, 0]]))


def test_a_symmetry_between_different_ranges_is_refused():
    class Odd(Dot):
        symmetries = (exchange(("x", "dx")),)

    with pytest.raises(ValueError, match="x and dx exchange, so they need one range and one step"):
        Odd().permutations  # noqa: B018  the property is what raises


def test_symmetries_combine():
    class Triple(Dot):
        factors = Factors(Factor("a", 0, 1), Factor("b", 0, 1), Factor("c", 0, 1))
        symmetries = (exchange(("a", "b")), exchange(("b", "c")))

    assert len(Triple().permutations) == 6
