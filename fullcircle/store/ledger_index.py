"""The ledger's index: where in the file each line lies.

Belongs here: keeping a SQLite file beside the ledger that says of each line what it is about and where it lies. It holds nothing of
its own: it can be deleted at any time and is made again from the ledger. What a record says is always read from the ledger.

As long as the ledger has not shrunk and the last line that was indexed is still there, only what was appended since is read. A line
that is looked up is compared with its SHA-256 as well. Where anything disagrees, the whole ledger is indexed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from fullcircle.store.ledger_records import CHECK, MATERIALIZATION, PRUNE, LedgerError, Record, kind_of, parse, records_in
from fullcircle.store.recipe import entry_key

SCHEMA_VERSION = 1
SCHEMA = (
    "CREATE TABLE subject (id INTEGER PRIMARY KEY, asset TEXT NOT NULL, partition TEXT NOT NULL, UNIQUE (asset, partition))",
    "CREATE TABLE line (number INTEGER PRIMARY KEY, offset INTEGER NOT NULL, length INTEGER NOT NULL, sha256 BLOB NOT NULL, "
    "kind TEXT NOT NULL, subject INTEGER, version TEXT, run_id TEXT, name TEXT, recipe TEXT)",
    f"CREATE INDEX by_subject ON line (subject, number) WHERE kind = '{MATERIALIZATION}'",
    f"CREATE INDEX by_run ON line (subject, run_id, number) WHERE kind = '{MATERIALIZATION}'",
    f"CREATE INDEX by_recipe ON line (subject, recipe, number) WHERE kind = '{MATERIALIZATION}'",
    f"CREATE INDEX by_check ON line (subject, version, name, number) WHERE kind = '{CHECK}'",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
WAIT_SECONDS = 10.0
"""How long to wait while another process is indexing, or holds the index for whatever reason; then lines are indexed in memory."""
CACHE_KIB = 64 * 1024
"""Memory that SQLite may take: hashes come in no order, so that indexing many touches every page of the trees again and again."""

_ROW = "number, offset, length, sha256"
_MADE = f"FROM line WHERE kind = '{MATERIALIZATION}' AND subject = (SELECT id FROM subject WHERE asset = ? AND partition = ?)"
_CHECKED = f"FROM line WHERE kind = '{CHECK}' AND subject = (SELECT id FROM subject WHERE asset = ? AND partition = ?)"

T = TypeVar("T")


class _OutdatedError(Exception):
    """A line of the ledger is not the one that was indexed."""


class Lookup:
    """An index that is up to date, and the ledger that it is of.

    Args:
        connection: to the index.
        file: the ledger.
    """

    def __init__(self, connection: sqlite3.Connection, file: IO[bytes]) -> None:
        self._connection = connection
        self._file = file

    def subjects(self) -> list[tuple[str, str]]:
        """Every asset and partition that a record is about, in the order of first appearance."""
        return self._connection.execute("SELECT asset, partition FROM subject ORDER BY id").fetchall()

    def newest_first(self, asset: str, partition: str) -> Iterator[Record]:
        """The materialisations of an asset's partition."""
        return self._records(f"SELECT {_ROW} {_MADE} ORDER BY number DESC", asset, partition)

    def of_run(self, asset: str, partition: str, run_id: str) -> Iterator[Record]:
        """Those that one run made, newest first."""
        return self._records(f"SELECT {_ROW} {_MADE} AND run_id = ? ORDER BY number DESC", asset, partition, run_id)

    def of_recipe(self, asset: str, partition: str, key: str) -> Iterator[Record]:
        """Those made by recipes with this `Recipe.key`, newest first."""
        return self._records(f"SELECT {_ROW} {_MADE} AND recipe = ? ORDER BY number DESC", asset, partition, key)

    def checks(self, asset: str, partition: str, version: str) -> dict[str, Record]:
        """The last record of each check of a version, by the check's name."""
        # Of a group, SQLite takes the other columns from the row that has the maximum.
        found = self._records(
            f"SELECT max(number), offset, length, sha256 {_CHECKED} AND version = ? GROUP BY name", asset, partition, version
        )
        return {record["check"]: record for record in found}

    def pruned(self) -> Iterator[Record]:
        """What was removed, newest first."""
        return self._records(f"SELECT {_ROW} FROM line WHERE kind = '{PRUNE}' ORDER BY number DESC")

    def lines_of_run(self, asset: str, partition: str, run_id: str) -> Iterator[tuple[int, bytes]]:
        """Number, from 1, and line of the materialisations that one run made, newest first."""
        return self._lines(f"SELECT {_ROW} {_MADE} AND run_id = ? ORDER BY number DESC", asset, partition, run_id)

    def _records(self, sql: str, *values: str) -> Iterator[Record]:
        return (parse(line) for _, line in self._lines(sql, *values))

    def _lines(self, sql: str, *values: str) -> Iterator[tuple[int, bytes]]:
        for number, offset, length, sha256 in self._connection.execute(sql, values):
            line = os.pread(self._file.fileno(), length, offset)
            if hashlib.sha256(line).digest() != sha256:
                raise _OutdatedError(f"line {number}")
            yield number, line


class LedgerIndex:
    """Looks lines of a ledger up without reading the others.

    Where the index cannot be written (a read-only folder, a full disk), it is kept in memory instead, for as long as this object
    lives. Several threads and processes may look up while others append.

    Args:
        ledger: the file of JSON lines.
        path: the SQLite file.
    """

    def __init__(self, ledger: Path, path: Path) -> None:
        self.ledger = ledger
        self.path = path
        self._memory: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def query(self, ask: Callable[[Lookup], T]) -> T:
        """What `ask` finds with an index that is up to date; it may be called more than once.

        Raises:
            LedgerError: when a line of the ledger is no record.
        """
        with self._lock, contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(self.ledger.open("rb"))
            except FileNotFoundError:  # who only looks makes no files
                empty = stack.enter_context(contextlib.closing(_connect(":memory:")))
                _create(empty)
                return ask(Lookup(empty, stack.enter_context(Path(os.devnull).open("rb"))))
            if self._memory is None:
                try:
                    return self._query_file(file, ask)
                except sqlite3.OperationalError:  # it cannot be written, or another process holds it for very long
                    pass
                except sqlite3.DatabaseError:  # it is damaged, or of another version
                    self._discard()
                    with contextlib.suppress(sqlite3.Error):
                        return self._query_file(file, ask)
                self._memory = self._in_memory()
            return self._query(self._memory, file, ask)

    def _query_file(self, file: IO[bytes], ask: Callable[[Lookup], T]) -> T:
        with contextlib.closing(_connect(str(self.path))) as connection:
            if (version := _version(connection)) == 0:
                with _writing(connection):
                    if _version(connection) == 0:  # or else another process was first
                        _create(connection)
            elif version != SCHEMA_VERSION:
                raise sqlite3.DatabaseError(f"index of version {version}")
            return self._query(connection, file, ask)

    def _query(self, connection: sqlite3.Connection, file: IO[bytes], ask: Callable[[Lookup], T]) -> T:
        self._refresh(connection, file)
        try:
            return ask(Lookup(connection, file))
        except _OutdatedError:
            with _writing(connection):
                _clear(connection)
                self._index(connection, file)
        try:
            return ask(Lookup(connection, file))
        except _OutdatedError as error:
            raise LedgerError(
                f"{self.ledger}, {error}: the line changed while it was read. A ledger is only ever appended to. Try again when "
                "nothing else writes to it."
            ) from error

    def _refresh(self, connection: sqlite3.Connection, file: IO[bytes]) -> None:
        if _indexed(connection, file) == os.fstat(file.fileno()).st_size:
            return
        with _writing(connection):
            if _indexed(connection, file) is None:
                _clear(connection)
            self._index(connection, file)

    def _index(self, connection: sqlite3.Connection, file: IO[bytes]) -> None:
        """Take in all lines after the last one that is indexed."""
        number, offset, length, _ = _last(connection) or (0, 0, 0, b"")
        subjects = {(a, p): i for i, a, p in connection.execute("SELECT id, asset, partition FROM subject")}

        def subject(record: Record) -> int | None:
            if "asset" not in record:
                return None
            key = record["asset"], record["partition"]
            if key not in subjects:
                subjects[key] = connection.execute("INSERT INTO subject (asset, partition) VALUES (?, ?)", key).lastrowid or 0
            return subjects[key]

        def row(number: int, offset: int, line: bytes, record: Record) -> tuple[Any, ...]:
            kind = kind_of(record)
            recipe = entry_key(record) if kind == MATERIALIZATION else None
            about = (subject(record), record.get("version"), record.get("run_id"), record.get("check"), recipe)
            return number, offset, len(line), hashlib.sha256(line).digest(), kind, *about

        rows = (row(*found) for found in records_in(file, self.ledger, offset + length, number + 1))
        connection.executemany("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def _in_memory(self) -> sqlite3.Connection:
        """An index in memory; begun as a copy of the file where that can be read, so that only the rest is to be indexed."""
        memory = _connect(":memory:")

        def only_once(status: int, remaining: int, total: int) -> None:
            if status not in (sqlite3.SQLITE_OK, sqlite3.SQLITE_DONE):  # held by another process: `backup` would wait for ever
                raise sqlite3.OperationalError("database is locked")

        try:
            with contextlib.closing(_connect(f"{self.path.absolute().as_uri()}?mode=ro", 0.0)) as there:
                there.backup(memory, progress=only_once)
            if _version(memory) == SCHEMA_VERSION:
                return memory
        except sqlite3.Error:
            pass
        memory.close()
        memory = _connect(":memory:")
        _create(memory)
        return memory

    def _discard(self) -> None:
        for path in (self.path, self.path.with_name(f"{self.path.name}-journal")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _connect(database: str, wait: float | None = None) -> sqlite3.Connection:
    """A connection whose transactions are begun and ended by `_writing` alone; whoever uses it holds the index's lock."""
    uri = database.startswith("file:")
    connection = sqlite3.connect(
        database, WAIT_SECONDS if wait is None else wait, isolation_level=None, check_same_thread=False, uri=uri
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


@contextlib.contextmanager
def _writing(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection) -> None:
    for statement in SCHEMA:
        connection.execute(statement)


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _clear(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM line")
    connection.execute("DELETE FROM subject")


def _last(connection: sqlite3.Connection) -> tuple[int, int, int, bytes] | None:
    row: tuple[int, int, int, bytes] | None = connection.execute(
        f"SELECT {_ROW} FROM line ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return row


def _indexed(connection: sqlite3.Connection, file: IO[bytes]) -> int | None:
    """How many bytes of the ledger are indexed; None when the last line that was is not there as it was."""
    last = _last(connection)
    if last is None:
        return 0
    _, offset, length, sha256 = last
    line = os.pread(file.fileno(), length, offset)
    return offset + length if hashlib.sha256(line).digest() == sha256 else None
