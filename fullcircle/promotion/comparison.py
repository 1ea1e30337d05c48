"""Two models on the same pictures: by how much the one is better, with an interval.

Belongs here: the statistics and the rule. What is measured on a picture stands in `drawings` and `autoencoders`.

The rule is non-inferiority: a challenger is promoted when, for every figure, the lower bound of its gain over the champion lies
above minus the margin. Each bound holds with the probability `confidence`. All of them must hold, so that the chance to promote one
that is worse by more than a margin in any figure is at most 1 - confidence, however many figures there are (Berger, 1982: an
intersection-union test needs no correction). The bounds are those of a bootstrap over pictures, paired: both models are judged on
the same draws, for pictures that are hard are hard for both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fullcircle.evaluation.bootstrap import resampled


@dataclasses.dataclass(frozen=True)
class Measure:
    """A figure that users feel.

    Attributes:
        name: for messages, ``pixel for pixel, clean``.
        challenger: its value on each picture, ``(n,)``.
        champion: likewise.
        margin: by how much it may be worse; None where nobody set one.
        setting: that sets the margin.
        higher_is_better: what better means.
        summarise: from values to the figure; their mean.
        text: the figure for people.
    """

    name: str
    challenger: np.ndarray
    champion: np.ndarray
    margin: float | None
    setting: str
    higher_is_better: bool
    text: Callable[[float], str]
    summarise: Callable[[np.ndarray], float] = lambda values: float(values.mean())


def compared(measures: Sequence[Measure], confidence: float, rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Each figure of both, the gain of the challenger and its bounds.

    Args:
        measures: all on the same pictures in the same order.
        confidence: of each bound.
        rng: source of chance of the bootstrap.

    Returns:
        By name: `challenger`, `champion`, `gain` (above 0 where the challenger is better), `low` and `high`, each a bound with the
        probability `confidence`, `margin`, and `text`, all of it for people.
    """

    def gains(values: Mapping[str, np.ndarray]) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for i, measure in enumerate(measures):
            gain = measure.summarise(values[f"challenger {i}"]) - measure.summarise(values[f"champion {i}"])
            found[measure.name] = gain if measure.higher_is_better else -gain
        return found

    values = {f"challenger {i}": m.challenger for i, m in enumerate(measures)}
    values |= {f"champion {i}": m.champion for i, m in enumerate(measures)}
    found, draws = gains(values), resampled(values, gains, rng)
    result = {}
    for measure in measures:
        low, high = (float(bound) for bound in np.quantile(draws[measure.name], [1 - confidence, confidence]))
        new, old = measure.summarise(measure.challenger), measure.summarise(measure.champion)
        gain = found[measure.name]
        assert gain is not None
        result[measure.name] = {
            "challenger": new,
            "champion": old,
            "gain": gain,
            "low": low,
            "high": high,
            "margin": measure.margin,
            "setting": measure.setting,
            "text": f"{measure.text(new)} ({measure.text(old)})",
            "bound": _signed(low, measure.text),
        }
    return result


def worse(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures of `compared` that may be worse by more than their margins."""
    return [name for name, figure in figures.items() if figure["margin"] is not None and not figure["low"] > -figure["margin"]]


def not_better(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The figures of `compared` of which it is not certain that they are better at all."""
    return [name for name, figure in figures.items() if not figure["low"] > 0]


def without_margin(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The settings that would have to be set before anything can be promoted."""
    return list(dict.fromkeys(figure["setting"] for figure in figures.values() if figure["margin"] is None))


def sentence(figures: Mapping[str, Mapping[str, Any]], other: str = "champion") -> str:
    """All figures in one sentence, ``pixel for pixel, clean: 98.0 % (champion 97.5 %), better by at least -0.8 %``."""
    return "; ".join(
        f"{name}: {figure['text'].replace('(', f'({other} ', 1)}, better by at least {figure['bound']}"
        for name, figure in figures.items()
    )


def _signed(value: float, text: Callable[[float], str]) -> str:
    return text(value) if value >= 0 else f"-{text(-value)}"
