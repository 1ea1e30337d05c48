"""Reading: our reader against what a line is read with today, on the same test pictures at four noise levels.

Belongs here: tuning the rivals on valid, judging everyone by the same figures on test, timing. The rivals stand in `rivals`.

Ends are judged as each reader gives them, in the better order; for the pixel-exact share the spec is rounded and drawn, because
Pillow takes whole numbers. A missing answer counts as not within 1 px and not exact, and in mean and median as the spec in
the middle of all ranges.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from benchmarks.rivals import RIVALS, Answer, Rival
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.drawings import DRAWINGS, Drawing
from fullcircle.drawings.columns import spec_columns, specs_of
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation.metrics import redraw_errors, spec_errors
from fullcircle.images.noise import add_noise
from fullcircle.images.sheets import contact_sheet
from fullcircle.reading.reader import Reader
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import latest_reader
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import NothingMaterializedError, Store

LINE = DRAWINGS["line"]
SIGMAS = (0.0, 0.02, 0.05, 0.10)
"""Noise levels as shares of the range of 255 grey levels."""

SEEN = 8
"""Grey levels between line and ground from which on a line counts as one that can be seen."""

BASE = RIVALS[0].name
FEWER = 8
"""The search without any start is slow: it reads every so many pictures only."""

SHOWN = 8


@dataclasses.dataclass(frozen=True)
class ReadingSettings(Settings):
    pictures: int = setting(2000, "how many pictures of test, the first", low=1)
    tuning: int = setting(300, "how many pictures of valid the rivals are tuned on, the first", low=1)
    seed: int = setting(1, "source of chance of the noise and of the search", low=0)


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a reader answered for n pictures: specs ``(n, n_factors)``, NaN where it gave no answer, and seconds per picture."""

    specs: np.ndarray
    seconds: float


def figures(drawing: Drawing, answers: Answers, true: np.ndarray, clean: np.ndarray) -> dict[str, Any]:
    """One row of the table: how far the answers are from the truth.

    Args:
        drawing: the drawing class.
        answers: of a reader.
        true: specs, ``(n, n_factors)``.
        clean: the pictures without noise, ``uint8 (n, height, width)``.
    """
    answered = np.isfinite(answers.specs).all(axis=1)
    middle = (drawing.factors.low + drawing.factors.high) / 2
    specs = np.where(answered[:, None], answers.specs, middle)
    points = spec_errors(drawing, specs, true)["points"]
    exact = answered & (redraw_errors(drawing, drawing.factors.snap(specs), clean)[1] == 0)
    seen = drawing.contrast(true) >= SEEN
    return {
        "pictures": len(true),
        "endpoint mean, px": float(points.mean()),
        "median, px": float(np.median(points)),
        "within 1 px": float(((points <= 1) & answered[:, None]).mean()),
        "no answer": int((~answered).sum()),
        "pixel-exact": float(exact.mean()),
        f"contrast >= {SEEN}": float(exact[seen].mean()) if seen.any() else None,
        "ms / picture": answers.seconds * 1000,
    }


COLUMNS = {
    "reader": "",
    "pictures": ",d",
    "endpoint mean, px": ".2f",
    "median, px": ".2f",
    "within 1 px": ".1%",
    "no answer": "d",
    "pixel-exact": ".1%",
    f"contrast >= {SEEN}": ".1%",
    "ms / picture": ".2f",
}


def one_by_one(
    read: Callable[..., Answer], images: np.ndarray, chosen: dict[str, Any], progress: Progress, stage: str
) -> Answers:
    """A rival's answers, one picture at a time."""
    specs = np.full((len(images), len(LINE.factors)), np.nan)
    spent = 0.0
    for i, image in enumerate(images):
        began = time.perf_counter()
        answer = read(image, **chosen)
        spent += time.perf_counter() - began
        if answer is not None:
            specs[i] = answer
        progress.step(stage, i + 1, len(images), "pictures")
    return Answers(specs, spent / len(images))


def tune(rival: Rival, images: np.ndarray, true: np.ndarray, progress: Progress, stage: str) -> tuple[dict[str, Any], float]:
    """The settings with the largest share of ends within 1 px, of equal ones those with the smallest mean error; and that share."""
    best, chosen = (-1.0, -np.inf), {}
    grid = rival.settings()
    middle = (LINE.factors.low + LINE.factors.high) / 2
    for i, candidate in enumerate(grid):
        answers = [rival.read(image, **candidate) for image in images]
        answered = np.array([a is not None for a in answers])
        points = spec_errors(LINE, np.array([middle if a is None else a for a in answers]), true)["points"]
        score = (float(((points <= 1) & answered[:, None]).mean()), -float(points.mean()))
        if score > best:
            best, chosen = score, candidate
        progress.step(stage, i + 1, len(grid), "settings")
    return chosen, best[0]


def ours(
    reader: Reader, images: np.ndarray, seed: int, progress: Progress, starts: Sequence[np.ndarray] | None = None
) -> Answers:
    """Our reader's answers; the networks take `batch_size` pictures at a time, the search one."""
    began = time.perf_counter()
    found = reader.read(images, np.random.default_rng(seed), starts=starts, progress=progress)
    return Answers(found.specs, (time.perf_counter() - began) / len(images))


def _pictures(store: Store, split: str, n: int) -> tuple[np.ndarray, np.ndarray, str]:
    """Specs and clean pictures of the first `n` examples of a split's latest version, and its hash."""
    stored = store.latest(f"drawings/{split}", LINE.name, command=f"make run DRAWING={LINE.name}")
    block = stored.table().read([*spec_columns(LINE), IMAGE], limit=n)
    return specs_of(LINE, block), block[IMAGE], stored.hash


def _noisy(clean: np.ndarray, sigma: float, *seeds: int) -> np.ndarray:
    return add_noise(clean, np.full(len(clean), 255 * sigma), np.random.default_rng([*seeds, round(1000 * sigma)]))


def _starts(answers: Answers) -> list[np.ndarray]:
    return [spec[None] if np.isfinite(spec).all() else np.empty((0, len(spec))) for spec in answers.specs]


def run(settings: ReadingSettings, progress: Progress) -> Outcome:
    store = Store(Path(default_store()))
    try:
        true, clean, test = _pictures(store, "test", settings.pictures)
        valid_true, valid_clean, valid = _pictures(store, "valid", settings.tuning)
        readers = {
            name: latest_reader(store, LINE, ReaderSettings(steps=steps, workers=1))
            for name, steps in (("our encoder alone", "encoder"), ("our reader", "encoder,gradient,redraw"))
        }
    except NothingMaterializedError as error:
        raise BenchmarkError(str(error)) from error
    models = readers["our reader"][1]
    search = Reader(LINE, scaling("range", LINE.factors), None, None, ReaderSettings(steps="redraw", workers=1))
    progress.say("compiling what our reader needs, outside of every clock")
    for reader, _ in readers.values():
        reader.read(valid_clean[: reader.settings.batch_size], np.random.default_rng(0))

    tables, chosen, shown = [], [], []
    for sigma in SIGMAS:
        at = f"sigma {sigma:.2f}"
        noisy, noisy_valid = _noisy(clean, sigma, settings.seed, 0), _noisy(valid_clean, sigma, settings.seed, 1)
        found: dict[str, Answers] = {}
        for rival in RIVALS:
            best, share = tune(rival, noisy_valid, valid_true, progress, f"{at}, tuning {rival.name}")
            chosen.append(
                {
                    "sigma": f"{sigma:.2f}",
                    "reader": rival.name,
                    "tried": len(rival.settings()),
                    "within 1 px on valid": share,
                    "chosen": ", ".join(f"{k} {v}" for k, v in best.items() if len(rival.grid[k]) > 1),
                }
            )
            found[rival.name] = one_by_one(rival.read, noisy, best, progress, f"{at}, {rival.name}")
        progress.say(f"{at}, {BASE} + our redraw search")
        base = found[BASE]
        redrawn = ours(search, noisy, settings.seed, progress, _starts(base))
        found[f"{BASE} + our redraw search"] = dataclasses.replace(redrawn, seconds=redrawn.seconds + base.seconds)
        for name, (reader, _) in readers.items():
            progress.say(f"{at}, {name}")
            found[name] = ours(reader, noisy, settings.seed, progress)
        rows = [{"reader": name, **figures(LINE, a, true, clean)} for name, a in found.items()]
        progress.say(f"{at}, our redraw search alone, on every {FEWER}th picture")
        alone = ours(search, noisy[::FEWER], settings.seed, progress)
        few = figures(LINE, alone, true[::FEWER], clean[::FEWER])
        rows.append({"reader": "our redraw search alone, no networks", **few})
        title = f"**{at}** ({255 * sigma:.1f} grey levels)"
        tables.append(Table(title, COLUMNS, rows).with_ratio("ms / picture", BASE, "time, ratio"))
        shown += _pictured(at, noisy, found)
        del found
    seen = LINE.contrast(true) >= SEEN
    tables.append(
        Table(
            "**Tuned on valid**, at each noise level: of all combinations the one with the largest share of ends within 1 px",
            {"sigma": "", "reader": "", "tried": "d", "within 1 px on valid": ".1%", "chosen": ""},
            chosen,
        )
    )
    return Outcome(
        tables,
        [
            f"""The first {len(true):,} pictures of test `{test[:12]}`, {int(seen.sum()):,} of them with a contrast of {SEEN}
            grey levels or more, with fresh Gaussian noise; rivals tuned on the first {len(valid_true):,} of valid
            `{valid[:12]}` with noise of its own. Our models: {", ".join(f"{k} `{v[:12]}`" for k, v in models.items())}. No
            reader is given the noise level, but the settings of the rivals are chosen for it.""",
            f"""Ends are judged as each reader gives them, in the better order; both ends of all pictures count alike. A missing
            answer counts as not within 1 px, as not exact, and in mean and median as the middle of all ranges. Pixel-exact:
            the spec, rounded, and drawn by Pillow in the better order of its ends, is the picture without noise, in every
            pixel; contrast >= {SEEN}: the same of the lines that differ from their ground by so many grey levels. A line of
            its ground's own grey cannot be read by anyone.""",
            f"""Milliseconds of wall clock per picture in one process, so without the second one that our search starts for many
            pictures; pictures in memory, models loaded and compiled. The rivals take one picture at a time; our networks
            take {ReaderSettings().batch_size} at a time, our search one. {BASE} + our redraw search: both together. Our
            search alone starts from the best of 64 random specs and reads every {FEWER}th picture only, for it is slow.""",
            """Rivals guess widths and greys as a user would: width by area over length or by the distance of the two edges,
            greys by the medians inside and outside.""",
        ],
        figures={"test": test, "valid": valid, "models": models, "sigmas": list(SIGMAS)},
        pictures={"reading.webp": ("What each reader makes of the same test pictures, drawn by Pillow", _webp(shown))},
    )


def _pictured(at: str, noisy: np.ndarray, found: dict[str, Answers]) -> list[tuple[str, np.ndarray]]:
    """Rows for the picture: the input, and what some readers' answers draw; black where there is none."""
    rows = [(at, noisy[:SHOWN])]
    for name, short in (("our reader", "our reader"), (BASE, "threshold\n+ PCA"), ("LSD, two edges merged", "LSD,\nmerged")):
        specs = found[name].specs[:SHOWN]
        answered = np.isfinite(specs).all(axis=1)
        drawn = LINE.render(LINE.factors.snap(specs))
        drawn[~answered] = 0
        rows.append((short, drawn))
    return rows


def _webp(rows: Sequence[tuple[str, np.ndarray]]) -> bytes:
    import io

    buffer = io.BytesIO()
    contact_sheet(rows).save(buffer, "WEBP", method=6, quality=80)
    return buffer.getvalue()


BENCHMARK = Benchmark(
    "reading",
    "who reads a line best, and how fast?",
    ReadingSettings,
    # Mostly our search: about 50 ms a picture with noise, twice, and 200 ms alone; tuning by picture and setting.
    minutes=lambda s: (
        1 + len(SIGMAS) * (s.pictures * (0.11 + 0.2 / FEWER) + s.tuning * sum(len(r.settings()) for r in RIVALS) * 0.0012) / 60
    ),
    run=run,
)
