"""Sheets: how large pictures stand on the page, and in how many columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from fullcircle.images.sheets import contact_sheet, data_uri, png

SHEET_COLUMNS = 10
SIDE = 128
"""px that a picture's longer side is enlarged to at most, by a whole number."""


def scale_of(pictures: np.ndarray) -> int:
    """How many times as large pictures ``(n, h, w[, c])`` are shown."""
    return max(SIDE // max(pictures.shape[1:3]), 1)


def address(image: Image.Image) -> str:
    """A picture as the page holds it."""
    return data_uri(png(image), "image/png")


def sheets(rows: Sequence[tuple[str, np.ndarray]], caption: str, notes: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Contact sheets of `SHEET_COLUMNS` examples each, with caption."""
    starts = range(0, len(rows[0][1]), SHEET_COLUMNS)
    cut = [([(name, p[i : i + SHEET_COLUMNS]) for name, p in rows], notes[i : i + SHEET_COLUMNS]) for i in starts]
    return [(caption, address(contact_sheet(part, scale_of(rows[0][1]), own))) for part, own in cut]
