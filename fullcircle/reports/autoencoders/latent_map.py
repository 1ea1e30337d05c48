"""The latents of test: a map of them, how many latents are active, and whether neighbours have the same label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullcircle.data.originals import pictures_of
from fullcircle.evaluation.autoencoders import AMONG
from fullcircle.evaluation.latents import flat_map
from fullcircle.evaluation.settings import AutoencoderReportSettings
from fullcircle.images.sheets import data_uri
from fullcircle.reports.autoencoders.findings import Findings, Tables
from fullcircle.reports.charts import latent_map
from fullcircle.reports.figures import AUTOENCODER
from fullcircle.reports.page import Section, Table, figure_table
from fullcircle.store.columns import LABEL, ORIGINAL


def latents_of_test(found: Findings, tables: Tables, settings: AutoencoderReportSettings) -> Section:
    """A map of the latents, coloured by label, and what stands in them."""
    measured = found.measured
    points, how = flat_map(measured.latents, settings.seed)
    labels = measured.words[LABEL]
    examples = dict(zip(labels.tolist(), measured.words[ORIGINAL].tolist(), strict=True))
    pictures = pictures_of(tables.originals, set(examples.values()))
    by_label = {label: pictures[original] for label, original in examples.items() if original in pictures}
    axes = ("latent 1", "latent 2") if measured.latents.shape[1] == 2 else ("", "")
    picture = data_uri(latent_map(points, labels, by_label, axes), "image/png")
    n = len(set(labels.tolist()))
    text = f"The latents of {measured.rows:,} of {tables.test.rows:,} test pictures: {how}."
    text += f" {n} labels; a picture of each stands at the median of its points." if n > 1 else " All have the same label."
    text += _active(found.latents)
    if found.labels:
        text += _neighbours(found, settings)
    elif n <= 1:
        text += " With one label there is nothing to find out from neighbours."
    return Section("The latents of test", text, [(how, picture)], _label_tables(found.labels))


def _active(figures: Mapping[str, Any]) -> str:
    text = f" {figures['active_latents']} of {figures['latents']} latents are active."
    if "kl" in figures:
        text += f" KL {figures['kl']:.2f} nats, negative ELBO {figures['negative_elbo']:.2f} nats on test."
    return text


def _neighbours(found: Findings, settings: AutoencoderReportSettings) -> str:
    return (
        f" Labels by the {settings.neighbours} nearest neighbours. Among the first {len(found.fitted.latents):,} pictures of train"
        f": {_asked(found.labels['train'])} Among test, the picture itself left out ({found.labels['test']['labels']} labels): "
        "copies of the same original vote too, so this shows how well copies of unseen pictures stay together, no more."
    )


def _asked(figures: Mapping[str, Any]) -> str:
    """Of how many test pictures the label could be found among train."""
    if not figures["asked"]:
        return "no label of test stands there, so it cannot be asked."
    if figures["asked"] == figures["of"]:
        return f"asked of all {figures['of']:,}, whose {figures['labels']} labels all stand there."
    return (
        f"asked of the {figures['asked']:,} of {figures['of']:,} whose label stands there ({figures['labels']} labels); the "
        "labels of the others cannot be found there."
    )


def _label_tables(labels: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    groups = {
        AMONG[among]: {name: value for name, value in figures.items() if name.endswith("_accuracy")}
        for among, figures in labels.items()
    }
    return [figure_table("Do the nearest neighbours have the same label?", groups, AUTOENCODER)] if groups else []
