"""Losses against values worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.drawings.scaling import SCALINGS, scaling
from fullcircle.models.losses import IMAGE_LOSSES, Balanced, Pyramid, SpecLoss, image_loss, periods, spec_loss

LINE = DRAWINGS["line"]
SPEC = np.array([[0, 16, 64, 48, 255, 1, 0]], float)


def latents(*specs: np.ndarray, by: str = "range") -> list[np.ndarray]:
    return [scaling(by, LINE.factors).to_latent(s) for s in specs]


def value(loss: keras.losses.Loss, true: np.ndarray, answer: np.ndarray) -> float:
    return float(loss(true.astype("float32"), answer.astype("float32")))


@pytest.mark.parametrize("by", SCALINGS)
def test_spec_loss_is_the_same_under_every_scaling(by):
    moved = SPEC + [8, 0, 0, 0, 0, 0, 0]  # 8 px of 64 are 0.25 in [-1, 1]
    assert value(spec_loss(LINE, scaling(by, LINE.factors)), *latents(SPEC, moved, by=by)) == pytest.approx(
        0.25**2 / 7, rel=1e-5
    )


def test_spec_loss_does_not_see_the_order_of_the_ends():
    loss = spec_loss(LINE, scaling("range", LINE.factors))
    true, exchanged = latents(SPEC, SPEC[:, [2, 3, 0, 1, 4, 5, 6]])
    assert value(loss, true, exchanged) == 0
    assert value(loss, exchanged, true) == 0


def test_spec_loss_sees_the_other_diagonal():
    """Start's x with the end's y is another line, though every coordinate occurs in the true one."""
    loss = spec_loss(LINE, scaling("range", LINE.factors))
    true, crossed = latents(SPEC, SPEC[:, [0, 3, 2, 1, 4, 5, 6]])
    assert value(loss, true, crossed) == pytest.approx(2 / 7, rel=1e-5)  # two coordinates off by 32 px, a length of 1 each


def test_spec_loss_chooses_the_order_for_each_example():
    loss = spec_loss(LINE, scaling("range", LINE.factors))
    true, exchanged = latents(SPEC, SPEC[:, [2, 3, 0, 1, 4, 5, 6]])
    assert value(loss, np.concatenate([true, true]), np.concatenate([true, exchanged])) == 0


def test_spec_loss_has_a_gradient():
    import tensorflow as tf

    loss = spec_loss(LINE, scaling("range", LINE.factors))
    true, moved = (tf.constant(v) for v in latents(SPEC, SPEC + [8, 0, 0, 0, 0, 0, 0]))
    with tf.GradientTape() as tape:
        tape.watch(moved)
        off = loss(true, moved)
    np.testing.assert_allclose(tape.gradient(off, moved), [[2 * 0.25 / 7, 0, 0, 0, 0, 0, 0]], atol=1e-6)


def test_spec_loss_turns_absolute_past_delta():
    loss = spec_loss(LINE, scaling("range", LINE.factors), delta=0.1)
    true, near, far = latents(SPEC, SPEC + [1.6, 0, 0, 0, 0, 0, 0], SPEC + [16, 0, 0, 0, 0, 0, 0])
    assert value(loss, true, near) == pytest.approx(0.05**2 / 7, rel=1e-4)
    assert value(loss, true, far) == pytest.approx((2 * 0.1 * 0.5 - 0.1**2) / 7, rel=1e-4)


class _Dial:
    factors = Factors(Factor("angle", 0, 330, step=30, unit="degree", periodic=True), Factor("size", 0, 10))
    permutations = np.array([[0, 1]])


def test_periodic_factors_go_the_short_way_round():
    """330 to 0 degrees is one step of twelve, not eleven."""
    by = scaling("range", _Dial.factors)
    np.testing.assert_allclose(periods(_Dial), [2 * 12 / 11, 0])
    loss = spec_loss(_Dial, by)
    last, first, size = (by.to_latent(np.array([s])) for s in ([330, 0], [0, 0], [330, 10]))
    assert value(loss, last, first) == pytest.approx((2 / 11) ** 2 / 2, rel=1e-4)
    assert value(loss, last, size) == pytest.approx(4 / 2, rel=1e-4)  # not periodic: the whole range


def test_spec_loss_survives_serialisation():
    loss = spec_loss(LINE, scaling("standardise", LINE.factors), delta=0.2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(again, SpecLoss)
    assert again.get_config() == loss.get_config()


@pytest.mark.parametrize("name", IMAGE_LOSSES)
def test_image_losses_contract(name, rng):
    """0 for equal images, positive otherwise, one number per example, usable in compile(), saved and loaded."""
    loss = image_loss(name)
    images = rng.random((3, 16, 16, 1)).astype("float32")
    assert value(loss, images, images) == pytest.approx(0, abs=1e-6)
    assert value(loss, images, 1 - images) > 0.01
    assert loss.call(keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(images)).shape == (3,)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert value(again, images, 1 - images) == value(loss, images, 1 - images)


def test_mse_by_hand():
    zero = np.zeros((1, 2, 2, 1))
    one_pixel = zero.copy()
    one_pixel[0, 0, 0] = 1
    assert value(image_loss("mse"), zero, one_pixel) == 0.25


def test_ssim_of_flat_images_by_hand():
    """Without variance only the luminance term is left: (2 a b + c1) / (a^2 + b^2 + c1), c1 = k1^2."""
    a, b, c1 = 0.2, 0.6, 0.01**2
    flat = np.ones((1, 16, 16, 1))
    expected = 1 - (2 * a * b + c1) / (a**2 + b**2 + c1)
    # Not closer: in float32 the variance comes out as 1e-7 rather than 0.
    assert value(image_loss("ssim"), a * flat, b * flat) == pytest.approx(expected, abs=1e-3)


def test_ssim_of_a_negative_by_hand():
    """Fine checks x and their negative 1 - x: one luminance, so (c2 - 2 v) / (c2 + 2 v) with the windowed variance v is left."""
    checks = (np.indices((32, 32)).sum(0) % 2)[None, :, :, None].astype(float)
    assert value(image_loss("ssim"), checks, 1 - checks) == pytest.approx(1 - (0.03**2 - 0.5) / (0.03**2 + 0.5), abs=1e-3)


def test_pyramid_by_hand():
    """One pixel of 4 x 4 off by one: 1/16, as 1/4 in one of 4 cells, as 1/16 in the only cell."""
    zero = np.zeros((1, 4, 4, 1))
    one_pixel = zero.copy()
    one_pixel[0, 0, 0] = 1
    assert value(Pyramid(levels=1), zero, one_pixel) == pytest.approx(1 / 16)
    assert value(Pyramid(levels=3), zero, one_pixel) == pytest.approx(1 / 16 + 0.25**2 / 4 + (1 / 16) ** 2)
    assert value(Pyramid(levels=9), zero, one_pixel) == value(Pyramid(levels=3), zero, one_pixel)


def test_pyramid_tells_far_from_near():
    """Two strokes that miss the true one differ by nothing in MSE; the coarse levels tell them apart."""
    strokes = np.zeros((3, 32, 32, 1))
    for i, column in enumerate((4, 6, 28)):
        strokes[i, :, column] = 1
    true, near, far = strokes[:1], strokes[1:2], strokes[2:]
    assert value(image_loss("mse"), true, near) == value(image_loss("mse"), true, far)
    assert value(image_loss("pyramid"), true, near) < value(image_loss("pyramid"), true, far)


def test_balanced_weighs_drawn_and_ground_the_same():
    """A sixteenth of the canvas is drawn: missing all of it costs as much as missing all of the ground."""
    true = np.zeros((1, 8, 8, 1))
    true[0, :2, :2] = 1
    nothing, everything = np.zeros_like(true), np.ones_like(true)
    assert value(image_loss("mse"), true, nothing) == pytest.approx(1 / 16)
    assert value(Balanced(), true, nothing) == pytest.approx(0.5, rel=1e-3)
    assert value(Balanced(), true, everything) == pytest.approx(0.5, rel=1e-3)


def test_balanced_is_plain_on_a_flat_image():
    flat = np.full((1, 8, 8, 1), 0.5)
    assert value(Balanced(), flat, flat + 0.2) == pytest.approx(0.04 / 2, rel=1e-4)


def test_unknown_image_loss_names_the_choices():
    with pytest.raises(ValueError, match="Unknown image loss 'x'. Choose from: mse, ssim, pyramid, balanced."):
        image_loss("x")
