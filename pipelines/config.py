"""Run configuration of whole jobs, from the library's settings."""

from typing import Any

from assets import autoencoders, drawings, feature_patterns, glyphs
from fullcircle.core.settings import Parts, Settings
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.steps.settings import CircleSettings, GlyphsSettings, RecogniseSettings, features_class, parts_class

_STEPS: dict[type[Parts], dict[str, tuple[str, str | None]]] = {
    CircleSettings: {
        f"{drawings.PREFIX}__examples": ("examples", None),
        "splits": ("splits", drawings.PROPORTIONS),
        f"{drawings.PREFIX}__decoder": ("decoder", None),
        f"{drawings.PREFIX}__encoder": ("encoder", None),
        f"{drawings.PREFIX}__readings": ("reader", None),
        f"{drawings.PREFIX}__decoder_report": ("report", None),
        f"{drawings.PREFIX}__encoder_report": ("report", None),
    },
    RecogniseSettings: {f"{drawings.PREFIX}__recognition_report": ("recognition", None)},
    GlyphsSettings: {
        f"{glyphs.PREFIX}__originals": ("originals", None),
        f"{glyphs.PREFIX}__augmented": ("augmented", None),
        "glyph_splits": ("splits", glyphs.SPLITTING),
    },
    **{
        parts_class(model): {
            f"{glyphs.PREFIX}__{model}": (model, None),
            f"{glyphs.PREFIX}__{autoencoders.report_name(model)}": ("report", None),
        }
        for model in AUTOENCODERS
    },
    **{features_class(model): {a.op.name: ("features", None)} for model, a in feature_patterns.ASSETS.items()},
}
"""Which part of the settings each step is told as its configuration, or in one field of it."""


def part_of(settings: type[Parts], op: str) -> str:
    """The part of the settings that a step is told."""
    return _STEPS[settings][op][0]


def run_config(settings: Parts) -> dict[str, Any]:
    """What a job with these settings is to be launched with."""
    ops = {}
    for op, (part, field) in _STEPS[type(settings)].items():
        told: Settings = getattr(settings, part)
        ops[op] = {"config": {field: told.as_dict()} if field else told.as_dict()}
    return {"ops": ops}
