"""What every drawing class must hold to, without exceptions by name."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fullcircle.drawings import DRAWINGS, Drawing, drawing_class, exchange
from fullcircle.drawings.factors import Factor, Factors, colour_factors
from fullcircle.drawings.scaling import SCALINGS, scaling
from fullcircle.evaluation.metrics import order_free, spec_errors

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
def test_symmetric_specs_draw_as_good_as_the_same_picture(drawing, rng):
    """A stroke given from its other end moves edge pixels: a quarter as many as are drawn, or fewer."""
    specs = drawing.factors.sample(200, rng)
    images = drawing.render(specs)
    drawn = drawing.drawn(images, specs).mean()
    for permutation in drawing.permutations:
        again = drawing.render(specs[:, permutation])
        assert drawing.drawn(again, specs).any(axis=(1, 2)).tolist() == drawing.drawn(images, specs).any(axis=(1, 2)).tolist()
        assert (again != images).mean() <= 0.25 * drawn


@EVERY
def test_almost_every_spec_can_be_seen(drawing, rng):
    """Colours apart: what is drawn in a colour of its own shows, but for a line along the edge of its canvas."""
    specs = drawing.factors.sample(500, rng)
    for colour in drawing.factors.of_kind("colour"):
        specs[:, colour] = (
            drawing.factors.low[colour] if drawing.factors[colour].name in drawing.ground else drawing.factors.high[colour]
        )
    assert drawing.drawn(drawing.render(specs), specs).any(axis=(1, 2)).mean() >= 0.995


@EVERY
def test_its_call_is_the_code_that_draws_it(drawing, rng):
    for spec in drawing.factors.sample(20, rng):
        names = {"Image": Image}
        exec(f"image = {drawing.canvas_call(spec)}", names)
        names["draw"] = ImageDraw.Draw(names["image"])
        exec(drawing.call(spec), names)
        assert np.array_equal(np.asarray(names["image"]), drawing.render(spec[None])[0])


@EVERY
def test_its_parts_one_after_the_other_are_the_drawing(drawing, rng):
    """Each by its own class and a spec within that class's factors; a simple class has none."""
    for spec in drawing.factors.sample(20, rng):
        parts = drawing.parts(spec)
        names = {"Image": Image}
        exec(f"image = {drawing.canvas_call(spec)}", names)
        names["draw"] = ImageDraw.Draw(names["image"])
        for part, own in parts.values():
            assert part.canvas == drawing.canvas
            assert part.name in DRAWINGS
            assert np.array_equal(part.factors.check(own[None])[0], own)
            exec(part.call(own), names)
        assert not parts or np.array_equal(np.asarray(names["image"]), drawing.render(spec[None])[0])


@EVERY
def test_a_part_on_another_canvas_paints_the_same_figure_in_colour(drawing, rng):
    """Grey classes only: the red channel of the part in colour is the grey picture on black."""
    if drawing.channels == 3:
        return
    part = drawing.on(drawing.height, drawing.width, 3)
    specs = drawing.factors.sample(20, rng)
    specs[:, [drawing.factors.index(name) for name in drawing.ground]] = 0
    values = [drawing.spec_values(spec) for spec in specs]
    own = np.array([[v[f.name if f.channel is None else f"{f.colour}_grey"] for f in part.factors] for v in values])
    assert np.array_equal(part.render(own), np.repeat(drawing.render(specs)[..., None], 3, axis=-1))


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


def test_contrast_is_within_a_channel():
    """Red on a red ground: what the ground has of blue is no contrast to the figure's red."""

    class Red(Dot):
        channels = 3
        factors = Factors(*colour_factors("dot", 3), *colour_factors("ground", 3))
        ground = ("ground_red", "ground_green", "ground_blue")

    specs = np.array([[200, 10, 40, 203, 10, 40], [200, 10, 40, 200, 10, 190], [9, 9, 9, 9, 9, 9]])
    assert Red().contrast(specs).tolist() == [3, 150, 0]
    assert Dot().contrast(specs[:, :3]).tolist() == [255] * 3  # no colour factor: taken as seen


def test_symmetries_combine():
    class Triple(Dot):
        factors = Factors(Factor("a", 0, 1), Factor("b", 0, 1), Factor("c", 0, 1))
        symmetries = (exchange(("a", "b")), exchange(("b", "c")))

    assert len(Triple().permutations) == 6
