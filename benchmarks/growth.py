"""Growth: seconds and peak memory from 10,000 to 1,000,000 examples, for making, splitting, and one epoch of training.

Belongs here: one process for every figure, so that peak memory is that of the work alone; the two readings (time in proportion
within `LINEAR`, memory level within `FLAT`) against the middle size.

Peak memory is the high-water mark of the process (VmHWM). `getrusage` would do, but Linux hands a child its parent's mark.
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.results import RATIO, Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.data.splits import SPLITS
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.scaling import scaling
from fullcircle.models.tensorflow import load_tensorflow
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.objects import Store, StoredObject
from fullcircle.training.settings import DecoderSettings

LINE = DRAWINGS["line"]
POINTS = (0.01, 0.1, 1.0)
"""Sizes, as shares of the largest; the middle one is what the others are compared with."""

LINEAR, FLAT = 0.15, 0.20
EXAMPLE_BYTES = 6_500
"""On disk, rounded up; there are two of each while they are split, in examples and in a split."""

WORKS = ("make", "split", "train")


@dataclasses.dataclass(frozen=True)
class GrowthSettings(Settings):
    n: int = setting(1_000_000, "how many examples at most; a tenth and a hundredth as many are made too", low=50_000)
    seed: int = setting(1, "source of chance", low=0)


def peak_mib() -> float:
    """Most memory that this process has held at once, MiB.

    Linux counts pages per core and adds up roughly: a later answer can be some pages lower than an earlier one.
    """
    try:
        status = Path("/proc/self/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def check_disk(folder: Path, n: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        BenchmarkError: naming what is needed, what is free, and what to do.
    """
    needed, free = 2 * n * EXAMPLE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise BenchmarkError(
            f"{n:,} examples and their splits need about {needed / 1e9:.1f} GB in {folder}. Free: {free / 1e9:.1f} GB. "
            'Set TMPDIR to a larger disk, or make fewer: make bench BENCH=growth SET="growth.n=100000"'
        )


def work(what: str, n: int, seed: int, root: Path) -> dict[str, Any]:
    """Do one piece of work in this process: its rows and seconds, memory before it, and the most that was held."""
    store, made = Store(root), root / "made.json"
    objects = {k: StoredObject(h, store.path_of(h)) for k, h in json.loads(made.read_text()).items()} if made.exists() else {}
    progress = Progress(lambda text: print(text, flush=True))
    if what == "train":
        return _train(objects, seed, progress)
    began, baseline = time.perf_counter(), peak_mib()
    if what == "make":
        objects["examples"] = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=n, seed=seed), progress)
    else:
        objects |= drawing_steps.make_splits(store, objects["examples"], SplitsSettings(), progress)
    done = time.perf_counter()
    made.write_text(json.dumps({name: o.hash for name, o in objects.items()}))
    return {"rows": n, "seconds": done - began, "baseline_mib": baseline, "peak_mib": max(baseline, peak_mib())}


def _train(objects: Mapping[str, StoredObject], seed: int, progress: Progress) -> dict[str, Any]:
    """One epoch of the default decoder; the clock starts at the end of the first batch, when all is imported and compiled."""
    load_tensorflow()
    import keras

    from fullcircle.training.drawings import train_decoder

    class First(keras.callbacks.Callback):
        ended = baseline = 0.0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if not batch:
                self.ended, self.baseline = time.perf_counter(), peak_mib()

    first, settings = First(), DecoderSettings(epochs=1, balanced_epochs=0, seed=seed)
    train, valid = objects["train"].table(), objects["valid"].table()
    train_decoder(LINE, scaling("range", LINE.factors), train, valid, settings, progress, callbacks=[first])
    done = time.perf_counter()
    return {
        "rows": train.rows - settings.batch_size,
        "seconds": done - first.ended,
        "baseline_mib": first.baseline,
        "peak_mib": max(first.baseline, peak_mib()),
    }


def _in_a_process(what: str, n: int, seed: int, root: Path, progress: Progress) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.growth", what, str(n), str(seed), str(root)]
    whole, answer = processes.run(command, os.environ | {"PYTHONUNBUFFERED": "1"}, lambda line: progress.say(f"{n:,}, {line}"))
    measured: dict[str, Any] = json.loads(answer)
    return measured | {"rest": whole - measured["seconds"]}


def readings(points: Sequence[Mapping[str, Any]], middle: int) -> list[dict[str, Any]]:
    """Rows of one work's table: what each size takes per example and in memory, against the middle one."""

    def per_example(point: Mapping[str, Any]) -> float:
        return float(point["seconds"] / point["rows"])

    base = points[middle]
    rows = []
    for point in points:
        time_ratio, memory_ratio = per_example(point) / per_example(base), point["peak_mib"] / base["peak_mib"]
        rows.append(
            {
                "examples": f"{point['n']:,}",
                "rest, s": point["rest"],
                "seconds": point["seconds"],
                "us / example": per_example(point) * 1e6,
                "time ratio": time_ratio,
                f"within {LINEAR:.0%}": "yes" if abs(time_ratio - 1) <= LINEAR else "no",
                "before, MiB": point["baseline_mib"],
                "peak, MiB": point["peak_mib"],
                "memory ratio": memory_ratio,
                f"within {FLAT:.0%}": "yes" if abs(memory_ratio - 1) <= FLAT else "no",
            }
        )
    return rows


COLUMNS = {
    "examples": "",
    "rest, s": ".1f",
    "seconds": ",.1f",
    "us / example": ",.0f",
    "time ratio": RATIO,
    f"within {LINEAR:.0%}": "",
    "before, MiB": ",.0f",
    "peak, MiB": ",.0f",
    "memory ratio": RATIO,
    f"within {FLAT:.0%}": "",
}
TITLES = {
    "make": "**Making**: sampled, drawn, written, hashed into the store",
    "split": "**Splitting** into " + ", ".join(SPLITS) + ", hashed into the store",
    "train": "**One epoch** of the default decoder, batch 32, valid included",
}


def run(settings: GrowthSettings, progress: Progress) -> Outcome:
    sizes = [round(share * settings.n) for share in POINTS]
    middle = len(sizes) // 2
    check_disk(Path(tempfile.gettempdir()), settings.n)
    points: dict[str, list[dict[str, Any]]] = {what: [] for what in WORKS}
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for what in WORKS:
                found = _in_a_process(what, n, settings.seed, Path(folder), progress)
                points[what].append({"n": n, **found})
    tables = [Table(TITLES[what], COLUMNS, readings(points[what], middle)) for what in WORKS]
    far = [row for table in tables for row in table.rows[middle:]]
    linear, flat = (sum(row[f"within {share:.0%}"] == "yes" for row in far) for share in (LINEAR, FLAT))
    return Outcome(
        tables,
        [
            f"""From {sizes[middle]:,} to {sizes[-1]:,} examples time is in proportion within {LINEAR:.0%} for
            {linear - len(WORKS)} of {len(WORKS)} works, peak memory level within {FLAT:.0%} for {flat - len(WORKS)} of
            {len(WORKS)}. Ratios are against {sizes[middle]:,} examples: of the time per example, and of peak memory.""",
            """Every row is a process of its own. Rest: all that its process took besides, starting and imports, for training
            up to the end of the first batch, so compiling too; it is not part of the seconds. Before: the memory held when
            the clock starts. Peak: the most the process ever held, by the kernel's own mark. At the smallest size fixed
            costs (opening, closing, syncing) weigh most, and all rows are about what is shuffled at once (8 row groups of
            1,024).""",
            """The encoder is left out: its epoch over a million takes about three times as long, and reads the same stream.""",
        ],
        figures={"points": points},
    )


BENCHMARK = Benchmark(
    "growth",
    "do time and memory grow with the number of examples?",
    GrowthSettings,
    minutes=lambda s: (sum(POINTS) * s.n * (0.0004 + 0.0002 + 0.9 * 0.00034) + 40) / 60,
    run=run,
)

if __name__ == "__main__":
    print(json.dumps(work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))))
