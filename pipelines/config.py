"""Run configuration of whole jobs, from the library's settings."""

from typing import Any

from assets.drawings import PREFIX, PROPORTIONS
from fullcircle.settings import CircleSettings

_PARTS = {
    f"{PREFIX}__examples": "examples",
    f"{PREFIX}__decoder": "decoder",
    f"{PREFIX}__encoder": "encoder",
    f"{PREFIX}__readings": "reader",
    f"{PREFIX}__decoder_report": "report",
    f"{PREFIX}__encoder_report": "report",
}
"""Which part of the settings each step is told as its configuration."""


def run_config(settings: CircleSettings) -> dict[str, Any]:
    """What the job `circle` is to be launched with."""
    ops = {op: {"config": getattr(settings, part).as_dict()} for op, part in _PARTS.items()}
    ops["splits"] = {"config": {PROPORTIONS: settings.splits.as_dict()}}
    return {"ops": ops}
