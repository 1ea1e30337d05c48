"""Augmentation: ours against Augmentor, albumentations and Keras's preprocessing layers, copies per second, and how it looks.

Belongs here: what is asked of each, the environment of those that cannot live in ours (albumentations brings an OpenCV of its
own, which would overwrite this project's), and the sheet of Augmentor's pictures above ours.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.augmenters import LIBRARIES, Operations
from benchmarks.results import Benchmark, BenchmarkError, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.images.augmentation import OPERATIONS, Pipeline

ROOT = Path(__file__).parents[1]
RIVALS = ROOT / "build" / "rivals"
REQUIRES = ("Augmentor==0.2.12", "albumentations==2.0.8")
SIZES = (28, 64, 96)

FIVE = ("rotate", "zoom", "skew_tilt", "shear", "random_distortion")
LEVELS = ("flip_left_right", "random_brightness", "random_contrast", "invert", "histogram_equalisation")


def _typical(names: Sequence[str], probability: float) -> Operations:
    return [{name: {"probability": probability, **OPERATIONS[name].example}} for name in names]


LISTS = {
    f"**{', '.join(FIVE)}**, all of them on every copy": _typical(FIVE, 1),
    "**The same**, each on half of the copies (Keras: on all where a layer has no probability)": _typical(FIVE, 0.5),
    f"**{', '.join(LEVELS)}**, all of them on every copy": _typical(LEVELS, 1),
}
ROWS = (
    ("Augmentor", "augmentor", 1),
    ("Augmentor, 2 processes", "augmentor", 2),
    ("albumentations", "albumentations", 1),
    ("albumentations, 2 processes", "albumentations", 2),
    ("Keras layers, 1 thread", "keras", 1),
    ("Keras layers, 2 threads", "keras", 2),
    ("ours", "ours", 1),
    ("ours, 2 workers", "ours", 2),
)
OWN_PARALLELISM = ("keras", "ours")
"""Of these, one process makes use of several cores by itself; of the others, as many processes are run side by side."""


@dataclasses.dataclass(frozen=True)
class AugmentationSettings(Settings):
    seconds: float = setting(2.0, "how long each way makes copies", above=0)
    originals: int = setting(110, "pictures to make them from", low=1)
    shown: int = setting(3, "copies of each operation on the sheet", low=1, high=10)


def rivals() -> Path:
    """The Python of the rivals' environment, which is made when it is missing.

    Raises:
        BenchmarkError: when it cannot be made, with the command that failed.
    """
    python = RIVALS / "bin" / "python"
    if (
        subprocess.run([python, "-c", "import Augmentor, albumentations"], capture_output=True).returncode
        if python.exists()
        else 1
    ):
        for command in (
            [sys.executable, "-m", "venv", str(RIVALS)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIRES],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise BenchmarkError(f"The rivals could not be installed. Try: {' '.join(command)}\n{done.stderr.strip()}")
    return python


def glyphs(size: int, n: int) -> np.ndarray:
    """Characters of a font that matplotlib brings, white on black, ``uint8 (n, size, size)``."""
    import matplotlib

    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), round(size * 0.75))
    images = np.zeros((n, size, size), np.uint8)
    for i in range(n):
        image = Image.new("L", (size, size))
        ImageDraw.Draw(image).text((size / 2, size / 2), chr(0x2D30 + i % 55), fill=255, font=font, anchor="mm")
        images[i] = np.asarray(image)
    return images


def _process(python: str | Path, library: str, job: Mapping[str, Any]) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(python), "-m", "benchmarks.augmenters", library]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    return process


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise BenchmarkError(f"A process that augments stopped: {process.communicate()[1].strip()[-2000:]}")
    found: dict[str, Any] = json.loads(line)
    return found


def measured(
    python: Path, library: str, operations: Operations, images: Path, workers: int, seconds: float
) -> tuple[float, str]:
    """Copies per second and the version of one way: of all its processes together, once all of them are warm."""
    alone = library in OWN_PARALLELISM
    job = {"operations": operations, "images": str(images), "seconds": seconds, "workers": workers if alone else 1}
    interpreter = sys.executable if alone else python
    processes = [_process(interpreter, library, job) for _ in range(1 if alone else workers)]
    try:
        versions = [_answer(p)["ready"] for p in processes]
        for p in processes:
            assert p.stdin is not None
            p.stdin.write("go\n")
            p.stdin.flush()
        return sum(_answer(p)["rate"] for p in processes), versions[0]
    finally:
        for p in processes:
            p.kill()
            p.wait()


def original(size: int = 64) -> np.ndarray:
    """A picture that shows what is done to it: a bright character on a chequered, coloured ground, ``uint8 (size, size, 3)``."""
    y, x = np.mgrid[:size, :size]
    chequers = ((x // (size // 8) + y // (size // 8)) % 2)[..., None]
    ground = np.where(chequers, (50, 75, 125), (75, 105, 85))
    ink = glyphs(size, 11)[10][..., None] / 255
    return np.rint(ground + ink * (np.array([250, 220, 90]) - ground)).astype(np.uint8)


def sheet(python: Path, shown: int) -> bytes:
    """All operations, Augmentor's copies above ours, as WebP."""
    image, thumb, gap = original(), 42, 3
    names = [n for n in OPERATIONS if n != "noise"]
    operations = _typical(names, 1)
    with tempfile.TemporaryDirectory() as folder:
        images, to = Path(folder) / "images.npy", Path(folder) / "made.npz"
        np.save(images, image[None])
        job = {"operations": operations, "images": str(images), "pictures": shown, "to": str(to), "workers": 1, "seconds": 0}
        errors = _process(python, "augmentor", job).communicate()[1]
        if not to.exists():
            raise BenchmarkError(f"Augmentor made no pictures: {errors.strip()[-2000:]}")
        with np.load(to) as file:
            theirs = [file[f"arr_{i}"] for i in range(len(file.files))]
    columns = 4
    width, height, title = shown * (thumb + gap) + 10, 2 * (thumb + gap), 15
    rows = -(-(len(names) + 1) // columns)
    page = Image.new("RGB", (columns * width, rows * (height + title + 6)), "white")
    font = ImageFont.load_default(11)
    draw = ImageDraw.Draw(page)
    for cell, name in enumerate([*names, "noise"]):
        left, top = cell % columns * width, cell // columns * (height + title + 6)
        draw.text((left + 1, top + 1), name, fill="black", font=font)
        pipeline = Pipeline(operations=[OPERATIONS[name](probability=1, **OPERATIONS[name].example)])
        own = list(pipeline.sample(image[None], shown, np.random.default_rng(1)).images)
        above = theirs[cell * shown : (cell + 1) * shown] if name != "noise" else []
        for line, pictures in enumerate((above, own)):
            for i, picture in enumerate(pictures):
                small = Image.fromarray(picture).convert("RGB")
                # Crops and scalings are shown in proportion; a larger picture than its original at the original's size.
                scale = thumb / max(*picture.shape[:2], image.shape[0])
                small = small.resize([max(round(side * scale), 1) for side in small.size], Image.Resampling.LANCZOS)
                page.paste(small, (left + i * (thumb + gap), top + title + line * (thumb + gap)))
    buffer = io.BytesIO()
    page.save(buffer, "WEBP", quality=35, method=6)
    return buffer.getvalue()


def run(settings: AugmentationSettings, progress: Progress) -> Outcome:
    progress.say(f"the rivals, {', '.join(REQUIRES)}, in {RIVALS.relative_to(ROOT)}")
    python = rivals()
    tables, versions = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            np.save(Path(folder) / f"{size}.npy", glyphs(size, settings.originals))
        for title, operations in LISTS.items():
            rows: list[dict[str, Any]] = []
            for label, library, workers in ROWS:
                row: dict[str, Any] = {"copies/s": label}
                for size in SIZES:
                    progress.say(f"{label}, {size} px, {next(iter(operations[0]))} and on")
                    row[f"{size} px"], versions[library] = measured(
                        python, library, operations, Path(folder) / f"{size}.npy", workers, settings.seconds
                    )
                rows.append(row)
            table = Table(title, {"copies/s": "", **{f"{size} px": ",.0f" for size in SIZES}}, rows)
            for size in SIZES:
                table = table.with_ratio(f"{size} px", ROWS[0][0], f"{size} px, ratio")
            tables.append(table)
    own = {name: v for name, v in versions.items() if v}
    return Outcome(
        tables,
        [
            f"""{settings.originals} grey characters are the originals, in memory; copies are made for {settings.seconds:g}
            seconds after a warm-up, by one way after the other. Nothing is read or written in between, which favours
            Augmentor: its usual pipeline reads and saves a file per copy. With two cores it and albumentations are run as
            two processes side by side, their best case. {", ".join(f"{name} {v}" for name, v in own.items())}.""",
            """The operations are the same in kind, not in every detail: albumentations' perspective moves all four corners
            and its rotation keeps empty corners; Keras's elastic layer is smooth, not a grid. Of the second list Keras applies
            rotation, zoom and shear to every copy. Ours also records what was done to each copy. The goal is 20 times
            Augmentor at 64 px.""",
            f"""On the sheet each operation with the same arguments, Augmentor's copies above ours ({settings.shown} each);
            noise is ours alone. Crops are shown in proportion.""",
        ],
        {"versions": own, "operations": {title: list(operations) for title, operations in LISTS.items()}},
        {"augmentation.webp": ("Each operation: Augmentor's copies above ours", sheet(python, settings.shown))},
    )


BENCHMARK = Benchmark(
    "augmentation",
    "how many copies a second, beside Augmentor, albumentations and Keras?",
    AugmentationSettings,
    minutes=lambda s: 1 + len(LISTS) * len(ROWS) * len(SIZES) * (s.seconds + 12) / 60,
    run=run,
)

assert set(LIBRARIES) >= {library for _, library, _ in ROWS}
