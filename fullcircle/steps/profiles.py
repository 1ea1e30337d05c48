"""Profiles: the same graph in two sizes. Each states what it costs and what it should reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Generic, TypeVar

from fullcircle.core.settings import Parts, SettingsError
from fullcircle.data.settings import AugmentedSettings, ExamplesSettings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.autoencoders.autoencoder import Autoencoder
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reports.settings import RecognitionSettings
from fullcircle.steps.feature_patterns import ENCODER
from fullcircle.steps.settings import (
    DrawingsSettings,
    FeaturesSettings,
    GlyphsSettings,
    RecogniseSettings,
    features_class,
    parts_class,
)
from fullcircle.training.settings import DecoderSettings, EncoderSettings

P = TypeVar("P", bound=Parts)


@dataclasses.dataclass(frozen=True)
class Profile(Generic[P]):
    """Settings for a purpose.

    Attributes:
        name: key in its list.
        settings: for every asset.
        cost: on 2 cores without a GPU.
        goals: figure on test and the most it should be, by partition and report asset; for those where it was measured.
    """

    name: str
    settings: P
    cost: str
    goals: Mapping[str, Mapping[str, Mapping[str, float]]]


PROFILES: dict[str, Profile[DrawingsSettings]] = {
    p.name: p
    for p in (
        Profile(
            "quick",
            DrawingsSettings(),
            cost="at most 8 minutes",
            goals={
                "line": {"drawings/decoder_report": {"fvu": 0.20}, "drawings/encoder_report": {"endpoint_px_mean": 1.2}},
            },
        ),
        Profile(
            "full",
            DrawingsSettings(
                examples=ExamplesSettings(n=100_000),
                decoder=DecoderSettings(epochs=12),
                encoder=EncoderSettings(epochs=24, image_epochs=1),
                reader=ReaderSettings(pictures=2000),
            ),
            cost="about one hour",
            goals={
                "line": {"drawings/decoder_report": {"fvu": 0.04}, "drawings/encoder_report": {"endpoint_px_mean": 0.65}},
            },
        ),
    )
}

GLYPH_PROFILES: dict[str, Profile[GlyphsSettings]] = {
    p.name: p
    for p in (
        Profile("quick", GlyphsSettings(), cost="less than a minute", goals={}),
        Profile("full", GlyphsSettings(augmented=AugmentedSettings(n=100_000)), cost="about two minutes", goals={}),
    )
}

RECOGNITION_PROFILES: dict[str, Profile[RecogniseSettings]] = {
    p.name: p
    for p in (
        Profile("quick", RecogniseSettings(), cost="a few minutes", goals={}),
        Profile(
            "full",
            RecogniseSettings(RecognitionSettings(pictures=200, redraws=1000, pixels=5000)),
            cost="at most half an hour",
            goals={},
        ),
    )
}


QUICK_MODELS = ("conv_autoencoder", "vae")
"""What is learned from a picture source where nobody says which models, as far as they take its canvas."""


def _of_model(chosen: Autoencoder) -> dict[str, Profile[Parts]]:
    """A model's own defaults are the profile full."""
    whole = parts_class(chosen.name)()
    quick = whole.replaced({chosen.name: chosen.quick})
    report = f"glyphs/{chosen.name}_report"
    goals = {
        name: {source: {report: figures} for source, figures in chosen.goals.get(name, {}).items()}
        for name in ("quick", "full")
    }
    return {
        "quick": Profile("quick", quick, cost="one to four minutes", goals=goals["quick"]),
        "full": Profile("full", whole, cost="from a minute to an hour, by model and picture", goals=goals["full"]),
    }


AUTOENCODER_PROFILES: dict[str, dict[str, Profile[Parts]]] = {name: _of_model(a) for name, a in AUTOENCODERS.items()}


_EVERY_MAP = {"features": {"maps": 10_000, "starts": 64}}

FEATURE_PROFILES: dict[str, dict[str, Profile[FeaturesSettings]]] = {
    model: {
        "quick": Profile("quick", features_class(model)(), cost="a few minutes", goals={}),
        "full": Profile("full", features_class(model)().replaced(_EVERY_MAP), cost="about half an hour", goals={}),
    }
    for model in (ENCODER, *AUTOENCODERS)
}
"""Feature patterns: of some maps of each layer, or of all."""


def profile(name: str) -> Profile[DrawingsSettings]:
    """The profile of drawings called `name`.

    Raises:
        SettingsError: naming the profiles there are.
    """
    return _called(name, PROFILES)


def glyph_profile(name: str) -> Profile[GlyphsSettings]:
    """The profile of picture sources called `name`; raises as `profile` does."""
    return _called(name, GLYPH_PROFILES)


def autoencoder_profile(model: str, name: str) -> Profile[Parts]:
    """The profile of an autoencoder called `name`; raises as `profile` does."""
    return _called(name, AUTOENCODER_PROFILES[model])


def feature_profile(model: str, name: str) -> Profile[FeaturesSettings]:
    """The profile of a model's feature patterns called `name`; raises as `profile` does."""
    return _called(name, FEATURE_PROFILES[model])


def recognition_profile(name: str) -> Profile[RecogniseSettings]:
    """The profile of recognition called `name`; raises as `profile` does."""
    return _called(name, RECOGNITION_PROFILES)


def _called(name: str, among: Mapping[str, Profile[P]]) -> Profile[P]:
    if name not in among:
        raise SettingsError(f"Unknown profile {name!r}. Choose from: {', '.join(among)}.")
    return among[name]
