"""Feature patterns as assets: what the maps of a trained encoder react to most, one asset for each kind of encoder.

Belongs here: the one description of such an asset, and for which models there is one. They have jobs of their own: nothing else
waits for them. What is done is said in `fullcircle.steps.feature_patterns.report_feature_patterns`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import dagster as dg

from assets import drawings, glyphs
from assets.checking import checks_of
from assets.configuration import config_of, settings_of
from assets.materialization import OWNERS, Made, materialized, progress_of, report_metadata
from fullcircle.checks import feature_patterns as feature_checks
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import model_of
from fullcircle.models.stored_autoencoder import encoder_of
from fullcircle.steps.feature_patterns import report_feature_patterns
from fullcircle.steps.profiles import ENCODER
from fullcircle.store.code_version import code_version
from fullcircle.store.objects import Store, StoredObject

if TYPE_CHECKING:
    import keras

FEATURE_PATTERNS = "feature_patterns"


def feature_patterns_of(
    prefix: str,
    model: str,
    partitions: dg.PartitionsDefinition,
    load: Callable[[StoredObject], "keras.Model"],
    modules: Iterable[str],
    name: str = FEATURE_PATTERNS,
) -> dg.AssetsDefinition:
    """The asset of what an encoder's maps react to most; it reads the model and the `test` of the same prefix.

    Args:
        prefix: of its key and of what it reads.
        model: asset that holds the encoder.
        partitions: those of that asset.
        load: the encoder out of what is stored.
        modules: dotted names of the modules that such encoders are built in.
        name: of the asset.
    """
    code = code_version("fullcircle.reports.feature_patterns", *modules)

    @dg.asset(
        name=name,
        key_prefix=prefix,
        ins={"encoder": dg.AssetIn(key=dg.AssetKey([prefix, model])), "test": dg.AssetIn(key_prefix=prefix)},
        partitions_def=partitions,
        group_name="reports",
        kinds={"tensorflow", "html"},
        owners=OWNERS,
        tags={"room": "reports"},
        pool=drawings.TRAINING_POOL,
        code_version=code,
        config_schema=config_of(FeaturePatternsSettings),
        description=f"What maps of {model} react to most, climbed from noise, beside the test pictures that excite them most.",
    )
    def feature_patterns(
        context: dg.AssetExecutionContext, store: dg.ResourceParam[Store], encoder: StoredObject, test: StoredObject
    ) -> dg.MaterializeResult[Made]:
        settings = settings_of(FeaturePatternsSettings, context)
        asset = context.asset_key.to_user_string()
        stored = report_feature_patterns(
            store, asset, context.partition_key, test, encoder, load(encoder), settings, progress_of(context)
        )
        return materialized(
            context,
            stored,
            settings=settings,
            read={f"{prefix}/{model}": encoder, f"{prefix}/test": test},
            code_version=code,
            metadata=report_metadata(stored),
        )

    return feature_patterns


def feature_checks_of(prefix: str, name: str = FEATURE_PATTERNS) -> dg.AssetChecksDefinition:
    """The checks of such an asset; they warn."""
    rules = {"patterns_excite": lambda _, objects: feature_checks.patterns_excite(objects[name])}
    return checks_of(prefix, name, (name,), rules, feature_checks, f"{prefix}_{name}_checks", blocking=False)


ASSETS = {
    ENCODER: feature_patterns_of(
        drawings.PREFIX, ENCODER, drawings.PARTITIONS, model_of, [a.module for a in ENCODERS.values()]
    ),
    **{
        model: feature_patterns_of(
            glyphs.PREFIX, model, glyphs.PARTITIONS, encoder_of, [chosen.module], f"{model}_{FEATURE_PATTERNS}"
        )
        for model, chosen in AUTOENCODERS.items()
    },
}
"""By model: that of a drawing class's encoder, and those of autoencoders' encoders."""

CHECKS = {model: feature_checks_of(*asset.key.path) for model, asset in ASSETS.items()}
"""The step that checks each."""
