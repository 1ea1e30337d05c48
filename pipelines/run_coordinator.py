"""The run coordinator that `dagster_home/dagster.yaml` names: what is launched in the UI passes here before it is queued.

Belongs here: rules that need a run's partition, which the validation of its configuration does not know.
"""

import dagster as dg
from dagster import QueuedRunCoordinator, SubmitRunContext

from assets.glyphs import PREFIX
from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.store.objects import NothingMaterializedError, Store

BACKFILL_TAG = "dagster/backfill"
"""The tag of a run that belongs to a backfill; Dagster's, which has no public name for it."""


class CanvasRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, but for runs of an autoencoder that does not take the canvas of its partition: refused as they are launched.

    Runs that no partition's splits are there for, or that make them themselves, are queued: their steps say what is amiss. So
    are those of a backfill, which Dagster would end as a whole for one that is refused.
    """

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Queue the run.

        Raises:
            ValueError: naming the model, its rule, the canvas and the models that take it. Dagster shows it to whoever launched,
                and keeps the run as failed for that reason.
        """
        run = context.dagster_run
        partition = run.tags.get(PARTITION_TAG)
        if partition and BACKFILL_TAG not in run.tags and run.execution_plan_snapshot_id:
            plan = self._instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
            refuse_unfit(Store(default_store()), set(plan.step_keys_to_execute), partition)
        return super().submit_run(context)


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
    models = [model for name, model in AUTOENCODERS.items() if f"{PREFIX}__{name}" in steps]
    if not models or f"{PREFIX}__train" in steps:
        return
    try:
        table = (store.latest(f"{PREFIX}/train", partition)).table("train")
    except NothingMaterializedError:
        return
    for model in models:
        model.refuse(tuple(table.about["canvas"]), f"picture source {partition!r}", AUTOENCODERS)
