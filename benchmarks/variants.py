"""Variants: decoders and encoders for the line side by side, the article's among them, each trained for the same seconds.

Belongs here: what the variants are, and a clock that gives each as much processor time as the others. Networks, losses and `fit`
are the library's. Everything is measured on valid: this is where choices are made, and test is for reports.

Every training has one core of its own, and its seconds are those of the processor, compiling and measuring not counted: so two can
run at once, and what others do on the machine changes little. Seeds are the outer loop: should the machine change its pace
meanwhile, it does so for all variants alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import Benchmark, Outcome, Table
from fullcircle.core.processes import end_with_parent
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.data.settings import ExamplesSettings, SplitsSettings
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.columns import NOISY, spec_columns, specs_of
from fullcircle.drawings.scaling import scaling
from fullcircle.evaluation import metrics
from fullcircle.evaluation.drawings import decoder_errors
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.images.sheets import small_webp
from fullcircle.steps import drawings as drawing_steps
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader
from fullcircle.training.settings import DecoderSettings, EncoderSettings

LINE = DRAWINGS["line"]
SCALES = scaling("range", LINE.factors)
WARM_UP = 0.05
FOREVER = 10_000
"""Epochs; the clock ends a stage."""
SHOWN = 8
CLEAR = 32
"""Least contrast of the examples that are shown, in levels."""


@dataclasses.dataclass(frozen=True)
class VariantsSettings(Settings):
    seconds: int = setting(60, "of one core for each training", low=1)
    seeds: int = setting(3, "trainings of each variant", low=1)
    examples: int = setting(100_000, "how many are made, of which 97 % are train and 2 % valid", low=100)
    workers: int = setting(2, "trainings at once, each on one core", low=1)


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train one half.

    Attributes:
        name: first column of its table.
        settings: what is not default; the rate is the highest of the schedule.
        shares: of the seconds, for each stage.
        through: for an encoder, the decoder variant that it is trained through.
        constants: module constants of the library that are set otherwise, ``"module:NAME"``.
        averaged: keep a running mean of the weights, and end with it.
    """

    name: str
    settings: Mapping[str, Any]
    shares: Sequence[float] = (1.0,)
    through: str = ""
    constants: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    averaged: bool = False


PUBLISHED = {"model": "article", "batch_size": 100, "learning_rate": 1e-4, "schedule": "constant"}
LOOKS = "fullcircle.models.encoders.attention:LOOKS"

ARTICLE_DECODER, OUR_DECODER = "article, as published", "half_planes (default)"
DECODERS = (
    Variant(ARTICLE_DECODER, {**PUBLISHED, "balanced_epochs": 0}),
    Variant("article's network, our training", {"model": "article", "learning_rate": 2e-3}, (0.15, 0.85)),
    Variant("half_planes, no balanced start", {"balanced_epochs": 0}),
    Variant(OUR_DECODER, {}, (0.15, 0.85)),
)

SPEC, BOTH = {"objective": "spec"}, {"objective": "both"}
ENCODERS = (
    Variant(
        "article, as published (image alone)",
        {**PUBLISHED, "objective": "image", "loss": "mse", "noise": "stored"},
        through=ARTICLE_DECODER,
    ),
    Variant("article's network, image alone, our decoder", {"model": "article", "objective": "image"}, through=OUR_DECODER),
    Variant("article's network, spec", {"model": "article", **SPEC}, through=OUR_DECODER),
    Variant("attention, image alone", {"objective": "image"}, through=OUR_DECODER),
    Variant("attention, no closer look, spec", SPEC, through=OUR_DECODER, constants={LOOKS: 0}),
    Variant("attention, spec", SPEC, through=OUR_DECODER),
    Variant("attention, spec, noise as stored", {**SPEC, "noise": "stored"}, through=OUR_DECODER),
    Variant("attention, spec, no noise", {**SPEC, "noise": "none"}, through=OUR_DECODER),
    Variant(
        "attention, spec, constant rate 1e-3, mean of weights",
        {**SPEC, "learning_rate": 1e-3, "schedule": "constant"},
        through=OUR_DECODER,
        averaged=True,
    ),
    Variant("attention, both (default)", BOTH, (0.9, 0.1), through=OUR_DECODER),
    Variant("attention, both, image weight 10", {**BOTH, "image_weight": 10.0}, (0.9, 0.1), through=OUR_DECODER),
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came of one training."""

    variant: str
    seed: int
    examples: int
    figures: Mapping[str, float]
    pictures: np.ndarray


def clock(seconds: float, variant: Variant, rate: float, cosine: bool, now: Callable[[], float] = time.process_time) -> Any:
    """A Keras callback that ends each stage when its share of the seconds is over, and moves the rate by the time that is gone."""
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.spent, self.batches, self._stage = 0.0, 0, -1
            self._since: float | None = None
            self.means: list[np.ndarray] | None = None

        def on_train_begin(self, logs: Any = None) -> None:
            self._stage += 1
            self._since = None  # the first batch of a stage compiles

        def on_test_begin(self, logs: Any = None) -> None:
            self._since = None

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            share = self.spent / seconds
            falling = 0.5 * (1 + np.cos(np.pi * min(max((share - WARM_UP) / (1 - WARM_UP), 0.0), 1.0)))
            self.model.optimizer.learning_rate = rate * min(share / WARM_UP, falling) if cosine else rate

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self._since is not None:
                self.spent += now() - self._since
            self._since = now()
            self.batches += 1
            if variant.averaged and self.batches % 10 == 0:
                self._average()
            if self.spent >= seconds * sum(variant.shares[: self._stage + 1]):
                self.model.stop_training = True

        def _average(self) -> None:
            weights = self.model.get_weights()
            if self.means is None:
                self.means = weights
                return
            for mean, weight in zip(self.means, weights, strict=True):
                mean += 0.01 * (weight - mean)  # every tenth step: a memory of 1,000 steps

        def on_train_end(self, logs: Any = None) -> None:
            if self.means is not None:
                self.model.set_weights(self.means)

    return Clock()


@contextlib.contextmanager
def constants(changed: Mapping[str, Any]) -> Iterator[None]:
    """Module constants set otherwise for a while."""
    places = [(importlib.import_module(place.partition(":")[0]), place.partition(":")[2], v) for place, v in changed.items()]
    before = [getattr(module, name) for module, name, _ in places]
    try:
        for module, name, value in places:
            setattr(module, name, value)
        yield
    finally:
        for (module, name, _), value in zip(places, before, strict=True):
            setattr(module, name, value)


def shown(valid: TableReader) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The first clear examples of valid: their specs and columns."""
    block = valid.read([*spec_columns(LINE), IMAGE, NOISY])
    clear = np.flatnonzero(LINE.contrast(specs_of(LINE, block)) >= CLEAR)[:SHOWN]
    block = {name: values[clear] for name, values in block.items()}
    return specs_of(LINE, block), block


def train_decoder(variant: Variant, seed: int, tables: Sequence[TableReader], seconds: float, folder: Path) -> Trained:
    """Train a decoder variant, keep it for the encoders, and measure it."""
    from fullcircle.training import drawings as training

    train, valid = tables
    wanted = DecoderSettings(**{"epochs": FOREVER, "balanced_epochs": FOREVER // 2, "seed": seed, **variant.settings})
    watch = clock(seconds, variant, wanted.learning_rate, wanted.schedule == "cosine")
    constant = dataclasses.replace(wanted, schedule="constant")  # the clock moves the rate
    decoder, _ = training.train_decoder(LINE, SCALES, train, valid, constant, callbacks=[watch])
    decoder.save(folder / f"{variant.name}-{seed}.keras")
    errors = metrics.summarise_image_errors(decoder_errors(valid, LINE, SCALES, decoder))
    specs, _ = shown(valid)
    pictures = at_rest(decoder.predict_on_batch(SCALES.to_latent(specs)))
    return Trained(
        variant.name,
        seed,
        watch.batches * wanted.batch_size,
        {k: errors[k] or np.nan for k in ("fvu", "mse", "psnr_db")},
        pictures,
    )


def train_encoder(variant: Variant, seed: int, tables: Sequence[TableReader], seconds: float, folder: Path) -> Trained:
    """Train an encoder variant through the decoder of the same seed, and measure it on clean and on noisy pictures."""
    from fullcircle.models.networks import load
    from fullcircle.training import drawings as training

    train, valid = tables
    wanted = EncoderSettings(**{"epochs": FOREVER, "image_epochs": FOREVER, "seed": seed, **variant.settings})
    watch = clock(seconds, variant, wanted.learning_rate, wanted.schedule == "cosine")
    constant = dataclasses.replace(wanted, schedule="constant")
    decoder = load(folder / f"{variant.through}-{seed}.keras")
    with constants(variant.constants):
        encoder, _ = training.train_encoder(LINE, SCALES, train, valid, decoder, constant, callbacks=[watch])
    block = valid.read([*spec_columns(LINE), IMAGE, NOISY])
    specs = specs_of(LINE, block)
    figures: dict[str, float] = {}
    for name, column in (("clean", IMAGE), ("noisy", NOISY)):
        read = SCALES.from_latent(encoder.predict(unit_images(block[column]), batch_size=250, verbose=0))
        points = metrics.spec_errors(LINE, read, specs)["points"]
        figures |= {f"{name}_mean": float(points.mean()), f"{name}_within": float((points <= 1).mean())}
        if column == IMAGE:
            _, mse = metrics.redraw_errors(LINE, LINE.factors.snap(read), block[IMAGE])
            figures["redraw_mse"] = float(mse.mean())
    _, few = shown(valid)
    read = LINE.factors.snap(SCALES.from_latent(encoder.predict_on_batch(unit_images(few[IMAGE]))))
    pictures, _ = metrics.redraw_errors(LINE, read, few[IMAGE])
    return Trained(variant.name, seed, watch.batches * wanted.batch_size, figures, pictures)


def _own_core(cores: Any) -> None:
    """A process of the pool keeps to one core, before TensorFlow counts them; nothing to do where a system cannot say."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    end_with_parent()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {cores.get()})


def _one(half: str, variant: Variant, seed: int, paths: Sequence[Path], seconds: float, folder: Path) -> Trained:
    train = {"decoder": train_decoder, "encoder": train_encoder}[half]
    return train(variant, seed, [TableReader(path) for path in paths], seconds, folder)


def train_all(
    half: str, variants: Sequence[Variant], settings: VariantsSettings, paths: Sequence[Path], folder: Path, progress: Progress
) -> list[Trained]:
    """Every variant with every seed, some at once; a process ends with each, so that none inherits another's memory."""
    spawn = multiprocessing.get_context("spawn")
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    workers = min(settings.workers, len(usable))
    tasks = [(variant, seed) for seed in range(1, settings.seeds + 1) for variant in variants]
    made = []
    with spawn.Manager() as manager:
        cores = manager.Queue()
        for i in range(len(tasks) + workers):
            cores.put(usable[i % workers])
        with ProcessPoolExecutor(workers, spawn, _own_core, (cores,), max_tasks_per_child=1) as pool:
            train = functools.partial(_one, half, paths=paths, seconds=settings.seconds, folder=folder)
            for future in as_completed([pool.submit(train, variant, seed) for variant, seed in tasks]):
                made.append(future.result())
                progress.say(
                    f"{half} {len(made)} of {len(tasks)}: {made[-1].variant}, seed {made[-1].seed}: {_as_text(made[-1].figures)}"
                )
    return sorted(made, key=lambda t: ([v.name for v in variants].index(t.variant), t.seed))


def _as_text(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


def spread(values: Sequence[float], how: str) -> str:
    """Mean of the seeds and, in brackets, the least and the most."""
    if len(values) == 1:
        return f"{values[0]:{how}}"
    return f"{np.mean(values):{how}} ({min(values):{how}} to {max(values):{how}})"


def table(
    title: str, half: str, variants: Sequence[Variant], made: Sequence[Trained], columns: Mapping[str, tuple[str, str]]
) -> Table:
    """A row per variant: examples seen, and each figure's mean and range over the seeds.

    Args:
        columns: heading -> figure and format.
    """
    rows = []
    for variant in variants:
        runs = [t for t in made if t.variant == variant.name]
        row: dict[str, Any] = {half: variant.name, "examples seen": round(np.mean([t.examples for t in runs]))}
        rows.append(row | {heading: spread([t.figures[f] for t in runs], how) for heading, (f, how) in columns.items()})
    return Table(title, {half: "", "examples seen": ",d", **dict.fromkeys(columns, "")}, rows)


def sheet(truth: np.ndarray, variants: Sequence[Variant], made: Sequence[Trained]) -> bytes:
    """The shown examples and, below, what the first seed of each variant makes of them."""
    first = {t.variant: t.pictures for t in made if t.seed == 1}
    rows = [("truth", truth), *((_folded(v.name), first[v.name]) for v in variants)]
    return small_webp(rows, columns=SHOWN, limit=60_000)


def _folded(name: str, width: int = 13) -> str:
    lines = [""]
    for word in name.split():
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < width else [*lines, word]
    return "\n".join(lines)


def run(settings: VariantsSettings, progress: Progress) -> Outcome:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store(folder / "store")
        examples = drawing_steps.make_examples(store, LINE, ExamplesSettings(n=settings.examples), progress)
        splits = drawing_steps.make_splits(store, examples, SplitsSettings(train=0.97, test=0.01, valid=0.02), progress)
        paths = [splits[s].file(f"{s}.parquet") for s in ("train", "valid")]
        decoders = train_all("decoder", DECODERS, settings, paths, folder, progress)
        encoders = train_all("encoder", ENCODERS, settings, paths, folder, progress)
        valid = TableReader(paths[1])
        _, block = shown(valid)
        every = valid.read([*spec_columns(LINE), IMAGE])
    truth = specs_of(LINE, every)
    null = ((unit_images(every[IMAGE]) - unit_images(every[IMAGE]).mean(axis=(1, 2, 3), keepdims=True)) ** 2).mean()
    middle = np.tile((LINE.factors.low + LINE.factors.high) / 2, (len(truth), 1))
    lost = metrics.spec_errors(LINE, middle, truth)["points"]
    return Outcome(
        [
            table(
                f"**Decoders, {settings.seconds} s of one core each**",
                "decoder",
                DECODERS,
                decoders,
                {"FVU": ("fvu", ".3f"), "MSE": ("mse", ".2e"), "PSNR, dB": ("psnr_db", ".1f")},
            ),
            table(
                f"**Encoders, {settings.seconds} s of one core each, through the decoder of the same seed**",
                "encoder",
                ENCODERS,
                encoders,
                {
                    "clean: endpoint px": ("clean_mean", ".2f"),
                    "clean: within 1 px": ("clean_within", ".1%"),
                    "noisy: endpoint px": ("noisy_mean", ".2f"),
                    "noisy: within 1 px": ("noisy_within", ".1%"),
                    "redraw MSE": ("redraw_mse", ".2e"),
                },
            ),
        ],
        [
            f"""Means over {settings.seeds} seeds and, in brackets, the least and the most; {len(truth):,} examples of valid, the
            same {settings.examples:,} examples for all. The best blank pictures have FVU 1 and MSE {null:.2e}; who always says
            the mean spec is {lost.mean():.1f} px off and has {(lost <= 1).mean():.1%} of the ends within 1 px. Noisy: sigma
            uniform from 0 to .1.""",
            """Where nothing else is named: our `fit`, batch 32, Adam 4e-3 for `half_planes` and 2e-3 for the rest, falling as a
            cosine over the seconds. As published: Adam 1e-4 throughout, batch 100, mean squared error, stored noise for the
            encoder. Losses of `image alone`: the pyramid, except as published.""",
        ],
        figures={
            half: [{k: v for k, v in dataclasses.asdict(t).items() if k != "pictures"} for t in made]
            for half, made in (("decoders", decoders), ("encoders", encoders))
        },
        pictures={
            "variants_decoders.webp": ("what each decoder draws", sheet(block[IMAGE], DECODERS, decoders)),
            "variants_encoders.webp": ("what each encoder reads, redrawn", sheet(block[IMAGE], ENCODERS, encoders)),
        },
    )


BENCHMARK = Benchmark(
    "variants",
    "which networks and which objectives learn to draw and to read lines?",
    VariantsSettings,
    minutes=lambda s: (len(DECODERS) + len(ENCODERS)) * s.seeds * (1.2 * s.seconds + 25) / s.workers / 60,
    run=run,
)
