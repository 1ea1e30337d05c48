"""Figures against what is known by eye or by mathematics."""

import numpy as np
import pytest

from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.factors import Factor, Factors
from fullcircle.evaluation import metrics
from fullcircle.evaluation.drawings import CONTRASTS, by_group, mean_spec_error
from fullcircle.evaluation.latents import kl_nats
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.models import losses

LINE = DRAWINGS["line"]


def images(rng, n=6):
    specs = LINE.factors.sample(n, rng)
    drawn = LINE.render(specs)
    return specs, drawn, unit_images(drawn)


def test_the_best_blank_picture_has_fvu_one(rng):
    specs, drawn, truth = images(rng)
    blank = np.broadcast_to(truth.mean(axis=(1, 2), keepdims=True), truth.shape)
    figures = metrics.summarise_image_errors(metrics.image_errors(truth, blank, LINE.drawn(drawn, specs)))
    assert figures["fvu"] == pytest.approx(1, rel=1e-5)
    assert figures["mse"] == pytest.approx(truth.var(axis=(1, 2)).mean(), rel=1e-5)


def test_the_true_picture_is_perfect(rng):
    specs, drawn, truth = images(rng)
    figures = metrics.summarise_image_errors(metrics.image_errors(truth, truth, LINE.drawn(drawn, specs)))
    assert figures["mse"] == figures["fvu"] == figures["drawn_pixel_mse"] == 0
    assert figures["ssim"] == pytest.approx(1)
    assert figures["psnr_db"] is None  # infinite


def test_errors_of_known_size():
    spec = np.array([[0, 5, 63, 5, 255, 1, 0]])
    truth = unit_images(LINE.render(spec))
    off_by_a_tenth = truth + np.float32(0.1)
    figures = metrics.summarise_image_errors(metrics.image_errors(truth, off_by_a_tenth, LINE.drawn(LINE.render(spec), spec)))
    assert figures["mse"] == pytest.approx(0.01, rel=1e-5)
    assert figures["psnr_db"] == pytest.approx(20, rel=1e-5)
    assert figures["drawn_pixel_mse"] == pytest.approx(0.01, rel=1e-5)
    p = 64 / 4096
    assert figures["null_mse"] == pytest.approx(p * (1 - p), rel=1e-5)


def test_nothing_drawn_has_no_drawn_pixel_error():
    spec = np.array([[0, 5, 63, 5, 7, 1, 7]])
    truth = unit_images(LINE.render(spec))
    figures = metrics.summarise_image_errors(metrics.image_errors(truth, truth, LINE.drawn(LINE.render(spec), spec)))
    assert figures["drawn_pixel_mse"] is None
    assert figures["fvu"] is None


def test_an_empty_group_has_no_figures():
    assert set(metrics.summarise_points(np.empty((0, 2))).values()) == {None}
    empty = {k: np.empty(0) for k in ("mse", "null_mse", "ssim", "drawn_sse", "drawn_pixels")}
    assert set(metrics.summarise_image_errors(empty).values()) == {None}


def test_a_point_three_right_and_four_down_is_five_away():
    true = np.array([[10, 10, 50, 50, 100, 3, 0]], float)
    read = true + [3, 4, 0, 0, 0, 0, 0]
    errors = metrics.spec_errors(LINE, read, true)
    assert errors["points"].tolist() == [[5, 0]]
    assert errors["factors"].tolist() == [[3, 4, 0, 0, 0, 0, 0]]


def test_the_order_of_the_ends_does_not_matter_but_belongs_to_both():
    true = np.array([[10, 20, 50, 40, 100, 3, 0]], float)
    assert metrics.spec_errors(LINE, true[:, [2, 3, 0, 1, 4, 5, 6]], true)["points"].tolist() == [[0, 0]]
    # The other diagonal of the same box is another line: no exchange of single coordinates makes it right.
    assert metrics.spec_errors(LINE, np.array([[10, 40, 50, 20, 100, 3, 0.0]]), true)["points"].min() == 20


def test_points_are_summarised():
    figures = metrics.summarise_points(np.array([[0.0, 1.0], [2.0, 5.0]]))
    assert figures == {
        "endpoint_px_mean": 2,
        "endpoint_px_median": 1.5,
        "endpoint_px_p95": pytest.approx(4.55),
        "within_1px": 0.5,
        "within_2px": 0.75,
    }


class Hand(Drawing):
    """The hand of a clock."""

    name = "hand"
    factors = Factors(Factor("angle", 0, 350, 10, "deg", periodic=True), Factor("length", 0, 10))

    def draw(self, angle, length):
        return np.zeros((64, 64), np.uint8)


def test_angles_are_compared_the_short_way_round():
    difference = metrics.spec_difference(Hand(), np.array([[350.0, 3]]), np.array([[10.0, 1]]))
    assert difference.tolist() == [[-20, 2]]


def test_a_drawing_without_points_has_no_endpoint_errors():
    errors = metrics.spec_errors(Hand(), np.array([[350.0, 3]]), np.array([[10.0, 1]]))
    assert metrics.summarise_points(errors["points"]) == {}


def test_a_redraw_is_judged_by_its_better_order(rng):
    specs = LINE.factors.sample(40, rng)
    exchanged = specs[:, LINE.permutations[1]]
    truth = LINE.render(specs)
    assert (LINE.render(exchanged) != truth).any()  # the reason for the rule
    redrawn, mse = metrics.redraw_errors(LINE, exchanged, truth)
    assert np.array_equal(redrawn, truth)
    assert (mse == 0).all()


def test_the_redraw_error_is_that_of_the_pixels():
    true, read = np.array([[0, 5, 63, 5, 255, 1, 0]]), np.array([[0, 6, 63, 6, 255, 1, 0]])
    _, mse = metrics.redraw_errors(LINE, read, LINE.render(true))
    assert mse.tolist() == [128 / 4096]


def test_groups_are_disjoint_and_whole():
    errors = {"contrast": np.array([0.0, 7, 8, 31, 32, 255]), "mse": np.arange(6.0)}
    groups = by_group(errors, "contrast", CONTRASTS, lambda part: {"sum": part["mse"].sum()})
    assert [(g["examples"], g["sum"]) for g in groups.values()] == [(2, 1), (2, 5), (2, 9)]


def test_pictures_at_rest_and_in_networks(rng):
    grey = rng.integers(0, 256, (3, 5, 4), np.uint8)
    assert unit_images(grey).shape == (3, 5, 4, 1)
    assert unit_images(grey).max() <= 1
    assert np.array_equal(at_rest(unit_images(grey)), grey)
    colour = rng.integers(0, 256, (3, 5, 4, 3), np.uint8)
    assert np.array_equal(at_rest(unit_images(colour)), colour)
    assert at_rest(np.full((1, 1, 1, 1), 1.7)).item() == 255


def test_the_mean_spec_error_is_a_share_of_the_ranges():
    low, high = LINE.factors.low[None], LINE.factors.high[None]
    assert mean_spec_error(LINE, low, high) == 1
    assert mean_spec_error(LINE, low, low) == 0


def test_a_reconstruction_is_measured_in_every_pixel_alike(rng):
    truth = (rng.random((3, 12, 12, 1)) > 0.5).astype(np.float32)
    exact = metrics.reconstruction_errors(truth, truth)
    assert exact["mse"].tolist() == [0, 0, 0]
    assert exact["ssim"] == pytest.approx(1)
    assert exact["bce"] == pytest.approx(144 * -np.log1p(-metrics.CUT), rel=1e-3)
    grey = metrics.reconstruction_errors(truth, np.full_like(truth, 0.5))
    assert grey["bce"] == pytest.approx(144 * np.log(2))  # a bit a pixel
    figures = metrics.summarise_reconstructions(grey)
    assert figures["psnr_db"] == pytest.approx(10 * np.log10(4))
    assert metrics.summarise_reconstructions(exact)["psnr_db"] is None
    small = metrics.reconstruction_errors(truth[:, :8, :8], truth[:, :8, :8])
    assert "ssim" not in small  # smaller than its window
    assert metrics.summarise_reconstructions(small)["ssim"] is None


@pytest.mark.parametrize("name", ["bce", "mse"])
def test_the_figure_of_a_reconstruction_is_what_autoencoders_are_fitted_by(rng, name):
    truth, made = (rng.random((6, 4, 4, 3), np.float32) for _ in range(2))
    truth[:2], made[:2] = truth[:2].round(), truth[2:4]
    made[4:] = truth[4:].round()  # probabilities of exactly 0 and 1, cut alike
    figures = metrics.reconstruction_loss(name, truth, made)
    assert figures.shape == (6,) and figures.dtype == np.float64
    assert np.allclose(figures, losses.reconstruction_loss(name, truth, made), rtol=1e-2 if name == "bce" else 1e-5)
    assert np.allclose(figures[:4], losses.reconstruction_loss(name, truth, made)[:4], rtol=1e-5)
    half = np.full_like(truth, 0.5)
    assert np.allclose(metrics.reconstruction_loss("bce", truth, half), 48 * np.log(2))
    assert np.allclose(metrics.reconstruction_loss("mse", truth.round(), half), 48 * 0.25)
    assert np.allclose(metrics.reconstruction_loss(name, truth.round(), truth.round()), 0, atol=1e-4)


def test_kl_of_the_report_is_kl_of_the_training(rng):
    mean, log_var = (rng.standard_normal((5, 2)).astype(np.float32) for _ in range(2))
    assert np.allclose(kl_nats(mean, log_var), losses.kl_divergence(mean, log_var), rtol=1e-5, atol=1e-6)
    assert kl_nats(np.array([[2.0]]), np.array([[0.0]])).tolist() == [[2.0]]  # mean^2 / 2
