"""Run configuration of jobs, from the library's settings."""

from collections.abc import Sequence
from typing import Any

from assets.from_steps import op_name
from fullcircle.core.settings import Parts
from fullcircle.steps.step import Step


def run_config(settings: Parts, steps: Sequence[Step]) -> dict[str, Any]:
    """What a run of some steps is to be launched with.

    Args:
        settings: of the whole run.
        steps: those that run.
    """
    ops = {}
    for step in steps:
        own = getattr(settings, step.part).as_dict()
        ops[op_name(step)] = {"config": {step.part: own} if len(step.makes) > 1 else own}
    return {"ops": ops}
