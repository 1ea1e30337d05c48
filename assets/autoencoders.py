"""Autoencoders as assets: each model of the list, its report and its champion, partitioned by picture source as the splits are.

Belongs here: what Dagster shows of each. What is done is in `fullcircle.steps.autoencoders`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.checking import checks_of
from assets.drawings import DECISION, MODEL, REPORT, TRAINING_POOL
from assets.from_steps import About, asset_of
from assets.glyphs import PARTITIONS
from assets.materialization import decision_metadata, report_metadata, training_metadata
from fullcircle.checks.autoencoders import GUARDS
from fullcircle.data.group_splits import meaning_of
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.stored import training_of
from fullcircle.steps import autoencoders as steps
from fullcircle.steps.step import Inputs
from fullcircle.store.objects import StoredObject


def _model(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    meaning = meaning_of(training_of(stored)["splits"])
    return {**training_metadata(stored), "meaning": dg.MetadataValue.text(meaning)}


def _report(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return report_metadata(stored)


def _assets(name: str) -> list[dg.AssetsDefinition]:
    training, report, champion = steps.STEPS[name]
    chosen = AUTOENCODERS[name]
    model = About(f"Autoencoder: {chosen.summary}. Takes {chosen.rule}.", "autoencoders", MODEL, _model)
    reported = About(
        f"What {name} makes of test: figures beside baselines, pictures, its latents.", "autoencoder_reports", REPORT, _report
    )
    decided = About(
        f"Which version of {name} is served: the challenger, or the champion as before; figures of both, intervals and why.",
        "champions",
        DECISION,
        decision_metadata,
    )
    return [
        asset_of(training, PARTITIONS, {training.makes[0]: model}, pool=TRAINING_POOL),
        asset_of(report, PARTITIONS, {report.makes[0]: reported}),
        asset_of(champion, PARTITIONS, {champion.makes[0]: decided}),
    ]


ASSETS = {name: _assets(name) for name in AUTOENCODERS}
"""The assets of each model: itself, its report, and which version is champion."""

CHECKS = {name: checks_of(guard, PARTITIONS) for name, guard in GUARDS.items()}
"""The step that checks each model."""
