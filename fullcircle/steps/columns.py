"""Which columns that a step read the columns of its table come from.

Belongs here: the rules that steps declare, and applying them to what was made. No value is looked at, only names and types.
Does not belong here: what a column means (`fullcircle.reports.columns`), how it is shown.

What chance, a setting or a model decides has no column to name: noise that was drawn, the step of a reader. A picture that a model
looked at has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pyarrow as pa

from fullcircle.drawings.columns import SIGMA
from fullcircle.reading.readings import CONTRAST, SPLIT, STEP, TRUE, TRUE_MSE
from fullcircle.store.columns import GROUP, ID, IMAGE, OPERATIONS, ORIGINAL, UNIT
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

Column = tuple[str, str]
"""An asset and the name of a column of its table."""

Schemas = Mapping[str, pa.Schema]
"""The columns of each table that was read, by asset."""

Rule = Callable[[str, TableReader, Schemas], list[Column]]
"""The columns that one comes from: from its name, the table that it is in, and the columns of the tables that were read."""


def handed_on(name: str, made: TableReader, read: Schemas) -> list[Column]:
    """Of a step that writes rows as it read them: the columns of the same name and type."""
    kind = made.schema.field(name).type
    return [(asset, name) for asset, schema in read.items() if name in schema.names and schema.field(name).type == kind]


def of_copies(name: str, made: TableReader, read: Schemas) -> list[Column]:
    """Of copies of originals: the picture has another size where the pipeline cuts it, and its record is chance's alone."""
    comes_from = {ORIGINAL: [ID], OPERATIONS: []}.get(name, [name])
    return _all(read, comes_from)


def of_splits_of_copies(name: str, made: TableReader, read: Schemas) -> list[Column]:
    """Of splits of copies: a copy as it was; its unit is the column that splits are made by."""
    copies = {asset: schema for asset, schema in read.items() if ORIGINAL in schema.names}
    if name == UNIT:
        return _all(copies, [{"original": ORIGINAL, "group": GROUP, "sample": ID}[made.about["splits"]["unit"]]])
    return handed_on(name, made, copies)


def of_readings(name: str, made: TableReader, read: Schemas) -> list[Column]:
    """Of readings: what is read comes from the picture, whose noise is drawn by its id; the truth, from the spec that it has."""
    spec = [column.removeprefix(TRUE) for column in made.schema.names if _is_true(column)]
    if _is_true(name):
        return _all(read, [name.removeprefix(TRUE)])
    others = {ID: [ID], SPLIT: [], SIGMA: [], STEP: [], CONTRAST: spec, TRUE_MSE: [*spec, ID, IMAGE]}
    return _all(read, others.get(name, [ID, IMAGE]))


def _is_true(name: str) -> bool:
    return name.startswith(TRUE) and name != TRUE_MSE


def _all(read: Schemas, names: list[str]) -> list[Column]:
    return [(asset, name) for asset, schema in read.items() for name in names if name in schema.names]


def table_of(asset: str, stored: StoredObject) -> TableReader | None:
    """The table that an asset is: the Parquet file of its name; None where it has none, as a model or a report."""
    name = asset.rpartition("/")[2]
    return stored.table(name) if stored.file(f"{name}.parquet").exists() else None


def column_lineage(rule: Rule, asset: str, stored: StoredObject, inputs: Mapping[str, StoredObject]) -> dict[str, list[Column]]:
    """The columns that each column of an asset's table comes from, in the table's order; none of an asset without a table.

    Args:
        rule: of the step that made it.
        asset: that was made.
        stored: what was made.
        inputs: what its step reads, by asset.
    """
    made = table_of(asset, stored)
    if made is None:
        return {}
    read = {name: table.schema for name, one in inputs.items() if (table := table_of(name, one)) is not None}
    return {name: rule(name, made, read) for name in made.schema.names}
