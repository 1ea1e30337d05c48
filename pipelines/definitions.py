"""The code location that workspace.yaml names."""

import dagster as dg

from assets.drawings import ASSETS
from assets.drawings_checks import CHECKS
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import EXECUTOR, JOBS
from pipelines.resources import StoreResource

_store = StoreResource()

defs = dg.Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=JOBS,
    resources={"store": _store, "io_manager": StoreIOManager(store=_store)},
    executor=EXECUTOR,
)
