"""From one picture to another: the straight line between the latents of both, decoded, there and back."""

from __future__ import annotations

import dataclasses

import numpy as np

from fullcircle.evaluation.autoencoders import Measured, Trained, in_batches, pictures_at, row_of
from fullcircle.evaluation.latents import morph_latents
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import at_rest
from fullcircle.images.sheets import data_uri, film, mosaic
from fullcircle.reports.autoencoders.sheets import SIDE, address, scale_of
from fullcircle.reports.page import Section
from fullcircle.store.columns import ID, LABEL
from fullcircle.store.tables import TableReader

MORPH = "morph.gif"

STRIP = 13
"""Pictures of the strip on the page."""


@dataclasses.dataclass(frozen=True)
class Morph:
    """The way from one picture of test to another, and back.

    Attributes:
        ends: row and id of each of the two.
        frames: ``uint8 (2 n, h, w[, 3])``.
    """

    ends: tuple[tuple[int, str], tuple[int, str]]
    frames: np.ndarray

    def gif(self) -> bytes:
        """The film."""
        return film(self.frames, max(SIDE // 2 // max(self.frames.shape[1:3]), 1))


def morph_of(
    test: TableReader, trained: Trained, measured: Measured, shown: np.ndarray, settings: AutoencoderReportSettings
) -> Morph:
    """Decode the way between the two pictures that settings name; else the first that is shown and the next of another label.

    Raises:
        SettingsError: when a picture that is named is not in test.
    """
    ends = _ends(test, measured, shown, settings)
    start, end = trained.encode(pictures_at(test, [row for row, _ in ends]))
    return Morph(ends, at_rest(in_batches(trained.decode, morph_latents(start, end, settings.morph))))


def _ends(
    test: TableReader, measured: Measured, shown: np.ndarray, settings: AutoencoderReportSettings
) -> tuple[tuple[int, str], tuple[int, str]]:
    labels, ids = measured.words[LABEL], measured.words[ID]
    start = int(shown[0])
    if settings.morph_from:
        start = row_of(test, settings.morph_from, "morph_from")
    first_label = labels[start] if start < measured.rows else None
    others = [int(i) for i in shown if labels[i] != first_label and int(i) != start]
    end = (others or [int(i) for i in shown if int(i) != start] or [start])[0]
    if settings.morph_to:
        end = row_of(test, settings.morph_to, "morph_to")
    return (start, settings.morph_from or str(ids[start])), (end, settings.morph_to or str(ids[end]))


def from_one_to_another(morph: Morph, gif: bytes, measured: Measured, settings: AutoencoderReportSettings) -> Section:
    """A strip of the way, and the film."""

    def called(row: int, identity: str) -> str:
        label = measured.words[LABEL][row] if row < measured.rows else ""
        return f"{identity} ({label})" if label else identity

    start, end = morph.ends
    there = morph.frames[: settings.morph]
    strip = there[np.linspace(0, len(there) - 1, min(STRIP, len(there))).astype(int)]
    enlarged = scale_of(morph.frames)
    width = morph.frames.shape[2] * enlarged
    return Section(
        "From one picture to another",
        f"{settings.morph} points on the straight line between the latents of {called(*start)} and {called(*end)}, and as many "
        "back.",
        [(f"{len(strip)} of the {settings.morph}", address(mosaic(strip[None], max(enlarged * 3 // 4, 1), gap=4)))],
        markup=f'<figure><img src="{data_uri(gif, "image/gif")}" width="{width}" alt="there and back">'
        "<figcaption>there and back</figcaption></figure>",
    )
