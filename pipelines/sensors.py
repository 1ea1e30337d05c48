"""Sensors: what is done when something arrives or changes. Off until someone turns them on.

Belongs here: ticks, cursors, and which runs a tick asks for. What is new in a place is in `watching`, what is drift in `drifting`;
where to look and how often is in the file that `retraining` reads: the seconds as the code is loaded, the rest at each tick.

What was made of what is on record in the store, not in a cursor: that only holds what the last tick saw, so that a file is taken
for whole when its size and time are the same in two ticks. A tick that fails leaves the cursor as it was, and the next one
finds the same; what is already being made is not asked for again, and what failed is asked for `ATTEMPTS` times.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.core.settings import LARGEST_SEED, SettingsError
from fullcircle.drawings import known_drawings
from fullcircle.evaluation.drift import FEWEST, level_per_test
from fullcircle.reading.inbox import ASSET as INBOX
from fullcircle.steps.drawings import STEPS
from fullcircle.steps.inbox import STEP as INBOX_STEP
from fullcircle.steps.profiles import profile
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError
from pipelines.config import op_config, run_config
from pipelines.drifting import covering, tested, window_of
from pipelines.jobs import LEARN_DRAWING, READ_INBOX, REFRESH_PICTURES
from pipelines.retraining import DriftSettings, retraining, retraining_at_load
from pipelines.run_processes import UNDER_WAY, close_dead_runs, name_of
from pipelines.tags import ASKED_FOR_TAG, ASKED_TAG, BECAUSE_TAG, UNATTENDED
from pipelines.watching import champion_of, change_of, classes_in, mark, misplaced, named, new_in_inbox, refresh_of, watched

ATTEMPTS = 3
"""So many runs are asked for of the same pictures: one may be killed with the machine, three have another reason."""

EARLY = 0.9
"""A test of drift is made when so much of the time between two has passed: ticks come a little sooner or later."""

ENDED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS]

EXPECTED = (SettingsError, StoredObjectError, NothingMaterializedError)
"""What is amiss with one drawing class or picture source, in a sentence; the others of a tick are looked at all the same."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A run that is wanted.

    Attributes:
        job: its name.
        partition: drawing class or picture source.
        of: what it is of, as a hash; the same for the same.
        because: why, in a sentence.
        config: of the run.
        assets: keys of those that are made; none: all of the job.
    """

    job: str
    partition: str
    of: str
    because: str
    config: Mapping[str, Any]
    assets: Sequence[str] = ()


def request_of(instance: dg.DagsterInstance, sensor: str, wanted: Wanted) -> dg.RunRequest | str:
    """The request for a run; or why none is made now, in a sentence.

    None is made while one of the same job is at work on the same partition: it may be making just this, and two would both begin
    from what there is now. Runs whose processes were killed are closed first, or they would be waited for for ever.
    """
    of_partition = {PARTITION_TAG: wanted.partition}
    at_work = [dg.DagsterRunStatus.QUEUED, *UNDER_WAY]
    filters = dg.RunsFilter(job_name=wanted.job, tags=of_partition, statuses=at_work)
    if instance.get_runs(filters, limit=1):
        close_dead_runs(instance)
    if runs := instance.get_runs(filters, limit=1):
        return f"{wanted.because}; waiting for {name_of(runs[0])}"
    tags = {**of_partition, ASKED_FOR_TAG: wanted.of}
    before = instance.get_runs(dg.RunsFilter(job_name=wanted.job, tags=tags, statuses=ENDED), limit=ATTEMPTS)
    if len(before) == ATTEMPTS:
        return (
            f"{wanted.because}; {ATTEMPTS} runs did not make it, {name_of(before[0])} was the last. See why, and execute it again; "
            "it is asked for anew when something else changes"
        )
    return dg.RunRequest(
        run_key=f"{wanted.of} {len(before) + 1}",
        run_config=dict(wanted.config),
        tags={**tags, **UNATTENDED, ASKED_TAG: f"sensor {sensor}", BECAUSE_TAG: wanted.because},
        asset_selection=[dg.AssetKey(asset.split("/")) for asset in wanted.assets] or None,
    )


@dataclasses.dataclass(frozen=True)
class Found:
    """What a tick found.

    Attributes:
        wanted: runs.
        notes: what else is to be known, in sentences.
        cursor: what the next tick is to know, as plain data.
    """

    wanted: Sequence[Wanted]
    notes: Sequence[str]
    cursor: Mapping[str, Any]


def result_of(context: dg.SensorEvaluationContext, sensor: str, found: Found) -> dg.SensorResult:
    """What a tick returns: its requests, or a sentence for each thing that waits or is amiss."""
    requests, notes = [], list(found.notes)
    for wanted in found.wanted:
        request = request_of(context.instance, sensor, wanted)
        if isinstance(request, str):
            notes.append(request)
        else:
            context.log.info(wanted.because)
            requests.append(request)
    cursor = json.dumps(found.cursor, sort_keys=True)
    if requests:  # then Dagster takes no other message than the log's
        for note in notes:
            context.log.info(note)
        return dg.SensorResult(run_requests=requests, cursor=cursor)
    return dg.SensorResult(skip_reason=". ".join(notes) or "Nothing new.", cursor=cursor)


def look_at_folders(store: Store, names: Sequence[str], before: Mapping[str, Any]) -> Found:
    """Which picture sources are to be made again, because their folder changed and is as it was in the last tick.

    Args:
        store: whose register and ledger.
        names: of sources; none: all that are folders.
        before: the cursor.

    Raises:
        SettingsError: when one that is named is not a registered folder.
    """
    wanted, notes, cursor = [], [], {}
    for name, source in watched(store, names).items():
        try:
            change = change_of(store, name, source)
            if change is None:
                continue
            cursor[name] = change.state
            if before.get(name) != change.state:
                notes.append(f"{change.sentence}. It is made again when it stays like that until the next tick")
                continue
            assets, config = refresh_of(store, name)
            of = mark(name, change.state, change.since)
            wanted.append(Wanted(REFRESH_PICTURES, name, of, change.sentence, config, assets))
        except EXPECTED as error:
            notes.append(str(error))
    return Found(wanted, notes, cursor)


def look_at_inbox(store: Store, folder: str, before: Mapping[str, Any]) -> Found:
    """Of which drawing classes there are new pictures in the inbox, that are as they were in the last tick.

    Args:
        store: whose registers and ledger.
        folder: the inbox.
        before: the cursor.

    Raises:
        SettingsError: when a register cannot be read.
    """
    wanted, notes, cursor = [], misplaced(folder, known_drawings(store.root)), {}
    for name in classes_in(folder, store):
        try:
            new = new_in_inbox(store, folder, name)
            if not new:
                continue
            cursor[name] = sorted(new.values())
            whole = [file for file, seen in new.items() if seen in before.get(name, ())]
            if not whole:
                notes.append(f"{name}: {len(new)} new, {named(list(new))}; read when they stay as they are until the next tick")
                continue
            because = f"{name}: {len(whole)} new, {named(whole)}"
            champion = champion_of(store, name)
            if not champion:
                notes.append(f"{because}; there is no champion to read them. Train one with: make run DRAWING={name}")
                continue
            of = mark(name, champion, *(new[file] for file in whole))
            config = {"ops": op_config(INBOX_STEP, INBOX_STEP.settings(folder=folder))}  # type: ignore[call-arg]
            wanted.append(Wanted(READ_INBOX, name, of, because, config))
        except EXPECTED as error:
            notes.append(f"{name}: {error}")
    return Found(wanted, notes, cursor)


def look_at_drift(store: Store, settings: DriftSettings, before: Mapping[str, Any], now: float) -> Found:
    """Of which drawing classes the last readings in the inbox are of another kind than those of test.

    A test is made where something was read since the last one, and not sooner than the settings ask: the level of one follows
    from how many there may be in a year. After an alarm only what is read later counts, so no picture raises two.

    Args:
        store: has the record of the inbox, the champions, and their readings of test.
        settings: of drift.
        before: the cursor: by class how many readings there were at the last test, when that was, and the first that counts.
        now: seconds since the epoch.
    """
    level = level_per_test(settings.false_alarms_per_year, settings.seconds)
    wanted, notes, cursor = [], [], {}
    for name in known_drawings(store.root):
        if store.ledger.latest(INBOX, name) is None:
            continue
        known = cursor[name] = {"end": 0, "at": 0.0, "first": 0, **before.get(name, {})}
        try:
            window = window_of(store, name, known["first"], settings.window)
            if window.end < known["end"]:  # the record was begun anew
                known |= {"end": 0, "first": 0}
                window = window_of(store, name, 0, settings.window)
            if window.end == known["end"] or 0 <= now - known["at"] < EARLY * settings.seconds:
                continue
            if window.pictures < FEWEST:
                notes.append(f"{name}: {window.pictures} readings by the champion so far, at least {FEWEST} are compared")
                continue
            drift = tested(store, name, window, level)
            known |= {"end": window.end, "at": now}
            if not drift.alarm:
                notes.append(f"{name}: {drift.sentence}")
                continue
            known["first"] = window.end
            wider = covering(store, name, window)
            because = f"{name}: {drift.sentence} {wider.sentence}"
            if settings.retrain and wider.overrides:
                of = mark(name, window.champion, window.end)
                config = drift_config(settings.profile, wider.overrides, int(of, 16) % (LARGEST_SEED + 1))
                wanted.append(Wanted(LEARN_DRAWING, name, of, because, config))
            elif settings.retrain:
                notes.append(f"{because} To train again on the same kind of examples is no remedy: look at what arrives")
            else:
                notes.append(because)
        except (*EXPECTED, ValueError) as error:  # the latter: test pictures that cannot be compared with
            notes.append(f"{name}: {error}")
    return Found(wanted, notes, cursor)


def drift_config(name: str, overrides: Mapping[str, Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """The run configuration of a retraining after drift: a profile, with examples that cover what was seen, and a fresh seed."""
    settings = profile(name).settings.replaced(overrides)
    return run_config(settings.replaced({part: {"seed": seed} for part in ("examples", "decoder", "encoder")}), STEPS)


def _sensor(name: str, job: str, look: Callable[[Store, Mapping[str, Any]], Found], description: str) -> dg.SensorDefinition:
    @dg.sensor(
        name=name,
        job_name=job,
        minimum_interval_seconds=getattr(retraining_at_load(), name).seconds,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=description,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = json.loads(context.cursor) if context.cursor else {}
        return result_of(context, name, look(Store(default_store()), before))

    return sensor


SENSORS = [
    _sensor(
        "watched_folders",
        REFRESH_PICTURES,
        lambda store, before: look_at_folders(store, retraining().watched_folders.names, before),
        "Make a picture source again, with the models that were trained on it, when pictures in its folder are new or changed.",
    ),
    _sensor(
        "inbox",
        READ_INBOX,
        lambda store, before: look_at_inbox(store, retraining().inbox.folder, before),
        "Read the pictures that arrive in the inbox of a drawing class by its champion.",
    ),
    _sensor(
        "drift",
        LEARN_DRAWING,
        lambda store, before: look_at_drift(store, retraining().drift, before, time.time()),
        "Train a drawing class again when its champion reads what arrives worse than it read its test pictures.",
    ),
]
