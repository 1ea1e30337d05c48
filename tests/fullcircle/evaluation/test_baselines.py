"""Baselines, against what is known by mathematics."""

import io

import numpy as np
import pytest
from PIL import Image

from fullcircle.evaluation.baselines import CODECS, FILTERS, Filter, coded, fit_pca, median, nl_means, pca_rows, tuned


def test_pca_of_as_many_directions_as_there_are_is_exact(rng):
    pictures = (0.5 + rng.random((60, 3)) @ rng.random((3, 40)) / 10).astype(np.float32)
    exact = fit_pca([pictures[:25], pictures[25:]], 3, 1000)
    assert exact.pictures == 60
    assert exact.directions.shape == (3, 40)
    assert np.abs(exact.reconstruct(pictures) - pictures).max() < 1e-6
    less = fit_pca([pictures], 2, 1000)
    assert np.abs(less.reconstruct(pictures) - pictures).max() > 1e-3
    assert less.encode(pictures).shape == (60, 2)


def test_pca_has_no_more_directions_than_there_are(rng):
    assert len(fit_pca([rng.random((5, 16), np.float32)], 64, 1000).directions) == 5


def test_pca_holds_no_more_than_it_may(rng, monkeypatch):
    monkeypatch.setattr("fullcircle.evaluation.baselines.PCA_BYTES", 4 * 16 * 30)
    assert pca_rows(16, 1000) == 30
    assert pca_rows(16, 20) == 20
    taken = iter(rng.random((4, 25, 16), np.float32))
    assert fit_pca(taken, 2, 1000).pictures == 30
    assert len(list(taken)) == 2  # the rest was not even read


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3)])
def test_a_file_takes_the_best_quality_that_fits(rng, codec, shape):
    images = np.kron(
        rng.integers(0, 256, (2, shape[0] // 4, 4, *shape[2:]), np.uint8), np.ones((4, 4, *(1,) * len(shape[2:])), np.uint8)
    )
    sizes = []
    for quality in (0, 100):
        buffer = io.BytesIO()
        Image.fromarray(images[0]).save(buffer, codec, quality=quality, **CODECS[codec])
        sizes.append(buffer.tell())
    small, large, none = (coded(images, codec, budget) for budget in (sizes[0], 100_000, 8))
    assert large.made.shape == images.shape
    assert large.bytes[0] == sizes[1]
    assert small.bytes[0] <= sizes[0]
    assert large.fits.all()
    assert not none.fits.any()  # nothing is that small, and that is reported
    assert none.bytes[0] == sizes[0]
    worse, better = (np.abs(c.made.astype(int) - images).mean() for c in (small, large))
    assert better < worse


def test_filters_take_away_what_they_are_made_for(rng):
    clean = np.zeros((2, 24, 24), np.uint8)
    clean[:, 8:16, 8:16] = 200
    specks = clean.copy()
    specks[:, 2, 2] = specks[:, 20, 5] = 255
    assert np.abs(median(specks, 3).astype(int) - clean).max() <= 200  # corners are cut
    assert median(specks, 3)[:, 2, 2].max() == 0
    assert np.array_equal(median(specks, 1), specks)
    noisy = np.clip(clean + rng.normal(0, 20, clean.shape), 0, 255).astype(np.uint8)
    assert np.abs(nl_means(noisy, 25).astype(int) - clean).mean() < np.abs(noisy.astype(int) - clean).mean()
    colour = np.repeat(noisy[..., None], 3, axis=-1)
    assert nl_means(colour, 25).shape == median(colour, 3).shape == colour.shape


def test_a_rival_has_the_best_of_its_settings():
    clean = np.zeros((1, 8, 8), np.uint8)
    rival = Filter(lambda images, level: images + np.uint8(level), lambda sigma: (3 * sigma, sigma, 2 * sigma))
    assert tuned(rival, clean, clean, 5.0) == 5.0
    assert tuned(FILTERS["median filter"], clean, clean, 5.0) == 1
