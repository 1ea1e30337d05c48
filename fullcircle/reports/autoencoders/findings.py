"""Findings: all that the report shows of a model, measured once, so that figures and pictures are of the very same.

Belongs here: what is measured, and in which order chance is drawn. How is `evaluation.autoencoders`' business.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fullcircle.core.progress import Progress, silent
from fullcircle.evaluation.autoencoders import (
    Denoised,
    Fitted,
    Judged,
    Measured,
    Trained,
    codec_figures,
    denoise,
    fit_on_train,
    grid_of,
    in_batches,
    judge,
    judged_figures,
    label_accuracy,
    latent_figures,
    measure,
    pictures_at,
)
from fullcircle.evaluation.latents import Plane, Yardstick, continuity, kl_share, prior_latents
from fullcircle.evaluation.metrics import summarise_reconstructions
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.arrays import unit_images
from fullcircle.reports.autoencoders.morph import Morph, morph_of
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

SHOWN_DENOISED = 8

TEST, RECONSTRUCTIONS, GRID, SAMPLES, MEAN = (
    "test pictures",
    "their reconstructions",
    "grid points",
    "random samples",
    "the mean picture",
)
"""What is held against its nearest training pictures."""


@dataclasses.dataclass(frozen=True)
class Tables:
    """The pictures that a report is made of."""

    test: TableReader
    valid: TableReader
    train: TableReader
    originals: StoredObject


@dataclasses.dataclass(frozen=True)
class Findings:
    """What was measured of a model.

    Attributes:
        fitted: what is learned from train for comparison.
        measured: test through model and baselines.
        baselines: figures of `model`, `pca` and `mean` on test.
        latents: how many latents are active; of a variational model KL and negative ELBO.
        kl_share: of the total loss, in the best epoch; None of a plain model.
        files: image files of as many bytes as the latents.
        labels: whether neighbours have the label; see `evaluation.autoencoders.label_accuracy`.
        shown: rows of test whose pictures are shown, in this order.
        plane: points of the grid.
        grid: what they decode to, ``float32 (rows * columns, h, w, c)``.
        continuity: how much pictures change from one grid point to the next.
        samples: what random latents decode to, ``float32 (n, h, w, c)``.
        judged: the random samples beside their nearest training pictures.
        yardstick: what is usual of test pictures.
        nearness: how many are copies, new and far, of each group from `TEST` to `MEAN`.
        morph: the way from one picture to another.
        denoised: one noise level each.
    """

    fitted: Fitted
    measured: Measured
    baselines: Mapping[str, Mapping[str, Any]]
    latents: Mapping[str, Any]
    kl_share: float | None
    files: Mapping[str, Any]
    labels: Mapping[str, Mapping[str, Any]]
    shown: np.ndarray
    plane: Plane
    grid: np.ndarray
    continuity: Mapping[str, float]
    samples: np.ndarray
    judged: Judged
    yardstick: Yardstick
    nearness: Mapping[str, Mapping[str, Any]]
    morph: Morph
    denoised: list[Denoised]

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures by which models are compared, as `reports.figures.AUTOENCODER` names them."""
        labels = self.labels.get("train", {})
        return {
            **self.baselines["model"],
            "pca_psnr_db": self.baselines["pca"]["psnr_db"],
            "mean_psnr_db": self.baselines["mean"]["psnr_db"],
            **self.latents,
            **({"kl_share": self.kl_share} if self.kl_share is not None else {}),
            **{key: value for key, value in labels.items() if key.endswith("_accuracy")},
            "completeness": self.nearness[GRID]["real"],
            **self.continuity,
            "samples_copied": self.nearness[SAMPLES]["copied"],
            "samples_real": self.nearness[SAMPLES]["real"],
        }

    def as_dict(self) -> dict[str, Any]:
        """All figures, fit for JSON."""
        (_, start), (_, end) = self.morph.ends
        return {
            "metrics": self.metrics,
            "baselines": self.baselines,
            "at_the_same_bytes": self.files,
            "labels": self.labels,
            "nearest_training_pictures": {
                "threshold": {"copied_up_to": self.yardstick.low, "far_above": self.yardstick.high},
                **self.nearness,
            },
            "grid": {"plane": self.plane.meaning, "steps": list(self.plane.steps), **self.continuity},
            "morph": {"from": start, "to": end, "frames": len(self.morph.frames)},
            "denoising": {f"{d.sigma:g}": {"psnr_db": d.psnr, "chosen_on_valid": d.chosen} for d in self.denoised},
        }


def find(tables: Tables, trained: Trained, settings: AutoencoderReportSettings, progress: Progress = silent) -> Findings:
    """Measure a model.

    Args:
        tables: the splits and originals.
        trained: the model.
        settings: how much is read and shown.
        progress: where to say how far it is.

    Raises:
        SettingsError: when an id to morph is not in test.
    """
    rng = np.random.default_rng(settings.seed)
    latents = trained.latents

    progress.say("report: fitting the baselines")
    fitted = fit_on_train(tables.train, trained, latents, settings)
    progress.say("report: measuring on test")
    measured = measure(tables.test, trained, fitted.pca, settings)
    files = codec_figures(tables.test, measured, latents, settings)
    labels = label_accuracy(measured, fitted, tables.train, tables.test, settings)

    progress.say("report: decoding, and looking for the nearest training pictures")
    order = rng.permutation(measured.rows)
    shown, chosen = order[: settings.pictures], np.sort(order[: settings.judged])
    test_pictures = unit_images(pictures_at(tables.test, [int(i) for i in chosen]))
    plane = grid_of(fitted.latents, settings)
    drawn = prior_latents(settings.samples, fitted.latents, trained.variational, rng)
    grid = in_batches(trained.decode, plane.latents.reshape(-1, latents))
    samples = in_batches(trained.decode, drawn)
    judged = judge(
        tables.train,
        {
            TEST: test_pictures,
            RECONSTRUCTIONS: in_batches(trained.decode, measured.latents[chosen]),
            GRID: grid,
            SAMPLES: samples,
            MEAN: fitted.pca.mean.reshape(1, *grid.shape[1:]),
        },
        fitted.pca.mean,
    )
    yardstick = Yardstick(judged[TEST].relative)
    morph = morph_of(tables.test, trained, measured, shown, settings)

    progress.say("report: taking noise away")
    return Findings(
        fitted=fitted,
        measured=measured,
        baselines={who: summarise_reconstructions(errors) for who, errors in measured.errors.items()},
        latents=latent_figures(measured, trained.variational),
        kl_share=kl_share(trained.training["history"]),
        files=files,
        labels=labels,
        shown=shown,
        plane=plane,
        grid=grid,
        continuity=continuity(grid.reshape(*plane.latents.shape[:2], *grid.shape[1:]), plane.steps),
        samples=samples,
        judged=judged[SAMPLES],
        yardstick=yardstick,
        nearness={group: judged_figures(j, yardstick) for group, j in judged.items()},
        morph=morph,
        denoised=denoise(tables.test, tables.valid, trained, settings, SHOWN_DENOISED),
    )
