"""Confidence: what it is calibrated by, and whether it means what it says.

Belongs here: lines drawn afresh and pictures from elsewhere, read by the models at hand; fitting the two tables of
`fullcircle.reading.calibrated` on those of one seed; judging stated confidence on those of another. Never on test.
Does not belong here: how the evidence is found (`fullcircle.reading`), the pictures from elsewhere (`benchmarks.foreign_pictures`).

Nothing is written into the library: the fitted tables are printed as code. When they differ from what is there by more than
the table of stated against observed can bear, put them there and run it again.

    python -m benchmarks.confidence            # needs a trained encoder and decoder in the store
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import foreign_pictures
from fullcircle import circle, reading
from fullcircle.answers import answers, as_dict, whole_file
from fullcircle.drawings import DRAWINGS
from fullcircle.incoming import open_picture
from fullcircle.noise import add_noise
from fullcircle.settings import ReaderSettings, default_store
from fullcircle.storage import Store

LINE = DRAWINGS["line"]
NOISES = (0.0, 0.02, 0.05, 0.10)  # standard deviations, of 1
LEAST = 20  # pictures that make a point of a table
Points = list[tuple[float, float]]

# Where the evidence is cut into bins: narrow where most of it is, and where it says most.
NEAR_EDGES = (0, 0.05, 0.15, 0.3, 0.45, 0.6, 0.75, 0.87, 0.95, 0.99, 1.0001)
LEFT_EDGES = (0, 0.005, 0.02, 0.04, 0.07, 0.1, 0.2, 0.4, 0.7, 1.0001)
STATED_EDGES = (0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0001)

Columns = dict[str, np.ndarray]


def gather(reader: reading.Reader, lines: int, n: int, seed: int) -> Columns:
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
        read = reader.read(add_noise(clean, np.full(lines, 255 * noise), rng), rng)
        add(f"sigma {noise:.2f}", "line", read, reading.within_a_step(LINE, read.specs, specs))
    for name, kind in foreign_pictures.KINDS.items():
        made = foreign_pictures.make(name, n, seed)
        with tempfile.TemporaryDirectory() as temporary:
            (folder,) = foreign_pictures.write(Path(temporary), {name: made})
            incoming = [open_picture(path, LINE) for path in sorted(folder.iterdir())]
        read = reader.read(np.stack([i.image for i in incoming]), rng)
        said = [as_dict(LINE, a) for a in answers(LINE, incoming, read)]
        right = [foreign_pictures.judge(a, truth)["within_a_step"] for a, truth in zip(said, made, strict=True)]
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
    said = np.interp(near, *np.transpose(calibration))
    left = 1 - evidence["explained"]
    chosen = bins(left, LEFT_EDGES)
    falling = rising([(left[b].mean(), -right[b].sum() / said[b].sum(), said[b].sum()) for b in chosen if b.sum() >= LEAST])
    belief = [(0.0, 1.0), *((x, min(-y, 1.0)) for x, y in falling), (1.0, 0.0)]
    return tidy(calibration), tidy(belief)


def tidy(points: Points) -> Points:
    """Rounded to three places, each x once, points on a level between two others left out."""
    rounded = {round(x, 3): round(y, 3) for x, y in points}
    found = list(rounded.items())
    inner = [b for a, b, c in zip(found, found[1:], found[2:], strict=False) if not a[1] == b[1] == c[1]]
    return [found[0], *inner, found[-1]]


def scores(stated: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Brier score, the mean square of stated - right; and the mean gap between stated and observed over the bins of the table."""
    gaps = [abs(stated[b].mean() - right[b].mean()) * b.sum() for b in bins(stated, STATED_EDGES) if b.any()]
    return float(((stated - right) ** 2).mean()), float(np.sum(gaps) / len(stated))


def _by_stated(stated: np.ndarray, right: np.ndarray) -> list[str]:
    rows = ["| stated | pictures | mean stated | share within one step |", "|---|---|---|---|"]
    for low, high, b in zip(STATED_EDGES, STATED_EDGES[1:], bins(stated, STATED_EDGES), strict=False):
        if b.any():
            name = f"{low:g} to {min(high, 1):g}"
            rows.append(f"| {name} | {b.sum():,} | {stated[b].mean():.3f} | {right[b].mean():.3f} |")
    return rows


def as_code(name: str, points: Sequence[tuple[float, float]]) -> str:
    return f"{name} = ({', '.join(map(str, points))})"


def as_markdown(report: Columns, fitted: tuple[Points, Points], about: dict[str, Any]) -> str:
    """What was fitted on the one seed, and what the library's tables say on the other."""
    stated, right = report["confidence"], report["right"]
    calibration, belief = (np.transpose(points) for points in fitted)
    refitted = np.interp(report["near"], *calibration) * np.interp(1 - report["explained"], *belief)
    models = ", ".join(f"{name} `{h[:12]}`" for name, h in about["models"].items())
    page = [
        "# Confidence",
        "",
        f"Made by `python -m benchmarks.confidence` in {about['seconds']:.0f} s; {models}. {about['lines']} lines drawn afresh "
        f"at each of four noise levels and {about['n']} pictures of each foreign class; tables fitted with seed "
        f"{about['fit_seed']}, everything below measured with seed {about['report_seed']}. Stated is what `fullcircle read` says.",
    ]
    kinds = {"line": "Lines of the class", "line elsewhere": "Lines from elsewhere", "no line": "No line of the class"}
    for kind, title in kinds.items():
        chosen = report["kind"] == kind
        brier, gap = scores(stated[chosen], right[chosen])
        again = scores(refitted[chosen], right[chosen])
        page += ["", f"## {title}", "", *_by_stated(stated[chosen], right[chosen]), ""]
        page.append(f"Brier score {brier:.4f}, gap {gap:.3f}; with the tables fitted here {again[0]:.4f} and {again[1]:.3f}.")
    page += ["", "## By class", "", "| | pictures | explained | mean stated | share within one step |", "|---|---|---|---|---|"]
    for group in dict.fromkeys(report["group"].tolist()):
        b = report["group"] == group
        page.append(
            f"| {group} | {b.sum()} | {report['explained'][b].mean():.3f} | {stated[b].mean():.3f} | {right[b].mean():.3f} |"
        )
    names = ("CALIBRATION", "BELIEF")
    page += ["", "## Tables", "", "```python", *(as_code(*named) for named in zip(names, fitted, strict=True)), "```", ""]
    return "\n".join(page)


def main() -> None:
    """Read, fit, judge, print, write."""
    arguments = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    arguments.add_argument("--store", type=Path, default=default_store(), help="where the models are (default: %(default)s)")
    arguments.add_argument("--lines", type=int, default=800, help="lines at each noise level (default: %(default)s)")
    arguments.add_argument("-n", type=int, default=40, help="pictures of each foreign class (default: %(default)s)")
    arguments.add_argument("--fit-seed", type=int, default=101, help="of the pictures that the tables are fitted on")
    arguments.add_argument("--report-seed", type=int, default=202, help="of the pictures that they are judged by")
    results = foreign_pictures.ROOT / "benchmarks" / "results"
    arguments.add_argument("--results", type=Path, default=results, help="folder (default: %(default)s)")
    given = arguments.parse_args()
    began = time.perf_counter()
    reader, models = circle.latest_reader(Store(given.store), LINE, ReaderSettings())
    fitted = fit(gather(reader, given.lines, given.n, given.fit_seed))
    report = gather(reader, given.lines, given.n, given.report_seed)
    about = vars(given) | {"models": models, "seconds": time.perf_counter() - began}
    page = as_markdown(report, fitted, about)
    print(page)
    given.results.mkdir(parents=True, exist_ok=True)
    with whole_file(given.results / "confidence.md") as temporary:
        temporary.write_text(page)


if __name__ == "__main__":
    main()
