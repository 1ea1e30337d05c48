"""Promotion: how often the rule that decides of challengers is wrong.

Belongs here: real readers of the line, the same thing trained again and again from other seeds, and what they read of many fresh
pictures; weeks of retraining simulated from those readings; and weeks in which the challenger is made worse by a known amount.
Does not belong here: the rule (`fullcircle.promotion.comparison`).

A week draws the pictures of one comparison from the pool, with a challenger and a champion from the retrainings, and decides as the
pipeline does. What is true is known from the whole pool. A promotion is wrong when the challenger is truly worse beyond a margin.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.results import Benchmark, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.drawings import DRAWINGS
from fullcircle.promotion.comparison import compared, worse
from fullcircle.promotion.drawings import errors, measures, test_pictures
from fullcircle.promotion.settings import ChampionSettings
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import reader_of
from fullcircle.steps import drawings as steps
from fullcircle.steps.profiles import PROFILES
from fullcircle.steps.step import run as run_step
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.tables import Columns

LINE = DRAWINGS["line"]
WORSE_POINTS = (0.0, 0.02, 0.05, 0.10)
"""By how much smaller the share read pixel for pixel is made, of 1."""


@dataclasses.dataclass(frozen=True)
class PromotionBenchmarkSettings(Settings):
    retrainings: int = setting(3, "how often the same thing is trained, from other seeds", low=2)
    examples: int = setting(20_000, "of each retraining", low=1000)
    decoder_epochs: int = setting(6, "of each retraining", low=1)
    encoder_epochs: int = setting(5, "of each retraining", low=1)
    pool: int = setting(1500, "fresh pictures that every one reads at both noise levels", low=400)
    weeks: int = setting(1000, "simulated weeks of each row", low=1)
    seed: int = setting(1, "source of chance of the weeks", low=0)

    @classmethod
    def section(cls) -> str:
        return "promotion"


Read = dict[str, Columns]


def retrained(store: Store, settings: PromotionBenchmarkSettings, seed: int, progress: Progress) -> dict[str, StoredObject]:
    """A decoder and an encoder of the line from examples and starts of this seed."""
    whole = PROFILES["quick"].settings.replaced(
        {
            "examples": {"n": settings.examples, "seed": seed},
            "decoder": {"epochs": settings.decoder_epochs, "seed": seed},
            "encoder": {"epochs": settings.encoder_epochs, "seed": seed},
        }
    )
    made: dict[str, StoredObject] = {}
    for step in (steps.EXAMPLES, steps.SPLITTING, steps.DECODER, steps.ENCODER):
        inputs = {asset: made[asset] for asset in step.reads}
        made |= run_step(step, store, LINE.name, inputs, getattr(whole, step.part), progress).objects
    return {name: made[f"drawings/{name}"] for name in ("encoder", "decoder")}


def pool_of(settings: PromotionBenchmarkSettings, champion: ChampionSettings, progress: Progress) -> list[Read]:
    """What each retraining makes of the same fresh pictures."""
    wanted = dataclasses.replace(champion, pictures=settings.pool, seed=77)
    specs, images = test_pictures(LINE, wanted, 0, frozenset())
    found = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for seed in range(1, settings.retrainings + 1):
            progress.say(f"retraining {seed} of {settings.retrainings}")
            models = retrained(store, settings, seed, progress)
            reader = reader_of(LINE, models, ReaderSettings(redraws=champion.redraws, seed=champion.seed))
            found.append(errors(LINE, reader, specs, images, wanted, progress))
    return found


def rows_of(read: Mapping[str, Columns], rows: np.ndarray) -> Read:
    return {level: {name: values[rows] for name, values in columns.items()} for level, columns in read.items()}


def spoiled(read: Read, share: float, rng: np.random.Generator) -> Read:
    """The same readings with so much smaller a share read pixel for pixel when clean: pictures at random are read wrongly."""
    exact = read["clean"]["exact"].copy()
    right = np.flatnonzero(exact == 1)
    exact[rng.choice(right, size=min(len(right), round(share * len(exact))), replace=False)] = 0
    return {**read, "clean": {**read["clean"], "exact": exact}}


def truly_worse(challenger: Read, champion: Read, settings: ChampionSettings) -> bool:
    """Whether the challenger is worse beyond a margin on the whole pool."""
    for measure in measures(challenger, champion, settings):
        gain = measure.summarise(measure.challenger) - measure.summarise(measure.champion)
        assert measure.margin is not None
        if (gain if measure.higher_is_better else -gain) <= -measure.margin:
            return True
    return False


def promoted(challenger: Read, champion: Read, settings: ChampionSettings, rng: np.random.Generator) -> bool:
    """One week's decision, on pictures of the pool at random."""
    pool = len(challenger["clean"]["exact"])
    rows = rng.choice(pool, size=min(settings.pictures, pool), replace=False)
    found = compared(measures(rows_of(challenger, rows), rows_of(champion, rows), settings), settings.confidence, rng)
    return not worse(found)


def weeks_of(pool: Sequence[Read], weeks: int, settings: ChampionSettings, rng: np.random.Generator) -> dict[str, object]:
    """The same thing trained again every week: how many take over, and how many of them are truly worse beyond a margin."""
    champion, promotions, wrong, best = 0, 0, 0, pool[0]
    low = float(np.mean(best["clean"]["exact"]))
    for _ in range(weeks):
        others = [i for i in range(len(pool)) if i != champion]
        challenger = int(rng.choice(others))
        if promoted(pool[challenger], pool[champion], settings, rng):
            promotions += 1
            wrong += truly_worse(pool[challenger], pool[champion], settings)
            champion = challenger
            low = min(low, float(np.mean(pool[champion]["clean"]["exact"])))
    return {"weeks": weeks, "promoted": promotions / weeks, "wrongly": wrong / weeks, "least share served": low}


def refusals(
    pool: Sequence[Read], share: float, weeks: int, settings: ChampionSettings, rng: np.random.Generator
) -> dict[str, object]:
    """A challenger that is worse by a known share than the champion, every week."""
    refused = 0
    pairs = itertools.cycle(itertools.permutations(range(len(pool)), 2))
    for _ in range(weeks):
        new, old = next(pairs)
        # Clean, it is as good as the champion before it is spoiled: it has the champion's own readings.
        base = {**pool[new], "clean": pool[old]["clean"]}
        refused += not promoted(spoiled(base, share, rng), pool[old], settings, rng)
    return {"worse by, points": 100 * share, "weeks": weeks, "refused": refused / weeks}


def run(settings: PromotionBenchmarkSettings, progress: Progress) -> Outcome:
    champion = ChampionSettings()
    pool = pool_of(settings, champion, progress)
    rng = np.random.default_rng(settings.seed)
    figures = [
        {
            "retraining": str(i + 1),
            **{f"exact, {level}": float(read[level]["exact"].mean()) for level in read},
            **{f"points off, {level}": float(read[level]["points"].mean()) for level in read},
        }
        for i, read in enumerate(pool)
    ]
    progress.say("weeks of the same thing")
    same = [{"rule": "as in the pipeline", **weeks_of(pool, settings.weeks, champion, rng)}]
    progress.say("weeks of worse challengers")
    bad = [refusals(pool, share, settings.weeks, champion, rng) for share in WORSE_POINTS]
    columns = {f"exact, {level}": ".1%" for level in pool[0]} | {f"points off, {level}": ".2f" for level in pool[0]}
    margin = champion.exact_margin
    assert margin is not None
    return Outcome(
        [
            Table("**The same thing trained again**, on the whole pool", {"retraining": "", **columns}, figures),
            Table(
                "**Weeks of retraining the same thing**",
                {"rule": "", "weeks": ",d", "promoted": ".1%", "wrongly": ".2%", "least share served": ".1%"},
                same,
            ),
            Table(
                "**Weeks of challengers that are worse** by so many points of the share read pixel for pixel, clean",
                {"worse by, points": ".0f", "weeks": ",d", "refused": ".1%"},
                bad,
            ),
        ],
        [
            f"""{settings.retrainings} retrainings of the line ({settings.examples:,} examples, {settings.decoder_epochs} epochs of
            the decoder, {settings.encoder_epochs} of the encoder), each from other examples and another start, read the same
            {settings.pool:,} fresh pictures clean and with noise of sigma .05. A week compares two of them on
            {champion.pictures} of these pictures at random, by the rule of the pipeline: margins of {100 * margin:g} points and
            {champion.points_margin:g} px, confidence {champion.confidence:g}.""",
            f"""Wrongly promoted is what is worse than the champion beyond a margin on the whole pool. The rule allows
            {1 - champion.confidence:.0%}. A challenger that is worse by exactly the margin of {100 * margin:g} points is to be
            refused in at least {champion.confidence:.0%} of the weeks.""",
        ],
        figures={"pool": figures, "same": same, "worse": bad},
    )


BENCHMARK = Benchmark(
    "promotion",
    "how often is the decision on a challenger wrong?",
    PromotionBenchmarkSettings,
    # A retraining like the profile quick; about 20 ms a clean and 60 ms a noisy picture; about 60 ms a decision.
    minutes=lambda s: (
        s.retrainings * (s.examples / 20_000 * (s.decoder_epochs + s.encoder_epochs) * 0.6 + s.pool * 0.08 / 60)
        + s.weeks * 5 * 0.06 / 60
    ),
    run=run,
)
