"""Profiles: the same graph in two sizes. Each states what it costs and what it should reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Generic, TypeVar

from fullcircle.feature_settings import FeaturePatternsSettings, FeaturesSettings
from fullcircle.glyph_settings import AugmentedSettings, GlyphsSettings
from fullcircle.settings import (
    CircleSettings,
    DecoderSettings,
    EncoderSettings,
    ExamplesSettings,
    ReaderSettings,
    RecogniseSettings,
    RecognitionSettings,
    SettingsError,
)

P = TypeVar("P", CircleSettings, FeaturesSettings, GlyphsSettings, RecogniseSettings)


@dataclasses.dataclass(frozen=True)
class Profile(Generic[P]):
    """Settings for a purpose.

    Attributes:
        name: key in its list.
        settings: for every asset.
        cost: on 2 cores without a GPU.
        reaches: figure on test and the most it should be, by partition and report asset; for those where it was measured.
    """

    name: str
    settings: P
    cost: str
    reaches: Mapping[str, Mapping[str, Mapping[str, float]]]


PROFILES: dict[str, Profile[CircleSettings]] = {
    p.name: p
    for p in (
        Profile(
            "quick",
            CircleSettings(),
            cost="at most 8 minutes",
            reaches={
                "line": {"drawings/decoder_report": {"fvu": 0.20}, "drawings/encoder_report": {"endpoint_px_mean": 1.2}},
            },
        ),
        Profile(
            "full",
            CircleSettings(
                examples=ExamplesSettings(n=100_000),
                decoder=DecoderSettings(epochs=12),
                encoder=EncoderSettings(epochs=24, image_epochs=1),
                reader=ReaderSettings(pictures=2000),
            ),
            cost="about one hour",
            reaches={
                "line": {"drawings/decoder_report": {"fvu": 0.04}, "drawings/encoder_report": {"endpoint_px_mean": 0.65}},
            },
        ),
    )
}

GLYPH_PROFILES: dict[str, Profile[GlyphsSettings]] = {
    p.name: p
    for p in (
        Profile("quick", GlyphsSettings(), cost="less than a minute", reaches={}),
        Profile("full", GlyphsSettings(augmented=AugmentedSettings(n=100_000)), cost="about two minutes", reaches={}),
    )
}

RECOGNITION_PROFILES: dict[str, Profile[RecogniseSettings]] = {
    p.name: p
    for p in (
        Profile("quick", RecogniseSettings(), cost="a few minutes", reaches={}),
        Profile(
            "full",
            RecogniseSettings(RecognitionSettings(pictures=200, redraws=1000, pixels=5000)),
            cost="at most half an hour",
            reaches={},
        ),
    )
}

FEATURE_PROFILES: dict[str, Profile[FeaturesSettings]] = {
    p.name: p
    for p in (
        Profile("quick", FeaturesSettings(), cost="a few minutes", reaches={}),
        Profile("full", FeaturesSettings(FeaturePatternsSettings(maps=1000, starts=64)), cost="about half an hour", reaches={}),
    )
}


def profile(name: str) -> Profile[CircleSettings]:
    """The profile of drawings called `name`.

    Raises:
        SettingsError: naming the profiles there are.
    """
    return _called(name, PROFILES)


def glyph_profile(name: str) -> Profile[GlyphsSettings]:
    """The profile of picture sources called `name`; raises as `profile` does."""
    return _called(name, GLYPH_PROFILES)


def recognition_profile(name: str) -> Profile[RecogniseSettings]:
    """The profile of recognition called `name`; raises as `profile` does."""
    return _called(name, RECOGNITION_PROFILES)


def feature_profile(name: str) -> Profile[FeaturesSettings]:
    """The profile of feature patterns called `name`; raises as `profile` does."""
    return _called(name, FEATURE_PROFILES)


def _called(name: str, among: Mapping[str, Profile[P]]) -> Profile[P]:
    if name not in among:
        raise SettingsError(f"Unknown profile {name!r}. Choose from: {', '.join(among)}.")
    return among[name]
