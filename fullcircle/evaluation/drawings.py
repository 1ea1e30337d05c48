"""Evaluation: a model against examples it was not fitted on, streamed, figure by figure.

Belongs here: running a decoder or an encoder over a table and collecting per-example errors, and the groups by contrast and by
noise level that every report gives. Pictures and pages are made in `reports`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import NOISY, SIGMA, spec_columns, specs_of
from fullcircle.drawings.scaling import Scaling
from fullcircle.evaluation import metrics
from fullcircle.images.arrays import unit_images
from fullcircle.store.columns import IMAGE
from fullcircle.store.tables import Columns, TableReader

if TYPE_CHECKING:
    import keras

CONTRASTS = (("contrast < 8", 0, 8), ("contrast 8-32", 8, 32), ("contrast >= 32", 32, np.inf))
"""Groups by |figure - ground| in grey levels, low end included, high end not."""

NOISE_LEVELS = (("sigma < 5", 0, 5), ("sigma 5-13", 5, 13), ("sigma >= 13", 13, np.inf))
"""Groups by noise level in grey levels; 5, 13 and 25.5 levels are sigma .02, .05 and .10 of the range."""

SEEN = (("all", 0, np.inf), ("contrast >= 8", 8, np.inf), ("contrast >= 32", 32, np.inf))
"""Groups by what can be seen at all, one within the other."""


def _blocks(table: TableReader, drawing: Drawing) -> Iterator[tuple[np.ndarray, Columns]]:
    for block in table.blocks([*spec_columns(drawing), SIGMA, IMAGE, NOISY]):
        yield specs_of(drawing, block), block


def _concatenate(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def decoder_errors(table: TableReader, drawing: Drawing, scaling: Scaling, decoder: keras.Model) -> Columns:
    """Errors of a decoder per example, with each example's `contrast`."""
    parts = []
    for specs, block in _blocks(table, drawing):
        made = decoder.predict_on_batch(scaling.to_latent(specs))
        errors = metrics.image_errors(unit_images(block[IMAGE]), made, drawing.drawn(block[IMAGE], specs))
        parts.append({**errors, "contrast": drawing.contrast(specs)})
    return _concatenate(parts)


def encoder_errors(
    table: TableReader, drawing: Drawing, scaling: Scaling, encoder: keras.Model, decoder: keras.Model, noisy: bool
) -> Columns:
    """Errors of an encoder per example, reading the clean or the noisy picture, always judged against the clean one.

    Image errors are those of the reconstruction; `redraw_mse` is that of the picture which the true method draws from the
    read spec, and `pixel_exact` is 1 where it is the very same picture.
    """
    parts = []
    for specs, block in _blocks(table, drawing):
        latent = encoder.predict_on_batch(unit_images(block[NOISY if noisy else IMAGE]))
        read = scaling.from_latent(latent)
        made = decoder.predict_on_batch(latent)
        errors = metrics.image_errors(unit_images(block[IMAGE]), made, drawing.drawn(block[IMAGE], specs))
        spec_errors = metrics.spec_errors(drawing, read, specs)
        _, redraw_mse = metrics.redraw_errors(drawing, drawing.factors.snap(read), block[IMAGE])
        parts.append(
            {
                **errors,
                **spec_errors,
                "redraw_mse": redraw_mse,
                "pixel_exact": (redraw_mse == 0).astype(np.float64),
                "contrast": drawing.contrast(specs),
                "sigma": block[SIGMA].astype(np.float64),
            }
        )
    return _concatenate(parts)


def summarise_encoder(errors: Columns) -> dict[str, float | None]:
    """Figures of `encoder_errors`: image, points, redraw."""
    figures = metrics.summarise_image_errors(errors) | metrics.summarise_points(errors["points"])
    return figures | _means(errors, ("redraw_mse", "pixel_exact"))


def summarise_readings(errors: Columns) -> dict[str, float | None]:
    """Figures of `readings.errors_of`: points, spec, redraw, and what of the points' error is not the reader's fault."""
    figures = metrics.summarise_points(errors["points"])
    if figures:
        hidden = errors["points"] * (1 - errors["truth_fits"])[:, None]
        figures["endpoint_px_hidden"] = float(hidden.mean()) if hidden.size else None
    return figures | _means(errors, ("spec_error", "within_step", "redraw_mse", "pixel_exact", "truth_fits"))


def _means(errors: Columns, names: tuple[str, ...]) -> dict[str, float | None]:
    return {name: float(errors[name].mean()) if len(errors[name]) else None for name in names}


def by_group(
    errors: Columns, column: str, groups: tuple[tuple[str, float, float], ...], summarise: Callable[[Columns], dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The figures of each group of examples, with the number of examples in it."""
    tables = {}
    for name, low, high in groups:
        inside = (errors[column] >= low) & (errors[column] < high)
        part = {k: v[inside] for k, v in errors.items()}
        tables[name] = {"examples": int(inside.sum()), **summarise(part)}
    return tables


def mean_spec_error(drawing: Drawing, specs: np.ndarray, read: np.ndarray) -> float:
    """Mean order-free error over all factors, each as a share of its range: one figure to compare readers by."""
    span = drawing.factors.high - drawing.factors.low
    return float((metrics.spec_errors(drawing, read, specs)["factors"] / span).mean())
