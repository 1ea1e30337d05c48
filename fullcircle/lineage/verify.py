"""Verifying: is what the ledger records still so, and does what lies in the store belong there?

Belongs here: the order of the work, and its result. What is looked at: the ledger as a whole (`ledger`), its records against
each other (`records`), the files (`objects`), and the code that is on record (`code`).
Does not belong here: Dagster's events, which the library does not know (`pipelines.audit`).

Nothing that this process found before is trusted: every file is hashed anew. Memory does not grow with the size of the files.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fullcircle.core.progress import Progress, silent, size
from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.lineage import code, ledger, objects, records
from fullcircle.lineage.findings import NOTE, WRONG, Finding, wrong
from fullcircle.lineage.history import History, Made, numbered_records
from fullcircle.lineage.tree import all_inputs
from fullcircle.store.ledger_records import LedgerError, Record
from fullcircle.store.objects import Store

if TYPE_CHECKING:
    from fullcircle.store.checkpoints import Verdict


@dataclasses.dataclass(frozen=True)
class Verification:
    """What verifying found.

    Attributes:
        findings: what is wrong first, then what is worth knowing.
        objects: how many were hashed.
        bytes: of their files.
        records: lines of the ledger.
        seconds: that it took.
    """

    findings: tuple[Finding, ...]
    objects: int
    bytes: int
    records: int
    seconds: float

    @property
    def wrong(self) -> list[Finding]:
        """What no honest history leaves."""
        return wrong(self.findings)

    def text(self) -> str:
        """For a terminal: each finding, and what was looked at."""
        speed = f", {self.bytes / 1e6 / self.seconds:,.0f} MB/s" if self.seconds else ""
        looked = f"{self.objects:,} objects, {size(self.bytes)}, and {self.records:,} records, in {self.seconds:.1f} s{speed}"
        count = len(self.wrong)
        verdict = "Nothing is wrong" if not count else "One thing is wrong" if count == 1 else f"{count:,} things are wrong"
        return "\n\n".join([*(finding.text() for finding in self.findings), f"{verdict}. Looked at {looked}."])

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "wrong": len(self.wrong),
            "findings": [finding.as_dict() for finding in self.findings],
            "objects": self.objects,
            "bytes": self.bytes,
            "records": self.records,
            "seconds": self.seconds,
        }


def verify(
    store: Store,
    asset: str | None = None,
    *,
    everything: bool = False,
    held: Iterable[Verdict] = (),
    progress: Progress = silent,
) -> Verification:
    """Hold the store and the ledger against each other.

    Records, decisions and the folder of objects are always looked at as a whole; which objects are hashed, the arguments say.

    Args:
        store: which; nothing in it is changed.
        asset: only its versions, and what they were made from.
        everything: all versions, not only those that are served and what they were made from.
        held: what came of holding the ledger against checkpoints.
        progress: where to say how far it is.

    Raises:
        SettingsError: when there is no such asset, or no store.
    """
    began = time.monotonic()
    if not store.ledger.path.exists() and not (store.root / "objects").exists():
        raise SettingsError(
            f"A store with a ledger is expected. Received: {store.root}, which has none. Make something: make run"
        )
    readable = _Readable(store)
    history = History(readable)
    found = list(ledger.findings(store, history, readable.error))
    found += ledger.checkpoint_findings(store, held)
    if asset is not None and asset not in (assets := sorted({of for of, _ in history.by_subject})):
        raise SettingsError(unknown_name("asset", asset, assets))
    found += records.findings(store, history, whole=readable.error is None)
    found += code.findings(history)
    found += objects.folder_findings(store, history)
    versions = _chosen(store, history, asset, everything)
    done = of_files = 0
    for made in versions:
        findings, of_object = objects.findings(store, history, made)
        found += findings
        done, of_files = done + 1, of_files + of_object
        progress.step("verifying", done, len(versions), "objects")
    ordered = [f for level in (WRONG, NOTE) for f in found if f.level == level]
    return Verification(tuple(ordered), done, of_files, history.lines, time.monotonic() - began)


class _Readable:
    """The records up to the first line that is none, and the error about that one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.error: LedgerError | None = None

    def __iter__(self) -> Iterator[tuple[int, Record]]:
        try:
            yield from numbered_records(self._store)
        except LedgerError as error:
            self.error = error


def _chosen(store: Store, history: History, asset: str | None, everything: bool) -> list[Made]:
    """The versions whose objects are hashed, a record of each, those that are served and their inputs where not all are."""
    subjects = [subject for subject in history.by_subject if asset in (None, subject[0])]
    if everything:
        chosen = list(itertools.chain.from_iterable(history.by_subject[subject] for subject in subjects))
    else:
        chosen = [served for subject in subjects if (served := history.served(subject)) is not None]
    last: dict[str, Made] = {}
    todo = chosen[::-1]
    while todo:
        made = todo.pop()
        if made.version in last:
            continue
        last[made.version] = made
        todo += [of.made for of in all_inputs(store, history, made) if of.made is not None]
    return list(last.values())
