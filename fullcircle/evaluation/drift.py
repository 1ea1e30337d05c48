"""Drift: whether a model reads what arrives worse than it read its test pictures, and what to train it on then.

Belongs here: the test, what level it has, what it found in words, and the settings that examples need to cover what was seen.
Arrays in, plain results out. Does not belong here: where readings come from, when a test is made, and what is done after an
alarm (that is the sensor's).

**What is asked.** Whether `FIGURES` of the last readings are *worse* than on test. Pictures that are read better than test,
because they have no noise, say, are another kind of pictures as well, but no reason to train again: the tests are one-sided.

**Against what.** Against readings of test pictures with as much noise. A model is tested at some noise levels, `readings` has
each picture at all of them; what arrives has a mix of its own. Each reading is compared with the lowest level that is not below
its own noise, and test takes part with one level of each picture, in shares as in the window (`matched`). So a folder of clean
pictures is held against clean test pictures, noise within the trained range is no drift whatever its mix, noise beyond it is;
and no test picture counts more than once, which a test for independent values demands.

**By which test.** How many of what arrived are worse than the k-th worst of test, for some k (`DEPTHS`): a few pictures that
are something else show against the worst of test, a change of all of them against the middle. If nothing changed, every order
of the n + m values is as likely as any other, and the chance of x or more of the m below the k-th lowest of the n is that of x
or more of them among the x + k - 1 lowest of all: the hypergeometric law, exact for every sample size, however small the
reference. Only what is strictly worse counts, so ties make it safer: clean pictures are redrawn with an error of exactly 0, and
nearly all are explained to exactly 1. `benchmarks/results/drift.md` has it beside the tests of Kolmogorov-Smirnov and
Mann-Whitney. The first needs 27 pictures of 100 unlike any of test, this one 10; the second needs 7, but by its normal law it
alarms several times too often where most values are tied.

**At which level.** A sensor asks again and again, mostly of the same pictures. Chances of false alarms add up, and whether the
tests depend on each other does not matter, because expectations add up: T tests a year at level a raise a T false alarms,
expected at most. So each gets `false_alarms_per_year` divided by the tests in a year (`level_per_test`), shared by its figures
and these by their depths (Bonferroni). Windows that overlap and a reference that all tests share let alarms come together; they
make them no more. Where nothing new arrived the test would be the last one again: it is left out, and its share is not spent.

What the expectation is taken over: pictures that arrive one by one, and the test pictures. A batch of pictures of one kind,
twenty from one bad scan, is a drift while it lasts.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from fullcircle.drawings.columns import SIGMA
from fullcircle.images.noise import ROUNDING
from fullcircle.store.columns import ID
from fullcircle.store.tables import Columns

YEAR = 365.25 * 24 * 3600
"""Seconds."""

FEWEST = 20
"""Readings that are compared at least."""

FIGURES: Mapping[str, str] = MappingProxyType({"explained": "less", "redraw_mse": "greater", "confidence": "less"})
"""What is compared, and which way it is worse."""

COLUMNS = (SIGMA, *FIGURES)
"""Of readings that are compared; those of test have an `id` beside them."""

DEPTHS = (0.0, 0.02, 0.1, 0.4)
"""What is counted is worse than the worst picture of test, and than all but these shares."""

TOLERANCE = 1.1
"""A noise level is estimated to within a twentieth: so much above a level of the test still counts as that."""

SEEN = 0.95
"""Share of the pictures whose noise new examples are to cover: a single picture of gravel is not what arrives."""

COVERED = {"none": 0.0, "article": 1.4}
"""What noise the laws that are not uniform have in 95 % of the examples, in grey levels, however far they may go."""

MARGIN = 1.05
"""By how much the noise of new examples goes beyond what was seen."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """One figure of what arrived beside that of test, at the depth that speaks most against it.

    Attributes:
        p_value: the chance of as much if nothing changed, times the number of depths.
        rank: the k of the k-th worst test picture.
        limit: the figure of that one.
        beyond: how many of what arrived are worse than that.
        beyond_on_test: how many of test are; less than k - 1 where values are tied.
        on_test: median of test at the same noise.
        now: median of what arrived.
    """

    p_value: float
    rank: int
    limit: float
    beyond: int
    beyond_on_test: int
    on_test: float
    now: float


@dataclasses.dataclass(frozen=True)
class Drift:
    """What a test found.

    Attributes:
        pictures: readings that were compared.
        reference: pictures of test that they were compared with.
        level: of the test, all figures together.
        figures: each of `FIGURES`.
    """

    pictures: int
    reference: int
    level: float
    figures: Mapping[str, Compared]

    @property
    def alarm(self) -> bool:
        """Whether some figure is worse than chance makes it."""
        return self.figures[self.worst].p_value <= self.level / len(self.figures)

    @property
    def worst(self) -> str:
        """The figure that speaks most against what arrived."""
        return min(self.figures, key=lambda name: self.figures[name].p_value)

    @property
    def sentence(self) -> str:
        """What was found, for people."""
        found = self.figures[self.worst]
        than = "below" if FIGURES[self.worst] == "less" else "above"
        rest = (
            f"{self.worst} is {than} {found.limit:.4g} in {found.beyond} of the last {self.pictures} pictures, and in "
            f"{found.beyond_on_test} of {self.reference} test pictures with as much noise (p {found.p_value:.1e}, alarm from "
            f"{self.level / len(self.figures):.1e})."
        )
        return f"{'Drift' if self.alarm else 'No drift'}: {rest}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {
            "alarm": self.alarm,
            "sentence": self.sentence,
            "worst": self.worst,
            "level": self.level,
            "pictures": self.pictures,
            "reference": self.reference,
            "figures": {name: dataclasses.asdict(found) for name, found in self.figures.items()},
        }


@dataclasses.dataclass(frozen=True)
class Widening:
    """What new examples need in order to cover what was seen.

    Attributes:
        overrides: of settings, ``{"examples": {"noise_max_sigma": 41.0}}``; none where they cover it already.
        sentence: for people.
    """

    overrides: Mapping[str, Mapping[str, Any]]
    sentence: str


def level_per_test(false_alarms_per_year: float, seconds: float) -> float:
    """The level of a single test, so that all tests of a year together raise so many false alarms, expected at most.

    Args:
        false_alarms_per_year: positive.
        seconds: between two tests, at least.

    Returns:
        In (0, 1].

    Raises:
        ValueError: when one of them is not positive.
    """
    for name, value in (("false_alarms_per_year", false_alarms_per_year), ("seconds", seconds)):
        if not value > 0:
            raise ValueError(f"{name} is expected to be greater than 0. Received: {value}.")
    return min(false_alarms_per_year * seconds / YEAR, 1.0)


def compare(reference: Columns, window: Columns, level: float) -> Drift:
    """Whether readings are worse than those of test pictures with as much noise.

    Args:
        reference: readings of test by the same model, each picture at every noise level: `COLUMNS`, the noise as it was added, and
            `id`.
        window: the last readings of what arrived, `COLUMNS`, the noise as the reader estimated it.
        level: of the test, see `level_per_test`.

    Raises:
        ValueError: when there are too few readings, or some have no confidence.
    """
    _check(reference, window)
    like = matched(reference, window[SIGMA])
    n, m = len(like[SIGMA]), len(window[SIGMA])
    figures = {}
    for name, worse in FIGURES.items():
        sign = 1.0 if worse == "less" else -1.0
        limits = limits_of(sign * like[name])
        beyond = count_beyond(sign * window[name], limits)
        p_values = chances(beyond, n, m)
        i = int(p_values.argmin())
        figures[name] = Compared(
            p_value=float(min(p_values[i] * len(DEPTHS), 1.0)),
            rank=int(ranks(n)[i]),
            limit=float(sign * limits[i]),
            beyond=int(beyond[i]),
            beyond_on_test=int((sign * like[name] < limits[i]).sum()),
            on_test=float(np.median(like[name])),
            now=float(np.median(window[name])),
        )
    return Drift(m, n, level, MappingProxyType(figures))


def ranks(n: int) -> np.ndarray:
    """`DEPTHS` of n test pictures: which of the worst, counted from 1, ``int (n_depths,)``."""
    return np.maximum(np.ceil(np.multiply(DEPTHS, n)), 1).astype(int)


def limits_of(reference: np.ndarray) -> np.ndarray:
    """The lowest values of a reference, at each of `DEPTHS`: ``(..., n)``, low is bad, to ``(..., n_depths)``."""
    which = ranks(reference.shape[-1]) - 1
    return np.asarray(np.partition(reference, which, axis=-1)[..., which])


def count_beyond(window: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """How many of a window, ``(..., m)``, are below each limit, ``(..., n_depths)``; ``int (..., n_depths)``."""
    return np.asarray((window[..., None, :] < limits[..., None]).sum(axis=-1))


def chances(beyond: np.ndarray, n: int, m: int) -> np.ndarray:
    """The chance that so many of m values, or more, are below each of the `ranks` of n of the same kind; at each of `DEPTHS`."""
    from scipy.stats import hypergeom

    return np.asarray(hypergeom.sf(beyond - 1, n + m, m, beyond + ranks(n) - 1))


def _check(reference: Columns, window: Columns) -> None:
    pictures = len(np.unique(reference[ID]))
    for what, count in (("pictures", len(window[SIGMA])), ("test pictures", pictures)):
        if count < FEWEST:
            raise ValueError(f"At least {FEWEST} {what} are expected. Received: {count}.")
    if len(reference[ID]) != pictures * len(np.unique(reference[SIGMA])):
        raise ValueError(
            f"Readings of test are expected to be one for each of {pictures} pictures at each of "
            f"{len(np.unique(reference[SIGMA]))} noise levels, of one step of the reader. Received: {len(reference[ID])}."
        )
    for what, rows in (("what arrived", window), ("test", reference)):
        if np.isnan(rows["confidence"]).any():
            raise ValueError(
                f"Readings of {what} are expected to have a confidence each. Received: some without. Read with the step redraw."
            )


def levels_for(sigmas: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Which of some noise levels pictures are compared at: the lowest not below their own, or the highest, ``int (n,)``.

    Args:
        sigmas: estimated, in grey levels, ``(n,)``.
        levels: ascending, ``(k,)``.
    """
    return np.minimum(np.searchsorted(levels * TOLERANCE, sigmas), len(levels) - 1)


def matched(reference: Columns, sigmas: np.ndarray) -> Columns:
    """One reading of each test picture, at noise levels in shares as `sigmas` has them.

    Args:
        reference: see `compare`.
        sigmas: estimated noise of what arrived, in grey levels, ``(m,)``.
    """
    levels = np.unique(reference[SIGMA])
    pictures, first, which = np.unique(reference[ID], return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))[which]  # pictures numbered as they come in the table
    wanted = np.sort(levels_for(sigmas, levels))[np.arange(len(pictures)) * len(sigmas) // len(pictures)]
    chosen = reference[SIGMA] == levels[wanted][order]
    return {name: reference[name][chosen] for name in COLUMNS}


def widened(sigmas: np.ndarray, noise_max_sigma: float, noise_law: str = "uniform") -> Widening:
    """The settings of examples that cover the noise of what arrived.

    Only noise can be widened. Examples have every value of every factor of the class already, greys included, and what else a
    picture may have, blur, another renderer, a second line, is no setting of examples but another drawing class. So where nothing
    is to be widened, training again on such examples is no remedy.

    Args:
        sigmas: estimated noise of what arrived, in grey levels, ``(n,)``.
        noise_max_sigma: of the examples that the model was trained on, in grey levels.
        noise_law: of the same.
    """
    covered = noise_max_sigma if noise_law == "uniform" else min(noise_max_sigma, COVERED[noise_law])
    seen = float(np.quantile(sigmas, SEEN))
    of = f"the noise of {SEEN:.0%} of the last {len(sigmas)} pictures was at most {seen:.1f} grey levels"
    if seen <= max(covered * TOLERANCE, ROUNDING):
        return Widening({}, f"examples.noise_max_sigma stays {noise_max_sigma:g}: {of}.")
    new = float(min(max(math.ceil(seen * MARGIN), math.ceil(covered)), 255))
    if noise_law == "uniform":
        return Widening(
            {"examples": {"noise_max_sigma": new}}, f"examples.noise_max_sigma {noise_max_sigma:g} -> {new:g}: {of}."
        )
    return Widening(
        {"examples": {"noise_max_sigma": new, "noise_law": "uniform"}},
        f"examples.noise_law {noise_law} -> uniform, examples.noise_max_sigma {noise_max_sigma:g} -> {new:g}: {of}.",
    )
