"""The gallery, room by room: what each glyph asset does, without an orchestrator. What `circle` is for drawings.

Belongs here: reading stored objects, calling one part of the library, and committing what it made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection

import numpy as np

from fullcircle.augmented import AUGMENTED, ORIGINAL, write_augmented
from fullcircle.examples import ID, IMAGE
from fullcircle.glyph_settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.glyph_splits import write_glyph_splits
from fullcircle.glyphs import Source
from fullcircle.originals import ORIGINALS, REJECTED, write_originals
from fullcircle.progress import Progress, silent
from fullcircle.report.pictures import small_webp
from fullcircle.splits import SPLITS
from fullcircle.storage import Store, StoredObject
from fullcircle.tables import TableReader

SHEET_COLUMNS = 12
SHEET_COPIES = 4
"""Samples under each original on the contact sheet."""


def make_originals(store: Store, source: Source, settings: OriginalsSettings, progress: Progress = silent) -> StoredObject:
    """Bring a source's pictures to one canvas: ``originals.parquet``, and ``rejected.parquet`` with the reasons."""
    with store.draft() as draft:
        write_originals(draft.path, source, settings, progress)
        return draft.commit()


def make_augmented(
    store: Store, originals: StoredObject, settings: AugmentedSettings, progress: Progress = silent
) -> StoredObject:
    """Sample from the originals by a pipeline: ``augmented.parquet``."""
    with store.draft() as draft:
        write_augmented(draft.path / f"{AUGMENTED}.parquet", table(originals, ORIGINALS), settings, progress)
        return draft.commit()


def make_glyph_splits(
    store: Store,
    originals: StoredObject,
    augmented: StoredObject,
    settings: GlyphSplitsSettings,
    progress: Progress = silent,
) -> dict[str, StoredObject]:
    """Divide the samples into `SPLITS`, each ``<split>.parquet``."""
    with contextlib.ExitStack() as stack:
        drafts = [stack.enter_context(store.draft()) for _ in SPLITS]
        folders = [d.path for d in drafts]
        write_glyph_splits(table(originals, ORIGINALS), table(augmented, AUGMENTED), folders, settings, progress)
        return {split: draft.commit() for split, draft in zip(SPLITS, drafts, strict=True)}


def table(stored: StoredObject, name: str) -> TableReader:
    """One of an object's Parquet tables, by its name without the ending."""
    return TableReader(stored.file(f"{name}.parquet"))


def rejects(stored: StoredObject) -> TableReader:
    """What was refused when these originals were made."""
    return table(stored, REJECTED)


def originals_sheet(stored: StoredObject) -> bytes | None:
    """Originals, evenly from all there are, as a small WebP; None without any."""
    originals = table(stored, ORIGINALS)
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


def pictures_of(originals: StoredObject, ids: Collection[str]) -> dict[str, np.ndarray]:
    """The pictures of some originals, by id; those that there are not are left out."""
    found: dict[str, np.ndarray] = {}
    for block in table(originals, ORIGINALS).blocks([ID, IMAGE]):
        rows = [i for i, name in enumerate(block[ID]) if name in ids]
        found |= {str(block[ID][i]): block[IMAGE][i].copy() for i in rows}
    return found


def augmented_sheet(originals: StoredObject, augmented: StoredObject) -> bytes:
    """Originals above their samples, as a small WebP."""
    copies: dict[str, list[np.ndarray]] = {}
    for block in table(augmented, AUGMENTED).blocks([ORIGINAL, IMAGE]):
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

    from fullcircle.incoming import fit

    return image if image.shape == shape else fit(Image.fromarray(image), shape[0], shape[1]).image
