"""The circle as assets, one partition per drawing class: examples, splits, decoder, encoder, readings, and a report of each model.

Belongs here: keys, dependencies, descriptions and metadata. What is done is said in `fullcircle.steps.drawings`.
"""

from collections.abc import Iterator

import dagster as dg

from assets.configuration import config_of, settings_of
from assets.materialization import OWNERS, Made, materialized, progress_of, report_metadata, table_metadata
from assets.partitions import partitions_of
from fullcircle.checks.drawing_class import refuse_broken
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.data.splits import SPLITS
from fullcircle.drawings import DRAWINGS, drawing_class, known_drawings
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import training_of
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reports.settings import RecognitionSettings, ReportSettings
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps.recognition import report_recognition
from fullcircle.store.code_version import code_version, code_with
from fullcircle.store.objects import Store, StoredObject
from fullcircle.training.settings import DecoderSettings, EncoderSettings

PREFIX = "drawings"
PARTITIONS = partitions_of(known_drawings, DRAWINGS)
TRAINING_POOL = "train"
PROPORTIONS = "proportions"

EXAMPLES_CODE = code_version("fullcircle.data.examples")
SPLITS_CODE = code_version("fullcircle.data.splits")
DECODER_CODE = code_version("fullcircle.training.drawings", *(a.module for a in DECODERS.values()))
ENCODER_CODE = code_version("fullcircle.training.drawings", *(a.module for a in (*DECODERS.values(), *ENCODERS.values())))
READINGS_CODE = code_version("fullcircle.reading.readings", *(a.module for a in (*DECODERS.values(), *ENCODERS.values())))
REPORT_CODE = code_version("fullcircle.reports.drawings")
RECOGNITION_CODE = code_version("fullcircle.reports.recognition", *(a.module for a in (*DECODERS.values(), *ENCODERS.values())))


def _table_metadata(stored: StoredObject) -> dict[str, dg.MetadataValue]:
    return table_metadata(stored.table())


@dg.asset(
    key_prefix=PREFIX,
    partitions_def=PARTITIONS,
    group_name="examples",
    kinds={"python", "parquet"},
    owners=OWNERS,
    tags={"room": "examples"},
    code_version=EXAMPLES_CODE,
    config_schema=config_of(ExamplesSettings),
    description="Sampled specs and what the drawing class draws from them: clean picture, noisy picture, noise level.",
)
def examples(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Made]:
    settings = settings_of(ExamplesSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    if drawing.reference:  # a class of the user's own; it may have been launched in the UI, and ours are held by their tests
        refuse_broken(drawing)
    stored = drawing_steps.make_examples(store, drawing, settings, progress_of(context))
    return materialized(
        context,
        stored,
        settings=settings,
        read={},
        code_version=code_with(EXAMPLES_CODE, drawing),
        metadata=_table_metadata(stored),
    )


_SPLIT_SAYS = {"train": "What models are fitted on.", "test": "What only reports look at.", "valid": "What chooses."}


@dg.multi_asset(
    name="splits",
    outs={
        split: dg.AssetOut(
            key_prefix=PREFIX,
            group_name="splits",
            kinds={"python", "parquet"},
            owners=OWNERS,
            tags={"room": "splits"},
            code_version=SPLITS_CODE,
            description=f"{_SPLIT_SAYS[split]} Examples go where the hash of their clean picture sends them.",
        )
        for split in SPLITS
    },
    ins={"examples": dg.AssetIn(key_prefix=PREFIX)},
    partitions_def=PARTITIONS,
    # A multi-asset takes a mapping of fields only, so the rules hang on the one field.
    config_schema={PROPORTIONS: config_of(SplitsSettings)},
)
def splits(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], examples: StoredObject
) -> Iterator[dg.MaterializeResult[Made]]:
    settings = settings_of(SplitsSettings, context, PROPORTIONS)
    made = drawing_steps.make_splits(store, examples, settings, progress_of(context))
    for split, stored in made.items():
        yield materialized(
            context,
            stored,
            settings=settings,
            read={"drawings/examples": examples},
            code_version=SPLITS_CODE,
            metadata=_table_metadata(stored),
            asset_key=dg.AssetKey([PREFIX, split]),
        )


def _training_metadata(stored: StoredObject) -> dict[str, dg.MetadataValue]:
    training = training_of(stored)
    last = training["history"][-1]
    return {
        "parameters": dg.MetadataValue.int(training["parameters"]),
        "epochs": dg.MetadataValue.int(len(training["history"])),
        "loss": dg.MetadataValue.float(last["loss"]),
        "val_loss": dg.MetadataValue.float(min(h["val_loss"] for h in training["history"] if h["stage"] == last["stage"])),
        "seconds": dg.MetadataValue.float(training["timing"]["seconds"]),
        "examples_per_s": dg.MetadataValue.float(training["timing"]["examples_per_s"]),
    }


@dg.asset(
    key_prefix=PREFIX,
    ins={split: dg.AssetIn(key_prefix=PREFIX) for split in ("train", "valid")},
    partitions_def=PARTITIONS,
    group_name="models",
    kinds={"tensorflow"},
    owners=OWNERS,
    tags={"room": "models"},
    pool=TRAINING_POOL,
    code_version=DECODER_CODE,
    config_schema=config_of(DecoderSettings),
    description="A network that draws: spec -> image, a differentiable stand-in for the draw method.",
)
def decoder(
    context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], train: StoredObject, valid: StoredObject
) -> dg.MaterializeResult[Made]:
    settings = settings_of(DecoderSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    stored = drawing_steps.make_decoder(store, drawing, train, valid, settings, progress_of(context))
    return materialized(
        context,
        stored,
        settings=settings,
        read={"drawings/train": train, "drawings/valid": valid},
        code_version=code_with(DECODER_CODE, drawing),
        metadata=_training_metadata(stored),
    )


@dg.asset(
    key_prefix=PREFIX,
    ins={name: dg.AssetIn(key_prefix=PREFIX) for name in ("train", "valid", "decoder")},
    partitions_def=PARTITIONS,
    group_name="models",
    kinds={"tensorflow"},
    owners=OWNERS,
    tags={"room": "models"},
    pool=TRAINING_POOL,
    code_version=ENCODER_CODE,
    config_schema=config_of(EncoderSettings),
    description="A network that reads: image -> spec, trained through the frozen decoder.",
)
def encoder(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    train: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
) -> dg.MaterializeResult[Made]:
    settings = settings_of(EncoderSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    stored = drawing_steps.make_encoder(store, drawing, train, valid, decoder, settings, progress_of(context))
    return materialized(
        context,
        stored,
        settings=settings,
        read={"drawings/train": train, "drawings/valid": valid, "drawings/decoder": decoder},
        code_version=code_with(ENCODER_CODE, drawing),
        metadata=_training_metadata(stored),
    )


@dg.asset(
    key_prefix=PREFIX,
    ins={name: dg.AssetIn(key_prefix=PREFIX) for name in ("test", "valid", "encoder")},
    partitions_def=PARTITIONS,
    group_name="readings",
    kinds={"python", "parquet"},
    owners=OWNERS,
    tags={"room": "readings"},
    code_version=READINGS_CODE,
    config_schema=config_of(ReaderSettings),
    description="What the reader makes of test and valid at four noise levels: a row per picture, level and step, with the truth.",
)
def readings(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    test: StoredObject,
    valid: StoredObject,
    encoder: StoredObject,
) -> dg.MaterializeResult[Made]:
    settings = settings_of(ReaderSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    stored, decoder = drawing_steps.make_readings(store, drawing, test, valid, encoder, settings, progress_of(context))
    return materialized(
        context,
        stored,
        settings=settings,
        # The decoder is the one that the encoder was trained through, whatever is the latest.
        read={
            "drawings/test": test,
            "drawings/valid": valid,
            "drawings/encoder": encoder,
            "drawings/decoder": decoder,
        },
        code_version=code_with(READINGS_CODE, drawing),
        metadata=_table_metadata(stored),
    )


@dg.asset(
    key_prefix=PREFIX,
    ins={name: dg.AssetIn(key_prefix=PREFIX) for name in ("test", "valid", "decoder")},
    partitions_def=PARTITIONS,
    group_name="reports",
    kinds={"python", "html"},
    owners=OWNERS,
    tags={"room": "reports"},
    code_version=REPORT_CODE,
    config_schema=config_of(ReportSettings),
    description="How well the decoder draws, on test: truth beside decoded, figures by contrast, valid against test.",
)
def decoder_report(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    test: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
) -> dg.MaterializeResult[Made]:
    settings = settings_of(ReportSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    stored = drawing_steps.report_decoder(store, drawing, test, valid, decoder, settings)
    return materialized(
        context,
        stored,
        settings=settings,
        read={"drawings/test": test, "drawings/valid": valid, "drawings/decoder": decoder},
        code_version=code_with(REPORT_CODE, drawing),
        metadata=report_metadata(stored),
    )


@dg.asset(
    key_prefix=PREFIX,
    ins={name: dg.AssetIn(key_prefix=PREFIX) for name in ("test", "valid", "decoder", "encoder", "readings")},
    partitions_def=PARTITIONS,
    group_name="reports",
    kinds={"python", "html"},
    owners=OWNERS,
    tags={"room": "reports"},
    code_version=REPORT_CODE,
    config_schema=config_of(ReportSettings),
    description="How well pictures are read, on test: encoder, + gradient, + redraw, by contrast and noise, valid against test.",
)
def encoder_report(
    context: dg.AssetExecutionContext,
    store: dg.ResourceParam[Store],
    test: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
    encoder: StoredObject,
    readings: StoredObject,
) -> dg.MaterializeResult[Made]:
    settings = settings_of(ReportSettings, context)
    drawing = drawing_class(context.partition_key, store.root)
    stored = drawing_steps.report_encoder(store, drawing, test, valid, decoder, encoder, readings, settings)
    return materialized(
        context,
        stored,
        settings=settings,
        read={
            "drawings/test": test,
            "drawings/valid": valid,
            "drawings/decoder": decoder,
            "drawings/encoder": encoder,
            "drawings/readings": readings,
        },
        code_version=code_with(REPORT_CODE, drawing),
        metadata=report_metadata(stored),
    )


@dg.asset(
    key_prefix=PREFIX,
    deps=[
        dg.AssetDep(dg.AssetKey([PREFIX, name]), partition_mapping=dg.AllPartitionMapping())
        for name in (*SPLITS, "decoder", "encoder")
    ],
    group_name="reports",
    kinds={"python", "html"},
    owners=OWNERS,
    tags={"room": "reports"},
    code_version=RECOGNITION_CODE,
    config_schema=config_of(RecognitionSettings),
    description="Which class is it? Every trained class reads test pictures of every class; beside it, what pixels alone tell.",
)
def recognition_report(context: dg.AssetExecutionContext, store: dg.ResourceParam[Store]) -> dg.MaterializeResult[Made]:
    settings = settings_of(RecognitionSettings, context)
    stored, read = report_recognition(store, settings, progress_of(context))
    return materialized(
        context, stored, settings=settings, read=read, code_version=RECOGNITION_CODE, metadata=report_metadata(stored)
    )


ASSETS = [examples, splits, decoder, decoder_report, encoder, readings, encoder_report]
"""Those of the circle: one partition per drawing class."""

RECOGNITION = [recognition_report]
"""Those over all drawing classes at once."""
