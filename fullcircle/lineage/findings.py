"""Findings: what an audit found wrong or worth knowing.

Belongs here: one form for all of them, whoever looked: at objects, at the ledger, at Dagster's events.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

WRONG, NOTE = "wrong", "note"
"""What no honest history leaves; what one does leave, and who audits wants to know."""

DAMAGED, MISSING, FOREIGN, LINK = "damaged object", "missing object", "foreign file", "symbolic link"
UNRECORDED, REPLACED = "unrecorded object", "replaced object"
UNKNOWN_INPUT, LATER_INPUT, CONTRADICTION = "unknown input", "input of later", "contradiction"
SHARED, REPEATED, NO_VERSION, ORDER = "shared version", "repeated record", "no version", "order of time"
UNKNOWN_CHECK, DECISION, INDEX, LINE = "check of nothing", "decision", "index", "ledger line"
CHAIN, CHECKPOINT = "broken chain", "checkpoint"
NO_CODE, UNCOMMITTED = "unknown code", "uncommitted code"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that was found.

    Attributes:
        kind: one of those above, or what another check calls it.
        what: is wrong, as sentences.
        where: a path, or the ledger with the line.
        since: from when on, as far as that is known: the time of the record, or between which times it happened.
        advice: what to do.
        level: `WRONG` or `NOTE`.
    """

    kind: str
    what: str
    where: str
    since: str
    advice: str
    level: str = WRONG

    def text(self) -> str:
        """For a terminal."""
        lines = [f"{'WRONG' if self.level == WRONG else 'note'}: {self.kind}. {self.what}", f"  where: {self.where}"]
        lines += [f"  since: {self.since}"] if self.since else []
        lines += [f"  to do: {self.advice}"] if self.advice else []
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str]:
        """Plain data, fit for JSON."""
        found: dict[str, Any] = dataclasses.asdict(self)
        return found


def wrong(findings: Iterable[Finding]) -> list[Finding]:
    """Those that no honest history leaves."""
    return [finding for finding in findings if finding.level == WRONG]
