"""What is derived from a factor table holds for any table: losses, errors, moves and networks of classes that nobody wrote."""

import itertools

import numpy as np
import pytest

from fullcircle.drawings import Drawing, exchange
from fullcircle.drawings.scaling import SCALINGS, scaling
from fullcircle.evaluation.metrics import order_free, spec_difference, spec_errors, within_a_step
from fullcircle.models.decoders.half_planes import Plan, build
from fullcircle.models.losses import spec_loss
from fullcircle.reading.search import moves
from tests.fullcircle.drawings.test_factors import random_factors


def random_class(seed):
    """A class of a random table. Its points, where their ranges are the same, exchange; its canvas is plain."""
    rng = np.random.default_rng(seed)
    table = random_factors(rng)

    class Any(Drawing):
        """A class of any factors."""

        name = "any"
        height, width, channels = 8, 16, 3
        factors = table

        def draw(self, **factors):
            return np.zeros((8, 16, 3), np.uint8)

    names = [[table[i].name for i in pair] for pair in table.point_indices()]
    same = [
        exchange(*zip(a, b, strict=True))
        for a, b in itertools.pairwise(names)
        if all(table[table.index(i)].high == table[table.index(j)].high for i, j in zip(a, b, strict=True))
    ]
    Any.symmetries = tuple(same)
    return Any(), rng


SEEDS = pytest.mark.parametrize("seed", range(30))


@SEEDS
def test_moves_are_whole_steps_that_stay_within_the_factors(seed):
    drawing, rng = random_class(seed)
    specs = drawing.factors.sample(20, rng)
    for colours in (False, True):
        found = moves(drawing, colours)
        assert len(np.unique(found, axis=0)) == len(found)
        assert found.any(axis=1).all()
        moved = drawing.factors.snap((specs[:, None] + found * drawing.factors.step).reshape(-1, len(drawing.factors)))
        drawing.factors.check(moved)
        searched = drawing.factors.of_kind("geometry", "count", *(["colour"] if colours else []))
        for i in searched:  # each factor that is searched has a way up and a way down
            alone = found[(np.delete(found, i, axis=1) == 0).all(axis=1)][:, i]
            assert {1, -1} <= set(alone.tolist())


@SEEDS
@pytest.mark.parametrize("name", SCALINGS)
def test_the_loss_is_the_error_by_the_better_order_and_the_short_way_round(seed, name):
    drawing, rng = random_class(seed)
    true, read = drawing.factors.sample(20, rng), drawing.factors.sample(20, rng)
    scale = scaling(name, drawing.factors)
    found = np.asarray(spec_loss(drawing, scale).call(scale.to_latent(true), scale.to_latent(read)))
    span = (drawing.factors.high - drawing.factors.low) / 2
    every = spec_difference(drawing, read[:, drawing.permutations], true[:, None]) / span
    np.testing.assert_allclose(found, (every**2).mean(axis=2).min(axis=1), rtol=1e-3, atol=1e-6)


@SEEDS
def test_a_whole_turn_and_an_exchange_change_nothing(seed):
    drawing, rng = random_class(seed)
    factors = drawing.factors
    specs = factors.sample(20, rng)
    turned = specs + np.array([f.periodic * f.count * f.step for f in factors])
    assert np.array_equal(factors.snap(turned), specs)
    for order in drawing.permutations:
        again = turned[:, order]
        assert spec_errors(drawing, again, specs)["factors"].max() == pytest.approx(0, abs=1e-9)
        assert np.array_equal(factors.snap(order_free(drawing, again, specs)), specs)
        assert within_a_step(drawing, again, specs).all()


@SEEDS
def test_contrast_is_a_difference_of_levels(seed):
    drawing, rng = random_class(seed)
    contrast = drawing.contrast(drawing.factors.sample(20, rng))
    assert contrast.shape == (20,)
    colours = drawing.factors.of_kind("colour")
    assert (contrast >= 0).all()
    assert contrast.max() <= np.abs([255, *drawing.factors.high[colours], *drawing.factors.low[colours]]).max()


@pytest.mark.parametrize("seed", range(4))
def test_a_decoder_can_be_built_of_it(seed):
    drawing, rng = random_class(seed)
    scale = scaling("range", drawing.factors)
    decoder = build(drawing, scale)
    latents = scale.to_latent(drawing.factors.sample(3, rng))
    features, points = decoder.get_layer("geometry")(latents)
    declared, also = decoder.get_layer("geometry").output
    assert (features.shape[1], points.shape[1:]) == (declared.shape[1], also.shape[1:])
    image = decoder.predict_on_batch(latents)
    assert image.shape == (3, 8, 16, 3)
    assert np.isfinite(image).all()
    assert Plan.of(drawing).planes >= 4
