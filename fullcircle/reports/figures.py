"""The figures that reports give: what each is called, means and looks like, and where it stands.

Belongs here: one line for each figure, in a table for each family of reports. Every list of figures follows from these tables: rows
of a page, explanations under them, the table of results, columns of the index. A report takes the table of its own family alone,
so a changed label makes no other family's reports stale. How a figure is computed is the business of `evaluation`.

To add one: a line in its family's table, under the name that it has in ``report.json``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

SHARE, COUNT, ERROR, FINE = ".1%", ",", ".2e", ".3f"
"""How a figure is written, as `format` takes it."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        label: what people read in place of its name.
        meaning: what it is, in half a sentence.
        form: how it is written, as `format` takes it.
        in_results: whether it stands in the table of results, else on the report's page alone.
        on_index: whether it also is a column of the index, where reports are compared at a glance.
    """

    label: str
    meaning: str
    form: str = ".2f"
    in_results: bool = True
    on_index: bool = False

    def text(self, value: float | None) -> str:
        """A value as people read it; a dash where there was nothing to compute it from."""
        return "–" if value is None else format(value, self.form)


Figures = Mapping[str, Figure]
"""By the name in ``report.json``, in the order in which they are shown."""

IMAGE: dict[str, Figure] = {
    "mse": Figure("MSE", "mean squared error, pixels in [0, 1]", ERROR),
    "null_mse": Figure("null's MSE", "error of the best blank picture for each example", ERROR, in_results=False),
    "fvu": Figure("FVU", "fraction of variance unexplained: MSE / null's MSE; 1 is no better than blank", FINE, on_index=True),
    "psnr_db": Figure("PSNR, dB", "peak signal-to-noise ratio of the MSE", on_index=True),
    "ssim": Figure("SSIM", "structural similarity, Gaussian window 11, sigma 1.5", FINE, on_index=True),
    "drawn_pixel_mse": Figure("drawn-pixel MSE", "mean squared error over the pixels that differ from the ground", ERROR),
}
"""Of pictures beside the true ones."""

MAJORITY: dict[str, Figure] = {
    "majority_accuracy": Figure(
        "accuracy of the majority", "share that is right when the answer is always the most frequent one", SHARE
    ),
}

EXAMPLES: dict[str, Figure] = {
    "examples": Figure("examples", "examples in the group", COUNT, in_results=False),
}

DRAWING: dict[str, Figure] = {
    **IMAGE,
    "endpoint_px_mean": Figure(
        "endpoint error, mean px", "distance of a point from its true place, the better order", on_index=True
    ),
    "endpoint_px_median": Figure("endpoint error, median px", "half of the points are nearer"),
    "endpoint_px_p95": Figure("endpoint error, 95th percentile px", "19 of 20 points are nearer"),
    "within_1px": Figure("points within 1 px", "share of points at most 1 px off", SHARE, on_index=True),
    "within_2px": Figure("points within 2 px", "share of points at most 2 px off", SHARE),
    "endpoint_px_hidden": Figure(
        "of the mean, hidden by noise, px",
        "part of the mean endpoint error from pictures that what was read fits as well as the truth does, or better",
        in_results=False,
    ),
    "spec_error": Figure(
        "spec error, share of range",
        "mean over all factors of the error as a share of the factor's range",
        SHARE,
        in_results=False,
    ),
    "within_step": Figure(
        "geometry within a step",
        "share of pictures with every geometry factor at most one step off",
        SHARE,
        in_results=False,
    ),
    "redraw_mse": Figure("redraw MSE", "error of the picture that the true method draws from the read spec", ERROR),
    "pixel_exact": Figure(
        "redrawn pixel for pixel", "share of pictures that the redraw meets in every pixel", SHARE, on_index=True
    ),
    "truth_fits": Figure(
        "truth would fit better",
        "share of pictures whose true spec fits them better than what was read",
        SHARE,
        in_results=False,
    ),
    **EXAMPLES,
}
"""Of a decoder's and an encoder's report."""

RECOGNITION: dict[str, Figure] = {
    "accuracy": Figure("accuracy", "share of pictures whose class is recognised", SHARE, on_index=True),
    "pixels_accuracy": Figure(
        "accuracy of the classifier on pixels",
        "scikit-learn's, fitted on examples of train, chosen on valid",
        SHARE,
        on_index=True,
    ),
    **MAJORITY,
    **EXAMPLES,
}
"""Of the report on recognition."""

FEATURE_PATTERNS: dict[str, Figure] = {
    "patterns": Figure("patterns", "maps for which a pattern was found", COUNT),
    "dead_maps": Figure("dead maps", "maps given up: nothing to climb from any start image", COUNT, on_index=True),
    "above_test": Figure(
        "above every test picture",
        "share of patterns that excite their map more than every test picture does",
        SHARE,
        on_index=True,
    ),
    "picture_above_test": Figure(
        "the same, as a picture",
        "share of patterns that do so when cut to [0, 1] and rounded to 8 bits, as a picture in a file is",
        SHARE,
    ),
}
"""Of the report on feature patterns."""

AUTOENCODER: dict[str, Figure] = {
    **IMAGE,
    **MAJORITY,
    "pca_psnr_db": Figure("PSNR of PCA, dB", "of as many latents as the model has", on_index=True),
    "mean_psnr_db": Figure("PSNR of the mean picture, dB", "of train, whatever the picture"),
    "bce": Figure(
        "BCE, nats",
        "binary cross-entropy, summed over pixels, mean over pictures; a pixel's value cut to [1e-7, 1 - 1e-7]",
    ),
    "negative_elbo": Figure(
        "negative ELBO, nats", "BCE of latents drawn from the posterior, plus KL, factor 1; less is better", on_index=True
    ),
    "kl": Figure("KL, nats", "from the posterior to the prior, summed over latents, mean over pictures"),
    "kl_share": Figure("share of KL", "of the total loss on valid, in the best epoch", SHARE),
    "latents": Figure("latents", "numbers that stand for a picture", COUNT),
    "active_latents": Figure("active latents", "that vary from picture to picture", COUNT, on_index=True),
    "knn_accuracy": Figure(
        "nearest neighbours on latents",
        "share of test pictures whose label most of the nearest latents of train have",
        SHARE,
        on_index=True,
    ),
    "knn_pca_accuracy": Figure("nearest neighbours on PCA", "likewise, among the latents of PCA", SHARE),
    "knn_pixels_accuracy": Figure("nearest neighbours on pixels", "likewise, among the raw pictures", SHARE, on_index=True),
    "completeness": Figure(
        "completeness",
        "share of grid points that decode to something near a real picture, by the relative distance",
        SHARE,
        on_index=True,
    ),
    "change_per_step": Figure(
        "change per step", "distance of neighbours on the grid: root of the mean squared difference, of 1", FINE
    ),
    "largest_change": Figure("largest change", "the largest of these", FINE, in_results=False),
    "change_per_unit": Figure(
        "change per unit", "the same over the length of the step, in units of the latents", FINE, in_results=False
    ),
    "samples_copied": Figure(
        "random samples copied",
        "share that is relatively nearer to train than 95 % of test pictures are",
        SHARE,
        on_index=True,
    ),
    "samples_real": Figure("random samples near real", "share that is near a real picture, as completeness counts it", SHARE),
}
"""Of an autoencoder's report."""

ALL: dict[str, Figure] = DRAWING | RECOGNITION | FEATURE_PATTERNS | AUTOENCODER
"""For what shows reports of every family."""

VARIANTS = {"noisy_": "noisy", "reader_": "reader"}
"""What stands before the name of a figure in ``report.json``, where it is not that of a network on clean pictures."""
