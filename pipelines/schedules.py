"""Schedules: when classes are trained again, when all is tried, when the store is audited. Off until someone turns them on.

Belongs here: which runs a tick asks for, and with which seed. When and what is in the file that `retraining` reads: cron and time
zone as the code is loaded, the rest at each tick.

One run per drawing class and tick. The runs of a tick share a seed that follows from the schedule's name and the scheduled time
alone, so a tick that is evaluated again asks for the same; its run keys see to it that no run is made twice. Of several ticks
that were missed, as while the machine was off, Dagster makes up the last one only.
"""

import datetime
import shlex
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import dagster as dg

from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.drawings import known_drawings
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.profiles import profile
from fullcircle.store.objects import Store
from pipelines import smoke
from pipelines.config import run_config
from pipelines.jobs import AUDIT, LEARN_DRAWING, SMOKE_TEST
from pipelines.request import overrides_of
from pipelines.retraining import ScheduleSettings, retraining, retraining_at_load
from pipelines.tags import ASKED_TAG, SEED_TAG, UNATTENDED

WEEKLY_RETRAINING, NIGHTLY_SMOKE, NIGHTLY_AUDIT = "weekly_retraining", "nightly_smoke", "nightly_audit"

AUDIT_CRON = "30 4 * * *"
"""When the audit runs, UTC: after the others have begun, at an hour at which nobody minds that all is hashed."""

NOTHING = (
    "No drawing class was trained before, so there is none to train again. Train one with: make run DRAWING=line, or name "
    'classes in retraining.toml: drawings = "line,arc" under [{name}].'
)


def seed_of(schedule: str, scheduled: datetime.datetime) -> int:
    """The seed of a tick, from the schedule's name and the scheduled time, in [0, 2**32)."""
    text = f"{schedule} {_utc(scheduled)}"
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big")


def trained_classes(store: Store) -> list[str]:
    """The drawing classes of which there is an encoder, in the order of the list, those that are no longer known left out."""
    made = {partition for asset, partition in store.ledger.latest_of_all(unverified=True) if asset == "drawings/encoder"}
    return [name for name in known_drawings(store.root) if name in made]


def weekly_config(settings: ScheduleSettings, seed: int) -> dict[str, Any]:
    """The run configuration of a retraining: the profile's, with the settings that differ, and the seed of the tick."""
    whole = profile(settings.profile).settings.replaced(overrides_of(shlex.split(settings.settings)))
    return run_config(whole.replaced({part: {"seed": seed} for part in ("examples", "decoder", "encoder")}), STEPS)


def smoke_config(settings: ScheduleSettings, seed: int) -> dict[str, Any]:
    """The run configuration of a smoke test."""
    return {"ops": {smoke.OP: {"config": {"seed": seed}}}}


def requests_of(
    schedule: str,
    scheduled: datetime.datetime,
    names: Iterable[str],
    config: dict[str, Any],
    seed: int,
    tags: dict[str, str],
) -> list[dg.RunRequest]:
    """A request per drawing class."""
    # The partition is a tag here: `partition_key` would be held against the classes that were known as the code was loaded,
    # and one that was registered since would fail the tick for all. `run_coordinator` holds it against those that are known now.
    own = {**tags, **UNATTENDED, ASKED_TAG: f"schedule {schedule}", SEED_TAG: str(seed)}
    return [
        dg.RunRequest(run_key=f"{schedule} {_utc(scheduled)} {name}", run_config=config, tags=own | {PARTITION_TAG: name})
        for name in names
    ]


def _utc(scheduled: datetime.datetime) -> str:
    return scheduled.astimezone(datetime.UTC).isoformat(timespec="seconds")


def _names(schedule: str, settings: ScheduleSettings, store: Store) -> list[str]:
    """The classes of a tick.

    Raises:
        SettingsError: when one is named that is not known.
    """
    known = known_drawings(store.root)
    for name in settings.names:
        if name not in known:
            raise SettingsError(unknown_name(f"drawing class in {schedule}.drawings", name, known))
    return settings.names or trained_classes(store)


def _schedule(
    name: str, job: str, configured: Callable[[ScheduleSettings, int], dict[str, Any]], description: str
) -> dg.ScheduleDefinition:
    at_load: ScheduleSettings = getattr(retraining_at_load(), name)

    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=at_load.cron,
        execution_timezone=at_load.time_zone,
        description=description,
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        settings: ScheduleSettings = getattr(retraining(), name)
        scheduled = context.scheduled_execution_time
        seed = seed_of(name, scheduled)
        names = _names(name, settings, Store(default_store()))
        if not names:
            return dg.SkipReason(NOTHING.format(name=name))
        tags = {"profile": settings.profile} if job == LEARN_DRAWING else {}
        return requests_of(name, scheduled, names, configured(settings, seed), seed, tags)

    return schedule


SCHEDULES = [
    _schedule(
        WEEKLY_RETRAINING,
        LEARN_DRAWING,
        weekly_config,
        "Train drawing classes again with a fresh seed; what is trained becomes champion only where it is not worse.",
    ),
    _schedule(
        NIGHTLY_SMOKE,
        SMOKE_TEST,
        smoke_config,
        "Make everything of each drawing class once at the smallest size, in a temporary store, to see that it still runs.",
    ),
    dg.ScheduleDefinition(
        NIGHTLY_AUDIT,
        job_name=AUDIT,
        cron_schedule=AUDIT_CRON,
        tags={**UNATTENDED, ASKED_TAG: f"schedule {NIGHTLY_AUDIT}"},
        description="Hold the whole store against its ledger; a check fails when anything is wrong.",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    ),
]
