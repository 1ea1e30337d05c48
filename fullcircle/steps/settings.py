"""Settings of whole runs: the settings of each step of a graph, together.

Belongs here: which parts a run has, and the rules between them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from fullcircle.core.settings import Parts
from fullcircle.data.settings import AugmentedSettings, ExamplesSettings, GlyphSplitsSettings, OriginalsSettings, SplitsSettings
from fullcircle.evaluation.settings import AutoencoderReportSettings, FeaturePatternsSettings
from fullcircle.models.autoencoders import AUTOENCODERS, settings_class
from fullcircle.promotion.settings import AutoencoderChampionSettings, ChampionSettings
from fullcircle.reading.settings import InboxReadingSettings, ReaderSettings
from fullcircle.reports.settings import RecognitionSettings, ReportSettings
from fullcircle.training.settings import DecoderSettings, EncoderSettings, refuse_canvas

if TYPE_CHECKING:
    from fullcircle.drawings.base import Drawing


OF_EVERY_MODEL = ("report", "champion")
"""Parts that the settings of each model's run have."""


@cache
def parts_class(model: str) -> type[Parts]:
    """All settings of one model's run: its own, in a part of its name, and those of its report and of its promotion."""
    made: type[Parts] = dataclasses.make_dataclass(
        "".join(word.title() for word in model.split("_")) + "Parts",
        [
            (model, settings_class(model), dataclasses.field(default_factory=settings_class(model))),
            ("report", AutoencoderReportSettings, dataclasses.field(default_factory=AutoencoderReportSettings)),
            ("champion", AutoencoderChampionSettings, dataclasses.field(default_factory=AutoencoderChampionSettings)),
        ],
        bases=(Parts,),
        frozen=True,
        namespace={"__doc__": f"All settings of a run of {model}.", "__module__": __name__},
    )
    return made


def split_overrides(overrides: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Overrides apart: those of the source's own rooms, and those of models, their reports and promotions."""
    of_models = {part: values for part, values in overrides.items() if part in (*AUTOENCODERS, *OF_EVERY_MODEL)}
    return {part: values for part, values in overrides.items() if part not in of_models}, of_models


@dataclasses.dataclass(frozen=True)
class FeaturesSettings(Parts):
    """All settings of one run that asks an encoder for its feature patterns."""

    features: FeaturePatternsSettings = dataclasses.field(default_factory=FeaturePatternsSettings)


@cache
def features_class(model: str) -> type[FeaturesSettings]:
    """The same for one model: its job is known by them."""
    name = "".join(word.title() for word in model.split("_")) + "Features"
    return dataclasses.make_dataclass(
        name,
        [],
        bases=(FeaturesSettings,),
        frozen=True,
        namespace={"__doc__": f"Feature patterns of {model}.", "__module__": __name__},
    )


@dataclasses.dataclass(frozen=True)
class GlyphsSettings(Parts):
    """All settings of one run over the pictures of a source."""

    originals: OriginalsSettings = dataclasses.field(default_factory=OriginalsSettings)
    augmented: AugmentedSettings = dataclasses.field(default_factory=AugmentedSettings)
    splits: GlyphSplitsSettings = dataclasses.field(default_factory=GlyphSplitsSettings)

    def canvas_for(self, canvas: tuple[int, int, int]) -> tuple[int, int, int]:
        """(height, width, channels) of the samples, where originals are on this canvas: a crop makes it smaller."""
        height, width, channels = canvas
        width, height = self.augmented.made(channels).frame(width, height)
        return height, width, channels


@dataclasses.dataclass(frozen=True)
class DrawingsSettings(Parts):
    """All settings of one run over a drawing class, from examples to reports."""

    examples: ExamplesSettings = dataclasses.field(default_factory=ExamplesSettings)
    splits: SplitsSettings = dataclasses.field(default_factory=SplitsSettings)
    decoder: DecoderSettings = dataclasses.field(default_factory=DecoderSettings)
    encoder: EncoderSettings = dataclasses.field(default_factory=EncoderSettings)
    reader: ReaderSettings = dataclasses.field(default_factory=ReaderSettings)
    champion: ChampionSettings = dataclasses.field(default_factory=ChampionSettings)
    report: ReportSettings = dataclasses.field(default_factory=ReportSettings)

    def check(self, drawing: Drawing) -> None:
        """Refuse models that cannot take the drawing's canvas; raises as `refuse_canvas` does."""
        refuse_canvas(drawing, self.decoder, self.encoder)


@dataclasses.dataclass(frozen=True)
class InboxSettings(Parts):
    """All settings of one run that reads the inbox of a drawing class."""

    inbox: InboxReadingSettings = dataclasses.field(default_factory=InboxReadingSettings)


@dataclasses.dataclass(frozen=True)
class RecogniseSettings(Parts):
    """All settings of what is made over all drawing classes at once."""

    recognition: RecognitionSettings = dataclasses.field(default_factory=RecognitionSettings)
