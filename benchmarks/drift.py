"""Drift: how soon pictures of another kind are noticed, and how often an alarm is raised for nothing.

Belongs here: reading what drifted and what did not, streams of pictures drawn again from these readings, and three tests side by
side. Does not belong here: the pictures (`drift_pictures`), the test that the sensor makes (`fullcircle.evaluation.drift`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.stats import mannwhitneyu

from benchmarks.drift_pictures import KINDS, LINE, drifted, usual_noise
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.evaluation import drift
from fullcircle.images.noise import add_noise
from fullcircle.reading.reader import Reader, Reading
from fullcircle.reading.readings import SIGMAS
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import latest_reader
from fullcircle.store.objects import NothingMaterializedError, Store
from pipelines.retraining import DriftSettings as SensorSettings

SENSOR = SensorSettings()
LEVEL = drift.level_per_test(SENSOR.false_alarms_per_year, SENSOR.seconds)
TICKS = round(drift.YEAR / SENSOR.seconds)
LIMIT = 300
"""Pictures after which a drift that was not found counts as not found."""

AT_ONCE = 50  # tests of a stream that are made together, at first; most drifts are found in these
SIGNS = np.array([1.0 if worse == "less" else -1.0 for worse in drift.FIGURES.values()])

Values = np.ndarray
"""Readings, ``float64 (n, 4)``: the figures, so that low is bad, and the estimated noise; of test ``(n, levels, 3)``."""


@dataclasses.dataclass(frozen=True)
class DriftSettings(Settings):
    streams: int = setting(1000, "how many years of pictures without drift, of each mix of noise", low=1)
    reference: int = setting(250, "how many test pictures, each at every noise level", low=drift.FEWEST)
    pictures: int = setting(250, "how many others that streams without drift are drawn from", low=1)
    drifted: int = setting(60, "how many of each kind of drift, with noise and without", low=1)
    repetitions: int = setting(200, "how often each drift begins", low=1)
    a_tick: float = setting(2.0, "pictures that arrive between two tests of a year, on average", above=0)
    seed: int = setting(0, "source of chance", low=0)


@dataclasses.dataclass(frozen=True)
class Pool:
    """Readings that streams are drawn from.

    Attributes:
        test: of lines at every noise level, ``(n, levels, 4)``.
        mixes: of lines by the noise that they have, ``(n, 4)`` each; where they are those of `test`, in the same order.
        kinds: of each kind of drift, without noise and with it, ``(n, 4)``.
    """

    test: Values
    mixes: Mapping[str, Values]
    kinds: Mapping[str, tuple[Values, Values]]


CLEAN, TRAINED, TESTED = "no noise", "noise as trained, 0 to 25.5", "noise as tested, four levels"


def values_of(read: Reading) -> Values:
    """Figures and noise of readings."""
    figures = [sign * getattr(read, name) for sign, name in zip(SIGNS, drift.FIGURES, strict=True)]
    return np.stack([*figures, read.sigmas], axis=1)


def gather(reader: Reader, settings: DriftSettings, progress: Progress) -> Pool:
    """Read everything once."""
    rng = np.random.default_rng(settings.seed)
    n = settings.reference + settings.pictures
    clean = LINE.render(LINE.factors.sample(n, rng))
    levels = []
    for sigma in SIGMAS:
        progress.say(f"{n} lines at sigma {sigma:g}")
        levels.append(values_of(reader.read(add_noise(clean, np.full(n, sigma), rng), rng)))
    test = np.stack(levels, axis=1)
    progress.say(f"{n} lines with noise as trained")
    trained = values_of(reader.read(usual_noise(LINE.render(LINE.factors.sample(n, rng)), rng), rng))
    level = np.random.default_rng([settings.seed, 3]).integers(len(SIGMAS), size=n)
    mixes = {CLEAN: test[:, 0], TRAINED: trained, TESTED: test[np.arange(n), level]}
    kinds = {}
    for name, kind in KINDS.items():
        progress.say(f"{settings.drifted} pictures, {kind.about}")
        both = [values_of(reader.read(drifted(kind, settings.drifted, noise, rng), rng)) for noise in (False, True)]
        kinds[name] = (both[0], both[1])
    return Pool(test, mixes, kinds)


Test = Callable[[np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]
"""From references ``(r, n)``, which of them belongs to each window, ``int (t,)``, windows ``(t, m)``, low is bad, and a level:
which windows alarm, ``bool (t,)``."""


def by_exceedance(reference: np.ndarray, which: np.ndarray, window: np.ndarray, level: float) -> np.ndarray:
    """The test of `fullcircle.evaluation.drift`."""
    n, m = reference.shape[1], window.shape[1]
    counts = np.arange(m + 1)[:, None] * np.ones(len(drift.DEPTHS), int)
    enough = (drift.chances(counts, n, m) * len(drift.DEPTHS) > level).sum(axis=0)  # one less may be chance
    return np.asarray((drift.count_beyond(window, drift.limits_of(reference)[which]) >= enough).any(axis=1))


def by_kolmogorov(reference: np.ndarray, which: np.ndarray, window: np.ndarray, level: float) -> np.ndarray:
    """Kolmogorov and Smirnov, one-sided, by the limit law, which is a little too careful at these sizes."""
    n, m = reference.shape[1], window.shape[1]
    ordered, window = np.sort(reference, axis=1)[which], np.sort(window, axis=1)
    least = np.sqrt(-np.log(level) / 2 * (1 / n + 1 / m))
    # The distribution functions at each value of the window, ties counted on both sides.
    pairs = zip(window, ordered, strict=True)
    up = [np.searchsorted(w, w, "right") / m - np.searchsorted(r, w, "right") / n for w, r in pairs]
    return np.asarray(np.max(up, axis=1) >= least)


def by_mann_whitney(reference: np.ndarray, which: np.ndarray, window: np.ndarray, level: float) -> np.ndarray:
    """Mann and Whitney, one-sided, by the normal law with its correction for ties."""
    found = mannwhitneyu(window, reference[which], alternative="less", axis=1, method="asymptotic")
    return np.asarray(found.pvalue <= level)


TESTS: dict[str, Test] = {"ours": by_exceedance, "Kolmogorov-Smirnov": by_kolmogorov, "Mann-Whitney": by_mann_whitney}


def alarms(test: Values, stream: Values, ends: np.ndarray, by: Test = by_exceedance, level: float = LEVEL) -> np.ndarray:
    """Which tests of a stream alarm, as `drift.compare` would.

    Args:
        test: of the reference, ``(n, levels, 4)``.
        stream: in order of arrival, ``(length, 4)``.
        ends: of each test: how many had arrived, at least a window, ``int (t,)``.
        by: the test.
        level: of a test, all figures together.
    """
    n, m = len(test), SENSOR.window
    levels = drift.levels_for(stream[:, -1], np.array(SIGMAS))
    so_far = np.concatenate([np.zeros((1, len(SIGMAS)), int), (levels[:, None] == np.arange(len(SIGMAS))).cumsum(axis=0)])
    # Windows of one mix of noise have one reference.
    mixes, which = np.unique(so_far[ends] - so_far[ends - m], axis=0, return_inverse=True)
    wanted = (mixes.cumsum(axis=1)[:, :-1, None] <= np.arange(n) * m // n).sum(axis=1)  # as `drift.matched` has them
    found = np.zeros(len(ends), bool)
    for i in range(len(SIGNS)):
        windows = sliding_window_view(stream[:, i], m)[ends - m]
        found |= by(test[np.arange(n), wanted, i], which.ravel(), windows, level / len(SIGNS))
    return found


def false_alarms(pool: Pool, mix: str, settings: DriftSettings, rng: np.random.Generator) -> tuple[int, int]:
    """A year without drift: how many alarms, and how many tests. What follows an alarm within a window of pictures is no other.

    The reference and what the stream is drawn from are other pictures, divided by chance each time.
    """
    order = rng.permutation(len(pool.test))
    test, others = pool.test[order[: settings.reference]], pool.mixes[mix][order[settings.reference :]]
    arrived = rng.poisson(settings.a_tick, TICKS)
    ends = SENSOR.window + np.cumsum(arrived)
    stream = others[rng.integers(len(others), size=int(ends[-1]))]
    ends = ends[arrived > 0]  # nothing new, no test
    at, last = 0, -SENSOR.window
    for end in ends[alarms(test, stream, ends)].tolist():
        if end - last >= SENSOR.window:
            at, last = at + 1, end
    return at, len(ends)


def found_within(pool: Pool, kind: str, noise: bool, by: Test, settings: DriftSettings, rng: np.random.Generator) -> float:
    """Pictures of a kind after which it is found, at a test each, the window being full of others; infinite beyond `LIMIT`."""
    order = rng.permutation(len(pool.test))
    before = pool.mixes[TRAINED if noise else CLEAN][order[settings.reference :]]
    others = pool.kinds[kind][noise]
    stream = np.concatenate(
        [before[rng.integers(len(before), size=SENSOR.window)], others[rng.integers(len(others), size=LIMIT)]]
    )
    for first in range(1, LIMIT + 1, AT_ONCE):
        ends = SENSOR.window + np.arange(first, min(first + AT_ONCE, LIMIT + 1))
        raised = alarms(pool.test[order[: settings.reference]], stream, ends, by)
        if raised.any():
            return float(first + raised.argmax())
    return np.inf


def years(pool: Pool, settings: DriftSettings, progress: Progress) -> Table:
    """False alarms, a row for each mix of noise."""
    rows = []
    for i, mix in enumerate(pool.mixes):
        rng = np.random.default_rng([settings.seed, 1, i])
        counts, tests = np.zeros(settings.streams, int), 0
        for year in range(settings.streams):
            counts[year], made = false_alarms(pool, mix, settings, rng)
            tests += made
            progress.step(f"years, {mix}", year + 1, settings.streams, "years")
        rows.append(
            {
                "pictures": mix,
                "years": settings.streams,
                "tests a year": tests / settings.streams,
                "false alarms a year": counts.mean(),
                "years with one or more": (counts > 0).mean(),
                "most in a year": int(counts.max()),
            }
        )
    columns = {"tests a year": ",.0f", "false alarms a year": ".3f", "years with one or more": ".1%", "most in a year": "d"}
    title = f"**False alarms**, at most {SENSOR.false_alarms_per_year:g} a year expected"
    return Table(title, {"pictures": "", "years": ",d", **columns}, rows)


def delays(pool: Pool, settings: DriftSettings, progress: Progress) -> dict[str, dict[str, np.ndarray]]:
    """Pictures until each kind is found, by kind and what is typed in the table, ``(repetitions,)`` each."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for i, name in enumerate(pool.kinds):
        found[name] = {}
        for noise in (False, True):
            for test, by in TESTS.items():
                rng = np.random.default_rng([settings.seed, 2, i, noise])  # the same streams for each test
                found[name][f"{test}, {'noisy' if noise else 'clean'}"] = np.array(
                    [found_within(pool, name, noise, by, settings, rng) for _ in range(settings.repetitions)]
                )
        progress.step("drifts", i + 1, len(pool.kinds), "kinds")
    return found


def _within(delays: np.ndarray, share: float) -> float:
    """So many pictures are enough for this share of the repetitions; infinite where it is not found as often."""
    return float(np.sort(delays)[int(np.ceil(share * len(delays))) - 1])


def tables(found: Mapping[str, Mapping[str, np.ndarray]]) -> list[Table]:
    """How soon each kind is found, and the median beside other tests."""
    ours, beside = [], []
    for kind in sorted(found, key=lambda name: KINDS[name].harmless):  # those that no test should find at the end
        by = found[kind]
        row: dict[str, object] = {"pictures": KINDS[kind].about}
        for noise in ("clean", "noisy"):
            for share, name in ((0.5, "half"), (0.9, "90 %")):
                row[f"{noise}: {name}"] = _within(by[f"ours, {noise}"], share)
        ours.append(row)
        beside.append({"pictures": KINDS[kind].about} | {what: _within(delays, 0.5) for what, delays in by.items()})
    columns = {f"{noise}: {share}": ".0f" for noise in ("clean", "noisy") for share in ("half", "90 %")}
    return [
        Table("**Found within so many pictures**, in half of the repetitions and in 90 %", {"pictures": "", **columns}, ours),
        Table(
            "**Beside other tests**, in half of the repetitions",
            {"pictures": "", **dict.fromkeys(next(iter(found.values())), ".0f")},
            beside,
        ),
    ]


def run(settings: DriftSettings, progress: Progress) -> Outcome:
    try:
        reader, models = latest_reader(Store(default_store()), LINE, ReaderSettings())
    except NothingMaterializedError as error:
        raise BenchmarkError(str(error)) from error
    pool = gather(reader, settings, progress)
    return outcome(pool, models, settings, progress)


def outcome(pool: Pool, models: Mapping[str, str], settings: DriftSettings, progress: Progress) -> Outcome:
    """All that follows from the readings."""
    found = delays(pool, settings, progress)
    return Outcome(
        [*tables(found), years(pool, settings, progress)],
        [
            f"""A sensor that compares the last {SENSOR.window} pictures with {settings.reference} of test, at most
            {SENSOR.false_alarms_per_year:g} false alarm a year at a test every {SENSOR.seconds} s: a level of {LEVEL:.1e} a test,
            a third of it for each of {", ".join(drift.FIGURES)}. Our models:
            {", ".join(f"{k} `{v[:12]}`" for k, v in models.items())}.""",
            f"""Found: the window is full of lines of the class, then pictures of the kind arrive one by one, each followed by a
            test; {settings.repetitions} times, each with other test pictures. A dash: not within {LIMIT}. Clean: neither has noise,
            but where noise is what drifts; noisy: both have as much as examples have by default. The last two are pictures that
            the class draws as well: finding them would be a false alarm.""",
            f"""Years without drift: {TICKS:,} ticks, {settings.a_tick:g} pictures at each on average, drawn with replacement from
            {settings.pictures} that are not among the {settings.reference} of test; divided anew for each year. An alarm within
            {SENSOR.window} pictures of another is not counted again.""",
            """Kolmogorov-Smirnov and Mann-Whitney are one-sided, on the same streams at the same level. Mann-Whitney's normal law
            is no fair rival where nearly all values are tied: it alarms too often there, as `tests/benchmarks/test_drift.py`
            counts.""",
        ],
        figures={"models": models, "level": LEVEL, "found within": found},
    )


BENCHMARK = Benchmark(
    "drift",
    "how soon is drift found, and how often is there an alarm for nothing?",
    DriftSettings,
    # About 80 ms a line, 150 ms a drifted picture, 10 ms a repetition and 0.1 s a year.
    minutes=lambda s: (
        0.5
        + (
            (s.reference + s.pictures) * (len(SIGMAS) + 1) * 0.08
            + 2 * len(KINDS) * (s.drifted * 0.15 + s.repetitions * 0.01)
            + 3 * s.streams * 0.1
        )
        / 60
    ),
    run=run,
)
