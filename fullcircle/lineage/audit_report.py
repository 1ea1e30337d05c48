"""The audit as an asset: verifying the whole store, and its findings as a report.

Belongs here: its settings, what is stored, and its `Step`. It is made anew each time: what it looks at is more than a recipe has.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import Parts, Settings, setting
from fullcircle.lineage.findings import WRONG
from fullcircle.lineage.history import AUDIT_REPORT
from fullcircle.lineage.page import findings_page
from fullcircle.lineage.verify import verify
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.steps.step import Step, Work
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import Store, StoredObject


@dataclasses.dataclass(frozen=True)
class AuditSettings(Settings):
    """How much of the store is hashed."""

    everything: bool = setting(True, "every version; else those that are served and what they were made from")


@dataclasses.dataclass(frozen=True)
class AuditParts(Parts):
    """All settings of a run of the audit."""

    audit: AuditSettings = dataclasses.field(default_factory=AuditSettings)


def make_audit_report(store: Store, settings: AuditSettings, progress: Progress = silent) -> StoredObject:
    """Verify a store: ``report.json`` with the findings, and a page.

    Args:
        store: which, and takes the object.
        settings: how much of it.
        progress: where to say how far it is.
    """
    found = verify(store, everything=settings.everything, progress=progress)
    metrics = {
        "wrong": len(found.wrong),
        "notes": sum(finding.level != WRONG for finding in found.findings),
        "objects": found.objects,
        "records": found.records,
        "bytes": found.bytes,
    }
    report = {
        "asset": AUDIT_REPORT,
        "findings": [finding.as_dict() for finding in found.findings],
        "metrics": metrics,
        "settings": settings.as_dict(),
        TIMING: {"seconds": found.seconds},
    }
    with store.draft() as draft:
        (draft.path / REPORT).write_text(json.dumps(report, indent=1))
        (draft.path / PAGE).write_text(findings_page(found.findings, metrics), encoding="utf-8")
        return draft.commit()


def _audit(work: Work) -> Mapping[str, StoredObject]:
    return {AUDIT_REPORT: make_audit_report(work.store, work.settings, work.progress)}


STEP = Step((AUDIT_REPORT,), "audit", AuditSettings, _audit)
