"""Jobs: an imperative each. One partition per run: partitions materialized together would share one data version."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets import autoencoders, drawings, feature_patterns, glyphs
from fullcircle.steps.profiles import (
    AUTOENCODER_PROFILES,
    FEATURE_PROFILES,
    GLYPH_PROFILES,
    PROFILES,
    RECOGNITION_PROFILES,
    Profile,
)
from pipelines.config import run_config

EXECUTOR = dg.multiprocess_executor.configured({"max_concurrent": 2})

CIRCLE, GLYPHS, RECOGNISE = "circle", "glyphs", "recognise"
"""What the names of jobs begin with; the profile follows."""


def learn(model: str) -> str:
    """What the names of an autoencoder's jobs begin with: each has its own, so that one that fails does not keep the others."""
    return f"learn_{model}"


def features(model: str) -> str:
    """What the names of the jobs begin with that ask a model for its feature patterns; `encoder` is that of a drawing class."""
    return f"features_{model}"


def _jobs(
    name: str,
    assets: Sequence[dg.AssetsDefinition],
    partitions: dg.PartitionsDefinition | None,
    profiles: Mapping[str, Profile[Any]],
    about: str,
) -> list[Any]:
    """A job over all of `assets` for each profile."""
    return [
        dg.define_asset_job(
            f"{name}_{p.name}",
            selection=dg.AssetSelection.assets(*assets),
            partitions_def=partitions,
            config=run_config(p.settings),
            executor_def=EXECUTOR,
            description=f"{about}, profile {p.name}: {p.cost} on 2 cores.",
            tags={"profile": p.name},
        )
        for p in profiles.values()
    ]


JOBS = [
    *_jobs(CIRCLE, drawings.ASSETS, drawings.PARTITIONS, PROFILES, "The whole circle for one drawing class"),
    *_jobs(RECOGNISE, drawings.RECOGNITION, None, RECOGNITION_PROFILES, "Which class is it? Over all trained drawing classes"),
    *_jobs(GLYPHS, glyphs.ASSETS, glyphs.PARTITIONS, GLYPH_PROFILES, "The pictures of one source, augmented and split"),
    *(
        job
        for model, assets in autoencoders.ASSETS.items()
        for job in _jobs(
            learn(model),
            assets,
            glyphs.PARTITIONS,
            AUTOENCODER_PROFILES[model],
            f"{model} and its report, on the pictures of a source",
        )
    ),
    *(
        job
        for model, asset in feature_patterns.ASSETS.items()
        for job in _jobs(
            features(model), [asset], asset.partitions_def, FEATURE_PROFILES[model], f"What maps of {model} react to most"
        )
    ),
]
