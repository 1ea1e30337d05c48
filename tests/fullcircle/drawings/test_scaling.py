import numpy as np
import pytest

from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import SCALINGS, scaling
from tests.fullcircle.drawings.test_factors import random_factors


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("seed", range(10))
def test_to_latent_and_back_is_the_same_spec(name, seed):
    rng = np.random.default_rng(seed)
    factors = random_factors(rng)
    specs = factors.sample(200, rng)
    scale = scaling(name, factors)
    latents = scale.to_latent(specs)
    assert latents.dtype == np.float32
    assert np.array_equal(factors.snap(scale.from_latent(latents)), specs)
    assert (latents >= scale.low.astype(np.float32)).all()
    assert (latents <= scale.high.astype(np.float32)).all()


def test_range_maps_the_ends_to_minus_one_and_one():
    scale = scaling("range", Factors(Factor("a", 10, 30)))
    assert scale.to_latent(np.array([[10], [20], [30]])).ravel().tolist() == [-1, 0, 1]


def test_standardise_gives_mean_zero_and_deviation_one():
    factors = Factors(Factor("a", 3, 11, 2))
    every_value = np.arange(3, 12, 2)[:, None]
    latents = scaling("standardise", factors).to_latent(every_value)
    assert latents.mean() == pytest.approx(0, abs=1e-6)
    assert latents.std() == pytest.approx(1, abs=1e-6)


def test_an_unknown_scaling_names_the_choices():
    with pytest.raises(ValueError, match="Unknown scaling 'log'. Choose from: range, standardise"):
        scaling("log", Factors(Factor("a", 0, 1)))
