"""Checks of the audit's report.

Belongs here: what must hold of what an audit found. What it looks at is in `lineage`.
"""

from __future__ import annotations

from fullcircle.checks.check import Check, Guard, Rule
from fullcircle.reports.files import REPORT
from fullcircle.store.objects import StoredObject

SHOWN = 3
"""So many findings are named; the page has all."""


def nothing_is_wrong(report: StoredObject) -> Check:
    """The store is as its ledger has it: no file was changed, no record edited, every input is on record."""
    found = report.json(REPORT)
    wrong = [finding for finding in found["findings"] if finding["level"] == "wrong"]
    if not wrong:
        return Check(
            True, f"{found['metrics']['objects']:,} objects and {found['metrics']['records']:,} records are as they were made."
        )
    named = " ".join(f"{finding['kind']}: {finding['what']} {finding['advice'].rstrip('.')}." for finding in wrong[:SHOWN])
    more = f" And {len(wrong) - SHOWN} more: fullcircle audit verify --all" if len(wrong) > SHOWN else ""
    return Check(False, f"{len(wrong)} found wrong. {named}{more}", {"wrong": len(wrong)})


GUARDS = (
    Guard(
        "lineage/audit_report",
        ("lineage/audit_report",),
        (Rule(nothing_is_wrong, lambda subject: (subject["audit_report"],)),),
    ),
)
