"""The ledger as a whole: its file, the links between its lines, and checkpoints that were kept elsewhere.

Belongs here: what is found of them, as findings. What links and checkpoints are is in `store.chain` and `store.checkpoints`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fullcircle.lineage.findings import CHAIN, CHECKPOINT, LINE, NOTE, Finding
from fullcircle.lineage.history import History, time_text
from fullcircle.store.chain import Fault, examine
from fullcircle.store.ledger_records import LedgerError
from fullcircle.store.objects import Store

if TYPE_CHECKING:
    from fullcircle.store.checkpoints import Verdict


def findings(store: Store, history: History, unreadable: LedgerError | None) -> Iterator[Finding]:
    """What is wrong with the ledger by itself.

    Args:
        store: whose.
        history: of its records, as far as they could be read.
        unreadable: what ended the reading; None where all are records.
    """
    path = store.ledger.path
    if not path.exists():
        advice = "Restore the ledger from a copy; without it nobody can say what the objects are"
        yield Finding(LINE, "The store has objects and no ledger.", str(path), "", advice)
        return
    if unreadable is not None:
        yield Finding(
            LINE,
            f"{unreadable} The records from there on were not looked at.",
            str(path),
            f"after line {history.lines} was written, {time_text(history.time_at(history.lines))}",
            "Restore the ledger from a copy; nothing can be made or read while a line is no record",
        )
    try:
        examined = examine(path)
    except LedgerError:
        return  # a newer schema, which is what ended the reading
    for fault in examined.faults:
        if unreadable is None or fault.line > history.lines + 1:
            yield _broken(store, history, fault)
    if examined.unfinished:
        yield Finding(
            LINE,
            "The last line is unfinished: a process is writing it, or was killed while it did.",
            str(path),
            "",
            "Nothing: it is no record, and is moved out of the way with the next one",
            NOTE,
        )


def _broken(store: Store, history: History, fault: Fault) -> Finding:
    before, here = (time_text(history.time_at(line)) for line in (fault.line - 1, fault.line))
    return Finding(
        CHAIN,
        fault.text,
        f"{store.ledger.path}, line {fault.line}",
        f"after line {fault.line} was written ({here}; the record before it {before})",
        "Compare with a copy of the ledger which line was edited, removed, inserted or moved, and restore it. What was made from "
        "what it records is in doubt: fullcircle audit impact",
    )


def checkpoint_findings(store: Store, verdicts: Iterable[Verdict]) -> Iterator[Finding]:
    """What checkpoints show that the ledger does not extend."""
    for verdict in verdicts:
        if verdict.fault is not None:
            yield Finding(
                CHECKPOINT,
                verdict.fault,
                str(store.ledger.path),
                f"after {verdict.checkpoint.time or 'the checkpoint was written'}",
                "Restore the ledger from a copy that extends the checkpoint, and find out who could write it",
            )
