"""Levels and colours against Pillow and against formulas written down here."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from fullcircle.images.augmentation import Pipeline
from fullcircle.images.augmentation.colours import (
    BlackAndWhite,
    Greyscale,
    HistogramEqualisation,
    Invert,
    RandomBrightness,
    RandomColor,
    RandomContrast,
)
from fullcircle.images.augmentation.erasing import RandomErasing
from fullcircle.images.augmentation.noises import Noise
from fullcircle.images.augmentation.rotations import Rotate90
from fullcircle.images.augmentation.seeds import uniforms


@pytest.fixture(params=[(20, 30), (20, 30, 3)], ids=["grey", "colour"])
def images(request, rng):
    return rng.integers(0, 256, (4, *request.param), dtype=np.uint8)


def always(kind, images, rng, n=8, **arguments):
    copies = Pipeline([kind(probability=1, **arguments)]).sample(images, n, rng)
    return copies.images, images[copies.records.originals], copies.records.operations[0].drawn


def as_grey(image):
    return np.asarray(Image.fromarray(image).convert("L"))


def test_invert(images, rng):
    made, originals, _ = always(Invert, images, rng)
    assert np.array_equal(made.astype(int) + originals, np.full(made.shape, 255))


def test_greyscale_and_black_and_white_are_those_of_pillow(images, rng):
    for made, original in zip(*always(Greyscale, images, rng)[:2], strict=True):
        assert (made.reshape(20, 30, -1) == as_grey(original)[..., None]).all()
    for threshold in (0, 100, 255):
        made, originals, _ = always(BlackAndWhite, images, rng, threshold=threshold)
        for image, original in zip(made, originals, strict=True):
            assert (image.reshape(20, 30, -1) == np.where(as_grey(original) < threshold, 0, 255)[..., None]).all()


@pytest.mark.parametrize(
    ("kind", "enhance"),
    [(RandomBrightness, ImageEnhance.Brightness), (RandomContrast, ImageEnhance.Contrast), (RandomColor, ImageEnhance.Color)],
)
def test_factors_are_those_of_pillow(kind, enhance, images, rng):
    made, originals, drawn = always(kind, images, rng, 20, min_factor=0.2, max_factor=1.8)
    for image, original, factor in zip(made.astype(int), originals, drawn["factor"], strict=True):
        # Pillow cuts off what is after the point, or rounds it, depending on the factor.
        assert np.abs(image - np.asarray(enhance(Image.fromarray(original)).enhance(factor))).max() <= 1
    assert drawn["factor"].min() >= 0.2 and drawn["factor"].max() <= 1.8


def test_histogram_equalisation_spreads_ranks(rng):
    image = np.rint(rng.normal(100, 9, (1, 24, 24))).clip(0, 255).astype(np.uint8)
    made = always(HistogramEqualisation, image, rng, 1)[0][0]
    below = (image.reshape(-1, 1) > image.reshape(1, -1)).sum(axis=1)
    assert np.abs(made.reshape(-1) - below / below.max() * 255).max() <= 0.5
    assert (made.min(), made.max()) == (0, 255)
    colour = np.concatenate([image[..., None], 255 - image[..., None], np.full((1, 24, 24, 1), 7, np.uint8)], axis=-1)
    made_in_colour = always(HistogramEqualisation, colour, rng, 1)[0][0]
    assert np.array_equal(made_in_colour[..., 0], made)
    assert (made_in_colour[..., 2] == 7).all()  # a plain channel stays
    large = np.rint(rng.normal(100, 20, (1, 300, 300))).clip(0, 255).astype(np.uint8)
    pillow = np.asarray(ImageOps.equalize(Image.fromarray(large[0])), int)
    assert np.abs(always(HistogramEqualisation, large, rng, 1)[0][0] - pillow).max() <= 2  # it counts in whole steps


def test_erasing_fills_one_rectangle_within_its_bounds(images, rng):
    made, originals, drawn = always(RandomErasing, images, rng, 200, rectangle_area=0.5)
    assert set(drawn["width_px"]) == set(range(3, 16)) and set(drawn["height_px"]) == set(range(2, 11))
    for i in range(200):
        left, top, width, height = (int(drawn[name][i]) for name in ("left_px", "top_px", "width_px", "height_px"))
        assert 0 <= left <= 30 - width and 0 <= top <= 20 - height
        inside = np.zeros((20, 30), bool)
        inside[top : top + height, left : left + width] = True
        assert np.array_equal(made[i][~inside], originals[i][~inside])
        assert (made[i][inside] != originals[i][inside]).mean() > 0.6  # by chance, a level may stay
    small, originals, _ = always(RandomErasing, images, rng, rectangle_area=0.01)
    assert ((small != originals).reshape(8, 600, -1).any(axis=-1).sum(axis=1) <= 1).all()


def test_erasing_lies_in_the_frame_of_the_sample_wherever_it_stands(rng):
    wide = np.zeros((1, 10, 40), np.uint8)
    pipeline = Pipeline([RandomErasing(probability=1, rectangle_area=0.5), Rotate90(probability=1)])
    drawn = pipeline.sample(wide, 300, rng).records.operations[0].drawn
    assert drawn["height_px"].max() == 20 and drawn["width_px"].max() == 5


def test_noise_has_its_sigma(rng):
    made, originals, drawn = always(Noise, np.full((1, 64, 64), 128, np.uint8), rng, 40, min_sigma=2, max_sigma=20)
    residual = (made.astype(float) - originals).reshape(40, -1)
    expected = np.sqrt(drawn["sigma_level"] ** 2 + 1 / 12)  # rounding adds its own
    assert residual.std(axis=1) == pytest.approx(expected, rel=0.06)
    assert 2 <= drawn["sigma_level"].min() < 4 and 17 < drawn["sigma_level"].max() <= 20
    assert len({m.tobytes() for m in made}) == 40


def test_numbers_of_seeds_are_uniform_and_independent():
    numbers = uniforms(np.arange(2000), (50,))
    assert numbers.min() >= 0 and numbers.max() < 1
    counts = np.histogram(numbers, 100, (0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 170  # chi squared with 99 degrees of freedom: beyond that, one in 100,000
    assert np.abs(np.corrcoef(numbers.T) - np.eye(50)).max() < 0.12  # between places, over neighbouring seeds
    assert np.abs(np.corrcoef(numbers[:100]) - np.eye(100)).max() < 0.65  # between neighbouring seeds
