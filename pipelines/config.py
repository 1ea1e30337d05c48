"""Run configuration of jobs, from the library's settings."""

from collections.abc import Sequence
from typing import Any

from assets.from_steps import op_name
from fullcircle.core.settings import Parts, Settings
from fullcircle.steps.step import Step


def run_config(settings: Parts, steps: Sequence[Step]) -> dict[str, Any]:
    """What a run of some steps is to be launched with.

    Args:
        settings: of the whole run.
        steps: those that run.
    """
    ops: dict[str, Any] = {}
    for step in steps:
        ops |= op_config(step, getattr(settings, step.part))
    return {"ops": ops}


def op_config(step: Step, settings: Settings) -> dict[str, Any]:
    """What one step is to be launched with, by the name of its op."""
    own = settings.as_dict()
    return {op_name(step): {"config": {step.part: own} if len(step.makes) > 1 else own}}
