"""Evaluation of autoencoders: a trained one beside its baselines, on pictures it was not fitted on.

Belongs here: running it over tables, block by block, and the figures of its report. For drawing classes: `drawings`.
Does not belong here: the measures themselves (`metrics`, `latents`), the rivals (`baselines`), pictures and pages
(`reports.autoencoders`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from fullcircle.core.settings import SettingsError
from fullcircle.evaluation.baselines import BYTES_PER_LATENT, CODECS, FILTERS, Linear, coded, fit_pca, pca_rows, tuned
from fullcircle.evaluation.latents import (
    COPIED,
    FAR,
    NEW,
    Plane,
    Yardstick,
    active_latents,
    grid_plane,
    in_blocks,
    kl_nats,
    nearest,
    principal_plane,
    relative,
    vote,
)
from fullcircle.evaluation.metrics import psnr_db, reconstruction_errors, summarise_reconstructions
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.images.noise import add_noise
from fullcircle.store.columns import ID, IMAGE, LABEL, ORIGINAL
from fullcircle.store.tables import Columns, TableReader

BATCH = 256
"""Pictures that go through a network at a time."""

NOISES = (0.1, 0.2, 0.3)
"""Standard deviations of the noise that is to be taken away, of 1."""

WORDS = (ID, ORIGINAL, LABEL)


class Trained(Protocol):
    """A trained autoencoder, as `fullcircle.models.stored_autoencoder.halves_of` gives it."""

    @property
    def variational(self) -> bool:
        """Whether its encoder says a distribution for each picture."""

    @property
    def latents(self) -> int:
        """How many latents a picture has."""

    @property
    def training(self) -> Mapping[str, Any]:
        """What is known of its training: `model`, `source`, `settings`, `history`, `parameters` and so on."""

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Pictures ``(n, h, w[, c])`` to latents ``float32 (n, z)``: the mean, if variational."""

    def posterior(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and log variance, each ``(n, z)``, of a variational one."""

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Latents to pictures, ``float32 (n, h, w, c)`` in [0, 1]."""


def in_batches(function: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """A network over many rows, `BATCH` at a time."""
    return np.concatenate([function(values[i : i + BATCH]) for i in range(0, len(values), BATCH)])


def first_blocks(table: TableReader, columns: Sequence[str], limit: int) -> Iterator[Columns]:
    """Blocks of the first `limit` rows, in order."""
    left = limit
    for block in table.blocks(columns):
        yield {name: values[:left] for name, values in block.items()}
        left -= len(block[columns[0]])
        if left <= 0:
            return


def vectors_of(images: np.ndarray) -> np.ndarray:
    """Pictures at rest as vectors, ``float32 (n, d)`` in [0, 1]."""
    return unit_images(images).reshape(len(images), -1)


def pictures_at(table: TableReader, rows: Sequence[int]) -> np.ndarray:
    """The pictures at these rows, in this order, ``uint8 (n, h, w[, 3])``."""
    wanted = {int(row) for row in rows}
    found: dict[int, np.ndarray] = {}
    seen = 0
    for block in table.blocks([IMAGE]):
        found |= {row: block[IMAGE][row - seen].copy() for row in wanted if seen <= row < seen + len(block[IMAGE])}
        seen += len(block[IMAGE])
        if len(found) == len(wanted):
            break
    return np.stack([found[int(row)] for row in rows])


def row_of(table: TableReader, identity: str, setting: str) -> int:
    """Where a picture stands.

    Raises:
        SettingsError: when it does not.
    """
    seen = 0
    for block in table.blocks([ID]):
        if len(at := np.flatnonzero(block[ID] == identity)):
            return seen + int(at[0])
        seen += len(block[ID])
    example = table.read([ID], limit=1)[ID]
    raise SettingsError(f"report.{setting} is expected to be an id in test, {example[0]!r} for one. Received: {identity!r}.")


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What is learned from the first pictures of train for comparison.

    Attributes:
        pca: with as many latents as the model.
        latents: of the model, ``(n, z)``.
        pca_latents: likewise of PCA.
        words: id, original and label of each.
    """

    pca: Linear
    latents: np.ndarray
    pca_latents: np.ndarray
    words: Columns


def fit_on_train(train: TableReader, trained: Trained, latents: int, settings: AutoencoderReportSettings) -> Fitted:
    """Fit PCA, and encode what neighbours and the Gaussian are taken from: the first `settings.fitted` pictures of train."""
    pca = fit_pca((vectors_of(b[IMAGE]) for b in train.blocks([IMAGE])), latents, settings.fitted, settings.seed)
    encoded, pca_latents, words = [], [], []
    for block in first_blocks(train, [*WORDS, IMAGE], settings.fitted):
        encoded.append(in_batches(trained.encode, block[IMAGE]))
        pca_latents.append(pca.encode(vectors_of(block[IMAGE])))
        words.append({name: block[name] for name in WORDS})
    return Fitted(pca, np.concatenate(encoded), np.concatenate(pca_latents), _joined(words))


def _joined(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


@dataclasses.dataclass(frozen=True)
class Measured:
    """The first pictures of test through model and baselines.

    Attributes:
        words: id, original and label of each, ``(n,)``.
        latents: of the model, ``(n, z)``; the means of a variational one.
        pca_latents: likewise of PCA.
        errors: `metrics.reconstruction_errors` of `model`, `pca` and `mean`.
        kl: per latent, nats, ``(n, z)``; None of a plain one.
        negative_elbo: per picture, nats, of one latent vector drawn from the posterior; None of a plain one.
    """

    words: Columns
    latents: np.ndarray
    pca_latents: np.ndarray
    errors: dict[str, Columns]
    kl: np.ndarray | None
    negative_elbo: np.ndarray | None

    @property
    def rows(self) -> int:
        """How many pictures."""
        return len(self.latents)


def measure(test: TableReader, trained: Trained, pca: Linear, settings: AutoencoderReportSettings) -> Measured:
    """Encode and reconstruct the first `settings.limit` pictures of test; memory holds a block of pictures at a time."""
    rng = np.random.default_rng(settings.seed)
    words, latents, pca_latents, kls, elbos = [], [], [], [], []
    errors: dict[str, list[Columns]] = {"model": [], "pca": [], "mean": []}
    for block in first_blocks(test, [*WORDS, IMAGE], settings.limit):
        truth, vectors = unit_images(block[IMAGE]), vectors_of(block[IMAGE])
        encoded = in_batches(trained.encode, truth)
        for i in range(0, len(truth), BATCH):  # errors are computed in doubles
            rows = slice(i, i + BATCH)
            shape = truth[rows].shape
            made = {
                "model": trained.decode(encoded[rows]),
                "pca": pca.reconstruct(vectors[rows]).reshape(shape),
                "mean": np.broadcast_to(pca.mean.reshape(shape[1:]), shape),
            }
            for name, pictures in made.items():
                errors[name].append(reconstruction_errors(truth[rows], pictures))
            if (moments := trained.posterior(truth[rows])) is not None:
                mean, log_var = moments
                kls.append(kl_nats(mean, log_var))
                drawn = mean + np.exp(log_var / 2) * rng.standard_normal(mean.shape, np.float32)
                elbos.append(reconstruction_errors(truth[rows], trained.decode(drawn))["bce"] + kls[-1].sum(axis=1))
        latents.append(encoded)
        pca_latents.append(pca.encode(vectors))
        words.append({name: block[name] for name in WORDS})
    return Measured(
        _joined(words),
        np.concatenate(latents),
        np.concatenate(pca_latents),
        {name: _joined(parts) for name, parts in errors.items()},
        np.concatenate(kls) if kls else None,
        np.concatenate(elbos) if elbos else None,
    )


def latent_figures(measured: Measured, variational: bool) -> dict[str, Any]:
    """How many latents say something; of a variational model KL and the negative ELBO, on test."""
    active = active_latents(measured.latents, variational)
    figures: dict[str, Any] = {"latents": len(active), "active_latents": int(active.sum())}
    if measured.kl is not None and measured.negative_elbo is not None:
        figures["kl"] = float(measured.kl.sum(axis=1).mean())
        figures["negative_elbo"] = float(measured.negative_elbo.mean())
    return figures


AMONG = {"train": "among train", "test": "among test, the picture itself left out"}


def label_accuracy(
    measured: Measured, fitted: Fitted, train: TableReader, test: TableReader, settings: AutoencoderReportSettings
) -> dict[str, dict[str, Any]]:
    """Whether neighbours in latent space have the label, against neighbours by PCA's latents and by raw pixels.

    Among train: the nearest of the first `settings.fitted` pictures of train vote. Only pictures of test whose label is among them
    are asked, for splits by original or group may send a whole label to test; nobody could tell those. Among test: the nearest
    other pictures of test vote, copies of the same original too, so this says how well copies of unseen pictures stay
    together, not whether a label is understood.

    Returns:
        For each of `AMONG`: `asked`, `of`, `labels`, and where any is asked `knn_accuracy`, `knn_pca_accuracy`,
        `knn_pixels_accuracy` and `majority_accuracy`, of who always says the most frequent label. Nothing with one label.
    """
    labels, known = measured.words[LABEL], fitted.words[LABEL]
    if len(set(labels.tolist()) | set(known.tolist())) < 2:
        return {}
    rows = min(measured.rows, pca_rows(fitted.pca.mean.size, settings.limit))
    pixels = np.concatenate([vectors_of(b[IMAGE]) for b in first_blocks(test, [IMAGE], rows)])
    ids = measured.words[ID][:rows]
    k = settings.neighbours

    def of_train() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for block in first_blocks(train, [ID, IMAGE], settings.fitted):
            yield vectors_of(block[IMAGE]), block[ID]

    spaces = {
        "knn_accuracy": (measured.latents[:rows], fitted.latents),
        "knn_pca_accuracy": (measured.pca_latents[:rows], fitted.pca_latents),
        "knn_pixels_accuracy": (pixels, None),
    }
    found = {}
    for among in AMONG:
        asked = np.isin(labels[:rows].astype(str), known.astype(str)) if among == "train" else np.ones(rows, bool)
        figures: dict[str, Any] = {"asked": int(asked.sum()), "of": rows, "labels": len(set(labels[:rows][asked].tolist()))}
        if asked.any():
            true = labels[:rows][asked]
            for name, (queries, there) in spaces.items():
                if among == "train":
                    blocks = of_train() if there is None else in_blocks(there, fitted.words[ID])
                    voted = vote(known, nearest(queries[asked], blocks, k)[1])
                else:
                    voted = vote(labels[:rows], nearest(queries, in_blocks(queries, ids), k, own=ids)[1])
                figures[name] = float((voted == true).mean())
            _, counts = np.unique(true.astype(str), return_counts=True)
            figures["majority_accuracy"] = float(counts.max() / counts.sum())
        found[among] = figures
    return found


@dataclasses.dataclass(frozen=True)
class Judged:
    """Pictures beside their nearest training pictures.

    Attributes:
        distances: ``(n,)``.
        relative: the same, as `latents.relative` has them, ``(n,)``.
        rows: of the nearest, in train, ``(n,)``.
    """

    distances: np.ndarray
    relative: np.ndarray
    rows: np.ndarray


def judge(train: TableReader, pictures: Mapping[str, np.ndarray], mean: np.ndarray) -> dict[str, Judged]:
    """The nearest of all training pictures to each of these, ``float32 (n, h, w, c)`` by group, in one pass over train.

    Args:
        train: all of it is searched.
        pictures: by group.
        mean: of train, ``(d,)``.
    """
    names = list(pictures)
    flat = [pictures[name].reshape(len(pictures[name]), -1).astype(np.float32) for name in names]
    blocks = ((vectors_of(block[IMAGE]), np.empty(0)) for block in train.blocks([IMAGE]))
    distances, rows = nearest(np.concatenate(flat), blocks)
    ends = np.cumsum([0, *(len(f) for f in flat)])
    return {
        name: Judged(distances[a:b, 0], relative(distances[a:b, 0], own, mean), rows[a:b, 0])
        for name, own, (a, b) in zip(names, flat, itertools.pairwise(ends), strict=True)
    }


def judged_figures(judged: Judged, yardstick: Yardstick) -> dict[str, Any]:
    """How many are copies, new and far, and how far in the median; the relative one is None where it is infinite."""
    verdicts = yardstick.verdicts(judged.relative)
    median = float(np.median(judged.relative))
    return {
        "pictures": len(verdicts),
        "distance_median": float(np.median(judged.distances)),
        "relative_median": median if np.isfinite(median) else None,
        **{verdict: verdicts.count(verdict) / len(verdicts) for verdict in (COPIED, NEW, FAR)},
        "real": (len(verdicts) - verdicts.count(FAR)) / len(verdicts),
    }


def grid_of(latents: np.ndarray, settings: AutoencoderReportSettings) -> Plane:
    """The grid of points to decode: of two latents as settings say, else the principal plane of train's latents."""
    if latents.shape[1] == 2:
        return grid_plane(settings.grid_low, settings.grid_high, settings.grid_closed, settings.grid)
    return principal_plane(latents, settings.grid)


def codec_figures(test: TableReader, made: Measured, latents: int, settings: AutoencoderReportSettings) -> dict[str, Any]:
    """Image files of as many bytes as the latents take, beside the model on the first `settings.coded` of test."""
    images = test.read([IMAGE], limit=min(settings.coded, made.rows))[IMAGE]
    budget = BYTES_PER_LATENT * latents
    found: dict[str, Any] = {}
    for codec in CODECS:
        files = coded(images, codec, budget)
        errors = reconstruction_errors(unit_images(images), unit_images(files.made))
        found[codec] = {
            "bytes_mean": float(files.bytes.mean()),
            "bytes_least": int(files.bytes.min()),
            "fits": float(files.fits.mean()),
            **summarise_reconstructions(errors),
        }
    own = {name: values[: len(images)] for name, values in made.errors["model"].items()}
    model = {"bytes_mean": float(budget), "bytes_least": budget, "fits": 1.0, **summarise_reconstructions(own)}
    return {"budget": budget, "pictures": len(images), "files": {"model": model, **found}}


@dataclasses.dataclass(frozen=True)
class Denoised:
    """One noise level.

    Attributes:
        sigma: of 1.
        psnr: in dB, by who took the noise away; `noisy` of who did nothing.
        chosen: the filters' settings, the best on valid.
        pictures: ``uint8 (n, h, w[, 3])`` of `clean`, `noisy`, `model` and each filter.
    """

    sigma: float
    psnr: dict[str, float | None]
    chosen: dict[str, float]
    pictures: dict[str, np.ndarray]


def denoise(
    test: TableReader, valid: TableReader, trained: Trained, settings: AutoencoderReportSettings, shown: int
) -> list[Denoised]:
    """Add noise to the first pictures of test and let the model and the filters take it away; filters are tuned on valid."""
    clean, tuning = (t.read([IMAGE], limit=settings.denoised)[IMAGE] for t in (test, valid))
    truth = unit_images(clean)
    found = []
    for sigma in NOISES:
        rng = np.random.default_rng([settings.seed, round(1000 * sigma)])
        levels = 255 * sigma
        noisy = add_noise(clean, np.full(len(clean), levels), rng)
        noisy_tuning = add_noise(tuning, np.full(len(tuning), levels), rng)
        reconstructed = in_batches(lambda images: trained.decode(trained.encode(images)), unit_images(noisy))
        made = {"noisy": unit_images(noisy), "model": reconstructed}
        chosen = {}
        for name, rival in FILTERS.items():
            chosen[name] = float(tuned(rival, noisy_tuning, tuning, levels))
            made[name] = unit_images(rival.apply(noisy, chosen[name]))
        psnr = {name: psnr_db(float(((m - truth) ** 2).mean(dtype=np.float64))) for name, m in made.items()}
        pictures = {"clean": clean[:shown], **{name: at_rest(m[:shown]) for name, m in made.items()}}
        found.append(Denoised(sigma, psnr, chosen, pictures))
    return found
