"""The model beside what one would use instead, and how it was trained: tables and curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fullcircle.evaluation.baselines import BYTES_PER_LATENT
from fullcircle.reports.autoencoders.findings import Findings
from fullcircle.reports.charts import loss_curves
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.page import Section, Table, figure_table


def baselines(found: Findings, test_pictures: int) -> Section:
    """PCA, the mean picture, and image files of as many bytes as the latents.

    Args:
        found: what was measured.
        test_pictures: how many there are, measured or not.
    """
    fitted, files, figures = found.fitted, found.files, found.baselines
    latents, directions = fitted.latents.shape[1], len(fitted.pca.directions)
    short = "" if directions == latents else f" It has {directions} directions, for there are no more."
    budget = files["budget"]
    return Section(
        "Beside what one would use instead",
        f"On {found.measured.rows:,} of {test_pictures:,} test pictures. PCA has as many latents and is fitted on "
        f"{fitted.pca.pictures:,} pictures of train.{short} "
        f"A latent takes {BYTES_PER_LATENT} bytes, those of a picture {budget:,}, the decoder's weights not counted; "
        f"files are counted with their header, on the first {files['pictures']:,} test pictures."
        f"{_of_files_that_do_not_fit(files['files'])}",
        tables=[
            figure_table(
                "Reconstruction",
                {"this model": figures["model"], f"PCA, {directions}": figures["pca"], "mean picture": figures["mean"]},
                AUTOENCODER,
            ),
            _files_table(files["files"], budget),
        ],
    )


def _of_files_that_do_not_fit(files: Mapping[str, Mapping[str, Any]]) -> str:
    if unfit := [codec for codec, figures in files.items() if figures["fits"] == 0]:
        return (
            f" No setting of {' or '.join(unfit)} is that small for any picture: what stands there is of its smallest files, which "
            "are larger than the latents."
        )
    return " Where no setting is that small, the smallest file counts."


def _files_table(files: Mapping[str, Mapping[str, Any]], budget: int) -> Table:
    rows = [
        ("bytes, mean", [f"{figures['bytes_mean']:,.0f}" for figures in files.values()]),
        (f"files of at most {budget:,} bytes", [f"{figures['fits']:.0%}" for figures in files.values()]),
    ]
    shown = {name: AUTOENCODER[name] for name in ("psnr_db", "ssim")}
    rows += [(figure.label, [figure.text(of[name]) for of in files.values()]) for name, figure in shown.items()]
    return Table("At the same bytes", ["this model", *list(files)[1:]], rows)


def curves(history: Sequence[dict[str, Any]], kl_share: float | None) -> Section:
    """Loss on train and valid, epoch by epoch."""
    words = "Summed over pixels (and latents), mean over pictures; the weights of the best epoch on valid are kept."
    if kl_share is not None:
        words += f" Total = reconstruction + KL times its factor. In the best epoch KL is {kl_share:.1%} of the total."
    return Section("Loss per epoch", words, markup=f"<figure>{loss_curves(history)}</figure>")
