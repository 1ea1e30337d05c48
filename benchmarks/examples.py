"""Making examples: ours against the published write-up's way, examples per second and bytes on disk.

Belongs here: the write-up's way, written as a competent user would: draw with `ImageDraw` one by one, add noise, save a PNG of
the clean and one of the noisy picture, keep the specs in one pickled pandas frame. Not a word of it is for use elsewhere: nothing
in this project is pickled.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.results import Benchmark, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.data.examples import write_examples
from fullcircle.data.settings import ExamplesSettings as LibrarySettings
from fullcircle.drawings import DRAWINGS
from fullcircle.images.noise import add_noise, sample_sigmas
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.objects import Store

LINE = DRAWINGS["line"]
LAWS = ("uniform", "article")
"""Noise decides how well pictures compress, so both ways make both: this project's law, and the published one."""

WRITE_UP = "the write-up's way"


@dataclasses.dataclass(frozen=True)
class ExamplesSettings(Settings):
    n: int = setting(20_000, "how many examples each way makes", low=1)
    seed: int = setting(1, "source of chance of specs and noise", low=0)


def write_up(folder: Path, settings: LibrarySettings, progress: Progress) -> None:
    """Two PNG files for each example and one pickled frame."""
    import pandas as pd

    rng = np.random.default_rng(settings.seed)
    specs = LINE.factors.sample(settings.n, rng).astype(int)
    sigmas = sample_sigmas(settings.noise_law, settings.n, settings.noise_max_sigma, rng)
    for i, (x_start, y_start, x_end, y_end, grey, width, ground) in enumerate(specs.tolist()):
        image = Image.new("L", (LINE.width, LINE.height), ground)
        ImageDraw.Draw(image).line([(x_start, y_start), (x_end, y_end)], fill=grey, width=width)
        image.save(folder / f"{i:07}_clean.png")
        noisy = add_noise(np.asarray(image)[None], sigmas[i : i + 1], rng)[0]
        Image.fromarray(noisy).save(folder / f"{i:07}_noisy.png")
        progress.step(WRITE_UP, i + 1, settings.n, "examples")
    frame = pd.DataFrame(specs, columns=list(LINE.factors.names))
    frame["start_address"] = frame.x_start + frame.y_start * LINE.width
    frame["end_address"] = frame.x_end + frame.y_end * LINE.width
    frame["sigma"] = sigmas
    frame.to_pickle(folder / "specs.pkl")


def _table(folder: Path, settings: LibrarySettings, progress: Progress) -> None:
    write_examples(folder / "examples.parquet", LINE, settings, progress)


def _stored(folder: Path, settings: LibrarySettings, progress: Progress) -> None:
    drawing_steps.make_examples(Store(folder), LINE, settings, progress)


Way = Callable[[Path, LibrarySettings, Progress], None]
WAYS: tuple[tuple[str, Way, int], ...] = (
    (WRITE_UP, write_up, 1),
    ("ours, 1 worker", _table, 1),
    ("ours, 2 workers", _table, 2),
    ("ours, 2 workers, hashed into the store", _stored, 2),
)


def bytes_of(folder: Path) -> tuple[int, int]:
    """Bytes of all files in a folder, and bytes that the disk gives them."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(s.st_size for s in stats), sum(512 * s.st_blocks for s in stats)


def measured(way: Way, settings: LibrarySettings, progress: Progress) -> dict[str, Any]:
    """Seconds and bytes of one way, in a temporary folder; the clock stops when the system says that all is on the disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.sync()
        began = time.perf_counter()
        way(folder, settings, progress)
        os.sync()
        seconds = time.perf_counter() - began
        size, on_disk = bytes_of(folder)
    return {
        "seconds": seconds,
        "examples/s": settings.n / seconds,
        "bytes / example": size / settings.n,
        "on disk": on_disk / settings.n,
    }


COLUMNS = {"way": "", "seconds": ",.1f", "examples/s": ",.0f", "bytes / example": ",.0f", "on disk": ",.0f"}


def table(law: str, rows: list[dict[str, Any]]) -> Table:
    """The table of one noise law with both ratios."""
    title = f"**Noise law `{law}`**, bytes of the files and bytes that they take on disk"
    made = Table(title, COLUMNS, rows).with_ratio("examples/s", WRITE_UP, "speed, ratio")
    return made.with_ratio("on disk", WRITE_UP, "disk, ratio")


def run(settings: ExamplesSettings, progress: Progress) -> Outcome:
    import pandas  # noqa: F401  imported before the clock starts; ours needs nothing that is not loaded

    tables = []
    for law in LAWS:
        rows = []
        for name, way, workers in WAYS:
            progress.say(f"{law}: {name}")
            made = LibrarySettings(n=settings.n, seed=settings.seed, noise_law=law, workers=workers)
            rows.append({"way": name, **measured(way, made, progress)})
        tables.append(table(law, rows))
    return Outcome(
        tables,
        [
            f"""{settings.n:,} examples each. The write-up's way draws one picture at a time, saves it and its noisy copy as PNG
            (Pillow's default compression), and pickles one pandas frame of specs, addresses and noise levels; it adds the
            same noise by the same function. It computes no hash of the pictures and leaves out the write-up's stretch to
            0..255, both in its favour. Ours is one Parquet file; the last row also hashes it, writes its manifest and
            proves it whole, as the asset does.""",
            """Clocks start and stop after a sync of the whole file system, so the data is on the disk in every row. A ratio
            above 1 says better than the write-up's way; the goal is 10 times as fast.""",
        ],
    )


BENCHMARK = Benchmark(
    "examples",
    "how fast are examples made, and how large are they?",
    ExamplesSettings,
    minutes=lambda s: len(LAWS) * s.n * (0.002 + 3 * 0.0004) / 60,
    run=run,
)
