"""Jobs: an imperative each. One partition per run: partitions materialized together would share one data version."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import dagster as dg

from assets import drawings, glyphs
from fullcircle.profiles import GLYPH_PROFILES, PROFILES, Profile
from pipelines.config import run_config

EXECUTOR = dg.multiprocess_executor.configured({"max_concurrent": 2})

CIRCLE, GLYPHS = "circle", "glyphs"
"""What the names of jobs begin with; the profile follows."""


def _jobs(name: str, rooms: ModuleType, profiles: Mapping[str, Profile[Any]], about: str) -> list[Any]:
    """A job over all assets of `rooms` for each profile."""
    return [
        dg.define_asset_job(
            f"{name}_{p.name}",
            selection=dg.AssetSelection.assets(*rooms.ASSETS),
            partitions_def=rooms.PARTITIONS,
            config=run_config(p.settings),
            executor_def=EXECUTOR,
            description=f"{about}, profile {p.name}: {p.cost} on 2 cores.",
            tags={"profile": p.name},
        )
        for p in profiles.values()
    ]


RECOGNISE = dg.define_asset_job(
    "recognise",
    selection=dg.AssetSelection.assets(*drawings.RECOGNITION),
    executor_def=EXECUTOR,
    description="Which class is it? Over all drawing classes that have been trained.",
)

JOBS = [
    RECOGNISE,
    *_jobs(CIRCLE, drawings, PROFILES, "The whole circle for one drawing class"),
    *_jobs(GLYPHS, glyphs, GLYPH_PROFILES, "The pictures of one source, augmented and split"),
]
