"""The code location that workspace.yaml names."""

import datetime

import dagster as dg

from assets import autoencoders, drawings, feature_patterns, glyphs, inbox, lineage
from pipelines.executor import EXECUTOR
from pipelines.io_managers import StoreIOManager
from pipelines.jobs import JOBS
from pipelines.resources import StoreResource
from pipelines.retraining import retraining_at_load
from pipelines.schedules import SCHEDULES
from pipelines.sensors import SENSORS

_store = StoreResource()
_freshness = retraining_at_load().freshness
_policy = dg.FreshnessPolicy.time_window(
    warn_window=datetime.timedelta(days=_freshness.warn_days), fail_window=datetime.timedelta(days=_freshness.fail_days)
)


def _fresh(spec: dg.AssetSpec) -> dg.AssetSpec:
    """Reports and champions age; what they are made from is as good as on its first day."""
    return dg.apply_freshness_policy(spec, _policy) if spec.key.path[-1].endswith(("_report", "champion")) else spec


defs = dg.Definitions(
    assets=dg.map_asset_specs(
        _fresh,
        [
            *drawings.ASSETS,
            *drawings.RECOGNITION,
            *glyphs.ASSETS,
            *(asset for of_model in autoencoders.ASSETS.values() for asset in of_model),
            *feature_patterns.ASSETS.values(),
            *inbox.ASSETS,
            *lineage.ASSETS,
        ],
    ),
    asset_checks=[
        *drawings.CHECKS,
        *glyphs.CHECKS,
        *autoencoders.CHECKS.values(),
        *feature_patterns.CHECKS.values(),
        *lineage.CHECKS,
    ],
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources={"store": _store, "io_manager": StoreIOManager(store=_store)},
    executor=EXECUTOR,
)
