"""The inbox as an asset, one partition per drawing class: what the champion read of the pictures that arrived.

Belongs here: what Dagster shows of it. What is done is in `fullcircle.steps.inbox`; who asks for it, in `pipelines.sensors`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.drawings import PARTITIONS, PREFIX
from assets.from_steps import About, asset_of
from assets.materialization import table_metadata
from fullcircle.reading.inbox import ASSET, CHAIN, FILE, REASON, REFUSED, TABLE
from fullcircle.steps import inbox as steps
from fullcircle.steps.step import Inputs
from fullcircle.store.objects import StoredObject

POOL = "inbox"
"""One reading at a time: each continues the record that the one before it left."""

SHOWN = 50
"""How many pictures that could not be read the UI shows."""


def _inbox(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    refused = stored.table(REFUSED).read([FILE, REASON])
    records = [
        dg.TableRecord({"picture": file, "reason": reason})
        for file, reason in list(zip(refused[FILE].tolist(), refused[REASON].tolist(), strict=True))[-SHOWN:]
    ]
    schema = dg.TableSchema([dg.TableColumn("picture", "string"), dg.TableColumn("reason", "string")])
    return {
        **table_metadata(stored.table(TABLE)),
        "refused": len(refused[FILE]),
        "last refused": dg.MetadataValue.table(records, schema),
        "table before": stored.json(CHAIN)["previous"] or "none",
    }


ABOUT = About(
    "What the champion read of the pictures in the inbox, each once, and why others could not be read; continues the table before.",
    "inbox",
    frozenset({"python", "parquet"}),
    _inbox,
)

ASSETS = [
    asset_of(
        steps.STEP,
        PARTITIONS,
        {ASSET: ABOUT},
        deps=[dg.AssetDep(dg.AssetKey([PREFIX, name])) for name in ("encoder", "decoder", "champion")],
        pool=POOL,
    )
]
