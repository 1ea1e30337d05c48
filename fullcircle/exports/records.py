"""The records that are exported: all of a ledger, or those of a version and of what it was made from.

Belongs here: which, in the order of their lines, one at a time.
Does not belong here: what a format makes of them.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator

from fullcircle.lineage.history import History, Made
from fullcircle.lineage.tree import Key, upstream
from fullcircle.store.ledger_records import CHECK, MATERIALIZATION, Record, kind_of, records_in
from fullcircle.store.merkle import leaf_hash
from fullcircle.store.objects import Store


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the ledger that is exported.

    Attributes:
        number: counted from 1.
        leaf: its hash as a leaf of the ledger's Merkle tree, by which it can be proved.
        record: what it says.
        time: seconds since 1970; where the record has none, that of the one before, or 0.
    """

    number: int
    leaf: str
    record: Record
    time: float

    @property
    def made(self) -> Made:
        """It as a materialisation."""
        return Made(self.number, self.record)

    @property
    def key(self) -> Key:
        """Asset, partition and version."""
        return self.record["asset"], self.record["partition"], self.record["version"]

    @property
    def is_check(self) -> bool:
        return kind_of(self.record) == CHECK


@dataclasses.dataclass(frozen=True)
class Selection:
    """Materialisations and checks of a ledger.

    Attributes:
        store: whose ledger.
        lines: numbers of the materialisations that are meant; None for all.
        keys: versions whose checks are meant, where `lines` is not None.
    """

    store: Store
    lines: frozenset[int] | None = None
    keys: frozenset[Key] = frozenset()

    @classmethod
    def of(cls, store: Store, version: str | None, partition: str | None) -> Selection:
        """A version and what it was made from; all where none is named.

        Args:
            store: whose ledger.
            version: ``ASSET[@VERSION]``, as `History.find` takes it.
            partition: drawing class or picture source.

        Raises:
            SettingsError: when there is no such version.
            LedgerError: at a line that is no record.
        """
        if version is None:
            return cls(store)
        history = History.of(store)
        nodes = upstream(store, history, history.find(version, partition)).nodes
        lines = {line for node in nodes.values() if node.made is not None for line in _lines(history, node.made)}
        return cls(store, frozenset(lines), frozenset(nodes))

    def __iter__(self) -> Iterator[Line]:
        """They, oldest first; the ledger is read as they are taken."""
        try:
            file = self.store.ledger.path.open("rb")
        except FileNotFoundError:
            return
        time = 0.0
        with file:
            for number, _, text, record in records_in(file, self.store.ledger.path):
                time = record.get("time", time)
                line = Line(number, leaf_hash(text[:-1]).hex(), record, time)
                if self._takes(line):
                    yield line

    def _takes(self, line: Line) -> bool:
        kind = kind_of(line.record)
        if kind not in (MATERIALIZATION, CHECK):
            return False
        if self.lines is None:
            return True
        return line.key in self.keys if kind == CHECK else line.number in self.lines


def _lines(history: History, made: Made) -> Iterator[int]:
    """Lines of the record of a version, and where that only took what was stored, of the one that it was made by."""
    yield made.line
    if made.entry.get("reused"):
        known = (m for m in history.by_version[made.version] if m.subject == made.subject and m.line < made.line)
        yield from [m.line for m in known if not m.entry.get("reused")][-1:]


def time_in_iso(seconds: float) -> str:
    """``2026-11-25T02:14:05.250000+00:00``; a number that is no time is 0, the beginning of 1970."""
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError, OSError):
        return time_in_iso(0)
