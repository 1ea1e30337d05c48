"""The steps that find feature patterns: what the maps of a trained encoder react to most.

Belongs here: what such an asset does, without an orchestrator, and its `Step` for each kind of encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fullcircle.core.progress import Progress, silent
from fullcircle.evaluation.settings import FeaturePatternsSettings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.stored import model_of, network_module
from fullcircle.models.stored_autoencoder import encoder_of
from fullcircle.steps import drawings, glyphs
from fullcircle.steps.step import Inputs, Step, Work
from fullcircle.store.objects import Store, StoredObject

if TYPE_CHECKING:
    import keras

ENCODER = "encoder"
"""What the encoder of a drawing class is called, beside the names of autoencoders."""

NAME = "feature_patterns"


def report_feature_patterns(
    store: Store,
    asset: str,
    partition: str,
    test: StoredObject,
    model: StoredObject,
    encoder: keras.Model,
    settings: FeaturePatternsSettings,
    progress: Progress = silent,
) -> StoredObject:
    """Find what maps of an encoder react to most, beside the test pictures that excite them most, and show it.

    Args:
        store: to commit to.
        asset: what it is made for.
        partition: drawing class or picture source.
        test: pictures to compare with.
        model: the stored object that `encoder` is from.
        encoder: any Keras model from images.
        settings: which maps, and how to climb.
        progress: where to say how far it is.
    """
    from fullcircle.reports.feature_patterns import feature_patterns_report

    with store.draft() as draft:
        feature_patterns_report(
            draft.path,
            asset=asset,
            partition=partition,
            encoder=encoder,
            test=test.table(),
            read={"test": test.hash, "encoder": model.hash},
            settings=settings,
            progress=progress,
        )
        return draft.commit()


def asset_of(model: str) -> str:
    """The asset of a model's feature patterns."""
    return f"{drawings.PREFIX}/{NAME}" if model == ENCODER else f"{glyphs.PREFIX}/{model}_{NAME}"


def _feature_patterns(work: Work) -> Mapping[str, StoredObject]:
    """Show what the maps of an encoder react to most."""
    read = dict(work.inputs)
    prefix = next(iter(read)).partition("/")[0]
    test = read.pop(f"{prefix}/test")
    ((name, model),) = read.items()
    of_class = prefix == drawings.PREFIX
    encoder = model_of(model) if of_class else encoder_of(model)
    asset = asset_of(ENCODER if of_class else name.partition("/")[2])
    made = report_feature_patterns(work.store, asset, work.partition, test, model, encoder, work.settings, work.progress)
    return {asset: made}


def _loaded_code(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """The code of the network that is read."""
    found = []
    for asset, stored in inputs.items():
        name = asset.partition("/")[2]
        if name in AUTOENCODERS:
            found.append(f"{AUTOENCODERS[name].module}:build")
        elif name == ENCODER and (module := network_module(stored, ENCODERS)):
            found.append(module)
    return tuple(found)


def _step(model: str) -> Step:
    prefix = drawings.PREFIX if model == ENCODER else glyphs.PREFIX
    return Step(
        (asset_of(model),),
        "features",
        FeaturePatternsSettings,
        _feature_patterns,
        (f"{prefix}/{model}", f"{prefix}/test"),
        roots=_loaded_code,
    )


STEPS = {model: _step(model) for model in (ENCODER, *AUTOENCODERS)}
"""By model: that of a drawing class's encoder, and those of autoencoders' encoders."""
