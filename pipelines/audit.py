"""``python -m pipelines.audit``: is the store as its ledger has it, and is Dagster's history?

Belongs here: Dagster's events and runs against the ledger, both ways. The store itself is verified by `fullcircle.lineage.verify`,
which does not know Dagster.

A step enters what it made into the ledger before Dagster has its event. So each event has a record of its run, and says the same:
data version, what was read, by which settings; and the run's own configuration and tags do. A record without an event is one of a
run that was deleted, or killed in that moment, or of a script: these are named, and are fine. Events are read twice: from the logs
of runs, and from the list that the UI shows of an asset.

Exit codes: 0 nothing is wrong, 1 something is, 2 it cannot be asked: there is no history that outlives its process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterEventType

from assets.from_steps import op_name
from assets.materialization import ASKED_TAG
from assets.partitions import PARTITION_TAG
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.core.settings import SettingsError
from fullcircle.lineage.findings import NOTE, Finding, wrong
from fullcircle.lineage.history import SHORT, History, Made, time_text
from fullcircle.lineage.steps import step_of
from fullcircle.lineage.verify import verify
from fullcircle.promotion.decide import BY_HAND
from fullcircle.steps.step import WHOLE
from fullcircle.store.ledger import LedgerError
from fullcircle.store.objects import Store
from fullcircle.store.recipe import differing_settings
from pipelines.run import refused

DATA_VERSION = "dagster/data_version"
"""The tag of an event with the data version; Dagster has no public name for it."""

PAGE = 100
"""Runs and events that are read at a time."""

NO_RECORD, OTHER, NO_EVENT, DELETED = "event without record", "event of other", "record without event", "deleted runs"

Key = tuple[str, str, str]
"""Run, asset and partition."""


class NoHistoryError(RuntimeError):
    """There is no history of Dagster to ask. The message says why and what to do."""


def instance_of(home: str | None) -> dg.DagsterInstance:
    """The instance of a folder.

    Args:
        home: DAGSTER_HOME.

    Raises:
        NoHistoryError: when it is not set, is no folder, or keeps nothing.
    """
    if not home:
        raise NoHistoryError(
            "DAGSTER_HOME is expected to name the folder that holds Dagster's history. Received: nothing, and then Dagster forgets "
            "every run when its process ends. make audit sets it."
        )
    if not Path(home).is_dir():
        raise NoHistoryError(f"DAGSTER_HOME is expected to name a folder. Received: {home!r}, which is none.")
    instance = dg.DagsterInstance.get()
    if instance.is_ephemeral:
        raise NoHistoryError(f"A history that outlives its process is expected. Received: an ephemeral instance in {home!r}.")
    return instance


def event_findings(instance: dg.DagsterInstance, store: Store) -> Iterator[Finding]:
    """Dagster's history against the ledger.

    Args:
        instance: whose events and runs.
        store: whose ledger.

    Raises:
        LedgerError: when a line of the ledger is no record.
    """
    # Events first: what a run makes meanwhile stands in the ledger, which is read after them, before its event is there.
    runs = {run.run_id: run for run in _runs(instance)}
    of_runs = {_key(event, runs): event for run_id in runs for event in _logged(instance, run_id)}
    of_assets = {_key(event, runs): event for event in _listed(instance)}
    records: dict[Key, list[Made]] = {}
    for made in History.of(store).made:
        records.setdefault((made.entry["run_id"], made.asset, made.partition), []).append(made)
    for source, events in (("the run's log", of_runs), ("the asset's list of events", of_assets)):
        for key, event in events.items():
            if source == "the run's log" or key not in of_runs or _stated(event) != _stated(of_runs[key]):
                yield from _event(event, key, records.get(key, []), source, store)
    yield from _configured(records, runs, store)
    yield from _without_events(records, runs, of_runs, store)


def _runs(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    cursor = None
    while page := instance.get_run_records(limit=PAGE, cursor=cursor):
        yield from (record.dagster_run for record in page)
        cursor = page[-1].dagster_run.run_id


def _logged(instance: dg.DagsterInstance, run_id: str) -> Iterable[dg.EventLogEntry]:
    return instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION)


def _listed(instance: dg.DagsterInstance) -> Iterator[dg.EventLogEntry]:
    for asset in instance.get_asset_keys():
        cursor = None
        while True:
            page = instance.fetch_materializations(asset, limit=PAGE, cursor=cursor)
            yield from (record.event_log_entry for record in page.records)
            cursor = page.cursor
            if not page.has_more:
                break


def _materialization(event: dg.EventLogEntry) -> dg.AssetMaterialization:
    found = event.asset_materialization
    assert found is not None
    return found


def _key(event: dg.EventLogEntry, runs: Mapping[str, dg.DagsterRun]) -> Key:
    made = _materialization(event)
    run = runs.get(event.run_id)
    partition = made.partition or (run.tags.get(PARTITION_TAG) if run is not None else None) or WHOLE
    return event.run_id, made.asset_key.to_user_string(), partition


def _stated(event: dg.EventLogEntry) -> dict[str, Any]:
    """What an event says, as the ledger names it."""
    made = _materialization(event)
    values = {name: made.metadata[name].value for name in ("config", "read", "code_version") if name in made.metadata}
    versions = {(made.tags or {}).get(DATA_VERSION)}
    if "hash" in made.metadata:
        versions.add(str(made.metadata["hash"].value))
    return {**values, "version": sorted(v for v in versions if v is not None)}


def _event(event: dg.EventLogEntry, key: Key, records: Sequence[Made], source: str, store: Store) -> Iterator[Finding]:
    run_id, asset, partition = key
    stated, where = _stated(event), f"{source}: run {run_id}, {asset} ({partition})"
    if not records:
        yield Finding(
            NO_RECORD,
            f"Dagster has an event of {asset} ({partition}) in run {run_id}. The ledger has no record of it.",
            where,
            time_text(event.timestamp),
            f"A record was removed from {store.ledger.path}, or the run wrote into another store (FULLCIRCLE_STORE)",
        )
        return
    # A step that was tried again may have made several.
    differences = min((list(_differences(stated, made)) for made in records), key=len)
    if differences:
        yield Finding(
            OTHER,
            f"{asset} ({partition}) of run {run_id}: {'; '.join(differences)}.",
            f"{where}; {store.ledger.path}, line {records[-1].line}",
            time_text(event.timestamp),
            "Dagster's database or the ledger was edited: compare both with copies",
        )


def _differences(stated: Mapping[str, Any], made: Made) -> Iterator[str]:
    for version in stated["version"]:
        if version != made.version:
            yield f"the event has version {version[:SHORT]}, the ledger {made.version[:SHORT]}"
    if "code_version" in stated and stated["code_version"] != made.entry.get("code_version", stated["code_version"]):
        yield f"the event has code version {stated['code_version']}, the ledger {made.entry['code_version']}"
    for name in ("config", "read"):
        if isinstance(stated.get(name), dict) and name in made.entry:
            for phrase in differing_settings(made.entry[name], stated[name]):
                yield f"{name} by the ledger and by the event: {phrase}"


def _configured(records: Mapping[Key, Sequence[Made]], runs: Mapping[str, dg.DagsterRun], store: Store) -> Iterator[Finding]:
    """The configuration and the tags that Dagster has of a run, against what its steps entered."""
    for (run_id, asset, partition), of_key in records.items():
        run, step = runs.get(run_id), step_of(asset)
        if run is None:
            continue
        made, differences = of_key[-1], []
        if step is not None and isinstance(run.run_config, dict):
            config = run.run_config.get("ops", {}).get(op_name(step), {}).get("config", {})
            given = config.get(step.part, {}) if len(step.makes) > 1 else config
            known = {name: value for name, value in given.items() if name in made.config}
            recorded = {name: made.config[name] for name in known}
            differences += [f"setting by the ledger and by the run: {phrase}" for phrase in differing_settings(recorded, known)]
        asked, recorded_asked = run.tags.get(ASKED_TAG), made.entry.get("asked_by")
        if asked != recorded_asked and recorded_asked is not None:
            differences.append(f"asked by {recorded_asked!r} by the ledger, by {asked!r} by the run's tags")
        if PARTITION_TAG in run.tags and partition not in (WHOLE, run.tags[PARTITION_TAG]):
            differences.append(f"partition {partition} by the ledger, {run.tags[PARTITION_TAG]} by the run's tags")
        if differences:
            yield Finding(
                OTHER,
                f"{asset} ({partition}) of run {run_id}: {'; '.join(differences)}.",
                f"run {run_id} in Dagster's database; {store.ledger.path}, line {made.line}",
                made.time,
                "Dagster's database or the ledger was edited: compare both with copies",
            )


def _without_events(
    records: Mapping[Key, Sequence[Made]],
    runs: Mapping[str, dg.DagsterRun],
    events: Mapping[Key, dg.EventLogEntry],
    store: Store,
) -> Iterator[Finding]:
    """Records whose event is not there: of runs that were deleted, all together; of others, each."""
    deleted = dict.fromkeys(key[0] for key in records if key[0] not in runs and key[0] != BY_HAND)
    if deleted:
        named = ", ".join(list(deleted)[:PAGE])
        yield Finding(
            DELETED,
            f"{len(deleted)} runs of the ledger are not in Dagster's history: {named}.",
            str(store.ledger.path),
            "",
            "Nothing, where they were deleted or pruned, or were scripts: the ledger is the record of them",
            NOTE,
        )
    for key, of_key in records.items():
        run = runs.get(key[0])
        if run is None or key in events:
            continue
        made = of_key[-1]
        good = run.status == dg.DagsterRunStatus.SUCCESS
        ended = "succeeded" if good else "did not succeed"
        yield Finding(
            NO_EVENT,
            f"The ledger has {made.name} of run {key[0]}, which {ended}. Dagster has no event.",
            f"{store.ledger.path}, line {made.line}",
            made.time,
            "The record was inserted, or the event was removed" if good else "Nothing: the run was cut off in that moment",
            *([] if good else [NOTE]),
        )


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    made = argparse.ArgumentParser(prog="python -m pipelines.audit", description=__doc__)
    made.add_argument(
        "--all", action="store_true", help="hash every version, not only what is served and what that was made from"
    )
    made.add_argument("--json", action="store_true", help="as JSON")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Audit the store and the history, print what was found; returns the exit code."""
    arguments = parser().parse_args(argv)
    store = Store(default_store())
    progress = Progress(lambda text: print(text, file=sys.stderr))
    try:
        with instance_of(os.environ.get("DAGSTER_HOME")) as instance:
            of_store = verify(store, everything=arguments.all, progress=progress)
            try:
                of_events = list(event_findings(instance, store))
            except LedgerError:
                of_events = []  # which line it is, verifying has found
    except (NoHistoryError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except Exception as error:
        if (why := refused(error)) is None:
            raise
        print(why, file=sys.stderr)
        return 2
    count = len(wrong(of_events))
    if arguments.json:
        print(json.dumps({"store": of_store.as_dict(), "history": [finding.as_dict() for finding in of_events]}, indent=1))
    else:
        print(f"The store {store.root}:\n\n{of_store.text()}\n\nDagster's history {os.environ['DAGSTER_HOME']}:\n")
        print("\n\n".join([*(finding.text() for finding in of_events), f"{count or 'Nothing'} wrong in it."]))
    return 1 if count or of_store.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
