"""What every asset says of what it made.

Belongs here: metadata and the ledger entry, alike for all assets. Dagster's own record of input versions is that of the latest
parent when the step starts, which need not be what was read; so what was read is recorded here, by hash.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from fullcircle.checks.guards import blocking_checks
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings
from fullcircle.images.sheets import data_uri
from fullcircle.lineage.history import OUTSIDE, input_subject
from fullcircle.models.stored import training_of
from fullcircle.reports.columns import column_description
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.steps.step import WHOLE, Inputs, Result
from fullcircle.store.champions import decision_of
from fullcircle.store.merkle import leaf_hash
from fullcircle.store.objects import StoredObject
from fullcircle.store.provenance import provenance
from fullcircle.store.recipe import Recipe
from fullcircle.store.tables import TableReader

OWNERS = ["team:full-circle"]

FORCE_TAG = "full_circle/force"
"""The tag of a run that makes everything again, whatever is stored."""

ASKED_TAG = "full_circle/asked_by"
"""The tag of a run that says what asked for it: ``schedule weekly_retraining``, ``sensor inbox``, ``make run by anna``."""

RECORD = ("asset", "partition", "version", "run_id", "time", "asked_by", "commit", "code_version", "seed", "previous")
"""What the UI shows of a version's record in the ledger; settings, inputs and libraries are shown beside it."""


@dataclasses.dataclass(frozen=True)
class Made:
    """The value of an asset: the stored object and the entry that the I/O manager writes into the ledger."""

    stored: StoredObject
    entry: Mapping[str, Any]


def progress_of(context: dg.AssetExecutionContext) -> Progress:
    """Progress that goes to the run's log, in the UI and wherever it is followed."""
    return Progress(context.log.info)


def partition_of(context: dg.OpExecutionContext) -> str:
    """The partition that a step works on; `WHOLE` of an asset that has none.

    Raises:
        dg.Failure: when the asset has partitions and the run names none.
    """
    if context.has_partition_key:
        return context.partition_key
    partitions = {d for key in context.selected_asset_keys if (d := context.assets_def.specs_by_key[key].partitions_def)}
    if partitions:
        choices = ", ".join(sorted({name for d in partitions for name in d.get_partition_keys()}))
        raise dg.Failure(
            f"One partition is expected for {context.job_name}. Received: none. Choose from: {choices}.", allow_retries=False
        )
    return WHOLE


def recorded_of(run: dg.DagsterRun) -> dict[str, Any]:
    """What every record has that a run writes into the ledger: what asked for it, by which code and where it runs."""
    asked_by = run.tags.get(ASKED_TAG)
    return provenance() | ({"asked_by": asked_by} if asked_by else {})


def materialized(
    context: dg.AssetExecutionContext,
    result: Result,
    asset: str,
    settings: Settings,
    metadata: Mapping[str, Any],
) -> dg.MaterializeResult[Made]:
    """The result of an asset: value, content hash as data version, metadata.

    Args:
        context: of the step.
        result: what its step of the library gave.
        asset: which of the assets that it makes.
        settings: what the run was launched with.
        metadata: what is particular to the asset.
    """
    stored, recipe = result.objects[asset], result.recipes[asset]
    entry = {
        **recipe.entry(),
        "version": stored.hash,
        "run_id": context.run_id,
        "time": time.time(),
        "config": settings.as_dict(),
        "blocking": blocking_checks(asset),
        "reused": result.reused,
        **stored.contents(),
        **recorded_of(context.run),
    }
    if "seed" in entry["config"]:
        entry["seed"] = entry["config"]["seed"]
    common: dict[str, Any] = {
        "hash": stored.hash,
        "path": dg.MetadataValue.path(str(stored.path)),
        "dagster/uri": stored.path.as_uri(),
        "bytes": stored.bytes,
        "config": dg.MetadataValue.json(settings.as_dict()),
        "read": dg.MetadataValue.json(dict(recipe.read)),
        "parents": parents_table(recipe),
        "code_version": recipe.code_version,
        "libraries": dg.MetadataValue.json(dict(recipe.libraries)),
        "reused": result.reused,
    }
    if "seed" in entry:
        common["seed"] = entry["seed"]
    return dg.MaterializeResult(
        asset_key=dg.AssetKey(asset.split("/")),
        value=Made(stored, entry),
        data_version=dg.DataVersion(stored.hash),
        metadata={**common, **metadata},
    )


def parents_table(recipe: Recipe) -> dg.TableMetadataValue:
    """What something was really made from: a row for each input, with its exact version.

    Of what lies outside of the store, as a folder of pictures, the version is the hash of its state.
    """
    columns = ("asset", "partition", "version")
    rows = []
    for name, version in sorted(recipe.read.items()):
        subject = (name, "") if name.startswith(OUTSIDE) else input_subject(name, recipe.partition)
        rows.append(dg.TableRecord(dict(zip(columns, (*subject, version), strict=True))))
    return dg.MetadataValue.table(rows, _text_columns(*columns))


def _text_columns(*names: str) -> dg.TableSchema:
    return dg.TableSchema([dg.TableColumn(name, "string") for name in names])


def record_metadata(line: int, record: bytes) -> dict[str, Any]:
    """What Dagster shows of a version's record in the ledger: where it is, its hash as a leaf of the tree, and what made it.

    Args:
        line: its number, from 1.
        record: the line, with its end.
    """
    entry = json.loads(record)
    shown = {name: entry[name] for name in RECORD if name in entry}
    leaf = leaf_hash(record.removesuffix(b"\n")).hex()
    return {
        "ledger_line": dg.MetadataValue.int(line),
        "ledger_leaf": leaf,
        "ledger_record": dg.MetadataValue.json({"line": line, "leaf": leaf, **shown}),
    }


def lineage_metadata(columns: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, Any]:
    """What Dagster shows of where the columns of a table come from; nothing where none comes from another table's.

    Dagster's own web UI keeps its column lineage without showing it, so it is given as a table too.

    Args:
        columns: asset and name of each column that a column comes from.
    """
    if not any(columns.values()):
        return {}
    found = {
        name: [dg.TableColumnDep(dg.AssetKey(asset.split("/")), column) for asset, column in parents]
        for name, parents in columns.items()
    }
    rows = [
        dg.TableRecord({"column": name, "comes from": ", ".join(f"{asset}.{column}" for asset, column in parents) or "none"})
        for name, parents in columns.items()
    ]
    return {
        "dagster/column_lineage": dg.TableColumnLineage(found),
        "columns": dg.MetadataValue.table(rows, _text_columns("column", "comes from")),
    }


def table_metadata(table: TableReader) -> dict[str, Any]:
    """What Dagster shows of a table: rows, columns with what they mean, and what the table holds of how it was made."""
    columns = [dg.TableColumn(f.name, str(f.type), description=column_description(f.name, table.about)) for f in table.schema]
    return {
        "dagster/row_count": dg.MetadataValue.int(table.rows),
        "dagster/partition_row_count": dg.MetadataValue.int(table.rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
        "about": dg.MetadataValue.json(table.about),
    }


def training_metadata(stored: StoredObject) -> dict[str, Any]:
    """What Dagster shows of a trained model: its size, its losses at the best epoch of the last stage, and how long it took."""
    training = training_of(stored)
    history = training["history"]
    last = [entry for entry in history if entry.get("stage") == history[-1].get("stage")]
    best = min(last, key=lambda entry: entry["val_loss"])
    return {
        "parameters": dg.MetadataValue.int(training["parameters"]),
        "epochs": dg.MetadataValue.int(len(history)),
        "best_epoch": dg.MetadataValue.int(best["epoch"]),
        **{name: dg.MetadataValue.float(value) for name, value in best.items() if name not in ("stage", "epoch")},
        "seconds": dg.MetadataValue.float(training["timing"]["seconds"]),
        "examples_per_s": dg.MetadataValue.float(training["timing"]["examples_per_s"]),
    }


def report_metadata(stored: StoredObject) -> dict[str, Any]:
    """What Dagster shows of a report: contact sheet, where the page is, figures; those that could not be computed are left out."""
    figures = stored.json(REPORT)["metrics"]
    return {
        "pictures": shown(CONTACT_SHEET, stored.file(CONTACT_SHEET).read_bytes()),
        "page": dg.MetadataValue.path(str(stored.file(PAGE))),
        **{name: value for name, value in figures.items() if value is not None},
    }


def decision_metadata(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    """What Dagster shows of a decision: how it ended and why, which models are served, and the figures of both as a table."""
    decision = decision_of(stored)
    figures = decision.comparison.get("figures", {})
    columns = ("figure", "challenger (champion)", "better by at least", "margin")
    rows = [
        dg.TableRecord(dict(zip(columns, (name, f["text"], f["bound"], f["margin"]), strict=True)))
        for name, f in figures.items()
    ]
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "champion": dg.MetadataValue.json(dict(decision.champion)),
        "comparisons": decision.comparisons,
        **({"figures": dg.MetadataValue.table(rows, dg.TableSchema([dg.TableColumn(c) for c in columns]))} if rows else {}),
    }


def shown(name: str, webp: bytes) -> dg.MarkdownMetadataValue:
    """A small picture that the UI shows."""
    return dg.MetadataValue.md(f"![{name}]({data_uri(webp, 'image/webp')})")
