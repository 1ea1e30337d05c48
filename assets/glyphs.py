"""Pictures from anywhere as assets, one partition per picture source: originals -> augmented -> splits.

Belongs here: keys, dependencies, descriptions and metadata. What is done is said in `fullcircle.steps.glyphs`.
"""

from collections.abc import Iterator

import dagster as dg

from assets.configuration import config_of, pipeline_type, settings_of
from assets.materialization import OWNERS, Made, materialized, progress_of, shown, table_metadata
from assets.partitions import partitions_of
from fullcircle.data.augmented import AUGMENTED
from fullcircle.data.originals import INVERTED, ORIGIN, ORIGINALS, REASON, rejects
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES, known_sources, picture_source
from fullcircle.data.splits import SPLITS
from fullcircle.reports.glyphs import augmented_sheet, originals_sheet
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.code_version import code_version
from fullcircle.store.columns import LABEL
from fullcircle.store.objects import Store, StoredObject

PREFIX = "glyphs"
SPLITTING = "splitting"
SHOWN_REJECTS = 50

PARTITIONS = partitions_of(known_sources, SOURCES)

ORIGINALS_CODE = code_version("fullcircle.data.originals", "fullcircle.data.sources")
AUGMENTED_CODE = code_version("fullcircle.data.augmented")
SPLITS_CODE = code_version("fullcircle.data.group_splits")


def _rejects_metadata(stored: StoredObject) -> dict[str, dg.MetadataValue]:
    """The first rejected pictures with their reasons, as a table in the UI; all of them are in the file."""
    rejected = rejects(stored)
    read = rejected.read([ORIGIN, REASON], limit=SHOWN_REJECTS)
    records = [
        dg.TableRecord({"picture": origin, "reason": reason})
        for origin, reason in zip(read[ORIGIN].tolist(), read[REASON].tolist(), strict=True)
    ]
    schema = dg.TableSchema([dg.TableColumn("picture", "string"), dg.TableColumn("reason", "string")])
    return {"rejected": dg.MetadataValue.int(rejected.rows), "rejects": dg.MetadataValue.table(records, schema)}


@dg.asset(
    key_prefix=PREFIX,
    partitions_def=PARTITIONS,
    group_name="originals",
    kinds={"python", "parquet"},
    owners=OWNERS,
    tags={"room": "originals"},
    code_version=ORIGINALS_CODE,
    config_schema=config_of(OriginalsSettings),
    description="The pictures of a source on one canvas, light on dark, each with its file and hash; what was rejected, and why.",
)
def originals(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Made]:
    settings = settings_of(OriginalsSettings, context)
    source = picture_source(store.root, context.partition_key)
    stored = glyph_steps.make_originals(store, source, settings, progress_of(context))
    table = stored.table(ORIGINALS)
    read = table.read([LABEL, INVERTED])
    sheet = originals_sheet(stored)
    metadata = {
        **table_metadata(table),
        "labels": dg.MetadataValue.int(len(set(read[LABEL].tolist()))),
        "inverted": dg.MetadataValue.int(int(read[INVERTED].sum())),
        **_rejects_metadata(stored),
        **({"pictures": shown("originals", sheet)} if sheet else {}),
    }
    return materialized(context, stored, settings=settings, read={}, code_version=ORIGINALS_CODE, metadata=metadata)


@dg.asset(
    key_prefix=PREFIX,
    ins={"originals": dg.AssetIn(key_prefix=PREFIX)},
    partitions_def=PARTITIONS,
    group_name="augmented",
    kinds={"python", "opencv", "parquet"},
    owners=OWNERS,
    tags={"room": "augmented"},
    code_version=AUGMENTED_CODE,
    config_schema=config_of(AugmentedSettings, {"pipeline": pipeline_type()}),
    description="Many samples from the originals by a pipeline of augmentation, each with what was done to it.",
)
def augmented(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], originals: StoredObject
) -> dg.MaterializeResult[Made]:
    settings = settings_of(AugmentedSettings, context)
    stored = glyph_steps.make_augmented(store, originals, settings, progress_of(context))
    metadata = {
        **table_metadata(stored.table(AUGMENTED)),
        "pictures": shown("originals above their samples", augmented_sheet(originals, stored)),
    }
    read = {f"{PREFIX}/originals": originals}
    return materialized(context, stored, settings=settings, read=read, code_version=AUGMENTED_CODE, metadata=metadata)


_SPLIT_SAYS = {"train": "What models are fitted on.", "test": "What only reports look at.", "valid": "What chooses."}


@dg.multi_asset(
    name="glyph_splits",
    outs={
        split: dg.AssetOut(
            key_prefix=PREFIX,
            group_name="glyph_splits",
            kinds={"python", "parquet"},
            owners=OWNERS,
            tags={"room": "splits"},
            code_version=SPLITS_CODE,
            description=f"{_SPLIT_SAYS[split]} Samples go where the hash of their unit sends them: original, group or sample.",
        )
        for split in SPLITS
    },
    ins={name: dg.AssetIn(key_prefix=PREFIX) for name in ("originals", "augmented")},
    partitions_def=PARTITIONS,
    # A multi-asset takes a mapping of fields only, so the rules hang on the one field.
    config_schema={SPLITTING: config_of(GlyphSplitsSettings)},
)
def splits(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], originals: StoredObject, augmented: StoredObject
) -> Iterator[dg.MaterializeResult[Made]]:
    settings = settings_of(GlyphSplitsSettings, context, SPLITTING)
    made = glyph_steps.make_glyph_splits(store, originals, augmented, settings, progress_of(context))
    for split, stored in made.items():
        table = stored.table(split)
        yield materialized(
            context,
            stored,
            settings=settings,
            read={f"{PREFIX}/originals": originals, f"{PREFIX}/augmented": augmented},
            code_version=SPLITS_CODE,
            metadata={**table_metadata(table), "says": dg.MetadataValue.text(table.about["splits"]["says"])},
            asset_key=dg.AssetKey([PREFIX, split]),
        )


ASSETS = [originals, augmented, splits]
