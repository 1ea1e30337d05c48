"""The inbox's record: what was read of the pictures that arrived for a drawing class, and which of them were read already.

Belongs here: the table's columns, the chain of tables, and what they say of a file.
Does not belong here: looking into the folder and reading (`steps.inbox`), who asks for it.

Each reading run adds an object with a table of what it read. It names the object before it, so all of them are one history. One
growing table would be written anew at every run, whose cost grows with the square of their number; a plain chain would have as many
objects as there were runs, all of them opened at each. So a new table takes in those before it that hold less than twice as many
rows as it has itself: after n runs the chain has at most some log2(n) tables, and each row was written about as often. Objects
that were taken in are named by none any more; `chain` names those that are still needed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import SIGMA
from fullcircle.store.objects import Store, StoredObject, StoredObjectError
from fullcircle.store.tables import TableReader, with_about, write_table

ASSET = "drawings/inbox"
TABLE, REFUSED, CHAIN = "inbox", "refused", "chain.json"
WRITER_VERSION = 1

FILE, SHA256, SIZE, MODIFIED, FIRST_SEEN, REASON = "file", "sha256", "size_bytes", "modified_ns", "first_seen", "reason"

Stamp = tuple[int, int]
"""Size of a file in bytes, and when it was last modified, in ns since the epoch."""


def schemas(drawing: Drawing) -> dict[str, pa.Schema]:
    """Columns of the two tables of an object: of what was read, and of what could not be; a row per file and content.

    Both have ``file``, relative to the class's folder, its ``sha256``, size and time, and when it was ``first_seen``. What was
    read: a column per factor, the call, how well it fits, how sure, the noise level that the reader estimated, and by which
    encoder and decoder. What could not be read: the ``reason``.

    Args:
        drawing: the drawing class.
    """
    text, whole, real = pa.string(), pa.int32(), pa.float64()
    of_file = [(FILE, text), (SHA256, text), (SIZE, pa.int64()), (MODIFIED, pa.int64())]
    of_file.append((FIRST_SEEN, pa.timestamp("us", tz="UTC")))
    fields = [(f.column, whole if f.integral else real) for f in drawing.factors]
    fields += [("call", text), ("explained", real), ("redraw_mse", real), ("pixel_exact", pa.bool_()), ("confidence", real)]
    fields += [("redraws", whole), (SIGMA, real), ("encoder", text), ("decoder", text)]
    about = {
        "drawing": drawing.name,
        "factors": drawing.factors.table(),
        "writer": f"fullcircle inbox {WRITER_VERSION}",
    }
    return {
        TABLE: with_about(pa.schema(of_file + fields), about),
        REFUSED: with_about(pa.schema([*of_file, (REASON, text)]), about),
    }


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is known of the files so far.

    Attributes:
        stamps: of each file, as it was when it was last looked at.
        contents: (file, SHA-256) of all that was ever read or refused.
    """

    stamps: Mapping[str, Stamp]
    contents: frozenset[tuple[str, str]]


def chain(store: Store, head: StoredObject | None) -> Iterator[StoredObject]:
    """The objects of a history, newest first, each proved whole; these must be kept for as long as the first is.

    Args:
        store: whose.
        head: the newest; None where nothing was read yet.

    Raises:
        StoredObjectError: when one is not whole.
    """
    while head is not None:
        yield head
        previous = head.json(CHAIN)["previous"]
        head = None if previous is None else store.open(previous, ASSET)


def record_of(store: Store, name: str) -> tuple[StoredObject | None, str | None]:
    """The newest object of the record of a drawing class; None before the first.

    A record that is not whole is not used: as all pictures are still where they arrived, they are read again into a new one.

    Returns:
        The object, and why the record that there is cannot be used.
    """
    entry = store.ledger.latest(ASSET, name)
    if entry is None:
        return None, None
    try:
        head = store.open(entry["version"], ASSET)
        for _ in chain(store, head):
            pass
    except StoredObjectError as error:
        return None, str(error)
    return head, None


def seen(store: Store, head: StoredObject | None) -> Seen:
    """What a history says of files; arguments and errors are those of `chain`."""
    stamps: dict[str, Stamp] = {}
    contents: set[tuple[str, str]] = set()
    for stored in reversed(list(chain(store, head))):
        rows = [stored.table(name).read([FIRST_SEEN, FILE, SHA256, SIZE, MODIFIED]) for name in (TABLE, REFUSED)]
        for _, file, sha256, size, modified in sorted(
            row for table in rows for row in zip(*(column.tolist() for column in table.values()), strict=True)
        ):
            contents.add((file, sha256))
            stamps[file] = size, modified
        stamps |= {name: (size, modified) for name, (size, modified) in stored.json(CHAIN)["touched"].items()}
    return Seen(stamps, frozenset(contents))


def last_rows(
    store: Store, head: StoredObject | None, columns: Sequence[str], limit: int | None = None, table: str = TABLE
) -> pa.Table:
    """The last rows of a history, in the order in which they were written.

    Args:
        store: whose.
        head: the newest object.
        columns: which; all tables have them.
        limit: at most so many rows; None: all.
        table: `TABLE`, of what was read, or `REFUSED`.

    Raises:
        StoredObjectError: when an object of the chain is not whole.
    """
    parts: list[pa.Table] = []
    rows = 0
    for stored in chain(store, head):
        part = _whole(stored.table(table), list(columns))
        parts.insert(0, part)
        rows += part.num_rows
        if limit is not None and rows >= limit:
            break
    if not parts:
        return pa.table({name: [] for name in columns})
    whole = pa.concat_tables([part.replace_schema_metadata() for part in parts])
    return whole if limit is None else whole.slice(max(0, rows - limit))


def write(
    store: Store,
    drawing: Drawing,
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    touched: Mapping[str, Stamp],
    head: StoredObject | None,
) -> StoredObject:
    """Add rows to a history: an object that takes in the smaller ones before it, and names the one before those.

    Args:
        store: takes the object.
        drawing: the drawing class.
        rows: of `TABLE` and of `REFUSED`, with values of all columns of `schemas`.
        touched: files with another time and the content that they had before, with their stamps now.
        head: the newest object so far; None for the first.
    """
    columns = schemas(drawing)
    new = {name: pa.Table.from_pylist(list(rows.get(name, [])), schema=columns[name]) for name in columns}
    stamps = dict(touched)
    for before in chain(store, head):
        tables = {name: before.table(name) for name in columns}
        so_far, its_own = (sum(counts) for counts in ([t.num_rows for t in new.values()], [t.rows for t in tables.values()]))
        # A class whose factors changed since has other columns: its rows stay where they are.
        if any(not tables[name].schema.equals(columns[name]) for name in columns) or its_own >= 2 * max(1, so_far):
            head = before
            break
        since = {name for table in new.values() for name in table.column(FILE).to_pylist()}
        stamps = {name: stamp for name, stamp in before.json(CHAIN)["touched"].items() if name not in since} | stamps
        new = {name: pa.concat_tables([_whole(tables[name]), new[name]]) for name in columns}
    else:
        head = None
    with store.draft() as draft:
        for name, table in new.items():
            batches = table.replace_schema_metadata(columns[name].metadata).to_batches()
            write_table(draft.path / f"{name}.parquet", columns[name], batches)
        text = json.dumps({"previous": head.hash if head else None, "touched": stamps}, indent=1, sort_keys=True)
        (draft.path / CHAIN).write_text(text)
        return draft.commit()


def _whole(table: TableReader, columns: list[str] | None = None) -> pa.Table:
    names = columns or table.schema.names
    return pa.Table.from_batches(table.batches(names), pa.schema([table.schema.field(name) for name in names]))


def stamp_of(path: Path) -> Stamp | None:
    """Of the file, or of the link itself; None where there is none any more."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
