"""The step that makes an asset, whichever room it is of.

Belongs here: the one list of all steps.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping

from fullcircle.steps import autoencoders, drawings, feature_patterns, glyphs, inbox, recognition
from fullcircle.steps.step import Step


def step_of(asset: str) -> Step | None:
    """The step that makes an asset; None where no step does."""
    return _by_asset().get(asset)


@functools.cache
def _by_asset() -> Mapping[str, Step]:
    steps = (
        *drawings.STEPS,
        recognition.STEP,
        *glyphs.STEPS,
        *itertools.chain.from_iterable(autoencoders.STEPS.values()),
        *feature_patterns.STEPS.values(),
        inbox.STEP,
    )
    return {asset: step for step in steps for asset in step.makes}
