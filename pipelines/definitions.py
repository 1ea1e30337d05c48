"""The code location that workspace.yaml names."""

import dagster as dg

from assets import drawings, drawings_checks, feature_patterns, glyphs, glyphs_checks
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import EXECUTOR, JOBS
from pipelines.resources import StoreResource

_store = StoreResource()

defs = dg.Definitions(
    assets=[*drawings.ASSETS, *drawings.RECOGNITION, *glyphs.ASSETS, *feature_patterns.ASSETS],
    asset_checks=[*drawings_checks.CHECKS, *glyphs_checks.CHECKS, *feature_patterns.CHECKS],
    jobs=JOBS,
    resources={"store": _store, "io_manager": StoreIOManager(store=_store)},
    executor=EXECUTOR,
)
