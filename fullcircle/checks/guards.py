"""All guards there are, by the asset that they guard.

Belongs here: what is asked of all of them together.
"""

from __future__ import annotations

from fullcircle.checks import autoencoders, drawings, glyphs, lineage
from fullcircle.checks.check import Guard

GUARDS: tuple[Guard, ...] = (*drawings.GUARDS, *glyphs.GUARDS, *autoencoders.GUARDS.values(), *lineage.GUARDS)


def blocking_checks(asset: str) -> list[str]:
    """Names of the checks that a version of an asset must pass before it is served."""
    return [rule.name for guard in GUARDS if guard.blocking and asset in (guard.asset, *guard.together) for rule in guard.rules]
