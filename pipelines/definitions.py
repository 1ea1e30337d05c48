"""The code location that workspace.yaml names."""

import dagster as dg

from assets import autoencoders, drawings, feature_patterns, glyphs
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import EXECUTOR, JOBS
from pipelines.resources import StoreResource

_store = StoreResource()

defs = dg.Definitions(
    assets=[
        *drawings.ASSETS,
        *drawings.RECOGNITION,
        *glyphs.ASSETS,
        *(asset for of_model in autoencoders.ASSETS.values() for asset in of_model),
        *feature_patterns.ASSETS.values(),
    ],
    asset_checks=[
        *drawings.CHECKS,
        *glyphs.CHECKS,
        *autoencoders.CHECKS.values(),
        *feature_patterns.CHECKS.values(),
    ],
    jobs=JOBS,
    resources={"store": _store, "io_manager": StoreIOManager(store=_store)},
    executor=EXECUTOR,
)
