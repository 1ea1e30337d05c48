"""Differences between splits: whether figures on valid, by which models were chosen, differ from those on test, never used before.

Belongs here: the bootstrap and the rule for what is beyond chance. Where it is shown is the reports' business.

The bootstrap (B. Efron, 1979): the pictures of each split are drawn again, as many and with replacement, `RESAMPLES` times; the
spread of a figure over these draws is its own uncertainty. Pictures, not points: two ends of one line go wrong together.

A 95 % interval leaves out 0 once in twenty by chance, so among many figures some always do. Therefore the rule counts them: with
m figures in a report, a difference is beyond chance when a normal law with the bootstrap's deviation has it with probability less
than .05 / m (Bonferroni). If there is no difference at all, one report in twenty at most shows one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np

from fullcircle.store.tables import Columns

RESAMPLES = 1000
INTERVAL = 0.95
CHANCE = 0.05
"""Share of reports that may show a difference where there is none."""

Summarise = Callable[[Columns], Mapping[str, float | None]]


def resampled(errors: Columns, summarise: Summarise, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Figures of pictures drawn again, ``(RESAMPLES,)`` each; NaN where there was nothing to compute one from.

    Args:
        errors: per picture.
        summarise: from errors to figures.
        rng: source of chance.
    """
    n = len(next(iter(errors.values())))
    draws = []
    for _ in range(RESAMPLES):
        rows = rng.integers(n, size=n)
        draws.append(summarise({name: values[rows] for name, values in errors.items()}))
    return {name: np.array([np.nan if d[name] is None else d[name] for d in draws], np.float64) for name in draws[0]}


def split_differences(
    groups: Mapping[str, tuple[Columns, Columns, Summarise]], seed: int
) -> dict[str, dict[str, dict[str, Any]]]:
    """Valid against test, figure by figure.

    Args:
        groups: by name, errors on valid, errors on test, and what makes figures of them.
        seed: source of chance of the bootstrap.

    Returns:
        By group and figure: `valid`, `test`, `difference` (test - valid), `low` and `high` of its bootstrap interval,
        `holds_zero`, and `beyond_chance` by the rule above. Figures that cannot be computed on both are left out.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for group, (valid, test, summarise) in groups.items():
        if not (len(next(iter(valid.values()))) and len(next(iter(test.values())))):
            continue
        # The same draws in every group: pictures that are hard are hard in all of them.
        streams = np.random.SeedSequence(seed).spawn(2)
        ours, theirs = (
            resampled(errors, summarise, np.random.default_rng(stream))
            for errors, stream in zip((valid, test), streams, strict=True)
        )
        on_valid, on_test = summarise(valid), summarise(test)
        found[group] = {
            name: _difference(on_valid[name], on_test[name], theirs[name] - ours[name])
            for name in ours
            if on_valid[name] is not None and on_test[name] is not None
        }
    m = sum(len(figures) for figures in found.values())
    limit = NormalDist().inv_cdf(1 - CHANCE / (2 * max(m, 1)))
    for figures in found.values():
        for difference in figures.values():
            difference["beyond_chance"] = bool(abs(difference["difference"]) > limit * difference["deviation"])
    return found


def _difference(valid: Any, test: Any, differences: np.ndarray) -> dict[str, Any]:
    low, high = (float(v) for v in np.nanquantile(differences, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2]))
    return {
        "valid": valid,
        "test": test,
        "difference": test - valid,
        "low": low,
        "high": high,
        "holds_zero": low <= 0 <= high,
        "deviation": float(np.nanstd(differences)),
    }
