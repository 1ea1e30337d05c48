"""``make run DRAWING=all``: every drawing class, a run for each partition.

Belongs here: running those that are not up to date, and saying what became of each. One that fails does not keep the
rest from being made.

Dagster's own backfills are launched by its daemon, which need not run here. So the runs are launched as any other of `launch` is,
with a tag that they share: the UI's list of runs shows them together by it.
"""

import dataclasses
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

import dagster as dg

from assets import drawings
from fullcircle.core.progress import duration
from fullcircle.store.objects import Store
from pipelines.interrupts import Interrupts
from pipelines.launch import LOOK_SECONDS, Launch, run, stale
from pipelines.tags import GROUP_TAG


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one class: "made", "up to date", "refused" or "failed", and a word on it."""

    partition: str
    became: str
    note: str = ""

    @property
    def good(self) -> bool:
        return self.became in ("made", "up to date")


def run_all(names: Sequence[str], launch_of: Callable[[str], Launch], store: Store, *, force: bool = False) -> list[Outcome]:
    """Make what is stale of each class; as many runs at once as the pool of trainings allows.

    Args:
        names: partitions.
        launch_of: what to launch for one; raises ValueError where it is refused.
        store: whose ledger says what is up to date.
        force: make everything again.
    """
    outcomes: dict[str, Outcome] = {}
    launches: dict[str, Launch] = {}
    for name in names:
        try:
            launch = launch_of(name)
            planned = stale(store, launch, force=force)
        except ValueError as error:
            outcomes[name] = Outcome(name, "refused", str(error))
            print(f"{name}: refused. {error}", flush=True)
            continue
        if not planned:
            outcomes[name] = Outcome(name, "up to date")
            print(f"{name}: up to date, not run again", flush=True)
        else:
            launches[name] = launch
            print(f"{name}: to be run, for {planned[0].reason}", flush=True)
    if launches:
        outcomes |= {o.partition: o for o in _run_each(list(launches.values()), force)}
    return [outcomes[name] for name in names]


def _run_each(launches: Sequence[Launch], force: bool) -> list[Outcome]:
    """As many at once as the pool allows; all are canceled when this is interrupted."""
    tags = {GROUP_TAG: f"drawings-{uuid.uuid4().hex[:8]}"}
    print(f"{len(launches)} runs, in the UI under the tag {GROUP_TAG}={tags[GROUP_TAG]}", flush=True)
    with dg.DagsterInstance.get() as instance:
        at_once = trainings(instance)
    stop = threading.Event()
    with Interrupts() as interrupts, ThreadPoolExecutor(at_once) as pool:
        runs = [pool.submit(_run, launch, tags, stop, force) for launch in launches]
        try:
            left: set[Future[Outcome]] = set(runs)
            while left and not interrupts.noted:  # signals reach only this thread
                done, left = wait(left, LOOK_SECONDS, FIRST_EXCEPTION)
                for run in done:
                    run.result()  # raises what it raised
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    if interrupts.noted:
        raise KeyboardInterrupt
    return [run.result() for run in runs]


def _run(launch: Launch, tags: Mapping[str, str], stop: threading.Event, force: bool) -> Outcome:
    began = time.monotonic()
    ended = run(launch, tags, f"{launch.partition}: ", stop, force=force)
    if ended is None:
        return Outcome(launch.partition, "up to date")
    if ended.succeeded:
        return Outcome(launch.partition, "made", f"in {duration(time.monotonic() - began)}")
    return Outcome(launch.partition, "failed", f"{'; '.join(ended.failures)} Log: {ended.log}")


def trainings(instance: dg.DagsterInstance) -> int:
    """How many trainings may run at once on this instance, the limit of the pool `TRAINING_POOL`: that many runs pay."""
    limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
    return max(1, limits.get(drawings.TRAINING_POOL, instance.global_op_concurrency_default_limit or 1))


def summary(outcomes: Sequence[Outcome]) -> str:
    """A line per class."""
    width = max(len(o.partition) for o in outcomes)
    return "\n".join(f"  {o.partition:<{width}}  {o.became:<10}  {o.note}".rstrip() for o in outcomes)
