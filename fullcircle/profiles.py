"""Profiles: the same graph in two sizes. Each states what it costs and what it should reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from fullcircle.settings import (
    CircleSettings,
    DecoderSettings,
    EncoderSettings,
    ExamplesSettings,
    ReaderSettings,
    SettingsError,
)


@dataclasses.dataclass(frozen=True)
class Profile:
    """Settings for a purpose.

    Attributes:
        name: key in `PROFILES`.
        settings: for every asset.
        cost: on 2 cores without a GPU.
        reaches: figure on test and the most it should be, by report asset.
    """

    name: str
    settings: CircleSettings
    cost: str
    reaches: Mapping[str, Mapping[str, float]]


PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile(
            "quick",
            CircleSettings(),
            cost="at most 8 minutes",
            reaches={"drawings/decoder_report": {"fvu": 0.20}, "drawings/encoder_report": {"endpoint_px_mean": 2.5}},
        ),
        Profile(
            "full",
            CircleSettings(
                examples=ExamplesSettings(n=100_000),
                decoder=DecoderSettings(epochs=12),
                encoder=EncoderSettings(epochs=15, image_epochs=1),
                reader=ReaderSettings(pictures=2000),
            ),
            cost="at most one hour",
            reaches={"drawings/decoder_report": {"fvu": 0.08}, "drawings/encoder_report": {"endpoint_px_mean": 0.8}},
        ),
    )
}


def profile(name: str) -> Profile:
    """The profile called `name`.

    Raises:
        SettingsError: naming the profiles there are.
    """
    if name not in PROFILES:
        raise SettingsError(f"Unknown profile {name!r}. Choose from: {', '.join(PROFILES)}.")
    return PROFILES[name]
