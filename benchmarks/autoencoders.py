"""Autoencoders: how fast each is trained by our `fit`, how far it gets, and what as many numbers of PCA are worth.

Belongs here: the write-ups' way, a clock that stops while valid is measured, pictures of a source for each model. Networks,
losses and `fit` are the library's, for both ways.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import RATIO, Benchmark, Outcome, Row, Table
from fullcircle.core.progress import Progress
from fullcircle.core.settings import Settings, setting
from fullcircle.data.settings import AugmentedSettings, GlyphSplitsSettings, OriginalsSettings
from fullcircle.data.sources import SOURCES
from fullcircle.evaluation.baselines import fit_pca
from fullcircle.evaluation.metrics import psnr_db
from fullcircle.images.arrays import unit_images
from fullcircle.images.noise import add_noise, sample_sigmas
from fullcircle.models.autoencoders import AUTOENCODERS, model_settings, published_settings
from fullcircle.models.autoencoders.autoencoder import Halves
from fullcircle.models.settings import AutoencoderSettings, NoisySettings
from fullcircle.models.tensorflow import load_tensorflow
from fullcircle.steps import glyphs as glyph_steps
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import Store
from fullcircle.store.tables import TableReader

PICTURES = {
    "dense_autoencoder": "digits",
    "digit_autoencoder": "digits",
    "conv_autoencoder": "tifinagh",
    "denoising_autoencoder": "tifinagh",
    "vae": "tifinagh",
    "colour_vae": "faces",
    "residual_vae": "tifinagh",
}
"""The picture source that each model is shown: the nearest there is to that of its write-up."""

ARRAYS, OURS, LINEAR = "as published, arrays in memory", "our fit", "PCA"
FOREVER = 10_000
BATCH = 250


@dataclasses.dataclass(frozen=True)
class AutoencodersSettings(Settings):
    seconds: int = setting(30, "of training, for each model and way", low=1)
    pictures: int = setting(10_000, "of each source", low=100)
    seed: int = setting(1, "source of chance of pictures, weights and order", low=0)


@dataclasses.dataclass(frozen=True)
class Course:
    """What came of one training.

    Attributes:
        pictures: that were learned from.
        seconds: without compiling, without a look at valid.
        loss: on valid, as it is trained: nats, or squared error, summed over pixels; KL and its factor included.
        psnr: of reconstructions on valid, dB; of a variational model from the mean.
    """

    pictures: int
    seconds: float
    loss: float
    psnr: float | None

    @property
    def pace(self) -> float:
        """Pictures per second."""
        return self.pictures / max(self.seconds, 1e-9)


def clock(seconds: float, batch_size: int, now: Callable[[], float] = time.perf_counter) -> Any:
    """A Keras callback that counts seconds and pictures of training, and ends it when the time is over.

    The first batch compiles and the first after a look at valid waits for it: neither counts, nor do their pictures.
    """
    import keras

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.spent, self.pictures = 0.0, 0
            self._since: float | None = None

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._since = None

        def on_test_begin(self, logs: Any = None) -> None:
            self._since = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self._since is not None:
                self.spent += now() - self._since
                self.pictures += batch_size
            self._since = now()
            if self.spent >= seconds:
                self.model.stop_training = True

    return Clock()


def judged(halves: Halves, settings: AutoencoderSettings, valid: TableReader) -> tuple[float, float | None]:
    """Loss and PSNR on valid of what was trained, whichever way."""
    import keras

    from fullcircle.data.batches import canvas_of, pictures
    from fullcircle.models.stored_autoencoder import Trained
    from fullcircle.training.autoencoders import Joined

    keras.utils.set_random_seed(settings.seed)
    model = Joined(halves, settings)
    model(np.zeros((1, *canvas_of(valid)), np.float32))
    model.compile()
    noise = settings.noise_max_sigma if isinstance(settings, NoisySettings) else 0.0
    loss = model.evaluate(pictures(valid, batch_size=BATCH, noise_max_sigma=noise), verbose=0, return_dict=True)["loss"]
    trained = Trained(halves.encoder, halves.decoder, {"canvas": canvas_of(valid)})
    images = valid.read([IMAGE])[IMAGE]
    made = trained.decode(trained.encode(images))
    return float(loss), psnr_db(float(((unit_images(images) - made) ** 2).mean(dtype=np.float64)))


def in_memory(train: TableReader, valid: TableReader, settings: AutoencoderSettings, seconds: float) -> Course:
    """The write-ups' way: all of train as ``float32`` arrays, Keras's own `fit`, their rate, constant; noise drawn once."""
    import keras

    from fullcircle.data.batches import canvas_of
    from fullcircle.models.autoencoders import autoencoder
    from fullcircle.training.autoencoders import Joined
    from fullcircle.training.loop import paced

    keras.utils.set_random_seed(settings.seed)
    clean = train.read([IMAGE])[IMAGE]
    given = clean
    if isinstance(settings, NoisySettings):
        rng = np.random.default_rng(settings.seed)
        given = add_noise(clean, sample_sigmas("uniform", len(clean), settings.noise_max_sigma, rng), rng)
    halves = autoencoder(settings.section()).build(canvas_of(train), settings)
    model = Joined(halves, settings)
    model(np.zeros((1, *canvas_of(train)), np.float32))
    model.compile(paced(settings.learning_rate, "constant", 1, settings.optimizer))
    watch = clock(seconds, settings.batch_size)
    target = unit_images(clean)
    model.fit(
        target if given is clean else unit_images(given),
        target,
        batch_size=settings.batch_size,
        epochs=FOREVER,
        shuffle=True,
        verbose=0,
        callbacks=[watch],
    )
    return Course(watch.pictures, watch.spent, *judged(halves, settings, valid))


def streamed(train: TableReader, valid: TableReader, settings: AutoencoderSettings, seconds: float, pace: float) -> Course:
    """Our `fit`: from Parquet, the best weights on valid kept.

    A rate that falls must know for how long: as many epochs as the seconds hold at the `pace` of the other way.
    """
    from fullcircle.training.autoencoders import train_autoencoder

    falls = settings.schedule == "cosine"
    epochs = max(1, round(seconds * pace / min(train.rows, settings.epoch_pictures))) if falls else FOREVER
    watch = clock(2 * seconds if falls else seconds, settings.batch_size)
    chosen = dataclasses.replace(settings, epochs=epochs, patience=FOREVER)
    halves, _ = train_autoencoder(train, valid, chosen, callbacks=[watch])
    return Course(watch.pictures, watch.spent, *judged(halves, settings, valid))


def by_pca(train: TableReader, valid: TableReader, latents: int) -> float | None:
    """PSNR on valid of PCA with as many latents, dB."""
    vectors = (unit_images(block[IMAGE]).reshape(len(block[IMAGE]), -1) for block in train.blocks([IMAGE]))
    linear = fit_pca(vectors, latents, train.rows)
    images = unit_images(valid.read([IMAGE])[IMAGE])
    flat = images.reshape(len(images), -1)
    return psnr_db(float(((linear.reconstruct(flat) - flat) ** 2).mean(dtype=np.float64)))


def tables(courses: Mapping[str, Mapping[str, Course]], linear: Mapping[str, float | None]) -> list[Table]:
    """A row per model and way with the ratio of their paces; one with PCA below."""
    columns = {
        "model": "",
        "pictures": "",
        "way": "",
        "pictures seen": ",d",
        "pictures/s": ",.0f",
        "pace, ratio": RATIO,
        "valid loss": ",.1f",
        "loss, ratio": RATIO,
        "PSNR, dB": ".2f",
        "above PCA, dB": "+.2f",
    }
    rows: list[Row] = []
    for model, ways in courses.items():
        base = ways[ARRAYS]
        for way, course in ways.items():
            above = None if course.psnr is None or linear[model] is None else course.psnr - (linear[model] or 0)
            rows.append(
                {
                    "model": model,
                    "pictures": PICTURES[model],
                    "way": way,
                    "pictures seen": course.pictures,
                    "pictures/s": course.pace,
                    "pace, ratio": course.pace / base.pace,
                    "valid loss": course.loss,
                    "loss, ratio": course.loss / base.loss,
                    "PSNR, dB": course.psnr,
                    "above PCA, dB": above,
                }
            )
        rows.append({"model": model, "pictures": PICTURES[model], "way": LINEAR, "PSNR, dB": linear[model]})
    made = [Table("**Each model both ways, for the same seconds**", columns, rows)]
    if {"vae", "residual_vae"} <= courses.keys():
        published = courses["vae"][ARRAYS].loss
        elbo: list[Row] = []
        for model, way in (("vae", ARRAYS), ("vae", OURS), ("residual_vae", OURS)):
            loss = courses[model][way].loss
            named = {"variational, two latents": model, "way": way}
            elbo.append({**named, "negative ELBO, nats": loss, "of the published": loss / published})
        heads = {"variational, two latents": "", "way": "", "negative ELBO, nats": ",.1f", "of the published": RATIO}
        made.append(Table("**The published VAE and ours, valid**", heads, elbo))
    return made


def data_of(source: str, folder: Path, settings: AutoencodersSettings, progress: Progress) -> tuple[TableReader, TableReader]:
    """Train and valid of a source, augmented as by default, split by original."""
    store = Store(folder / source)
    originals = glyph_steps.make_originals(store, SOURCES[source], OriginalsSettings(seed=settings.seed), progress)
    augmented = glyph_steps.make_augmented(
        store, originals, AugmentedSettings(n=settings.pictures, seed=settings.seed), progress
    )
    splits = glyph_steps.make_glyph_splits(store, originals, augmented, GlyphSplitsSettings(), progress)
    train, valid = (splits[name].table(name) for name in ("train", "valid"))
    return train, valid


def run(settings: AutoencodersSettings, progress: Progress, models: Sequence[str] = tuple(AUTOENCODERS)) -> Outcome:
    load_tensorflow()  # before any clock starts
    courses: dict[str, dict[str, Course]] = {}
    linear: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as name:
        data = {source: data_of(source, Path(name), settings, progress) for source in {PICTURES[m]: None for m in models}}
        for model in models:
            train, valid = data[PICTURES[model]]
            chosen = model_settings(model, seed=settings.seed)
            theirs = published_settings(model, seed=settings.seed)
            progress.say(f"{model}: {ARRAYS}")
            courses[model] = {ARRAYS: in_memory(train, valid, theirs, settings.seconds)}
            progress.say(f"{model}: {OURS}")
            courses[model][OURS] = streamed(train, valid, chosen, settings.seconds, courses[model][ARRAYS].pace)
            linear[model] = by_pca(train, valid, chosen.latents)
    falling = " and ".join(f"`{m}`" for m in AUTOENCODERS if model_settings(m).schedule == "cosine")
    return Outcome(
        tables(courses, linear),
        [
            f"""{settings.pictures:,} pictures of each source, augmented by the default pipeline and split by original: valid shows
            originals that train has never seen. Seed {settings.seed}, one run each. Both ways train the same network with the
            same loss and batch, compiled; as published the pictures are `float32` arrays in memory, shuffled by Keras, optimizer
            and rate are the write-up's, the rate constant, noise is drawn once, and the last weights are kept. Ours streams
            them from Parquet, draws noise afresh, and keeps the weights that were best on valid; the rate of {falling} falls
            as a cosine. `residual_vae` is not published: there the ways differ in the rest alone.""",
            """Loss is that which is trained, summed over pixels, in nats where it is binary cross-entropy; of a variational model
            the negative evidence lower bound times its factors, with one sample for each picture. PSNR is of the reconstruction,
            from the mean code. PCA is fitted on train, with as many latents. A ratio of paces above 1 is better, of losses
            below 1.""",
            """The clock counts training alone: compiling and looking at valid do not count, in both ways.""",
        ],
        figures={
            "courses": {m: {w: dataclasses.asdict(c) for w, c in ways.items()} for m, ways in courses.items()},
            "pca_psnr_db": linear,
        },
    )


BENCHMARK = Benchmark(
    "autoencoders",
    "how fast is each autoencoder trained, and is it worth more than PCA?",
    AutoencodersSettings,
    minutes=lambda s: (len(AUTOENCODERS) * (2 * s.seconds + 15) + s.pictures * 0.006) / 60,
    run=run,
)
