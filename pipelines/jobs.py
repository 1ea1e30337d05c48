"""Jobs: an imperative each, over all assets that are made together for one partition.

What is launched may be some of a job's assets: one autoencoder of all, for one. Each job's configuration, which the launchpad
shows, is that of the profile quick; `make run PROFILE=full` hands over its own, and so does a run of it that is executed again. One
partition per run: partitions materialized together would share one data version.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets import autoencoders, drawings, feature_patterns, glyphs, inbox, lineage
from fullcircle.core.settings import Parts
from fullcircle.lineage import audit_report
from fullcircle.steps import autoencoders as autoencoder_steps
from fullcircle.steps import drawings as drawing_steps
from fullcircle.steps import feature_patterns as feature_steps
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.steps import inbox as inbox_steps
from fullcircle.steps import recognition
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, FEATURE_PROFILES, GLYPH_PROFILES, PROFILES, RECOGNITION_PROFILES
from fullcircle.steps.settings import InboxSettings
from fullcircle.steps.step import Step
from pipelines.config import run_config
from pipelines.executor import EXECUTOR
from pipelines.smoke import smoke_job

LEARN_DRAWING = "learn_drawing"
RECOGNISE_DRAWINGS = "recognise_drawings"
PREPARE_GLYPHS = "prepare_glyphs"
TRAIN_AUTOENCODERS = "train_autoencoders"
READ_INBOX = "read_inbox"
REFRESH_PICTURES = "refresh_pictures"
SMOKE_TEST = "smoke_test"
AUDIT = "audit"
SHOW_ENCODER_FEATURES = "show_encoder_features"
SHOW_AUTOENCODER_FEATURES = "show_autoencoder_features"

DEFAULT_PROFILE = "quick"


def features_job(model: str) -> str:
    """The job that makes the feature patterns of a model: of an autoencoder, or of the encoder of a drawing class."""
    return SHOW_ENCODER_FEATURES if model == feature_steps.ENCODER else SHOW_AUTOENCODER_FEATURES


def _job(
    name: str,
    assets: Sequence[dg.AssetsDefinition],
    partitions: dg.PartitionsDefinition | None,
    defaults: Sequence[tuple[Parts, Sequence[Step]]],
    description: str,
) -> Any:
    """A job over assets, with the settings that the launchpad shows for the steps that make them."""
    ops = {op: config for settings, steps in defaults for op, config in run_config(settings, steps)["ops"].items()}
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*assets),
        partitions_def=partitions,
        config={"ops": ops},
        executor_def=EXECUTOR,
        description=description,
    )


JOBS = [
    _job(
        LEARN_DRAWING,
        drawings.ASSETS,
        drawings.PARTITIONS,
        [(PROFILES[DEFAULT_PROFILE].settings, drawing_steps.STEPS)],
        "Learn to draw one drawing class and to read it back: examples, splits, decoder, encoder, readings and the reports.",
    ),
    _job(
        RECOGNISE_DRAWINGS,
        drawings.RECOGNITION,
        None,
        [(RECOGNITION_PROFILES[DEFAULT_PROFILE].settings, [recognition.STEP])],
        "Tell which drawing class a picture shows, over all classes that are learned, and report how often that is right.",
    ),
    _job(
        PREPARE_GLYPHS,
        glyphs.ASSETS,
        glyphs.PARTITIONS,
        [(GLYPH_PROFILES[DEFAULT_PROFILE].settings, glyph_steps.STEPS)],
        "Collect the pictures of one picture source, augment them and split them into train, test and valid.",
    ),
    _job(
        TRAIN_AUTOENCODERS,
        [asset for of_model in autoencoders.ASSETS.values() for asset in of_model],
        glyphs.PARTITIONS,
        [(AUTOENCODER_PROFILES[model][DEFAULT_PROFILE].settings, steps) for model, steps in autoencoder_steps.STEPS.items()],
        "Train autoencoders on the pictures of one source and report on each: all of them, or those whose assets are selected.",
    ),
    _job(
        SHOW_ENCODER_FEATURES,
        [feature_patterns.ASSETS[feature_steps.ENCODER]],
        drawings.PARTITIONS,
        [
            (FEATURE_PROFILES[feature_steps.ENCODER][DEFAULT_PROFILE].settings, [feature_steps.STEPS[feature_steps.ENCODER]]),
        ],
        "Show what the maps of a drawing class's trained encoder react to most.",
    ),
    _job(
        SHOW_AUTOENCODER_FEATURES,
        [asset for model, asset in feature_patterns.ASSETS.items() if model != feature_steps.ENCODER],
        glyphs.PARTITIONS,
        [
            (FEATURE_PROFILES[model][DEFAULT_PROFILE].settings, [step])
            for model, step in feature_steps.STEPS.items()
            if model != feature_steps.ENCODER
        ],
        "Show what the maps of autoencoders trained on one picture source react to most: of all, or of those selected.",
    ),
    _job(
        READ_INBOX,
        inbox.ASSETS,
        drawings.PARTITIONS,
        [(InboxSettings(), [inbox_steps.STEP])],
        "Read the pictures that arrived in the inbox of one drawing class by its champion, each of them once.",
    ),
    _job(
        REFRESH_PICTURES,
        [*glyphs.ASSETS, *(asset for of_model in autoencoders.ASSETS.values() for asset in of_model)],
        glyphs.PARTITIONS,
        [
            (GLYPH_PROFILES[DEFAULT_PROFILE].settings, glyph_steps.STEPS),
            *(
                (AUTOENCODER_PROFILES[model][DEFAULT_PROFILE].settings, steps)
                for model, steps in autoencoder_steps.STEPS.items()
            ),
        ],
        "Collect the pictures of one picture source again, and train again the autoencoders that learn from them.",
    ),
    smoke_job(SMOKE_TEST, EXECUTOR),
    _job(
        AUDIT,
        lineage.ASSETS,
        None,
        [(audit_report.AuditParts(), [audit_report.STEP])],
        "Hold the whole store against its ledger: every file, record and decision must be as it was when it was made.",
    ),
]
