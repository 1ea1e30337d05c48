"""The ledger's records against each other: inputs that nobody made, decisions that do not follow each other, and the like.

Belongs here: what can be seen without opening an object, but for the decisions which models are champion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fullcircle.lineage.findings import (
    DECISION,
    INDEX,
    LATER_INPUT,
    NO_VERSION,
    NOTE,
    ORDER,
    REPEATED,
    REPLACED,
    SHARED,
    UNKNOWN_CHECK,
    UNKNOWN_INPUT,
    Finding,
)
from fullcircle.lineage.history import SHORT, History, Input, Made, time_text
from fullcircle.lineage.tree import all_inputs
from fullcircle.store.champions import Decision, Models, decides_champions
from fullcircle.store.hashing import canonical_json, digest
from fullcircle.store.ledger_records import LedgerError
from fullcircle.store.objects import Store

HASH = re.compile(r"[0-9a-f]{64}")

SLACK_SECONDS = 600.0
"""So much earlier than the record before it a record's time may be: runs side by side, and clocks that are set."""

RESTORE = "Compare with a copy of the ledger, or with a checkpoint of it, to see which line was edited, removed or inserted"


def findings(store: Store, history: History, *, whole: bool) -> Iterator[Finding]:
    """What does not go together.

    Args:
        store: whose index and decisions are looked at too.
        history: of its ledger.
        whole: whether all of the ledger could be read; else the index is left out.
    """
    yield from _versions(store, history)
    yield from _inputs(store, history)
    yield from _checks(store, history)
    yield from _shared(store, history)
    yield from _decisions(store, history)
    yield from _order(store, history)
    yield from _damages(store, history)
    if whole:
        yield from _index(store, history)


def line_of(store: Store, line: int) -> str:
    """A line of the ledger, as a place."""
    return f"{store.ledger.path}, line {line}"


def _versions(store: Store, history: History) -> Iterator[Finding]:
    seen: set[str] = set()
    for made in history.made:
        if not HASH.fullmatch(made.version):
            yield Finding(
                NO_VERSION,
                f"The version of {made.asset} ({made.partition}) is expected to be a content hash, 64 hex digits. Received: "
                f"{made.version[:80]!r}.",
                line_of(store, made.line),
                made.time,
                RESTORE,
            )
        if "time" not in made.entry:
            continue  # an older record may well look like another
        # Whoever inserts one may link it to the line before, as the ledger does.
        key = digest([canonical_json({name: value for name, value in made.entry.items() if name != "previous"})])
        if key in seen:
            yield Finding(
                REPEATED,
                f"The very same record of {made.name} stands in the ledger before, with the same time to the microsecond.",
                line_of(store, made.line),
                made.time,
                RESTORE,
            )
        seen.add(key)


def _inputs(store: Store, history: History) -> Iterator[Finding]:
    for made in history.made:
        for of in all_inputs(store, history, made):
            if of.outside or (of.made is not None and not of.later):
                continue
            yield _unknown(store, history, made, of)


def _unknown(store: Store, history: History, made: Made, of: Input) -> Finding:
    what = f"{made.name} was made from {of.asset} ({of.partition}) {of.version[:SHORT]}"
    if of.later and of.made is not None:
        return Finding(
            LATER_INPUT,
            f"{what}, whose only record comes after that, in line {of.made.line}.",
            line_of(store, made.line),
            made.time,
            f"Lines were reordered, or a record was removed. {RESTORE}",
        )
    others = history.by_version.get(of.version, ())
    known = f"; that version is on record as {others[-1].name}" if others else ""
    pruned = " Its removal is on record." if of.version in history.prunes else ""
    return Finding(
        UNKNOWN_INPUT,
        f"{what}, which no record made{known}.{pruned}",
        line_of(store, made.line),
        made.time,
        f"A record was removed, or this one was edited. {RESTORE}",
    )


def _checks(store: Store, history: History) -> Iterator[Finding]:
    first: dict[tuple[str, str, str], int] = {}
    for made in history.made:
        first.setdefault((made.asset, made.partition, made.version), made.line)
    for (asset, partition, version), checks in history.checks.items():
        for name, (line, record) in checks.items():
            began = first.get((asset, partition, version))
            if began is not None and began < line:
                continue
            state = "which no record made" if began is None else f"whose first record comes after that, in line {began}"
            yield Finding(
                UNKNOWN_CHECK,
                f"The check {name} was applied to {asset} ({partition}) {version[:SHORT]}, {state}.",
                line_of(store, line),
                time_text(record["time"]),
                RESTORE,
            )


def _shared(store: Store, history: History) -> Iterator[Finding]:
    for version, of_version in history.by_version.items():
        subjects = {made.subject: made for made in of_version}
        if len(subjects) > 1:
            names = " and ".join(f"{asset} ({partition})" for asset, partition in subjects)
            last = max(subjects.values(), key=lambda made: made.line)
            yield Finding(
                SHARED,
                f"{names} share the version {version[:SHORT]}: at most one of them can be what it is called.",
                line_of(store, last.line),
                last.time,
                f"Make {last.asset} of {last.partition} again. Partitions that are materialized together in one run share one "
                "version: one partition per run",
            )


def _decisions(store: Store, history: History) -> Iterator[Finding]:
    for subject, of_subject in history.by_subject.items():
        if decides_champions(subject[0]):
            yield from _chain(store, history, of_subject)


def _chain(store: Store, history: History, of_subject: list[Made]) -> Iterator[Finding]:
    """Whether each decision follows the one that it says; the rule is that of `champions.enter_decision`."""
    decisions: list[tuple[Made, Decision | None]] = []
    for made in of_subject:
        if decisions and decisions[-1][0].version == made.version:
            continue  # confirmed by a later run
        decision = history.decision(store, made)
        if decision is None:
            yield _wrong_decision(store, made, f"{made.name} cannot be read, so nobody can say what it decided")
        elif all(known is not None for _, known in decisions):
            earlier = [(m, d) for m, d in decisions if d is not None]
            if not decision.by_hand:
                while earlier and earlier[-1][1].challenger == decision.challenger and not earlier[-1][1].by_hand:
                    earlier.pop()
            yield from _follows(store, made, decision, earlier[-1] if earlier else None)
        decisions.append((made, decision))


def _follows(store: Store, made: Made, decision: Decision, last: tuple[Made, Decision] | None) -> Iterator[Finding]:
    expected = last[0].version if last else None
    before: Models = last[1].champion if last else {}
    if decision.previous != expected:
        yield _wrong_decision(
            store,
            made,
            f"{made.name} is expected to follow the decision {_short(expected)}, the last one in the ledger. It says that it "
            f"follows {_short(decision.previous)}",
        )
    elif dict(decision.before) != dict(before):
        yield _wrong_decision(
            store, made, f"{made.name} names other models as champion before it than the decision before it made"
        )


def _wrong_decision(store: Store, made: Made, what: str) -> Finding:
    again = "Decisions were removed, inserted or edited: decide anew, and say why, with: fullcircle champion rollback"
    return Finding(DECISION, f"{what}.", line_of(store, made.line), made.time, f"{RESTORE}. {again}")


def _short(version: str | None) -> str:
    return version[:SHORT] if version else "none"


def _order(store: Store, history: History) -> Iterator[Finding]:
    latest, line = float("-inf"), 0
    for made in history.made:
        seconds = made.entry.get("time")
        if seconds is None:
            continue
        if seconds < latest - SLACK_SECONDS:
            yield Finding(
                ORDER,
                f"The record of {made.name} has a time {latest - seconds:,.0f} s before that of line {line}, which it follows.",
                line_of(store, made.line),
                f"{time_text(seconds)} or {time_text(latest)}",
                "The clock was set back, or lines were reordered",
                NOTE,
            )
        latest, line = seconds, made.line


def _damages(store: Store, history: History) -> Iterator[Finding]:
    for line, record in history.damages:
        yield Finding(
            REPLACED,
            f"{record['version'][:SHORT]} was damaged and was replaced by one made anew. {record['description']}",
            line_of(store, line),
            f"before {time_text(record['time'])}",
            f"The damaged one is kept in {store.root / record['kept']}",
            NOTE,
        )


def _index(store: Store, history: History) -> Iterator[Finding]:
    """What is served by the index, which is what everybody asks, against what the ledger says line by line."""
    for subject in history.by_subject:
        expected = history.served(subject)
        try:
            found = store.ledger.latest(*subject)
        except LedgerError:
            return  # it was written since
        if (None if expected is None else expected.entry) == found:
            continue
        if History.of(store).lines != history.lines:
            return  # somebody writes right now: what is latest has changed
        yield Finding(
            INDEX,
            f"{subject[0]} ({subject[1]}): by the index {found['version'][:SHORT] if found else 'nothing'} is served, "
            f"by the ledger {expected.version[:SHORT] if expected else 'nothing'}.",
            str(store.ledger.path.with_suffix(".index.sqlite")),
            "",
            "Remove the index; it is made again from the ledger",
        )
