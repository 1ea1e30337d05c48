"""Contact sheets of originals and of their augmented copies."""

from __future__ import annotations

import numpy as np

from fullcircle.data.augmented import AUGMENTED
from fullcircle.data.originals import ORIGINALS, pictures_of
from fullcircle.images.sheets import small_webp
from fullcircle.store.columns import ID, IMAGE, ORIGINAL
from fullcircle.store.objects import StoredObject

SHEET_COLUMNS = 12
SHEET_COPIES = 4
"""Samples under each original on the contact sheet."""


def originals_sheet(stored: StoredObject) -> bytes | None:
    """Originals, evenly from all there are, as a small WebP; None without any."""
    originals = stored.table(ORIGINALS)
    if not originals.rows:
        return None
    ids = originals.read([ID])[ID]
    rows = min(SHEET_COPIES, max(len(ids) // SHEET_COLUMNS, 1))
    columns = min(SHEET_COLUMNS, len(ids) // rows)
    chosen = ids[np.linspace(0, len(ids) - 1, rows * columns).astype(int)].reshape(rows, columns)
    pictures = pictures_of(stored, set(chosen.ravel()))
    return small_webp(
        [("originals" if not r else "", np.stack([pictures[name] for name in row])) for r, row in enumerate(chosen)], columns
    )


def augmented_sheet(originals: StoredObject, augmented: StoredObject) -> bytes:
    """Originals above their samples, as a small WebP."""
    copies: dict[str, list[np.ndarray]] = {}
    for block in augmented.table(AUGMENTED).blocks([ORIGINAL, IMAGE]):
        for original, image in zip(block[ORIGINAL].tolist(), block[IMAGE], strict=True):
            if len(held := copies.setdefault(original, [])) < SHEET_COPIES:
                held.append(image)
        if sum(len(held) == SHEET_COPIES for held in copies.values()) >= SHEET_COLUMNS:
            break
    full = [original for original, held in copies.items() if len(held) == SHEET_COPIES]
    chosen = (full or list(copies))[:SHEET_COLUMNS]
    rows = min(len(copies[original]) for original in chosen)
    shape = copies[chosen[0]][0].shape
    pictures = pictures_of(originals, set(chosen))
    own = [_on(pictures[original], shape) for original in chosen]
    samples = [(f"sample {r + 1}", np.stack([copies[original][r] for original in chosen])) for r in range(rows)]
    return small_webp([("original", np.stack(own)), *samples], SHEET_COLUMNS)


def _on(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A picture at the size of another, for showing beside it."""
    from PIL import Image

    from fullcircle.images.files import fit

    return image if image.shape == shape else fit(Image.fromarray(image), shape[0], shape[1]).image
