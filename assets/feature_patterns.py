"""Feature patterns as assets: what the maps of a trained encoder react to most, one asset for each kind of encoder.

Belongs here: what Dagster shows of each. Nothing else waits for them. What is done is in `fullcircle.steps.feature_patterns`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets import drawings, glyphs
from assets.checking import checks_of
from assets.from_steps import About, asset_of
from assets.materialization import report_metadata
from fullcircle.checks.feature_patterns import guard_of
from fullcircle.steps import feature_patterns as steps
from fullcircle.steps.step import Inputs
from fullcircle.store.objects import StoredObject


def _report(stored: StoredObject, inputs: Inputs) -> Mapping[str, Any]:
    return report_metadata(stored)


def _partitions(model: str) -> dg.PartitionsDefinition:
    return drawings.PARTITIONS if model == steps.ENCODER else glyphs.PARTITIONS


def _asset(model: str) -> dg.AssetsDefinition:
    step = steps.STEPS[model]
    about = About(
        f"What maps of {model} react to most, climbed from noise, beside the test pictures that excite them most.",
        "reports",
        frozenset({"tensorflow", "html"}),
        _report,
    )
    return asset_of(step, _partitions(model), {step.makes[0]: about}, pool=drawings.TRAINING_POOL)


ASSETS = {model: _asset(model) for model in steps.STEPS}
"""By model: that of a drawing class's encoder, and those of autoencoders' encoders."""

CHECKS = {model: checks_of(guard_of(step.makes[0]), _partitions(model)) for model, step in steps.STEPS.items()}
"""The step that checks each."""
