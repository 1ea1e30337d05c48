"""The gallery, room by room: what each glyph asset does, without an orchestrator. What `circle` is for drawings.

Belongs here: reading stored objects, calling one part of the library, and committing what it made.
"""

from __future__ import annotations

import contextlib

from fullcircle.core.progress import Progress, silent
from fullcircle.data.augmented import AUGMENTED, write_augmented
from fullcircle.data.group_splits import write_glyph_splits
from fullcircle.data.originals import ORIGINALS, write_originals
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import Source
from fullcircle.data.splits import SPLITS
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import TableReader


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
