"""Pictures beside pictures: reconstructions, random samples, noise taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fullcircle.evaluation.autoencoders import NOISES, Denoised
from fullcircle.evaluation.latents import COPIED, FAR, NEW, USUAL
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.sheets import tiles
from fullcircle.reports.autoencoders.findings import Findings
from fullcircle.reports.autoencoders.sheets import sheets
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.page import Section, Table

NUMBERED = 3
"""At most so many latents stand under a picture as numbers."""

CALLED = {"model": "this model", "noisy": "nothing done"}


def reconstructions(given: np.ndarray, reconstructed: np.ndarray, latents: np.ndarray, ids: np.ndarray) -> Section:
    """Test pictures, their latents, what is made of them, and the difference.

    Args:
        given: ``uint8 (n, h, w[, 3])``.
        reconstructed: the same shape.
        latents: ``(n, z)``.
        ids: of each, ``(n,)``.
    """
    fields = tiles(latents, *given.shape[1:3])
    numbers = ["\n".join(f"{v:.2f}" for v in row) for row in latents] if latents.shape[1] <= NUMBERED else []
    difference = np.abs(given.astype(np.int16) - reconstructed).astype(np.uint8)
    rows = [("test", given), ("its latents", fields), ("reconstructed", reconstructed), ("difference", difference)]
    caption = (
        "test picture | its latents, a field each: blue below 0, red above | reconstructed from them | absolute difference"
    )
    return Section(
        "Originals over reconstructions",
        f"The same test pictures for every model, chosen by the seed: {', '.join(ids)}.",
        sheets(rows, caption, numbers),
    )


def random_samples(found: Findings, variational: bool, random_ones: np.ndarray, nearest_ones: np.ndarray) -> Section:
    """What random latents decode to, each over its nearest training picture.

    Args:
        found: what was measured.
        variational: whether the latents are from a prior.
        random_ones: the first of the samples, ``uint8 (n, h, w[, 3])``.
        nearest_ones: of train, the same shape.
    """
    judged, yardstick, nearness = found.judged, found.yardstick, found.nearness
    prior = (
        "Latents drawn from the prior, N(0, 1)."
        if variational
        else "A plain autoencoder has no prior: latents are drawn from a Gaussian with the mean and covariance of train's latents."
    )
    verdicts = yardstick.verdicts(judged.relative)
    notes = [f"{d:.3f} / {r:.2f}\n{v}" for d, r, v in zip(judged.distances, judged.relative, verdicts, strict=True)]
    text = (
        f"{prior} Under each its nearest training picture; the distance, which is the root of the mean squared difference, of 1; "
        "and the relative one, a share of its own distance from the mean picture, for blur is near to everything. Judged by "
        f"test pictures, which train does not hold: 'copied' is relatively nearer than {USUAL:.0%} of them are to train (at most "
        f"{yardstick.low:.2f}), 'far' is farther than {USUAL:.0%} of them (above {yardstick.high:.2f}), 'new' is between."
    )
    medians = [figures["relative_median"] for figures in nearness.values()]
    rows = [
        ("pictures", [f"{figures['pictures']:,}" for figures in nearness.values()]),
        ("distance, median", [f"{figures['distance_median']:.3f}" for figures in nearness.values()]),
        ("relative distance, median", ["–" if median is None else f"{median:.2f}" for median in medians]),
        *((verdict, [f"{figures[verdict]:.0%}" for figures in nearness.values()]) for verdict in (COPIED, NEW, FAR)),
    ]
    sheet = [("random\nsample", random_ones), ("nearest\nin train", nearest_ones)]
    return Section(
        "Random samples: new or copied?",
        text,
        sheets(sheet, "random sample | nearest training picture | distance / relative distance, and verdict", notes),
        [Table("Nearest training pictures", list(nearness), rows)],
    )


def denoising(cleaned: Sequence[Denoised], trained_on_noise: bool, settings: AutoencoderReportSettings) -> Section:
    """Noisy, denoised and clean pictures, beside filters.

    Args:
        cleaned: one noise level each.
        trained_on_noise: whether the model was trained to take noise away.
        settings: how many pictures at most.
    """
    trained = (
        "It was trained for this: noise in, the clean picture as target."
        if trained_on_noise
        else "It was not trained for this; it never saw noise."
    )
    who = list(cleaned[0].psnr)
    rows = [(CALLED.get(w, w), [AUTOENCODER["psnr_db"].text(d.psnr[w]) for d in cleaned]) for w in who]
    chosen = "; ".join(
        f"at {d.sigma:g} median of {d.chosen['median filter']:g} px, non-local means of {d.chosen['non-local means']:.0f} levels"
        for d in cleaned
    )
    pictures = []
    for d in cleaned:
        sheet = [(CALLED.get(w, w).replace(" ", "\n", 1) if w != "noisy" else "noisy", d.pictures[w]) for w in who]
        pictures += sheets(
            [*sheet, ("clean", d.pictures["clean"])],
            f"sigma {d.sigma:g}: {', '.join(w for w, _ in sheet)}, clean".replace("\n", " "),
        )
    return Section(
        "Taking noise away",
        f"Gaussian noise of a standard deviation of {', '.join(f'{s:g}' for s in NOISES)} (of 1), rounded and cut to 0..255, on "
        f"{settings.denoised} test pictures at most. {trained} The filters have the best of their settings on valid: {chosen}.",
        pictures,
        [Table("PSNR against the clean picture, dB", [f"sigma {d.sigma:g}" for d in cleaned], rows)],
    )
