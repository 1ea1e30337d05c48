"""Jobs: an imperative each. One partition per run: partitions materialized together would share one data version."""

import dagster as dg

from assets import drawings, glyphs
from fullcircle.profiles import GLYPH_PROFILES, PROFILES
from pipelines.config import run_config

EXECUTOR = dg.multiprocess_executor.configured({"max_concurrent": 2})

CIRCLE, GLYPHS = "circle", "glyphs"
"""What the names of jobs begin with; the profile follows."""

JOBS = [
    *(
        dg.define_asset_job(
            f"{CIRCLE}_{p.name}",
            selection=dg.AssetSelection.assets(*drawings.ASSETS),
            partitions_def=drawings.PARTITIONS,
            config=run_config(p.settings),
            executor_def=EXECUTOR,
            description=f"The whole circle for one drawing class, profile {p.name}: {p.cost} on 2 cores.",
            tags={"profile": p.name},
        )
        for p in PROFILES.values()
    ),
    *(
        dg.define_asset_job(
            f"{GLYPHS}_{p.name}",
            selection=dg.AssetSelection.assets(*glyphs.ASSETS),
            partitions_def=glyphs.PARTITIONS,
            config=run_config(p.settings),
            executor_def=EXECUTOR,
            description=f"The pictures of one source, augmented and split, profile {p.name}: {p.cost} on 2 cores.",
            tags={"profile": p.name},
        )
        for p in GLYPH_PROFILES.values()
    ),
]
