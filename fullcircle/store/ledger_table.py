"""The ledger as a Parquet file, for questions that are asked in SQL or pandas.

Belongs here: which columns there are. Each row has its record whole besides, as JSON.
Does not belong here: the frame of what was made (`Store.frame`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fullcircle.store.chain import lines
from fullcircle.store.files import whole_file
from fullcircle.store.ledger_records import Record, kind_of, records_in
from fullcircle.store.merkle import leaf_hash

ROWS = 10_000
"""In memory at a time."""

TEXTS = ("asset", "partition", "version", "run_id", "check", "code_version", "asked_by", "python")
"""Fields of records that are a column each."""

SCHEMA = pa.schema(
    [
        pa.field("line", pa.int64(), nullable=False),
        pa.field("leaf", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("us", "UTC")),
        *(pa.field(name, pa.string()) for name in TEXTS),
        pa.field("passed", pa.bool_()),
        pa.field("seed", pa.int64()),
        pa.field("commit", pa.string()),
        pa.field("dirty", pa.bool_()),
        pa.field("record", pa.string(), nullable=False),
    ]
)
"""`line` counts from 1; `leaf` is the line's hash in the Merkle tree. What a record does not say is null."""


def write_ledger_table(ledger: Path, path: Path) -> int:
    """Write all records of a ledger as a Parquet file.

    Args:
        ledger: the file of JSON lines.
        path: of the Parquet file; one that is there is replaced.

    Returns:
        The number of rows.

    Raises:
        LedgerError: at a line that is no record; then nothing is written.
    """
    count = 0
    with whole_file(path) as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        rows = _rows(ledger)
        while batch := list(itertools.islice(rows, ROWS)):
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
            count += len(batch)
    return count


def _rows(ledger: Path) -> Iterator[dict[str, Any]]:
    if next(lines(ledger), None) is None:
        return
    with ledger.open("rb") as file:
        for number, _, line, record in records_in(file, ledger):
            yield _row(number, line[:-1], record)


def _row(number: int, line: bytes, record: Record) -> dict[str, Any]:
    commit = record.get("commit") or {}
    time = record.get("time")
    return {
        "line": number,
        "leaf": leaf_hash(line).hex(),
        "kind": kind_of(record),
        "time": None if time is None else round(time * 1e6),
        **{name: record.get(name) for name in TEXTS},
        "passed": record.get("passed"),
        "seed": record.get("seed"),
        "commit": commit.get("hash"),
        "dirty": commit.get("dirty"),
        "record": line.decode(),
    }
