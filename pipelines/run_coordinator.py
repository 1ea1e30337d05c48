"""The run coordinator that `dagster_home/dagster.yaml` names: every run that is launched passes here.

Belongs here: rules that need a run's partition, which the validation of its configuration does not know, and whether a run is
queued.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import dagster as dg
from dagster import QueuedRunCoordinator, SubmitRunContext

from assets import autoencoders, drawings, feature_patterns, glyphs, inbox
from assets.from_steps import op_name
from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.data.sources import known_sources
from fullcircle.drawings import known_drawings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps.feature_patterns import ENCODER
from fullcircle.store.objects import NothingMaterializedError, Store
from pipelines.run_processes import close_dead_runs
from pipelines.tags import BACKFILL_TAG, LAUNCH_TAG

_Names = Callable[[Path], Iterable[str]]


def _partitions() -> dict[str, tuple[str, _Names]]:
    drawing: tuple[str, _Names] = ("drawing class", known_drawings)
    source: tuple[str, _Names] = ("picture source", known_sources)
    of_drawings = [*drawings.ASSETS, *inbox.ASSETS, feature_patterns.ASSETS[ENCODER]]
    of_sources = [*glyphs.ASSETS, *(asset for of_model in autoencoders.ASSETS.values() for asset in of_model)]
    of_sources += [asset for model, asset in feature_patterns.ASSETS.items() if model != ENCODER]
    return {asset.op.name: drawing for asset in of_drawings} | {asset.op.name: source for asset in of_sources}


_PARTITIONS = _partitions()
"""Of each step that is made for one partition: what its partitions are, and which there are in a store."""


class RunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, with two additions.

    Refused as it is launched is a run of partitioned assets without a partition or with an unknown one, and one of an autoencoder
    that does not take the canvas of its partition. Runs that no partition's splits are there for, or that make them themselves,
    pass the latter rule: their steps say what is amiss. So do those of a backfill, which Dagster would end as a whole for one that
    is refused.

    A run of `make run` is not queued: the queue is the daemon's, which need not run there, and whoever typed the command waits. The
    pools' limits hold for it all the same. Executed again from the UI it is a run like any other.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Queue the run, or launch it at once.

        Raises:
            ValueError: naming the rule, what was received and the choices. Dagster shows it to whoever launched,
                and keeps the run as failed for that reason.
        """
        run = context.dagster_run
        partition = run.tags.get(PARTITION_TAG)
        if run.execution_plan_snapshot_id:
            steps = set(self._instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id).step_keys_to_execute)
            refuse_partition(default_store(), steps, partition)
            if partition and BACKFILL_TAG not in run.tags:
                refuse_unfit(Store(default_store()), steps, partition)
        close_dead_runs(self._instance)  # or it would wait for what they hold
        if LAUNCH_TAG not in run.tags or run.parent_run_id is not None or run.status != dg.DagsterRunStatus.NOT_STARTED:
            return super().submit_run(context)
        return self._instance.launch_run(run.run_id, context.workspace)


def refuse_partition(root: Path, steps: set[str], partition: str | None) -> None:
    """Say no to steps of partitioned assets without a partition, or with one that is not known.

    Args:
        root: the store, which has the names that were registered.
        steps: keys of what is to be executed.
        partition: value of the run's partition tag.

    Raises:
        ValueError: naming what the partition is, what was received, and the choices.
    """
    for what, known in dict.fromkeys(_PARTITIONS[step] for step in sorted(steps & _PARTITIONS.keys())):
        choices = list(known(root))
        if partition not in choices:
            raise ValueError(
                f"A {what} is expected as the run's partition. Received: {'none' if partition is None else repr(partition)}. "
                f"Choose one of {', '.join(choices)}, as Partition in the launchpad or as the run's tag {PARTITION_TAG}."
            )


def refuse_unfit(store: Store, steps: set[str], partition: str) -> None:
    """Say no to steps of models that do not take the canvas of the splits that they would read.

    Args:
        store: has the splits.
        steps: keys of what is to be executed.
        partition: the picture source.

    Raises:
        ValueError: see `Network.refuse`.
        StoredObjectError: when the table of train is not whole.
    """
    models = [model for name, model in AUTOENCODERS.items() if f"{glyphs.PREFIX}__{name}" in steps]
    if not models or op_name(glyph_steps.SPLITTING) in steps:
        return
    try:
        table = store.latest(f"{glyphs.PREFIX}/train", partition).table("train")
    except NothingMaterializedError:
        return
    for model in models:
        model.refuse(tuple(table.about["canvas"]), f"picture source {partition!r}", AUTOENCODERS)
