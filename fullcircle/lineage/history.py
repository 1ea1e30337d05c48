"""What the ledger knows, put together: who made which version, from what, and which checks it passed.

Belongs here: one reading of the whole ledger, and finding an asset, a version or an input in it by what people call it.
Does not belong here: whether any of it is true (`verify`).

An input is recorded by the key of its asset, ``drawings/train``, of the same partition unless it names another,
``drawings/encoder (arc)``. What lies outside of the store is recorded as ``files of PLACE`` with a hash of its state.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import functools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.store.champions import Decision, decides_champions, decision_of
from fullcircle.store.hashing import canonical_json
from fullcircle.store.ledger_records import CHECK, DAMAGE, MATERIALIZATION, PRUNE, Record, kind_of, records_in, withheld
from fullcircle.store.objects import Store, StoredObject

SHORT = 12
"""Digits of a hash that people are shown."""

NEAREST = 3
"""So many versions are named where one is not known."""

AUDIT_REPORT = "lineage/audit_report"
"""The asset that a run of the audit makes."""

OUTSIDE = "files of "
"""What the name of an input begins with that does not lie in the store."""

OFTEN = frozenset({"machine", "libraries", "commit"})
"""Fields that most records have alike."""

_INPUT = re.compile(r"(?P<asset>[^ ]+)(?: \((?P<partition>.+)\))?")

Subject = tuple[str, str]
"""An asset and a partition."""


@dataclasses.dataclass(frozen=True)
class Made:
    """A materialisation on record.

    Attributes:
        line: of the ledger, counted from 1.
        entry: the record.
    """

    line: int
    entry: Record

    @property
    def asset(self) -> str:
        return str(self.entry["asset"])

    @property
    def partition(self) -> str:
        return str(self.entry["partition"])

    @property
    def version(self) -> str:
        return str(self.entry["version"])

    @property
    def subject(self) -> Subject:
        return self.asset, self.partition

    @property
    def name(self) -> str:
        """What it is called in one word: ``drawings/encoder@f5ef63282af7 (line)``."""
        return f"{self.asset}@{self.version[:SHORT]} ({self.partition})"

    @property
    def read(self) -> Mapping[str, str]:
        """The version of each input, by name."""
        read: Mapping[str, str] = self.entry.get("read", {})
        return read

    @property
    def config(self) -> Mapping[str, Any]:
        """Settings that it was made with."""
        config: Mapping[str, Any] = self.entry.get("config", {})
        return config

    @property
    def time(self) -> str:
        """When, as text."""
        return time_text(self.entry.get("time"))


@dataclasses.dataclass(frozen=True)
class Input:
    """What was read.

    Attributes:
        name: as it is recorded.
        asset: its asset; the name of what lies outside of the store.
        partition: of the asset.
        version: content hash; of what lies outside, a hash of its state.
        made: the last record before, by which it was made; None where there is none.
        later: whether the only record of it came after it was read.
        outside: whether it lies outside of the store.
    """

    name: str
    asset: str
    partition: str
    version: str
    made: Made | None
    later: bool = False
    outside: bool = False


class History:
    """All records of a ledger.

    Args:
        records: number of the line and record, oldest first.
    """

    def __init__(self, records: Iterable[tuple[int, Record]]) -> None:
        self.made: list[Made] = []
        self.by_subject: dict[Subject, list[Made]] = {}
        self.by_version: dict[str, list[Made]] = {}
        self.checks: dict[tuple[str, str, str], dict[str, tuple[int, Record]]] = {}
        self.prunes: dict[str, tuple[int, Record]] = {}
        self.damages: list[tuple[int, Record]] = []
        self.lines = 0
        self._known: dict[bytes, Any] = {}
        for line, record in records:
            self.lines = line
            kind = kind_of(record)
            if kind == MATERIALIZATION:
                self._add(Made(line, {sys.intern(name): self._once(name, value) for name, value in record.items()}))
            elif kind == CHECK:
                of = record["asset"], record["partition"], record["version"]
                self.checks.setdefault(of, {})[record["check"]] = line, record
            elif kind == PRUNE:
                self.prunes |= dict.fromkeys(record["versions"], (line, record))
            elif kind == DAMAGE:
                self.damages.append((line, record))

    def _once(self, name: str, value: Any) -> Any:
        """What of a record stands in many others too, machine, libraries, run, versions, is kept once."""
        if isinstance(value, str):
            return sys.intern(value)
        if name == "read":
            return {sys.intern(of): sys.intern(version) for of, version in value.items()}
        return self._known.setdefault(canonical_json(value), value) if name in OFTEN else value

    def time_at(self, line: int) -> float | None:
        """Time of the last record of a version that was written no later than a line."""
        times = (made.entry["time"] for made in reversed(self.made) if made.line <= line and "time" in made.entry)
        return next(times, None)

    def _add(self, made: Made) -> None:
        self.made.append(made)
        self.by_subject.setdefault(made.subject, []).append(made)
        self.by_version.setdefault(made.version, []).append(made)

    @classmethod
    def of(cls, store: Store) -> History:
        """The history of a store, all of it.

        Raises:
            LedgerError: when a line is no record.
        """
        return cls(numbered_records(store))

    def inputs(self, made: Made) -> list[Input]:
        """What was read for a version, in the order of the names."""
        return [self._input(made, name, version) for name, version in sorted(made.read.items())]

    def _input(self, reader: Made, name: str, version: str) -> Input:
        if name.startswith(OUTSIDE):
            return Input(name, name, reader.partition, version, None, outside=True)
        asset, partition = input_subject(name, reader.partition)
        return self.lookup(name, asset, partition, version, reader.line)

    def lookup(self, name: str, asset: str, partition: str, version: str, line: int) -> Input:
        """A version as an input of what a line records."""
        known = [made for made in self.by_version.get(version, ()) if made.subject == (asset, partition)]
        before = [made for made in known if made.line < line]
        found = before[-1] if before else known[0] if known else None
        return Input(name, asset, partition, version, found, later=bool(known) and not before)

    def version_before(self, made: Made) -> Made | None:
        """The last other version of the same asset and partition that was on record before it."""
        others = (m for m in self.by_subject[made.subject] if m.line < made.line and m.version != made.version)
        return max(others, key=lambda m: m.line, default=None)

    def checks_of(self, made: Made) -> dict[str, Record]:
        """The last record of each check of a version, by name."""
        found = self.checks.get((made.asset, made.partition, made.version), {})
        return {name: record for name, (_, record) in found.items()}

    def withheld(self, made: Made) -> str | None:
        """Why a version is not served; None when it is."""
        return withheld(made.entry, self.checks_of(made))

    def served(self, subject: Subject) -> Made | None:
        """The last version of an asset's partition that is served."""
        return next((made for made in reversed(self.by_subject.get(subject, ())) if self.withheld(made) is None), None)

    def is_pruned(self, version: str) -> bool:
        """Whether its removal is on record, and nothing that made it again after that."""
        if version not in self.prunes:
            return False
        line, _ = self.prunes[version]
        return all(made.line < line for made in self.by_version.get(version, ()))

    @functools.cached_property
    def readers(self) -> dict[str, list[Made]]:
        """By version, what was made from it."""
        found: dict[str, list[Made]] = {}
        for made in self.made:
            for version in made.read.values():
                found.setdefault(version, []).append(made)
        return found

    def find(self, name: str, partition: str | None = None) -> Made:
        """A version by what people call it.

        Args:
            name: ``drawings/encoder``, ``drawings/encoder@f5ef``, or ``f5ef``, the beginning of a version of any asset.
            partition: drawing class or picture source; may be left out where there is only one.

        Raises:
            SettingsError: when there is none, naming the nearest, or several.
        """
        asset, _, version = name.partition("@") if "/" in name else ("", "", name.removeprefix("@"))
        if asset:
            assets = sorted({of_asset for of_asset, _ in self.by_subject})
            if not assets:
                raise SettingsError(
                    f"A version of {asset} is expected. Received: a ledger without any. Make one with: make run"
                )
            if asset not in assets:
                raise SettingsError(unknown_name("asset", asset, assets))
        partitions = {p: None for a, p in self.by_subject if asset in ("", a)}
        if partition is not None and partition not in partitions:
            raise SettingsError(unknown_name(f"partition of {asset}" if asset else "partition", partition, partitions))
        candidates = [m for m in self.made if asset in ("", m.asset) and partition in (None, m.partition)]
        if version:
            candidates = _beginning_with(version, candidates, asset)
        subjects = list(dict.fromkeys(made.subject for made in candidates))
        if len(subjects) > 1:
            raise SettingsError(
                f"{'One partition' if asset else 'A version of one asset'} is expected for {name}. Received: "
                f"{', '.join(f'{a} ({p})' for a, p in subjects)}. Name {'it after the asset' if asset else 'ASSET@VERSION'}."
            )
        if version:
            return candidates[-1]
        served = self.served(subjects[0])
        if served is None:
            last = candidates[-1]
            raise SettingsError(
                f"A version of {asset} ({last.partition}) that passed its checks is expected. Received: none; the last, "
                f"{last.version[:SHORT]}, is not served because {self.withheld(last)}. "
                f"To look at it: {asset}@{last.version[:SHORT]}"
            )
        return served

    def decision(self, store: Store, made: Made) -> Decision | None:
        """The decision which models are champion that a version is; None where it is none, or is not there."""
        if not decides_champions(made.asset):
            return None
        try:
            return decision_of(StoredObject(made.version, store.path_of(made.version)))
        except Exception:  # what reads a file that was tampered with raises what it likes; whether it is whole, `verify` says
            return None

    def champions(self, store: Store) -> Iterator[tuple[Made, Decision]]:
        """The decision of each champion that counts now."""
        for subject in self.by_subject:
            served = self.served(subject) if decides_champions(subject[0]) else None
            if served is not None and (decision := self.decision(store, served)) is not None:
                yield served, decision


def numbered_records(store: Store) -> Iterator[tuple[int, Record]]:
    """Number of the line and record, oldest first.

    Raises:
        LedgerError: at a line that is no record.
    """
    try:
        file = store.ledger.path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, _, _, record in records_in(file, store.ledger.path):
            yield number, record


def input_subject(name: str, partition: str) -> Subject:
    """Asset and partition of an input, from its name and the partition of its reader."""
    found = _INPUT.fullmatch(name)
    return (name, partition) if found is None else (found["asset"], found["partition"] or partition)


def time_text(seconds: float | None) -> str:
    """``2026-11-25 02:14:05 UTC``; says so where the time is not on record."""
    if seconds is None:
        return "at a time that is not on record"
    try:
        return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return f"at {seconds!r}, which is no time"


def _beginning_with(version: str, candidates: list[Made], asset: str) -> list[Made]:
    matching = [made for made in candidates if made.version.startswith(version)]
    different = list(dict.fromkeys(made.version for made in matching))
    if len(different) == 1:
        return matching
    of = f"version of {asset}" if asset else "version"
    if different:
        listed = ", ".join(v[:SHORT] for v in different[:NEAREST])
        raise SettingsError(
            f"The beginning of one {of} is expected. Received: {version!r}, with which {listed} begin. Name more of it."
        )
    known = list(dict.fromkeys(made.version[: max(SHORT, len(version))] for made in reversed(candidates)))
    near = difflib.get_close_matches(version, known, NEAREST, cutoff=0.5)
    rest = [other for other in known if other not in near]
    raise SettingsError(
        f"Unknown {of}: {version!r}.{f' Did you mean {near[0]!r}?' if near else ''} "
        f"The nearest: {', '.join([*near, *rest][:NEAREST])}."
    )
