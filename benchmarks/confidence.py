"""Confidence: what it is calibrated by, and whether it means what it says.

Belongs here: lines drawn afresh and pictures from elsewhere, read by the models at hand; fitting the two tables of
`fullcircle.reading.confidence.calibrated` on those of one seed; judging stated confidence on those of another. Never on test.
Does not belong here: how the evidence is found (`fullcircle.reading`), the pictures from elsewhere (`foreign_pictures`).

Nothing is written into the library: the fitted tables are shown as code. Where they say it clearly better than those that are
there, put them there and run it again.
"""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.foreign_pictures import KINDS, judge, make, write
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.drawings import DRAWINGS
from fullcircle.evaluation.metrics import within_a_step
from fullcircle.images.noise import add_noise
from fullcircle.reading import reader as reading
from fullcircle.reading.answers import answers, as_dict
from fullcircle.reading.pictures import open_picture
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import latest_reader
from fullcircle.store.objects import NothingMaterializedError, Store

LINE = DRAWINGS["line"]
NOISES = (0.0, 0.02, 0.05, 0.10)  # standard deviations, of 1
LEAST = 20  # pictures that make a point of a table
Points = list[tuple[float, float]]

# Where the evidence is cut into bins: narrow where most of it is, and where it says most.
NEAR_EDGES = (0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.87, 0.95, 0.99, 1.0001)
LEFT_EDGES = (0, 0.005, 0.02, 0.04, 0.07, 0.1, 0.2, 0.4, 0.7, 1.0001)
STATED_EDGES = (0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)

Columns = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class ConfidenceSettings(Settings):
    lines: int = setting(800, "how many lines at each noise level", low=1)
    pictures: int = setting(40, "how many pictures of each foreign class", low=1)
    fit_seed: int = setting(101, "source of chance of what the tables are fitted on", low=0)
    seed: int = setting(202, "source of chance of what they are judged by", low=0)


def gather(reader: reading.Reader, lines: int, n: int, seed: int, progress: Progress) -> Columns:
    """Read `lines` fresh lines at each of `NOISES` and `n` pictures of each foreign class.

    Returns:
        `group`: the noise level in words, or the foreign class; `kind`: "line", "line elsewhere" or "no line"; `near`, `explained`,
        `confidence`, and whether it was `right`. One entry per picture.
    """
    rng = np.random.default_rng(seed)
    parts: list[Columns] = []

    def add(group: str, kind: str, read: reading.Reading, right: np.ndarray) -> None:
        columns = {name: getattr(read, name) for name in ("near", "explained", "confidence")}
        names = {"group": np.full(len(right), group), "kind": np.full(len(right), kind)}
        parts.append({**names, **columns, "right": right.astype(float)})

    specs = LINE.factors.sample(lines, rng)
    clean = LINE.render(specs)
    for noise in NOISES:
        progress.say(f"seed {seed}: {lines} lines at sigma {noise:.2f}")
        read = reader.read(add_noise(clean, np.full(lines, 255 * noise), rng), rng)
        add(f"sigma {noise:.2f}", "line", read, within_a_step(LINE, read.specs, specs))
    for name, kind in KINDS.items():
        progress.say(f"seed {seed}: {n} pictures, {kind.about}")
        made = make(name, n, seed)
        with tempfile.TemporaryDirectory() as temporary:
            (folder,) = write(Path(temporary), {name: made})
            opened = [open_picture(path, LINE) for path in sorted(folder.iterdir())]
        read = reader.read(np.stack([p.image for p in opened]), rng)
        read_answers = [as_dict(LINE, a) for a in answers(LINE, opened, read)]
        right = [judge(a, truth)["within_a_step"] for a, truth in zip(read_answers, made, strict=True)]
        add(name, "line elsewhere" if kind.line else "no line", read, np.array(right))
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def bins(values: np.ndarray, edges: Sequence[float]) -> list[np.ndarray]:
    """Where `values` lie between each edge and the next, the lower one included."""
    return [(values >= low) & (values < high) for low, high in itertools.pairwise(edges)]


def rising(points: Sequence[tuple[float, float, float]]) -> Points:
    """Points (x, y, weight) in order of x, as (x, y) where y never falls: neighbours that do are pooled."""
    pooled: list[tuple[float, float, float]] = []
    for x, y, weight in points:
        while pooled and pooled[-1][1] > y:
            px, py, pw = pooled.pop()
            x, y = (np.array([px, py]) * pw + np.array([x, y]) * weight) / (pw + weight)
            weight += pw
        pooled.append((float(x), float(y), weight))
    return [(x, y) for x, y, _ in pooled]


def fit(evidence: Columns) -> tuple[Points, Points]:
    """`CALIBRATION` from the lines of the class, then `BELIEF` from all pictures.

    Each point is a bin's mean evidence and its share of right answers, the second relative to what the first table says of the
    same pictures. Nothing near is never right, and a picture of which nothing is explained is not believed.
    """
    own = evidence["kind"] == "line"
    near, right = evidence["near"], evidence["right"]
    chosen = [b & own for b in bins(near, NEAR_EDGES)]
    points = rising([(near[b].mean(), right[b].mean(), b.sum()) for b in chosen if b.sum() >= LEAST])
    calibration = [(0.0, 0.0), *points, (1.0, points[-1][1])]
    stated = np.interp(near, *np.transpose(calibration))
    left = 1 - evidence["explained"]
    chosen = bins(left, LEFT_EDGES)
    falling = rising([(left[b].mean(), -right[b].sum() / stated[b].sum(), stated[b].sum()) for b in chosen if b.sum() >= LEAST])
    belief = [(0.0, 1.0), *((x, min(-y, 1.0)) for x, y in falling), (1.0, 0.0)]
    return tidy(calibration), tidy(belief)


def tidy(points: Points) -> Points:
    """Rounded to three places, each x once, points on a level between two others left out."""
    rounded = {round(x, 3): round(y, 3) for x, y in points}
    found = list(rounded.items())
    inner = [b for a, b, c in zip(found, found[1:], found[2:], strict=False) if not a[1] == b[1] == c[1]]
    return [found[0], *inner, found[-1]]


def scores(stated: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Brier score, the mean square of stated - right; and the mean difference between both over the bins."""
    differences = [abs(stated[b].mean() - right[b].mean()) * b.sum() for b in bins(stated, STATED_EDGES) if b.any()]
    return float(((stated - right) ** 2).mean()), float(np.sum(differences) / len(stated))


KIND_TITLES = {
    "line": "**Lines of the class**",
    "line elsewhere": "**Lines from elsewhere**",
    "no line": "**No line of the class**",
}


def by_stated(title: str, stated: np.ndarray, right: np.ndarray) -> Table:
    """Stated against observed, a row per bin of what was stated."""
    rows = [
        {
            "stated": f"{low:g} to {min(high, 1):g}",
            "pictures": int(b.sum()),
            "mean stated": stated[b].mean(),
            "within a step": right[b].mean(),
        }
        for (low, high), b in zip(itertools.pairwise(STATED_EDGES), bins(stated, STATED_EDGES), strict=True)
        if b.any()
    ]
    return Table(title, {"stated": "", "pictures": ",d", "mean stated": ".3f", "within a step": ".3f"}, rows)


def as_code(name: str, points: Points) -> str:
    """A table as a line of `fullcircle.reading`; ruff breaks it where it is long."""
    return f"{name} = ({', '.join(map(str, points))})"


def judged(report: Columns, calibration: Points, belief: Points) -> list[Table]:
    """What was stated against what was observed: by kind and what was stated, by group, and scores beside the fitted tables'."""
    stated, right = report["confidence"], report["right"]
    fitted = np.interp(report["near"], *np.transpose(calibration)) * np.interp(1 - report["explained"], *np.transpose(belief))
    tables, rows = [], []
    for kind, title in KIND_TITLES.items():
        b = report["kind"] == kind
        tables.append(by_stated(title, stated[b], right[b]))
        row: dict[str, object] = {"pictures of": title.strip("*")}
        for name, values in (("now", stated), ("fitted here", fitted)):
            row[f"Brier score, {name}"], row[f"gap, {name}"] = scores(values[b], right[b])
        rows.append(row)
    columns = {"Brier score, now": ".4f", "gap, now": ".3f", "Brier score, fitted here": ".4f", "gap, fitted here": ".3f"}
    tables.append(
        Table("**Scores**, of the tables in the library now and of those fitted here", {"pictures of": "", **columns}, rows)
    )
    groups = dict.fromkeys(report["group"].tolist())
    by_group = [
        {
            "class": g,
            "explained": report["explained"][b].mean(),
            "mean stated": stated[b].mean(),
            "within a step": right[b].mean(),
        }
        for g, b in ((g, report["group"] == g) for g in groups)
    ]
    columns = {"explained": ".3f", "mean stated": ".3f", "within a step": ".3f"}
    tables.append(Table("**By class**, lines of the class by their noise", {"class": "", **columns}, by_group))
    return tables


def run(settings: ConfidenceSettings, progress: Progress) -> Outcome:
    try:
        reader, models = latest_reader(Store(default_store()), LINE, ReaderSettings())
    except NothingMaterializedError as error:
        raise BenchmarkError(str(error)) from error
    calibration, belief = fit(gather(reader, settings.lines, settings.pictures, settings.fit_seed, progress))
    report = gather(reader, settings.lines, settings.pictures, settings.seed, progress)
    return Outcome(
        judged(report, calibration, belief),
        [
            f"""{settings.lines} lines drawn afresh at each of {len(NOISES)} noise levels and {settings.pictures} pictures of each
            foreign class, for fitting with seed {settings.fit_seed}, for the tables above with seed {settings.seed}. Our models:
            {", ".join(f"{k} `{v[:12]}`" for k, v in models.items())}.""",
            """Right is what is within one step of the truth in every end and the width; where there is no line, nothing is, but a
            line that leaves the picture and a dashed one are judged by their ends. Brier score: the mean square of stated less
            right. Gap: of stated and observed, the mean over the rows of the first tables.""",
            f"Fitted here: `{as_code('CALIBRATION', calibration)}` and `{as_code('BELIEF', belief)}`.",
        ],
        figures={"models": models, "calibration": calibration, "belief": belief},
    )


BENCHMARK = Benchmark(
    "confidence",
    "does confidence mean what it says?",
    ConfidenceSettings,
    # Twice: about 40 ms a line, 200 ms a picture from elsewhere, most of which are searched until the budget is spent.
    minutes=lambda s: 0.5 + 2 * (s.lines * len(NOISES) * 0.04 + s.pictures * len(KINDS) * 0.2) / 60,
    run=run,
)
