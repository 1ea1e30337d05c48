"""OpenLineage's events from records of the ledger.

Belongs here: what of a record goes into which facet. A materialisation is a run of the job that is named like what it makes; a
check is a run of a job of its own, for OpenLineage has the outcome of a check as a facet of what it read.
Does not belong here: where events go (`openlineage`).

All of it comes from the ledger, the objects and the code's docstrings; nothing from the clock, chance or the environment. So the
same ledger gives the same events, and a server that is sent them twice has them once.
"""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    JobFacet,
    RunFacet,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    documentation_job,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    processing_engine_run,
    schema_dataset,
    source_code_location_job,
)

from fullcircle.checks.guards import GUARDS
from fullcircle.exports.records import Line, time_in_iso
from fullcircle.lineage.history import History
from fullcircle.lineage.steps import step_of
from fullcircle.lineage.tree import all_inputs
from fullcircle.reports.columns import column_description
from fullcircle.steps.step import WHOLE
from fullcircle.store.ledger_records import Record
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader

VERSION = importlib.metadata.version("fullcircle")
"""Of this program."""

PRODUCER = f"urn:fullcircle:{VERSION}"
"""Who makes the events, as a URI."""

NAMESPACE = "fullcircle"
"""Of jobs and datasets, unless another is named."""

DAGSTER_RUN = "dagster"
"""What stands for the name of the Dagster job of a run, which the ledger does not have."""

RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:fullcircle:run")
"""Namespace of the ids of runs."""

NO_HISTORY = History(())
"""The version of an input is in the record of its reader; which record made it, no event says."""


@attr.define
class RecordRunFacet(RunFacet):
    """The record itself: settings, seed, code, libraries, machine, who asked.

    Attributes:
        line: of the ledger, counted from 1.
        leaf: the line's hash in the ledger's Merkle tree.
        record: all of it.
    """

    line: int
    leaf: str
    record: dict[str, Any]

    @staticmethod
    def _get_schema() -> str:
        return "urn:fullcircle:ledger.schema.json"  # docs/ledger.schema.json


def events(store: Store, lines: Iterable[Line], namespace: str = NAMESPACE) -> Iterator[RunEvent]:
    """The events of records, two for each.

    Args:
        store: whose objects are looked into, for columns and for the models of a decision.
        lines: materialisations and checks.
        namespace: of jobs and datasets.

    Yields:
        START, and COMPLETE, or FAIL of a blocking check that did not pass. The ledger has one time of each: both events have it.
    """
    for line in lines:
        yield from _check(line, namespace) if line.is_check else _materialization(store, line, namespace)


def dataset_name(asset: str, partition: str) -> str:
    """``drawings/encoder/line``."""
    return asset if partition == WHOLE else f"{asset}/{partition}"


def _materialization(store: Store, line: Line, namespace: str) -> Iterator[RunEvent]:
    made, record = line.made, line.record
    name = dataset_name(made.asset, made.partition)
    step = step_of(made.asset)
    job = _job(namespace, name, "MATERIALIZATION", record, None if step is None else step.function)
    inputs = [
        InputDataset(
            namespace,
            of.asset if of.outside else dataset_name(of.asset, of.partition),
            facets={"version": _version(of.version)},
        )
        for of in all_inputs(store, NO_HISTORY, made)
    ]
    facets: dict[str, DatasetFacet] = {"version": _version(made.version)}
    if fields := _columns(store, made.version):
        facets["schema"] = schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER)
    output = OutputDataset(namespace, name, facets=facets, outputFacets=_statistics(record))
    yield _event(RunState.START, line, job, {}, inputs, [])
    yield _event(RunState.COMPLETE, line, job, {"fullcircle_record": _record(line)}, inputs, [output])


def _check(line: Line, namespace: str) -> Iterator[RunEvent]:
    record = line.record
    name = dataset_name(record["asset"], record["partition"])
    job = _job(namespace, f"{name}.{record['check']}", "CHECK", record, _rules().get((record["asset"], record["check"])))
    assertion = data_quality_assertions_dataset.Assertion(
        assertion=record["check"],
        success=record["passed"],
        severity="error" if record["blocking"] else "warn",
        name=record["check"],
        description=record["description"],
        params=None,
    )
    assertions = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet([assertion], producer=PRODUCER)
    looked_at = InputDataset(namespace, name, facets={"version": _version(record["version"])})
    found = attr.evolve(looked_at, inputFacets={"dataQualityAssertions": assertions})
    facets: dict[str, RunFacet] = {"fullcircle_record": _record(line)}
    state = RunState.COMPLETE
    if record["blocking"] and not record["passed"]:
        state = RunState.FAIL
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(record["description"], "Python", producer=PRODUCER)
    yield _event(RunState.START, line, job, {}, [looked_at], [])
    yield _event(state, line, job, facets, [found], [])


def _event(
    state: RunState,
    line: Line,
    job: Job,
    facets: dict[str, RunFacet],
    inputs: list[InputDataset],
    outputs: list[OutputDataset],
) -> RunEvent:
    run = Run(str(uuid.uuid5(RUNS, line.leaf)), _run_facets(line.record, job.namespace) | facets)
    return RunEvent(
        eventTime=time_in_iso(line.time), producer=PRODUCER, eventType=state, run=run, job=job, inputs=inputs, outputs=outputs
    )


def _run_facets(record: Record, namespace: str) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {}
    # Of what a person decided there is no run.
    if (run_id := _uuid(record["run_id"])) is not None:
        facets["parent"] = parent_run.ParentRunFacet(
            parent_run.Run(run_id), parent_run.Job(namespace, DAGSTER_RUN), producer=PRODUCER
        )
    commit = record.get("commit") or {}
    if (engine := commit.get("hash") or record.get("code_version")) is not None:
        facets["processing_engine"] = processing_engine_run.ProcessingEngineRunFacet(
            str(engine), "Full Circle", VERSION, producer=PRODUCER
        )
    return facets


def _job(namespace: str, name: str, kind: str, record: Record, function: Any) -> Job:
    facets: dict[str, JobFacet] = {
        "jobType": job_type_job.JobTypeJobFacet("BATCH", "FULL_CIRCLE", jobType=kind, producer=PRODUCER)
    }
    if function is not None and (about := inspect.getdoc(function)):
        first = about.partition("\n\n")[0].replace("\n", " ")
        facets["documentation"] = documentation_job.DocumentationJobFacet(first, producer=PRODUCER)
    commit = (record.get("commit") or {}).get("hash")
    if isinstance(commit, str):
        # The ledger has no address of a repository. A URI that names the commit, wherever it lies, is one that is always true.
        facets["sourceCodeLocation"] = source_code_location_job.SourceCodeLocationJobFacet(
            "git",
            f"gitoid:commit:{'sha1' if len(commit) == 40 else 'sha256'}:{commit}",
            path=None if function is None else f"{function.__module__.replace('.', '/')}.py",
            version=commit,
            producer=PRODUCER,
        )
    return Job(namespace, name, facets)


def _record(line: Line) -> RecordRunFacet:
    return RecordRunFacet(line.number, line.leaf, line.record, producer=PRODUCER)


def _version(version: str) -> DatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(version, producer=PRODUCER)


def _statistics(record: Record) -> dict[str, Any]:
    files, tables = record.get("files"), record.get("tables", {})
    if files is None:
        return {}
    rows = [table.get("rows") for table in tables.values()]
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=rows[0] if len(rows) == 1 else None, fileCount=len(files), producer=PRODUCER
    )
    return {"outputStatistics": statistics}


def _columns(store: Store, version: str) -> list[schema_dataset.SchemaDatasetFacetFields]:
    """The columns of an object's table; of several tables, a field each with its columns in it. Of what is not there, none."""
    found = {}
    try:
        for path in sorted(store.path_of(version).glob("*.parquet")):
            found[path.name] = _fields(TableReader(path))
    except (OSError, ValueError):  # pruned meanwhile, or damaged: `verify` says so, an export says what can be read
        return []
    if len(found) == 1:
        return next(iter(found.values()))
    return [schema_dataset.SchemaDatasetFacetFields(name, "table", fields=fields) for name, fields in found.items()]


def _fields(table: TableReader) -> list[schema_dataset.SchemaDatasetFacetFields]:
    return [
        schema_dataset.SchemaDatasetFacetFields(
            field.name, str(field.type), column_description(field.name, table.about), ordinal_position=i, fields=None
        )
        for i, field in enumerate(table.schema, 1)
    ]


@functools.cache
def _rules() -> dict[tuple[str, str], Any]:
    """The function of each check, by asset and name."""
    return {
        (asset, rule.name): rule.function
        for guard in GUARDS
        for rule in guard.rules
        for asset in (guard.asset, *guard.together)
    }


def _uuid(text: str) -> str | None:
    """The id of a run, where it is one that Dagster gave."""
    try:
        return text if str(uuid.UUID(text)) == text else None
    except ValueError:
        return None
