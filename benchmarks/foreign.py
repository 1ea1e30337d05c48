"""Foreign: what `fullcircle read` says of pictures that this pipeline did not make.

Belongs here: asking the real command, joining its answers with the truth, figures by class and a sheet that shows them.
Does not belong here: how the pictures are made and an answer is judged (`foreign_pictures`).
"""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.foreign_pictures import KINDS, judge, make, write
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.default_store import default_store
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.drawings import DRAWINGS
from fullcircle.images.sheets import contact_sheet
from fullcircle.reading.answers import GAP, SCALE

SHOWN = 2  # pictures of each class on the sheet
SHEET_BYTES = 60_000
ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class ForeignSettings(Settings):
    pictures: int = setting(40, "how many pictures of each class", low=1)
    seed: int = setting(3, "source of chance of the pictures", low=0)


def ask(store: Path, folders: Sequence[Path], overlays: Path) -> tuple[list[dict[str, Any]], float]:
    """The real command's answers, in order of folder and name, and its wall time in seconds.

    Raises:
        BenchmarkError: with what it printed, when it failed: no models, for one.
    """
    command = [sys.executable, "-m", "fullcircle.cli", "--store", str(store), "read", "--json", "--overlay", str(overlays)]
    began = time.perf_counter()
    done = subprocess.run([*command, *map(str, folders)], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise BenchmarkError(f"`fullcircle read` was expected to read every picture. It printed: {done.stderr.strip()}")
    return json.loads(done.stdout), time.perf_counter() - began


def figures(joined: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table: the figures of a class, from answers with what `judge` says of them."""

    def mean(name: str) -> float | None:
        values = [j[name] for j in joined if name in j]
        return float(np.mean(values)) if values else None

    endpoint = np.array([e for j in joined if "endpoint" in j for e in j["endpoint"]])
    return {
        "ends, mean": float(endpoint.mean()) if len(endpoint) else None,
        "median": float(np.median(endpoint)) if len(endpoint) else None,
        "within 1": float((endpoint <= 1).mean()) if len(endpoint) else None,
        "longer": mean("longer"),
        "wider": mean("wider"),
        "redraw MSE": mean("redraw_mse"),
        "explained": mean("explained"),
        "confidence": mean("confidence"),
        "within a step": mean("within_a_step"),
        "redraws": mean("redraws"),
    }


COLUMNS = {
    "pictures of": "",
    "ends, mean": ".2f",
    "median": ".2f",
    "within 1": ".0%",
    "longer": "+.1f",
    "wider": "+.1f",
    "redraw MSE": ".1e",
    "explained": ".3f",
    "confidence": ".2f",
    "within a step": ".2f",
    "redraws": ",.0f",
}


def sheet(drawn: Sequence[tuple[str, np.ndarray]], columns: int = 2) -> Image.Image:
    """Contact sheets side by side, the classes read down the first, then down the next."""
    each = -(-len(drawn) // columns)
    parts = [contact_sheet(drawn[i : i + each]) for i in range(0, len(drawn), each)]
    whole = Image.new("RGB", (sum(p.width for p in parts), max(p.height for p in parts)), "white")
    left = 0
    for part in parts:
        whole.paste(part, (left, 0))
        left += part.width
    return whole


def small_webp(picture: Image.Image, limit: int) -> bytes:
    """WebP at the best quality that fits.

    Raises:
        ValueError: when none does.
    """
    for quality in range(90, 10, -10):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", method=6, quality=quality)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    raise ValueError(f"A sheet is expected to fit {limit:,} bytes. Received: {picture.size} px.")


def overlay_parts(path: Path) -> np.ndarray:
    """Input, redrawn and difference of an overlay at their true size, ``uint8 (3, height, width, 3)``."""
    line = DRAWINGS["line"]
    wide = np.asarray(Image.open(path))[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    apart = line.width + GAP // SCALE
    return np.stack([wide[:, i * apart : i * apart + line.width] for i in range(3)])


def run(settings: ForeignSettings, progress: Progress) -> Outcome:
    n = settings.pictures
    made = {name: make(name, n, settings.seed) for name in KINDS}
    rows, drawn = [], []
    with tempfile.TemporaryDirectory() as temporary:
        overlays = Path(temporary) / "overlays"
        folders = write(Path(temporary) / "pictures", made)
        progress.say(f"{n * len(made):,} pictures of {len(made)} classes are read")
        answers, seconds = ask(default_store(), folders, overlays)
        for i, (name, truths) in enumerate(made.items()):
            these = answers[i * n : (i + 1) * n]
            joined = [a | judge(a, t) for a, t in zip(these, truths, strict=True)]
            rows.append({"pictures of": KINDS[name].about, **figures(joined)})
            paths = sorted(overlays.glob(f"{i:02d}-*.png"))[:SHOWN]
            drawn.append((textwrap.fill(name, 10), np.concatenate([overlay_parts(p) for p in paths])))
    models = answers[0]["models"]
    used = ", ".join(f"{k} `{v[:12]}`" for k, v in models.items())
    kinds = list(KINDS.values())
    titles = {True: "**One line, both ends in sight**", False: "**No line of the class**"}
    tables = [
        Table(title, COLUMNS, [r for r, k in zip(rows, kinds, strict=True) if k.line == line]) for line, title in titles.items()
    ]
    return Outcome(
        tables,
        [
            f"""{n} pictures of each class, read by `fullcircle read --json --overlay` in {seconds:.0f} s, start included:
            {1000 * seconds / len(answers):.0f} ms a picture. Our models: {used}.""",
            """Lengths in 1/64 of the picture's longer side; the truth is what the other library was given, so round caps make a
            line look longer. Explained: the share of the picture's variance beyond noise that the redraw explains. Confidence: the
            mean that was stated; within a step: the share that was so in truth. Where no line of the class is to be read nothing
            that is given is right; a line that leaves the picture and a dashed one are judged by their ends all the same.""",
            """Nothing was tuned on these pictures: confidence was calibrated on others of the same classes (`confidence`).""",
        ],
        figures={"models": models},
        pictures={
            "foreign.webp": (
                "Of each class two pictures: as the reader sees it, what it read redrawn, the difference",
                small_webp(sheet(drawn), SHEET_BYTES),
            )
        },
    )


BENCHMARK = Benchmark(
    "foreign",
    "what is read from pictures that were not made here?",
    ForeignSettings,
    # About 0.2 s a picture, most of which are searched until the budget is spent.
    minutes=lambda s: 0.5 + s.pictures * len(KINDS) * 0.2 / 60,
    run=run,
)
