"""Jobs: an imperative each. One partition per run: partitions materialized together would share one data version."""

import dagster as dg

from assets.drawings import ASSETS, PARTITIONS
from fullcircle.profiles import PROFILES
from pipelines.config import run_config

EXECUTOR = dg.multiprocess_executor.configured({"max_concurrent": 2})

JOBS = [
    dg.define_asset_job(
        f"circle_{p.name}",
        selection=dg.AssetSelection.assets(*ASSETS),
        partitions_def=PARTITIONS,
        config=run_config(p.settings),
        executor_def=EXECUTOR,
        description=f"The whole circle for one drawing class, profile {p.name}: {p.cost} on 2 cores.",
        tags={"profile": p.name},
    )
    for p in PROFILES.values()
]
