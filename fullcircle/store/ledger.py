"""The ledger: one line for every version ever made, every check of one and every removal, appended and never changed.

Belongs here: appending and looking up. Dagster's own history can be deleted with its runs; this record cannot be lost that way.
Does not belong here: what a record must hold (`ledger_records`), where in the file it lies (`ledger_index`), whether all lines are
as they were written (`chain`, `checkpoints`).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fullcircle.store.chain import beginning, is_linked, linked
from fullcircle.store.hashing import canonical_json
from fullcircle.store.ledger_index import LedgerIndex, Lookup
from fullcircle.store.ledger_records import (
    CHECK,
    DAMAGE,
    MATERIALIZATION,
    PRUNE,
    SCHEMA,
    LedgerError,
    NewerRecordError,
    Record,
    StoreError,
    StoreWarning,
    fault,
    kind_of,
    records_in,
    withheld,
)
from fullcircle.store.recipe import Recipe, difference

__all__ = ["CHECK", "DAMAGE", "MATERIALIZATION", "PRUNE", "Ledger", "LedgerError", "StoreError", "StoreWarning", "cannot_write"]

CHUNK = 1 << 16


class Ledger:
    """Append-only JSON lines: materialisations, checks of them, and notes of damage and of removals.

    A materialisation is ``{"asset", "partition", "version", "run_id", ...}``, what `Recipe.entry` gives, and perhaps
    "blocking", the names of the checks without which it is not served. A check is ``{"kind": "check", "asset", "partition",
    "version", "run_id", "check", "passed", "blocking", "description", "time"}``. A removal is
    ``{"kind": "prune", "versions", "bytes", "time", "by"}``. Each line holds the hash of the line before it (`chain`).

    A version is *served* when each of its blocking checks has passed, as the last record of each has it. A version that no
    entry gives blocking checks (those of older ledgers) is served unless a blocking check on record failed.

    Looking up raises `LedgerError` when any line is no record; no line is passed over. Only a last line that a killed process
    left unfinished is no entry.

    Args:
        path: the file; made by the first record. Its index lies beside it and can be deleted at any time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._index = LedgerIndex(path, path.with_suffix(".index.sqlite"))

    def __reduce__(self) -> tuple[type[Ledger], tuple[Path]]:
        """Another process opens the same file."""
        return Ledger, (self.path,)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record, whole, also when several processes append at once; it is on the disk when this returns.

        A last line that a killed process left unfinished is moved to the file ``ledger.torn`` first, with a `StoreWarning`.

        Args:
            record: with the fields of its kind; without "kind" it is a materialisation. Its "schema" and the link to the line
                before are put in here.

        Raises:
            ValueError: naming the field that is missing or of the wrong type.
            LedgerError: when the last line is of a newer schema. Nothing is written.
            StoreError: when the file cannot be written. Nothing half-written is left.
        """
        record = dict(record)
        if wrong := fault(record):
            raise ValueError(wrong)
        record["schema"] = SCHEMA
        canonical_json(record)  # what is no JSON is refused before anything is touched
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._mend(descriptor)
                _write_at_end(descriptor, self._chained(descriptor, record))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def records(self) -> Iterator[Record]:
        """All records of all kinds, oldest first; reads the whole file."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for _, _, _, record in records_in(file, self.path):
                yield record

    def entries(self, asset: str | None = None, partition: str | None = None) -> Iterator[Record]:
        """The materialisations, oldest first, of an asset or a partition where they are given."""
        if asset is not None and partition is not None:
            yield from reversed(self._index.query(lambda lookup: list(lookup.newest_first(asset, partition))))
            return
        for record in self.records():
            if kind_of(record) != MATERIALIZATION:
                continue
            if asset in (None, record["asset"]) and partition in (None, record["partition"]):
                yield record

    def latest(self, asset: str, partition: str, run_id: str | None = None, *, unverified: bool = False) -> Record | None:
        """The last entry of an asset's partition that is served.

        Args:
            asset: ``drawings/decoder``.
            partition: of the asset.
            run_id: of a run whose own last entry comes before all others, even if its checks are not in yet: a run's steps and
                checks work on what it has made, and Dagster keeps the order between them.
            unverified: take the last entry, whatever its checks found.
        """

        def ask(lookup: Lookup) -> Record | None:
            if run_id is not None and (entry := next(lookup.of_run(asset, partition, run_id), None)):
                return entry
            return _last_served(lookup, asset, partition, unverified)

        return self._index.query(ask)

    def latest_of_all(self, unverified: bool = False) -> dict[tuple[str, str], Record]:
        """`latest` of every asset's partition that has one, by (asset, partition), in the order of first appearance."""

        def ask(lookup: Lookup) -> dict[tuple[str, str], Record]:
            found = {subject: _last_served(lookup, *subject, unverified) for subject in lookup.subjects()}
            return {subject: entry for subject, entry in found.items() if entry is not None}

        return self._index.query(ask)

    def line_of(self, asset: str, partition: str, run_id: str) -> tuple[int, bytes] | None:
        """Where the last version of an asset that a run made is on record: number of the line, from 1, and the line's bytes."""
        return self._index.query(lambda lookup: next(lookup.lines_of_run(asset, partition, run_id), None))

    def find(self, asset: str, partition: str, recipe: Recipe) -> Record | None:
        """The last entry that was made by this recipe, whatever its checks found."""

        def ask(lookup: Lookup) -> Record | None:
            made = lookup.of_recipe(asset, partition, recipe.key)
            return next((entry for entry in made if difference(entry, recipe) is None), None)

        return self._index.query(ask)

    def checks_of(self, asset: str, partition: str, version: str) -> dict[str, Record]:
        """The last record of each check of a version, by the check's name."""
        return self._index.query(lambda lookup: lookup.checks(asset, partition, version))

    def pruned(self, version: str) -> Record | None:
        """The last removal of a version that was not needed any more; it may have been made again since."""
        return self._index.query(lambda lookup: next((r for r in lookup.pruned() if version in r["versions"]), None))

    def withheld(self, entry: Mapping[str, Any]) -> str | None:
        """Why an entry is not served, to be put after "because": ``its check redraws failed: ...``; None when it is."""
        return withheld(entry, self.checks_of(entry["asset"], entry["partition"], entry["version"]))

    def _chained(self, descriptor: int, record: Record) -> bytes:
        """The line of a record with the hash of the last one, behind the line that begins the chain where there is none."""
        size = os.fstat(descriptor).st_size
        last = _end_of_line(descriptor, size - 1) if size else None
        try:
            if last is None or is_linked(last):
                return linked(record, last)
        except NewerRecordError as error:
            raise LedgerError(f"{self.path}, last line: {error}") from error
        with self.path.open("rb") as file:
            begin = linked(beginning(file), last)
        return begin + linked(record, begin[:-1])

    def _mend(self, descriptor: int) -> None:
        """Move what a killed process left of a last line out of the file; the caller holds the lock."""
        size = os.fstat(descriptor).st_size
        torn = _end_of_line(descriptor, size)
        if not torn:
            return
        kept = self.path.with_suffix(".torn")
        with kept.open("ab") as file:
            file.write(torn + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.ftruncate(descriptor, size - len(torn))
        warnings.warn(
            f"The last line of {self.path} was unfinished: a process was killed while writing it. Its {len(torn)} bytes were "
            f"moved to {kept}. What it was to record is not on record; run again what was running then.",
            StoreWarning,
            stacklevel=3,
        )


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The error to raise when something of the store cannot be written: path, cause and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        advice = "Free some space and run again"
    else:
        advice = "Make it writable, or choose another store with FULLCIRCLE_STORE=FOLDER"
    found = StoreError(f"{path} cannot be written: {error.strerror or error}. {advice}. Nothing half-written was left.")
    found.errno = error.errno
    return found


def _last_served(lookup: Lookup, asset: str, partition: str, unverified: bool) -> Record | None:
    for entry in lookup.newest_first(asset, partition):
        if unverified or withheld(entry, lookup.checks(asset, partition, entry["version"])) is None:
            return entry
    return None


def _end_of_line(descriptor: int, end: int) -> bytes:
    """The bytes before `end`, back to the line's beginning."""
    found = b""
    while len(found) < end and b"\n" not in found:
        begin = max(0, end - len(found) - CHUNK)
        found = os.pread(descriptor, end - len(found) - begin, begin) + found
    return found[found.rfind(b"\n") + 1 :]


def _write_at_end(descriptor: int, line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    try:
        written = 0
        while written < len(line):
            written += os.write(descriptor, line[written:])
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise
