"""The step that measures recognition over all trained classes, without an orchestrator."""

from __future__ import annotations

from fullcircle.core.progress import Progress, silent
from fullcircle.data.splits import SPLITS
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reports.settings import RecognitionSettings
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObject


def report_recognition(
    store: Store, settings: RecognitionSettings, progress: Progress = silent
) -> tuple[StoredObject, dict[str, StoredObject]]:
    """Measure which class pictures are taken for, over the latest of all trained classes, and show it; and what was read.

    Raises:
        NothingMaterializedError: when fewer than two classes have been trained.
    """
    from fullcircle.reading.recognition import contenders
    from fullcircle.reports.recognition import recognition_report

    reader = ReaderSettings(redraws=settings.redraws, seed=settings.seed, workers=settings.workers)
    taking_part = contenders(store, reader)
    names = [c.drawing.name for c in taking_part]
    if len(names) < 2:
        raise NothingMaterializedError(
            f"To tell classes apart takes two that have an encoder. Received: {', '.join(names)}. Make one with: "
            "make run DRAWING=rectangle, or all with: make run DRAWING=all"
        )
    splits = {split: [store.latest(f"drawings/{split}", name) for name in names] for split in SPLITS}
    models = {
        f"drawings/{half} ({c.drawing.name})": StoredObject(version, store.path_of(version))
        for c in taking_part
        for half, version in c.models.items()
    }
    tables = {f"drawings/{s} ({n})": o for s, stored in splits.items() for n, o in zip(names, stored, strict=True)}
    with store.draft() as draft:
        recognition_report(draft.path, taking_part, splits, settings, progress)
        return draft.commit(), tables | models
