"""``python -m pipelines.prune``: what nothing needs any more, in the store and in Dagster's history, and removing it.

Belongs here: which runs are retained, and removing the others with all that they left in DAGSTER_HOME.
Does not belong here: which objects are kept (`fullcircle.store.prune`).

Retained are, of each job and partition, the latest runs, and every run that holds the latest materialisation, observation or check
outcome of an asset's partition, which Dagster would forget with it: what the UI shows of assets stays as it is. The objects of
retained runs are kept.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType

from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import size
from fullcircle.core.settings import SettingsError
from fullcircle.store.ledger import LedgerError, StoreError
from fullcircle.store.objects import Store, StoredObjectError
from fullcircle.store.prune import KEEP, prune
from pipelines.make_run_lock import AtWorkError, only_one
from pipelines.run import refused
from pipelines.run_processes import UNDER_WAY, is_dead, name_of
from pipelines.tags import LAUNCH_TAG

FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

HELD = {
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}
"""Events whose latest Dagster shows of an asset."""


class ActiveRunsError(RuntimeError):
    """Runs are under way. The message names them."""


@dataclasses.dataclass(frozen=True)
class History:
    """What of Dagster's history stays, and what goes.

    Attributes:
        retained: ids of the runs that stay.
        old: the runs that go.
        files: what they left in DAGSTER_HOME, and logs of launches that have no run any more.
    """

    retained: frozenset[str]
    old: Sequence[dg.DagsterRun]
    files: Sequence[Path]

    @property
    def bytes(self) -> int:
        """Of these files."""
        return sum(file.lstat().st_size for file in self.files if file.exists())


def refuse_active(instance: dg.DagsterInstance) -> None:
    """Refuse to go on while a run is under way or waits for its turn; one whose processes are gone is neither.

    Raises:
        ActiveRunsError: naming those runs.
    """
    statuses = [*UNDER_WAY, dg.DagsterRunStatus.QUEUED]
    records = instance.get_run_records(dg.RunsFilter(statuses=statuses))
    active = [
        record.dagster_run
        for record in records
        if record.dagster_run.status == dg.DagsterRunStatus.QUEUED or not is_dead(instance, record)
    ]
    if active:
        raise ActiveRunsError(
            f"Nothing was removed: {', '.join(map(name_of, active))} {'is' if len(active) == 1 else 'are'} under way. Run again "
            "afterwards, or cancel what is not to go on: make ui"
        )


def history(instance: dg.DagsterInstance, home: Path, keep: int) -> History:
    """What goes when the latest runs are retained, so many of each job and partition.

    Args:
        instance: of the folder.
        home: DAGSTER_HOME.
        keep: runs of each job and partition.
    """
    runs = [record.dagster_run for record in instance.get_run_records()]  # the newest first
    retained = {run.run_id for run in runs if run.status not in FINISHED} | _holders(instance, runs)
    seen: dict[tuple[str, str | None], int] = {}
    for run in runs:
        of = run.job_name, run.tags.get(PARTITION_TAG)
        seen[of] = seen.get(of, 0) + 1
        if seen[of] <= keep:
            retained.add(run.run_id)
    old = [run for run in runs if run.run_id not in retained]
    launches = {run.tags.get(LAUNCH_TAG) for run in runs if run.run_id in retained}
    logs = [path for path in sorted((home / "launches").glob("*.log")) if path.stem not in launches]
    files = [file for run in old for file in (*_shards(home, run.run_id), *_output(home, run.run_id))]
    return History(frozenset(retained), old, [*files, *logs])


def _holders(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> set[str]:
    """The runs that hold the latest event of an asset's partition: by time, and by the order of runs, for clocks are set back."""
    by_order: dict[tuple[str, ...], str] = {}
    by_time: dict[tuple[str, ...], tuple[float, str]] = {}
    for run in runs:
        for entry in instance.all_logs(run.run_id, of_type=HELD):
            event = entry.dagster_event
            assert event is not None
            evaluation = (
                event.asset_check_evaluation_data if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION else None
            )
            key, partition = (evaluation or event).asset_key, (evaluation or event).partition or run.tags.get(PARTITION_TAG)
            subject = event.event_type_value, str(key), str(partition), evaluation.check_name if evaluation else ""
            by_order.setdefault(subject, run.run_id)
            by_time[subject] = max(by_time.get(subject, (0.0, "")), (entry.timestamp, run.run_id))
    return {*by_order.values(), *(run_id for _, run_id in by_time.values())}


def _shards(home: Path, run_id: str) -> list[Path]:
    """The SQLite file of a run's events: Dagster empties it and lets it lie, as large as it was."""
    return sorted((home / "history" / "runs").glob(f"{run_id}.db*"))


def _output(home: Path, run_id: str) -> list[Path]:
    """What the run's steps printed."""
    return [path for path in (home / "storage" / run_id).rglob("*") if path.is_file()]


def delete(instance: dg.DagsterInstance, home: Path, what: History) -> None:
    """Remove runs from the history, with their events, what they printed, and the logs of their launches."""
    for run in what.old:
        instance.delete_run(run.run_id)
        instance.compute_log_manager.delete_logs(prefix=[run.run_id])
        for shard in _shards(home, run.run_id):
            shard.unlink(missing_ok=True)
    for file in what.files:
        file.unlink(missing_ok=True)


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(prog="python -m pipelines.prune", description=__doc__)
    made.add_argument(
        "--keep",
        type=int,
        default=KEEP,
        metavar="N",
        help="versions of each asset and partition, and runs of each job and partition (default: %(default)s)",
    )
    made.add_argument("--delete", action="store_true", help="remove it (default: only say what would be removed)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Look, print, and remove where that is asked for; returns the exit code."""
    arguments = parser().parse_args(argv)
    if not os.environ.get("DAGSTER_HOME"):
        print("DAGSTER_HOME is expected to name a folder with dagster.yaml; make prune sets it.", file=sys.stderr)
        return 2
    home, store = Path(os.environ["DAGSTER_HOME"]), Store(default_store())
    try:
        with dg.DagsterInstance.get() as instance:
            if arguments.delete:
                with only_one(home, wait=False):  # a make run that comes waits
                    refuse_active(instance)
                    _prune(instance, home, store, arguments.keep, remove=True)
            else:
                _prune(instance, home, store, arguments.keep, remove=False)
                print("\nNothing was removed. To remove it: make prune DELETE=1")
    except (ActiveRunsError, AtWorkError, SettingsError, StoreError, StoredObjectError, LedgerError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except Exception as error:
        if (why := refused(error)) is None:
            raise
        print(f"Stopped. {why}", file=sys.stderr)
        return 1
    return 0


def _prune(instance: dg.DagsterInstance, home: Path, store: Store, keep: int, *, remove: bool) -> None:
    of_history = history(instance, home, keep)
    taken = of_history.bytes
    # The store first: cut off in between, there are runs whose objects are gone, which the next call removes.
    pruned = prune(store, keep, of_history.retained, delete=remove)
    if remove:
        delete(instance, home, of_history)
    print(f"The store {store.root}, the latest {keep} of each asset and partition kept:\n{pruned.text()}")
    print(
        f"\nDagster's history {home}, the latest {keep} of each job and partition kept:\n"
        f"{'removed' if remove else 'not needed'}: {len(of_history.old):,} of {len(of_history.old) + len(of_history.retained):,} "
        f"runs, {len(of_history.files):,} files, {size(taken)}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
