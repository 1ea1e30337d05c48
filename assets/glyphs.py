"""Pictures from anywhere as assets, one partition per picture source: originals -> augmented -> splits.

Belongs here: what Dagster shows of each. What is done is in `fullcircle.steps.glyphs`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.checking import checks_of
from assets.configuration import pipeline_type
from assets.from_steps import About, asset_of
from assets.materialization import shown, table_metadata
from assets.partitions import partitions_of
from fullcircle.checks.glyphs import GUARDS
from fullcircle.data.augmented import AUGMENTED
from fullcircle.data.group_splits import meaning_of
from fullcircle.data.originals import INVERTED, ORIGIN, ORIGINALS, REASON, rejects
from fullcircle.data.sources import SOURCES, known_sources
from fullcircle.reports.glyphs import augmented_sheet, originals_sheet
from fullcircle.steps import glyphs as steps
from fullcircle.steps.step import Inputs
from fullcircle.store.columns import LABEL
from fullcircle.store.objects import StoredObject

PREFIX = steps.PREFIX
PARTITIONS = partitions_of(known_sources, SOURCES)
SHOWN_REJECTS = 50
TABLE = frozenset({"python", "parquet"})


def _rejects(stored: StoredObject) -> dict[str, Any]:
    """The first rejected pictures with their reasons, as a table in the UI; all of them are in the file."""
    rejected = rejects(stored)
    read = rejected.read([ORIGIN, REASON], limit=SHOWN_REJECTS)
    records = [
        dg.TableRecord({"picture": origin, "reason": reason})
        for origin, reason in zip(read[ORIGIN].tolist(), read[REASON].tolist(), strict=True)
    ]
    schema = dg.TableSchema([dg.TableColumn("picture", "string"), dg.TableColumn("reason", "string")])
    return {"rejected": dg.MetadataValue.int(rejected.rows), "rejects": dg.MetadataValue.table(records, schema)}


def _originals(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    table = stored.table(ORIGINALS)
    read = table.read([LABEL, INVERTED])
    sheet = originals_sheet(stored)
    return {
        **table_metadata(table),
        "labels": dg.MetadataValue.int(len(set(read[LABEL].tolist()))),
        "inverted": dg.MetadataValue.int(int(read[INVERTED].sum())),
        **_rejects(stored),
        **({"pictures": shown("originals", sheet)} if sheet else {}),
    }


def _augmented(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    sheet = augmented_sheet(inputs[f"{PREFIX}/originals"], stored)
    return {**table_metadata(stored.table(AUGMENTED)), "pictures": shown("originals above their copies", sheet)}


def _split(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    table = stored.table()
    return {**table_metadata(table), "meaning": dg.MetadataValue.text(meaning_of(table.about["splits"]))}


_SPLITS = {"train": "What models are fitted on.", "test": "What only reports look at.", "valid": "What chooses."}

ABOUT: dict[str, About] = {
    f"{PREFIX}/originals": About(
        "The pictures of a source on one canvas, light on dark, each with its file and hash; what was rejected, and why.",
        "originals",
        TABLE,
        _originals,
    ),
    f"{PREFIX}/augmented": About(
        "Many copies from the originals by a pipeline of augmentation, each with what was done to it.",
        "augmented",
        TABLE | {"opencv"},
        _augmented,
    ),
    **{
        f"{PREFIX}/{split}": About(
            f"{use} Copies go where the hash of their unit sends them: original, group or copy.",
            "glyph_splits",
            TABLE,
            _split,
        )
        for split, use in _SPLITS.items()
    },
}

ASSETS = [
    asset_of(steps.ORIGINALS_STEP, PARTITIONS, ABOUT),
    asset_of(steps.AUGMENTED_STEP, PARTITIONS, ABOUT, types={"pipeline": pipeline_type()}),
    asset_of(steps.SPLITTING, PARTITIONS, ABOUT),
]

CHECKS = [checks_of(guard, PARTITIONS) for guard in GUARDS]
