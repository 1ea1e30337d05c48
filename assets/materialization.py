"""What every asset says of what it made.

Belongs here: metadata and the ledger entry, alike for all assets. Dagster's own record of input versions is that of the latest
parent when the step starts, which need not be what was read; so what was read is recorded here, by hash.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings
from fullcircle.images.sheets import data_uri
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

OWNERS = ["team:full-circle"]

WHOLE = "all"
"""What the ledger says for the partition of an asset that has none."""


@dataclasses.dataclass(frozen=True)
class Made:
    """The value of an asset: the stored object and the entry that the I/O manager writes into the ledger."""

    stored: StoredObject
    entry: Mapping[str, Any]


def progress_of(context: dg.AssetExecutionContext) -> Progress:
    """Progress that goes to the run's log, in the UI and wherever it is followed."""
    return Progress(context.log.info)


def materialized(
    context: dg.AssetExecutionContext,
    stored: StoredObject,
    *,
    settings: Settings,
    read: Mapping[str, StoredObject],
    code_version: str,
    metadata: Mapping[str, Any],
    asset_key: dg.AssetKey | None = None,
) -> dg.MaterializeResult[Made]:
    """The result of an asset: value, content hash as data version, metadata.

    Args:
        context: of the step.
        stored: what was made.
        settings: what the run was told.
        read: the objects that were really read, by asset.
        code_version: of the asset.
        metadata: what is particular to the asset.
        asset_key: needed where a step makes several assets.
    """
    key = asset_key or context.asset_key
    versions = {name: other.hash for name, other in read.items()}
    entry = {
        "asset": key.to_user_string(),
        "partition": context.partition_key if context.has_partition_key else WHOLE,
        "version": stored.hash,
        "run_id": context.run_id,
        "time": time.time(),
        "config": settings.as_dict(),
        "read": versions,
        "code_version": code_version,
    }
    common: dict[str, Any] = {
        "hash": stored.hash,
        "path": dg.MetadataValue.path(str(stored.path)),
        "bytes": stored.bytes,
        "config": dg.MetadataValue.json(settings.as_dict()),
        "read": dg.MetadataValue.json(versions),
    }
    if "seed" in settings.as_dict():
        common["seed"] = settings.as_dict()["seed"]
    return dg.MaterializeResult(
        asset_key=key,
        value=Made(stored, entry),
        data_version=dg.DataVersion(stored.hash),
        metadata={**common, **metadata},
    )


def table_metadata(table: TableReader) -> dict[str, dg.MetadataValue]:
    """What Dagster shows of a table: rows, columns, and what the table says of itself."""
    columns = [dg.TableColumn(f.name, str(f.type)) for f in table.schema]
    return {
        "dagster/row_count": dg.MetadataValue.int(table.rows),
        "dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns)),
        "about": dg.MetadataValue.json(table.about),
    }


def figures(values: Mapping[str, Any]) -> dict[str, Any]:
    """Figures as metadata; those that could not be computed are left out."""
    return {name: value for name, value in values.items() if value is not None}


def report_metadata(stored: StoredObject) -> dict[str, Any]:
    """What Dagster shows of a report: contact sheet, where the page is, figures."""
    report = json.loads(stored.file(REPORT).read_text())
    return {
        "pictures": picture(stored, CONTACT_SHEET),
        "page": dg.MetadataValue.path(str(stored.file(PAGE))),
        **figures(report["metrics"]),
    }


def picture(stored: StoredObject, name: str) -> dg.MarkdownMetadataValue:
    """A small picture of a stored object, for the UI to show."""
    return shown(name, stored.file(name).read_bytes())


def shown(name: str, webp: bytes) -> dg.MarkdownMetadataValue:
    """A small picture that the UI shows."""
    return dg.MetadataValue.md(f"![{name}]({data_uri(webp, 'image/webp')})")
