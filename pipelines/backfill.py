"""``make run DRAWING=all``: every drawing class, a run for each partition, all under one Dagster backfill.

Belongs here: which partitions are up to date, running the others, and saying what became of each. One that fails does not keep the
rest from being made.

Dagster's own backfills are launched by its daemon, which need not run here. So the runs are executed as any other of `launch` is,
with the tag of a backfill, whose record is written beside them as ``dagster job backfill`` does: the UI shows them together.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemotePartitionSetOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import BACKFILL_ID_TAG
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_backfill_id

from assets import drawings
from fullcircle.core.progress import duration
from fullcircle.drawings import drawing_class
from fullcircle.store.code_version import code_with
from fullcircle.store.hashing import canonical_json
from fullcircle.store.objects import Store
from pipelines.config import part_of
from pipelines.launch import Launch, run

LOCATION = "full_circle"
"""What workspace.yaml calls this code."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one class: "made", "up to date", "refused" or "failed", and what is to be said of it."""

    partition: str
    became: str
    says: str = ""

    @property
    def good(self) -> bool:
        return self.became in ("made", "up to date")


def missing(store: Store, what: Launch) -> str | None:
    """The first thing that a launch would make anew: an asset of its partition that is not there, or was made otherwise.

    Up to date is what was made by this code with these settings from what is the latest, as the ledger has it.
    """
    latest = store.ledger.latest_of_all()
    drawing = drawing_class(what.partition, store.root)
    for asset in drawings.ASSETS:
        settings = _told(getattr(what.settings, part_of(type(what.settings), asset.op.name)).as_dict())
        for spec in asset.specs:
            name = spec.key.to_user_string()
            entry = latest.get((name, what.partition))
            if entry is None or not store.path_of(entry["version"]).is_dir():
                return f"{name} is missing"
            if _told(entry["config"]) != settings:
                return f"{name} was made with other settings"
            assert spec.code_version is not None
            if entry["code_version"] not in (spec.code_version, code_with(spec.code_version, drawing)):
                return f"{name} was made by other code"
            for other, version in entry["read"].items():
                if latest[other, what.partition]["version"] != version:
                    return f"{name} was made from another version of {other}"
    return None


def _told(settings: Mapping[str, Any]) -> bytes:
    """What decides what is made: all settings but the number of workers."""
    return canonical_json({name: value for name, value in settings.items() if name != "workers"})


def run_all(names: Sequence[str], launch_of: Callable[[str], Launch], store: Store) -> list[Outcome]:
    """Run the whole circle for each class that is not up to date; as many at once as the pool of trainings allows.

    Args:
        names: partitions.
        launch_of: what to launch for one; raises ValueError where it is refused.
        store: whose ledger says what is up to date.
    """
    outcomes: dict[str, Outcome] = {}
    launches: dict[str, Launch] = {}
    for name in names:
        try:
            launch = launch_of(name)
            why = missing(store, launch)
        except ValueError as error:
            outcomes[name] = Outcome(name, "refused", str(error))
            print(f"{name}: refused. {error}", flush=True)
            continue
        if why is None:
            outcomes[name] = Outcome(name, "up to date")
            print(f"{name}: up to date, not run again", flush=True)
        else:
            launches[name] = launch
            print(f"{name}: to be run, for {why}", flush=True)
    if launches:
        outcomes |= {o.partition: o for o in _backfill(list(launches.values()))}
    return [outcomes[name] for name in names]


def _backfill(launches: Sequence[Launch]) -> list[Outcome]:
    began = time.time()
    job = f"{launches[0].job}_{launches[0].profile.name}"
    with dg.DagsterInstance.get() as instance:
        # All runs are asked for; how they ended is entered when they have. The status "requested" would ask the daemon for them.
        record = PartitionBackfill(
            make_new_backfill_id(),
            BulkActionStatus.COMPLETED,
            from_failure=False,
            tags={"profile": launches[0].profile.name},
            backfill_timestamp=began,
            title="make run DRAWING=all",
            partition_set_origin=_partition_set(job),
            partition_names=[launch.partition for launch in launches],
        )
        instance.add_backfill(record)
        status = BulkActionStatus.CANCELED
        pool = ThreadPoolExecutor(trainings(instance))
        try:
            tags = {BACKFILL_ID_TAG: record.backfill_id}
            outcomes = list(pool.map(lambda launch: _run(launch, tags), launches))
            good = all(outcome.good for outcome in outcomes)
            status = BulkActionStatus.COMPLETED_SUCCESS if good else BulkActionStatus.COMPLETED_FAILED
            return outcomes
        finally:
            pool.shutdown(cancel_futures=True)
            instance.update_backfill(record.with_status(status).with_end_timestamp(time.time()))


def _run(launch: Launch, tags: Mapping[str, str]) -> Outcome:
    began = time.monotonic()
    success, failures, log = run(launch, tags, f"{launch.partition}: ")
    if success:
        return Outcome(launch.partition, "made", f"in {duration(time.monotonic() - began)}")
    return Outcome(
        launch.partition, "failed", f"{'; '.join(failures) or 'The process ended before it could say why.'} Log: {log}"
    )


def trainings(instance: dg.DagsterInstance) -> int:
    """How many trainings may run at once on this instance, the limit of the pool `TRAINING_POOL`: that many runs pay."""
    limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    return max(1, limits.get(drawings.TRAINING_POOL, instance.global_op_concurrency_default_limit or 1))


def _partition_set(job: str) -> RemotePartitionSetOrigin:
    """What the UI knows a job's partitions by."""
    target = LoadableTargetOrigin(module_name="pipelines.definitions", working_directory=".")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    repository = RemoteRepositoryOrigin(location, "__repository__")
    return RemotePartitionSetOrigin(repository_origin=repository, partition_set_name=f"{job}_partition_set")


def summary(outcomes: Sequence[Outcome]) -> str:
    """A line per class."""
    width = max(len(o.partition) for o in outcomes)
    return "\n".join(f"  {o.partition:<{width}}  {o.became:<10}  {o.says}".rstrip() for o in outcomes)
