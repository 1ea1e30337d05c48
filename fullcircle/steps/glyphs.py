"""The steps of a picture source: originals -> augmented copies -> splits.

Belongs here: what each asset does, without an orchestrator, and its `Step`; as `steps.drawings` for drawing classes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from fullcircle.core.progress import Progress, silent
from fullcircle.data.augmented import AUGMENTED, write_augmented
from fullcircle.data.group_splits import write_glyph_splits
from fullcircle.data.originals import ORIGINALS, write_originals
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import Source, picture_source
from fullcircle.data.splits import SPLITS
from fullcircle.images.augmentation import OPERATIONS
from fullcircle.steps.columns import of_copies, of_splits_of_copies
from fullcircle.steps.step import Inputs, Step, Work
from fullcircle.store.objects import Store, StoredObject

PREFIX = "glyphs"


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
        write_augmented(draft.path / f"{AUGMENTED}.parquet", originals.table(ORIGINALS), settings, progress)
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
        write_glyph_splits(originals.table(ORIGINALS), augmented.table(AUGMENTED), folders, settings, progress)
        return {split: draft.commit() for split, draft in zip(SPLITS, drafts, strict=True)}


def _originals(work: Work) -> Mapping[str, StoredObject]:
    """Bring a source's pictures to one canvas."""
    source = picture_source(work.store.root, work.partition)
    return {f"{PREFIX}/originals": make_originals(work.store, source, work.settings, work.progress)}


def _augmented(work: Work) -> Mapping[str, StoredObject]:
    """Make copies of the originals, each by operations drawn at random."""
    originals = work.inputs[f"{PREFIX}/originals"]
    return {f"{PREFIX}/augmented": make_augmented(work.store, originals, work.settings, work.progress)}


def _splits(work: Work) -> Mapping[str, StoredObject]:
    """Part the copies into train, test and valid."""
    originals, augmented = (work.inputs[f"{PREFIX}/{name}"] for name in ("originals", "augmented"))
    made = make_glyph_splits(work.store, originals, augmented, work.settings, work.progress)
    return {f"{PREFIX}/{split}": stored for split, stored in made.items()}


def _operations_code(settings: AugmentedSettings, inputs: Inputs) -> tuple[str, ...]:
    """The code of the operations that the pipeline names."""
    named = sorted({name for entry in settings.as_dict()["pipeline"] for name in entry})
    return tuple(f"{OPERATIONS[name].__module__}:{OPERATIONS[name].__name__}" for name in named)


def _the_source(store: Store, partition: str, inputs: Inputs) -> Sequence[object]:
    return (picture_source(store.root, partition),)


def _files(store: Store, partition: str) -> Mapping[str, str]:
    source = picture_source(store.root, partition)
    state = source.state()
    return {f"files of {source.place or partition}": state} if state else {}


ORIGINALS_STEP = Step((f"{PREFIX}/originals",), "originals", OriginalsSettings, _originals, classes=_the_source, files=_files)
AUGMENTED_STEP = Step(
    (f"{PREFIX}/augmented",),
    "augmented",
    AugmentedSettings,
    _augmented,
    (f"{PREFIX}/originals",),
    roots=_operations_code,
    columns=of_copies,
)
SPLITTING = Step(
    tuple(f"{PREFIX}/{split}" for split in SPLITS),
    "splits",
    GlyphSplitsSettings,
    _splits,
    (f"{PREFIX}/originals", f"{PREFIX}/augmented"),
    columns=of_splits_of_copies,
)

STEPS = (ORIGINALS_STEP, AUGMENTED_STEP, SPLITTING)
"""In an order in which each comes after what it reads."""
