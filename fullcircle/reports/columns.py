"""What the columns of our tables mean, in a sentence each.

Belongs here: the words that the UI and the documentation show beside a column. Which columns a table has
stands where it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullcircle.drawings.factors import Factor

DESCRIPTIONS = {
    "id": "identifier of the row, different for each",
    "unit": "what stands wholly in one split: the hash of the clean picture, or the original, group or sample",
    "noise_sigma_level": "standard deviation of the Gaussian noise, in grey levels",
    "image": "the picture; of examples the clean one",
    "noisy_image": "the picture with noise, rounded and cut to 0..255",
    "split": "which split the picture is from",
    "step": "of the reader: encoder, gradient or redraw",
    "contrast_level": "grey levels between figure and ground",
    "redraw_mse": "error of the redraw against the picture that was read, pixels in [0, 1]",
    "clean_redraw_mse": "error of the redraw against the clean picture, pixels in [0, 1]",
    "true_redraw_mse": "error of the true spec's redraw against the picture that was read, pixels in [0, 1]",
    "pixel_exact": "whether the redraw is the picture in every pixel",
    "explained": "share of the picture's variance beyond noise that the redraw explains",
    "confidence": "probability that every geometry factor is within one step of the truth",
    "redraws": "drawings spent by the search",
    "label": "what the picture shows; empty where that is not known",
    "group": "whose hand or face it is; empty where that is not known",
    "origin": "where the picture comes from, different for each",
    "source_file": "the file it comes from, relative to its source",
    "source_sha256": "SHA-256 of that file",
    "width_px": "its own width before it was brought to the canvas",
    "height_px": "its own height before it was brought to the canvas",
    "polarity": "dark on light or light on dark, as found by its border",
    "inverted": "whether it was turned to light on dark",
    "keypoints": "x and y of the points that the source knows, in the image's pixels",
    "original": "id of the original that it is a copy of",
    "operations": "what was done to it: JSON, one entry per operation of the pipeline",
    "reason": "why it was rejected or could not be read; empty where it was read",
    "file": "the picture's file, relative to the folder of its drawing class in the inbox",
    "sha256": "SHA-256 of the file",
    "size_bytes": "size of the file",
    "modified_ns": "when the file was last modified, in ns since 1970",
    "first_seen": "when this content was first seen under this name",
    "call": "the drawing call that was read",
    "encoder": "content hash of the encoder that read it",
    "decoder": "content hash of the decoder that it was read through",
}


def column_description(name: str, about: Mapping[str, Any]) -> str | None:
    """What a column means; None where nothing is known of it.

    Args:
        name: of the column.
        about: what its table holds of how it was made, with the factors of a drawing class where it is of one.
    """
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    factors = {Factor(**f).column: f for f in about.get("factors", ())}
    true = name.startswith("true_")
    if (factor := factors.get(name.removeprefix("true_"))) is not None:
        unit = f" {factor['unit']}" if factor["unit"] else ""
        kind = "the true value of the factor" if true else "factor"
        return f"{kind} {factor['name']}, from {factor['low']:g} to {factor['high']:g}{unit} in steps of {factor['step']:g}"
    if name.endswith("_address"):
        return f"the point {name.removesuffix('_address')} as one number, x + y * width"
    return None
