"""Autoencoders as assets, one and its report for each model of the list, partitioned by picture source as the splits are.

Belongs here: keys, dependencies, descriptions and metadata. What is done is said in `fullcircle.steps.autoencoders`.
"""

from typing import Any

import dagster as dg

from assets.configuration import config_of, settings_of
from assets.drawings import TRAINING_POOL
from assets.glyphs import PARTITIONS, PREFIX
from assets.materialization import OWNERS, Made, materialized, progress_of, report_metadata
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.models.autoencoders import AUTOENCODERS, settings_class
from fullcircle.models.autoencoders.autoencoder import Autoencoder
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.store.code_version import code_version
from fullcircle.store.objects import Store, StoredObject

REPORT_CODE = code_version("fullcircle.reports.autoencoders")


def report_name(model: str) -> str:
    """The asset that reports on a model."""
    return f"{model}_report"


def _training_metadata(stored: StoredObject) -> dict[str, Any]:
    training = autoencoder_steps.training_of(stored)
    best = min(training["history"], key=lambda entry: entry["val_loss"])
    return {
        "parameters": dg.MetadataValue.int(training["parameters"]),
        "epochs": dg.MetadataValue.int(len(training["history"])),
        "best_epoch": dg.MetadataValue.int(best["epoch"]),
        **{name: dg.MetadataValue.float(value) for name, value in best.items() if name != "epoch"},
        "seconds": dg.MetadataValue.float(training["timing"]["seconds"]),
        "examples_per_s": dg.MetadataValue.float(training["timing"]["examples_per_s"]),
        "says": dg.MetadataValue.text(training["splits"]["says"]),
    }


def _model(chosen: Autoencoder) -> dg.AssetsDefinition:
    code = autoencoder_steps.code_of(chosen.name)

    @dg.asset(
        name=chosen.name,
        key_prefix=PREFIX,
        ins={split: dg.AssetIn([PREFIX, split]) for split in ("train", "valid")},
        partitions_def=PARTITIONS,
        group_name="autoencoders",
        kinds={"tensorflow"},
        owners=OWNERS,
        tags={"room": "models"},
        pool=TRAINING_POOL,
        code_version=code,
        config_schema=config_of(settings_class(chosen.name)),
        description=f"Autoencoder: {chosen.summary}. Takes {chosen.rule}.",
    )
    def model(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], train: StoredObject, valid: StoredObject
    ) -> dg.MaterializeResult[Made]:
        settings = settings_of(settings_class(chosen.name), context)
        stored = autoencoder_steps.make_autoencoder(store, context.partition_key, train, valid, settings, progress_of(context))
        return materialized(
            context,
            stored,
            settings=settings,
            read={f"{PREFIX}/train": train, f"{PREFIX}/valid": valid},
            code_version=code,
            metadata=_training_metadata(stored),
        )

    return model


def _report(chosen: Autoencoder) -> dg.AssetsDefinition:
    names = ("originals", "test", "valid", "train")

    @dg.asset(
        name=report_name(chosen.name),
        key_prefix=PREFIX,
        ins={**{name: dg.AssetIn([PREFIX, name]) for name in names}, "model": dg.AssetIn([PREFIX, chosen.name])},
        partitions_def=PARTITIONS,
        group_name="autoencoder_reports",
        kinds={"python", "html"},
        owners=OWNERS,
        tags={"room": "reports"},
        code_version=REPORT_CODE,
        config_schema=config_of(AutoencoderReportSettings),
        description=f"What {chosen.name} makes of test: figures beside baselines, pictures, its codes.",
    )
    def report(
        context: dg.AssetExecutionContext,
        store: dg.ResourceParam[Store],
        originals: StoredObject,
        test: StoredObject,
        valid: StoredObject,
        train: StoredObject,
        model: StoredObject,
    ) -> dg.MaterializeResult[Made]:
        settings = settings_of(AutoencoderReportSettings, context)
        stored = autoencoder_steps.report_autoencoder(
            store, originals, test, valid, train, model, settings, progress_of(context)
        )
        read = dict(zip(names, (originals, test, valid, train), strict=True)) | {chosen.name: model}
        return materialized(
            context,
            stored,
            settings=settings,
            read={f"{PREFIX}/{name}": other for name, other in read.items()},
            code_version=REPORT_CODE,
            metadata=report_metadata(stored),
        )

    return report


ASSETS = {name: [_model(chosen), _report(chosen)] for name, chosen in AUTOENCODERS.items()}
"""The assets of each model: itself and its report."""
