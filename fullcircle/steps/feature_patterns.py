"""The step that finds feature patterns, without an orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fullcircle.core.progress import Progress, silent
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.store.objects import Store, StoredObject

if TYPE_CHECKING:
    import keras


def report_feature_patterns(
    store: Store,
    asset: str,
    partition: str,
    test: StoredObject,
    model: StoredObject,
    encoder: keras.Model,
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Find what maps of an encoder react to most, beside the test pictures that excite them most, and show it.

    Args:
        store: to commit to.
        asset: what it is made for.
        partition: drawing class or picture source.
        test: pictures to compare with.
        model: the stored object that `encoder` is from.
        encoder: any Keras model from images.
        settings: which maps, and how to climb.
        progress: told all the while.
    """
    from fullcircle.reports.feature_patterns import feature_patterns_report

    with store.draft() as draft:
        feature_patterns_report(
            draft.path,
            asset=asset,
            partition=partition,
            encoder=encoder,
            test=test.table(),
            read={"test": test.hash, "encoder": model.hash},
            settings=settings,
            progress=progress,
        )
        return draft.commit()
