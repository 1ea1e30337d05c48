"""The latent space: a grid of decoded points, and with two latents a slider for each."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from fullcircle.evaluation.autoencoders import Trained, in_batches
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import at_rest
from fullcircle.images.sheets import data_uri, mosaic
from fullcircle.reports.autoencoders.findings import Findings
from fullcircle.reports.autoencoders.sheets import address
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.page import Section, figure_table, rendered


def grid(found: Findings, settings: AutoencoderReportSettings) -> Section:
    """What the points of a plane through the latents decode to."""
    plane, latents = found.plane, found.measured.latents
    rows, columns = plane.latents.shape[:2]
    pictures = at_rest(found.grid)
    pictures = pictures.reshape(rows, columns, *pictures.shape[1:])[::-1]  # the last row is the highest
    inside = ""
    if plane.latents.shape[2] == 2:
        low, high = settings.grid_low, settings.grid_high
        share = ((latents >= low) & (latents <= high)).all(axis=1).mean()
        inside = f" {share:.0%} of test's latents lie within."
    text = (
        f"{plane.meaning[0].upper()}{plane.meaning[1:]}.{inside} Completeness is the share of grid points that decode to something "
        "near a real picture: not 'far' as it is defined under random samples."
    )
    scale = max(64 // max(found.grid.shape[1:3]), 1)
    figures = {name: found.metrics[name] for name in ("completeness", *found.continuity)}
    return Section(
        "Grid of decoded points",
        text,
        [(plane.meaning, address(mosaic(pictures, scale)))],
        [figure_table("The space", {"grid": figures}, AUTOENCODER)],
    )


def explorer(trained: Trained, settings: AutoencoderReportSettings) -> Section:
    """A slider for each of two latents, over points that were decoded."""
    n, low, high = settings.explorer, settings.grid_low, settings.grid_high
    at = np.linspace(low, high, n, dtype=np.float32)
    across, down = np.meshgrid(at, at)
    decoded = at_rest(in_batches(trained.decode, np.stack([across, down], axis=2).reshape(-1, 2)))
    decoded = decoded.reshape(n, n, *decoded.shape[1:])
    height, width = decoded.shape[2:4]
    buffer = io.BytesIO()
    sprite = decoded.swapaxes(1, 2).reshape(n * height, n * width, *decoded.shape[4:])
    Image.fromarray(sprite).save(buffer, "WEBP", quality=80, method=4)
    about = {"n": n, "low": low, "high": high, "width": width, "height": height, "scale": max(256 // max(height, width), 1)}
    markup = rendered("explorer.html.j2", about=about, sprite=data_uri(buffer.getvalue(), "image/webp"))
    return Section(
        "Explorer",
        f"One slider per latent, over [{low:g}, {high:g}]. {n} x {n} points were decoded; between them the page mixes the four "
        "around, which the decoder might draw a little differently.",
        markup=markup,
    )
