"""The audit as an asset: the whole store held against its ledger, in each run anew.

Belongs here: what Dagster shows of it. What is looked at is in `fullcircle.lineage`; Dagster's own events, in `pipelines.audit`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.checking import checks_of
from assets.from_steps import About, asset_of
from fullcircle.checks.lineage import GUARDS
from fullcircle.lineage.audit_report import STEP
from fullcircle.lineage.history import AUDIT_REPORT
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.steps.step import Inputs
from fullcircle.store.objects import StoredObject

SHOWN = 50
"""So many findings the UI shows; the page has all."""

COLUMNS = ("level", "kind", "what", "where", "since", "advice")


def _audit(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    report = stored.json(REPORT)
    records = [dg.TableRecord({name: finding[name] for name in COLUMNS}) for finding in report["findings"][:SHOWN]]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in COLUMNS])
    return {
        "page": dg.MetadataValue.path(str(stored.file(PAGE))),
        **({"findings": dg.MetadataValue.table(records, schema)} if records else {}),
        **report["metrics"],
    }


ABOUT = About(
    "Is every file, record and decision of the store as it was when it was made? What is wrong, where, since when, and what to do.",
    "audit",
    frozenset({"python", "html"}),
    _audit,
)

ASSETS = [asset_of(STEP, None, {AUDIT_REPORT: ABOUT}, always=True)]

CHECKS = [checks_of(guard, None) for guard in GUARDS]
