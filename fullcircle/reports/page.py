"""The page: one self-contained HTML file from figures, pictures and curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

FIGURES: dict[str, tuple[str, str]] = {
    "mse": ("MSE", "mean squared error, pixels in [0, 1]"),
    "null_mse": ("null's MSE", "error of the best blank picture for each example"),
    "fvu": ("FVU", "fraction of variance unexplained: MSE / null's MSE; 1 is no better than blank"),
    "psnr_db": ("PSNR, dB", "peak signal-to-noise ratio of the MSE"),
    "ssim": ("SSIM", "structural similarity, Gaussian window 11, sigma 1.5"),
    "drawn_pixel_mse": ("drawn-pixel MSE", "mean squared error over the pixels that differ from the ground"),
    "endpoint_px_mean": ("endpoint error, mean px", "distance of a point from its true place, the better order"),
    "endpoint_px_median": ("endpoint error, median px", "half of the points are nearer"),
    "endpoint_px_p95": ("endpoint error, 95th percentile px", "19 of 20 points are nearer"),
    "within_1px": ("points within 1 px", "share of points at most 1 px off"),
    "within_2px": ("points within 2 px", "share of points at most 2 px off"),
    "endpoint_px_hidden": (
        "of the mean, hidden by noise, px",
        "part of the mean endpoint error from pictures that what was read fits as well as the truth does, or better",
    ),
    "spec_error": ("spec error, share of range", "mean over all factors of the error as a share of the factor's range"),
    "within_step": ("geometry within a step", "share of pictures with every geometry factor at most one step off"),
    "redraw_mse": ("redraw MSE", "error of the picture that the true method draws from the read spec"),
    "pixel_exact": ("redrawn pixel for pixel", "share of pictures that the redraw meets in every pixel"),
    "truth_fits": ("truth would fit better", "share of pictures whose true spec fits them better than what was read"),
    "accuracy": ("accuracy", "share of pictures whose class is told"),
    "majority_accuracy": ("accuracy of the majority", "share told by who always says the most frequent class"),
    "pixels_accuracy": ("accuracy of the classifier on pixels", "scikit-learn's, fitted on examples of train, chosen on valid"),
    "patterns": ("patterns", "maps for which a pattern was found"),
    "dead_maps": ("dead maps", "maps given up: nothing to climb from any start image"),
    "above_test": ("above every test picture", "share of patterns that excite their map more than every test picture does"),
    "picture_above_test": (
        "the same, as a picture",
        "share of patterns that do so when cut to [0, 1] and rounded to 8 bits, as a picture in a file is",
    ),
    "examples": ("examples", "examples in the group"),
    "bce": (
        "BCE, nats",
        "binary cross-entropy, summed over pixels, mean over pictures; a pixel's value cut to [1e-7, 1 - 1e-7]",
    ),
    "pca_psnr_db": ("PSNR of PCA, dB", "of as many latents as the model has"),
    "mean_psnr_db": ("PSNR of the mean picture, dB", "of train, whatever the picture"),
    "kl": ("KL, nats", "from the posterior to the prior, summed over latents, mean over pictures"),
    "negative_elbo": ("negative ELBO, nats", "BCE of a code drawn from the posterior, plus KL, factor 1; less is better"),
    "kl_share": ("share of KL", "of the total loss on valid, in the best epoch"),
    "active_latents": ("active latents", "that vary from picture to picture"),
    "latents": ("latents", "numbers in a code"),
    "knn_accuracy": (
        "nearest neighbours on codes",
        "share of test pictures whose label most of the nearest codes of train have",
    ),
    "knn_pca_accuracy": ("nearest neighbours on PCA", "likewise, among the codes of PCA"),
    "knn_pixels_accuracy": ("nearest neighbours on pixels", "likewise, among the raw pictures"),
    "completeness": (
        "completeness",
        "share of grid points that decode to something near a real picture, by the relative distance",
    ),
    "change_per_step": ("change per step", "distance of neighbours on the grid: root of the mean squared difference, of 1"),
    "largest_change": ("largest change", "the largest of these"),
    "change_per_unit": ("change per unit", "the same over the length of the step, in units of the latents"),
    "samples_copied": ("random samples copied", "share that is relatively nearer to train than 95 % of test pictures are"),
    "samples_real": ("random samples near real", "share that is near a real picture, as completeness counts it"),
}
"""Label and meaning of each figure in `report.json`."""

SHARES = frozenset({"within_1px", "within_2px", "spec_error", "within_step", "pixel_exact", "truth_fits"}) | {
    "accuracy",
    "majority_accuracy",
    "pixels_accuracy",
    "above_test",
    "picture_above_test",
    "kl_share",
    "knn_accuracy",
    "knn_pca_accuracy",
    "knn_pixels_accuracy",
    "completeness",
    "samples_copied",
    "samples_real",
}

VARIANTS = {"noisy_": "noisy", "reader_": "reader"}
"""What stands before the name of a figure in `report.json`, where it is not that of a network on clean pictures."""


def figure_text(name: str, value: float | None) -> str:
    """A figure as people read it; a dash where there was nothing to compute it from."""
    for variant in VARIANTS:
        name = name.removeprefix(variant)
    if value is None:
        return "–"
    if name in SHARES:
        return f"{value:.1%}"
    if isinstance(value, int):
        return f"{value:,}"
    if name.endswith("mse"):
        return f"{value:.2e}"
    return f"{value:.3f}" if name in ("fvu", "ssim") or "change" in name else f"{value:.2f}"


@dataclasses.dataclass(frozen=True)
class Table:
    """A titled table: rows of figures, one column per group."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page with a heading of its own.

    Attributes:
        title: heading.
        text: a paragraph.
        pictures: caption and data address of each.
        tables: under the pictures.
        markup: HTML or SVG of the project's own making, between the two; never anything from outside.
    """

    title: str
    text: str = ""
    pictures: Sequence[tuple[str, str]] = ()
    tables: Sequence[Table] = ()
    markup: str = ""


@dataclasses.dataclass(frozen=True)
class Listing:
    """A titled list of lines of code, each with a name."""

    title: str
    lines: Sequence[tuple[str, str]]


def figure_table(title: str, groups: Mapping[str, Mapping[str, Any]]) -> Table:
    """Figures of several groups side by side; rows follow `FIGURES`."""
    names = [n for n in FIGURES if any(n in g for g in groups.values())]
    rows = [(FIGURES[n][0], [figure_text(n, g.get(n)) for g in groups.values()]) for n in names]
    return Table(title, list(groups), rows)


def gap_tables(gaps: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Table]:
    """A table for each group of `gaps.gaps`: valid, test, difference, its interval, and what follows."""
    columns = ["valid", "test", "test - valid", "95 % interval", "0 in it", "beyond chance"]
    tables = []
    for group, figures in gaps.items():
        rows = []
        for name in (n for n in FIGURES if n in figures):
            gap = figures[name]
            numbers = [figure_text(name, gap[k]) for k in ("valid", "test", "difference")]
            interval = " to ".join(figure_text(name, gap[k]) for k in ("low", "high"))
            words = ["yes" if gap[k] else "no" for k in ("holds_zero", "beyond_chance")]
            rows.append((FIGURES[name][0], [*numbers, interval, *words]))
        tables.append(Table(f"Valid against test: {group}", columns, rows))
    return tables


def page(
    *,
    title: str,
    summary: str,
    pictures: Sequence[tuple[str, str]],
    tables: Sequence[Table],
    curves: str,
    facts: Mapping[str, str],
    listings: Sequence[Listing] = (),
    sections: Sequence[Section] = (),
    warning: str = "",
) -> str:
    """The HTML page.

    Args:
        title: heading.
        summary: a paragraph under it.
        pictures: caption and data address of each sheet.
        tables: in order.
        curves: SVG text; empty where nothing was trained.
        facts: how it came about: settings, hashes read, seconds.
        listings: code, under the pictures.
        sections: in order, after all these.
        warning: what must not be overlooked, in plain sight above everything.
    """
    every = [*tables, *(table for section in sections for table in section.tables)]
    shown = {word for table in every for word in (*table.columns, *(label for label, _ in table.rows))}
    meanings = [(label, meaning) for label, meaning in FIGURES.values() if label in shown]
    return rendered(
        "page.html.j2",
        title=title,
        summary=summary,
        pictures=pictures,
        listings=listings,
        tables=tables,
        curves=curves,
        facts=facts,
        meanings=meanings,
        sections=sections,
        warning=warning,
    )


def rendered(template: str, **values: Any) -> str:
    """One of the templates with its values; what comes from outside is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(loader=PackageLoader("fullcircle.reports"), autoescape=True, undefined=StrictUndefined)
    return environment.get_template(template).render(**values)
