"""Learning: how far decoders get in the same seconds, the article's way and ours.

Belongs here: the article's training loop, the clock that stops while valid is measured, the chart. Networks and `fit` are the
library's.
"""

from __future__ import annotations

import dataclasses
import io
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Benchmark, Outcome, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.columns import spec_columns, specs_of
from fullcircle.drawings.scaling import Scaling, scaling
from fullcircle.images.arrays import unit_images
from fullcircle.models.tensorflow import load_tensorflow
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader
from fullcircle.training.settings import DecoderSettings

LINE = DRAWINGS["line"]
MARKS = 12
"""Times at which valid is measured, evenly over the seconds."""

ARTICLE_BATCH, ARTICLE_RATE = 100, 1e-4
EAGER, SAME, DEFAULT = "the article's, its way", "the article's network, our fit", "our default decoder"
EVALUATION_BATCH = 500


@dataclasses.dataclass(frozen=True)
class LearningSettings(Settings):
    seconds: int = setting(120, "of training for each", low=1)
    examples: int = setting(50_000, "how many are made, of which 97 % are train and 2 % valid", low=100)
    seed: int = setting(1, "source of chance of examples, weights and order", low=0)


@dataclasses.dataclass(frozen=True)
class Mark:
    """At so many seconds of training, after so many pictures, valid was at this MSE."""

    seconds: float
    pictures: int
    mse: float


class Course:
    """A clock of training that stops while valid is measured, and what was measured.

    Args:
        seconds: after which training is over.
        measure: the decoder's valid MSE.
        now: seconds, for tests.
    """

    def __init__(self, seconds: float, measure: Callable[[Any], float], now: Callable[[], float] = time.perf_counter) -> None:
        self.seconds, self._measure, self._now = seconds, measure, now
        self.marks: list[Mark] = []
        self.pictures = 0
        self.over = False
        self._paused = 0.0
        self._began = now()

    @property
    def step(self) -> float:
        """Seconds between marks."""
        return self.seconds / MARKS

    def trained(self, draw: Any, pictures: int) -> bool:
        """Say that a batch is through and what draws now; True when the time is over."""
        if not self.over:
            self.pictures += pictures
            elapsed = self._now() - self._began - self._paused
            self.over = elapsed >= self.seconds
            before = self.marks[-1].seconds if self.marks else 0.0
            if self.over or elapsed // self.step > before // self.step:
                self._mark(elapsed, draw)
        return self.over

    def finish(self, draw: Any) -> None:
        """Training has ended by itself, and what draws at its end."""
        if not self.over:
            self.over = True
            self._mark(self._now() - self._began - self._paused, draw)

    def _mark(self, elapsed: float, draw: Any) -> None:
        stopped = self._now()
        self.marks.append(Mark(elapsed, self.pictures, self._measure(draw)))
        self._paused += self._now() - stopped

    @property
    def pictures_per_s(self) -> float:
        last = self.marks[-1]
        return last.pictures / last.seconds


@dataclasses.dataclass(frozen=True)
class Data:
    """What all are given: tables for `fit`, and train and valid in memory."""

    train: TableReader
    valid: TableReader
    scales: Scaling

    def in_memory(self, table: TableReader) -> tuple[np.ndarray, np.ndarray]:
        """Latents and clean pictures, ``float32 (n, n_factors)`` and ``uint8 (n, height, width)``."""
        block = table.read([*spec_columns(LINE), IMAGE])
        return self.scales.to_latent(specs_of(LINE, block)), block[IMAGE]


def errors_on(latents: np.ndarray, images: np.ndarray) -> tuple[Callable[[Any], float], float]:
    """A function from what draws (latents to pictures in [0, 1]) to its MSE, and the MSE of the best blank pictures."""
    truth = unit_images(images)

    def mse(draw: Callable[[np.ndarray], Any]) -> float:
        parts = range(0, len(truth), EVALUATION_BATCH)
        squares = [
            float(
                ((np.asarray(draw(latents[i : i + EVALUATION_BATCH])) - truth[i : i + EVALUATION_BATCH]) ** 2).sum(
                    dtype=np.float64
                )
            )
            for i in parts
        ]
        return sum(squares) / truth.size

    null = ((truth - truth.mean(axis=(1, 2, 3), keepdims=True)) ** 2).mean(dtype=np.float64)
    return mse, float(null)


def eager(data: Data, course: Course, seed: int, progress: Progress) -> None:
    """The article's decoder in a loop of one's own: gradient tape, nothing compiled, batches from memory."""
    import keras
    import tensorflow as tf

    from fullcircle.models.decoders import build_decoder

    keras.utils.set_random_seed(seed)
    decoder = build_decoder("article", LINE, data.scales)
    optimizer = keras.optimizers.Adam(ARTICLE_RATE)
    latents, images = data.in_memory(data.train)
    rng = np.random.default_rng(seed)
    while True:
        order = rng.permutation(len(latents))
        for first in range(0, len(order), ARTICLE_BATCH):
            rows = order[first : first + ARTICLE_BATCH]
            truth = tf.constant(unit_images(images[rows]))
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((decoder(latents[rows], training=True) - truth) ** 2)
            gradients = tape.gradient(loss, decoder.trainable_variables)
            optimizer.apply_gradients(zip(gradients, decoder.trainable_variables, strict=True))
            over = course.trained(decoder.predict_on_batch, len(rows))
            progress.step(
                EAGER, min(int(course.marks[-1].seconds) if course.marks else 0, int(course.seconds)), int(course.seconds), "s"
            )
            if over:
                return


def fitted(data: Data, course: Course, settings: DecoderSettings, progress: Progress) -> None:
    """A decoder by our `fit`, until the course or its own schedule is over."""
    import keras

    from fullcircle.training.drawings import train_decoder

    class Follow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            rows = min(settings.batch_size, data.train.rows - batch * settings.batch_size)
            if course.trained(lambda latents: self.model.predict_on_batch(latents)["image"], rows):
                self.model.stop_training = True

    decoder, _ = train_decoder(LINE, data.scales, data.train, data.valid, settings, progress, callbacks=[Follow()])
    course.finish(decoder.predict_on_batch)


def default_settings(data: Data, course: Course, seed: int, progress: Progress) -> DecoderSettings:
    """Our default settings with as many epochs as the seconds hold, by the pace of a short trial.

    The rate falls as a cosine over all epochs, so their number must be known beforehand.
    """
    trial = Course(max(course.seconds / 6, 5.0), lambda decoder: 0.0)
    fitted(data, trial, DecoderSettings(seed=seed, epochs=1000), progress)
    first, last = trial.marks[0], trial.marks[-1]
    pace = (
        (last.pictures - first.pictures) / max(last.seconds - first.seconds, 1e-9)
        if len(trial.marks) > 1
        else last.pictures / last.seconds
    )
    compiling = 2 * max(first.seconds - first.pictures / pace, 0.0)  # each stage has its own loss, so its own program
    return DecoderSettings(seed=seed, epochs=max(2, int(pace * (course.seconds - compiling) / data.train.rows)))


def summary(courses: Mapping[str, Course], null: float) -> list[Table]:
    """The table of all courses with both ratios, and that of the marks."""
    rows = [
        {
            "decoder": name,
            "seconds": c.marks[-1].seconds,
            "pictures": c.pictures,
            "pictures/s": c.pictures_per_s,
            "valid MSE": c.marks[-1].mse,
            "FVU": c.marks[-1].mse / null,
        }
        for name, c in courses.items()
    ]
    columns = {"decoder": "", "seconds": ".0f", "pictures": ",d", "pictures/s": ",.0f", "valid MSE": ".2e", "FVU": ".3f"}
    made = Table("**Where each ends, after at most the same seconds**", columns, rows).with_ratio(
        "pictures/s", EAGER, "pace, ratio"
    )
    made = made.with_ratio("valid MSE", EAGER, "error, ratio")
    # A mark falls on the first batch after its time; where compiling took longer there is none.
    step = next(iter(courses.values())).step
    at = {name: {int(m.seconds // step): m.mse / null for m in c.marks} for name, c in courses.items()}
    turns = sorted({i for marks in at.values() for i in marks})
    on_the_way = [{"seconds": f"{i * step:.0f}", **{name: marks.get(i) for name, marks in at.items()}} for i in turns]
    return [made, Table("**FVU on the way**", {"seconds": "", **dict.fromkeys(courses, ".3f")}, on_the_way)]


def chart(courses: Mapping[str, Course], null: float) -> bytes:
    """FVU on valid against seconds, logarithmic, as SVG."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    with plt.rc_context({"svg.hashsalt": "fullcircle", "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
        for (name, course), style in zip(courses.items(), ("-", "--", "-."), strict=True):
            axes.plot([m.seconds for m in course.marks], [m.mse / null for m in course.marks], style, marker=".", label=name)
        axes.axhline(1, color="grey", linewidth=0.8, label="the best blank pictures")
        axes.set_yscale("log")
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds of training")
        axes.set_ylabel("FVU on valid")
        axes.grid(True, which="both", linewidth=0.3)
        axes.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        plt.close(figure)
    return buffer.getvalue()[buffer.getvalue().index("<svg") :].encode()


def run(settings: LearningSettings, progress: Progress) -> Outcome:
    load_tensorflow()  # before any clock starts
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        examples = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=settings.examples, seed=settings.seed), progress)
        splits = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.97, test=0.01, valid=0.02), progress)
        data = Data(splits["train"].table(), splits["valid"].table(), scaling("range", LINE.factors))
        measure, null = errors_on(*data.in_memory(data.valid))
        same = DecoderSettings(
            model="article",
            epochs=1000,
            balanced_epochs=0,
            batch_size=ARTICLE_BATCH,
            learning_rate=ARTICLE_RATE,
            schedule="constant",
            patience=1000,
            seed=settings.seed,
        )
        courses = {EAGER: Course(settings.seconds, measure)}
        eager(data, courses[EAGER], settings.seed, progress)
        courses[SAME] = Course(settings.seconds, measure)
        fitted(data, courses[SAME], same, progress)
        progress.say(f"{DEFAULT}: a short trial for its pace")
        ours = default_settings(data, Course(settings.seconds, measure), settings.seed, progress)
        courses[DEFAULT] = Course(settings.seconds, measure)
        fitted(data, courses[DEFAULT], ours, progress)
    return Outcome(
        summary(courses, null),
        [
            f"""{data.train.rows:,} examples of train and {data.valid.rows:,} of valid, the same for all, clean pictures; seed
            {settings.seed}, one run each. FVU is MSE over that of the best blank picture of each example, {null:.2e}: 1 is
            no better than blank. Pace
            is in times the article's pictures per second, error in times its MSE.""",
            f"""{EAGER}: its network, mean squared error, Adam {ARTICLE_RATE:g}, batch {ARTICLE_BATCH}, an eager loop with a
            gradient tape over arrays in memory. {SAME}: network, batch, rate and loss alike, compiled, streamed from
            Parquet. {DEFAULT}: `{ours.model}`, batch {ours.batch_size}, Adam {ours.learning_rate:g} falling as a cosine
            over {ours.epochs} epochs, so many as the seconds hold by a short trial that is thrown away; everything else
            default.""",
            """The clock starts when training is called: building the network, compiling, reading and shuffling count, and so
            does our own look at valid after every epoch. It stops while the marks are measured.""",
        ],
        figures={
            "null_mse": null,
            "courses": {name: [dataclasses.asdict(m) for m in c.marks] for name, c in courses.items()},
            "default_settings": ours.as_dict(),
        },
        pictures={"learning.svg": ("FVU on valid against seconds of training", chart(courses, null))},
    )


BENCHMARK = Benchmark(
    "learning",
    "how soon does a decoder draw?",
    LearningSettings,
    minutes=lambda s: (3.4 * s.seconds + s.examples * 0.0008) / 60,
    run=run,
)
