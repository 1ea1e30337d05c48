"""Checks of feature patterns: what should hold of them.

Belongs here: each rule as a function from stored objects to a `Check`, as in `fullcircle.checks`. A report on test is judged, so
they only warn.
"""

from __future__ import annotations

import json

from fullcircle.checks.check import Check, Guard, Rule
from fullcircle.evaluation.feature_patterns import SILENT
from fullcircle.reports.files import REPORT
from fullcircle.store.objects import StoredObject

NAMED = 8
"""So many maps are named, at most."""


def patterns_excite(report: StoredObject) -> Check:
    """Every pattern excites its map more than every test picture does; warns only."""
    maps = json.loads(report.file(REPORT).read_text())["maps"]
    alive = [m for m in maps if m["ended"] != SILENT]
    beaten = [m for m in alive if not m["activation"] > m["test_activation"]]
    figures = {"patterns": len(alive), "beaten": len(beaten), "dead_maps": len(maps) - len(alive)}
    dead = f" {figures['dead_maps']} maps were given up, see the report." if figures["dead_maps"] else ""
    if beaten or not alive:
        named = "; ".join(
            f"map {m['map']} of {m['layer']}, {m['activation']:.4g} on its pattern, "
            f"{m['test_activation']:.4g} on {m['test_ids'][0]}"
            for m in beaten[:NAMED]
        )
        more = f"; and {len(beaten) - NAMED} more" if len(beaten) > NAMED else ""
        return Check(
            False,
            f"{len(beaten)} of {len(alive)} patterns excite their map no more than some test picture does: {named}{more}.{dead} "
            "Climb farther (features.steps), or from more start images (features.starts)."
            if alive
            else f"No pattern was found.{dead} Train the encoder again, or name other layers with features.layers.",
            figures,
            warns=True,
        )
    return Check(True, f"All {len(alive)} patterns excite their maps more than every test picture.{dead}", figures, warns=True)


def guard_of(asset: str) -> Guard:
    """The guard of an asset of feature patterns."""
    return Guard(asset, (asset,), (Rule(patterns_excite, lambda s: tuple(s.objects.values())),), blocking=False)
