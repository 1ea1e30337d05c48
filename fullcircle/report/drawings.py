"""The reports on drawings: the decoder's, and the encoder's.

Belongs here: which figures, pictures and groups they give. Everything is measured on test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fullcircle import circle
from fullcircle.drawings import Drawing
from fullcircle.evaluation import (
    CONTRASTS,
    NOISE_LEVELS,
    at_rest,
    by_group,
    decoder_errors,
    encoder_errors,
    specs_of,
    summarise_encoder,
    unit_images,
)
from fullcircle.examples import ID, IMAGE, NOISY, spec_columns
from fullcircle.hashing import TIMING
from fullcircle.metrics import redraw_errors, summarise_image_errors
from fullcircle.progress import duration
from fullcircle.report.charts import loss_curves
from fullcircle.report.page import Table, figure_table, page
from fullcircle.report.pictures import contact_sheet, data_uri, png, small_webp
from fullcircle.settings import ReportSettings
from fullcircle.storage import StoredObject
from fullcircle.tables import TableReader

SHEET_COLUMNS = 10
"""Examples in a row, and at most on the contact sheet that Dagster shows; the page shows all."""


def chosen_examples(test: TableReader, drawing: Drawing, settings: ReportSettings) -> dict[str, np.ndarray]:
    """Random examples of test to show, the same for every model: chosen by the seed alone."""
    rng = np.random.default_rng(settings.seed)
    columns = [ID, *spec_columns(drawing), IMAGE, NOISY]
    block = next(test.blocks(columns, rng, pool=1))
    return {name: values[: settings.pictures] for name, values in block.items()}


def _facts(model: StoredObject, training: Mapping[str, Any], read: Mapping[str, str]) -> dict[str, str]:
    timing = training[TIMING]
    return {
        "model": f"{training['settings']['model']}, {training['parameters']:,} parameters, {training['trainable']:,} trainable",
        "trained": f"{duration(timing['seconds'])} min, {timing['examples_per_s']:,.0f} examples/s, "
        f"{len(training['history'])} epochs, the best weights on valid kept",
        "settings": ", ".join(f"{k} {v}" for k, v in training["settings"].items()),
        "version": model.hash,
        **{f"read: {name}": version for name, version in read.items()},
    }


def _write(
    folder: Path,
    report: dict[str, Any],
    rows: Sequence[tuple[str, np.ndarray]],
    *,
    title: str,
    summary: str,
    caption: str,
    tables: Sequence[Table],
    facts: Mapping[str, str],
) -> None:
    """The three files of a report."""
    (folder / circle.REPORT).write_text(json.dumps(report, indent=1))
    (folder / circle.CONTACT_SHEET).write_bytes(small_webp(rows, SHEET_COLUMNS))
    starts = range(0, len(rows[0][1]), SHEET_COLUMNS)
    sheets = [contact_sheet([(name, p[i : i + SHEET_COLUMNS]) for name, p in rows], scale=2) for i in starts]
    (folder / circle.PAGE).write_text(
        page(
            title=title,
            summary=summary,
            pictures=[(caption, data_uri(png(s), "image/png")) for s in sheets],
            tables=tables,
            curves=loss_curves(report["history"]),
            facts=facts,
        )
    )


def _report(asset: str, drawing: Drawing, model: StoredObject, read: Mapping[str, str], **parts: Any) -> dict[str, Any]:
    training = circle.training_of(model)
    return {
        "asset": asset,
        "drawing": drawing.name,
        **parts,
        "history": training["history"],
        "training": {k: training[k] for k in ("settings", "parameters", "trainable")},
        "read": dict(read),
        TIMING: training[TIMING],
    }


def decoder_report(folder: Path, drawing: Drawing, test: StoredObject, decoder: StoredObject, settings: ReportSettings) -> None:
    """Write the decoder's report: truth | decoded, and how far apart they are."""
    table = circle.table(test)
    model, scales = circle.model_of(decoder), circle.scaling_of(decoder, drawing)
    errors = decoder_errors(table, drawing, scales, model)
    metrics = summarise_image_errors(errors)
    contrasts = by_group(errors, "contrast", CONTRASTS, summarise_image_errors)
    read = {"test": test.hash, "decoder": decoder.hash}
    report = _report("drawings/decoder_report", drawing, decoder, read, metrics=metrics, by_contrast=contrasts)

    shown = chosen_examples(table, drawing, settings)
    decoded = at_rest(model.predict_on_batch(scales.to_latent(specs_of(drawing, shown))))
    difference = np.abs(decoded.astype(np.int16) - shown[IMAGE]).astype(np.uint8)
    _write(
        folder,
        report,
        [("truth", shown[IMAGE]), ("decoded", decoded), ("difference", difference)],
        title=f"Decoder of the {drawing.name}",
        summary=f"A network that draws the {drawing.name} from its spec, measured on {table.rows:,} test examples it has never "
        "seen. It can be differentiated, which the true draw method cannot.",
        caption="truth | decoded | absolute difference, random test examples",
        tables=[
            figure_table("On test", {"all": metrics}),
            figure_table("By contrast, in grey levels", contrasts),
        ],
        facts=_facts(decoder, circle.training_of(decoder), read),
    )


def encoder_report(
    folder: Path,
    drawing: Drawing,
    test: StoredObject,
    decoder: StoredObject,
    encoder: StoredObject,
    settings: ReportSettings,
) -> None:
    """Write the encoder's report: input | reconstructed | redrawn by the true method from the read spec."""
    table = circle.table(test)
    model, half = circle.model_of(encoder), circle.model_of(decoder)
    scales = circle.scaling_of(encoder, drawing)
    clean = encoder_errors(table, drawing, scales, model, half, noisy=False)
    noisy = encoder_errors(table, drawing, scales, model, half, noisy=True)
    figures = {"clean": summarise_encoder(clean), "noisy": summarise_encoder(noisy)}
    contrasts = by_group(clean, "contrast", CONTRASTS, summarise_encoder)
    noise_levels = by_group(noisy, "sigma", NOISE_LEVELS, summarise_encoder)
    factors = {
        f.name: {"clean": float(clean["factors"][:, i].mean()), "noisy": float(noisy["factors"][:, i].mean()), "unit": f.unit}
        for i, f in enumerate(drawing.factors)
    }
    read = {"test": test.hash, "decoder": decoder.hash, "encoder": encoder.hash}
    report = _report(
        "drawings/encoder_report",
        drawing,
        encoder,
        read,
        metrics=figures["clean"] | {f"noisy_{k}": v for k, v in figures["noisy"].items()},
        factors=factors,
        by_contrast=contrasts,
        by_noise=noise_levels,
    )

    shown = chosen_examples(table, drawing, settings)
    rows: list[tuple[str, np.ndarray]] = []
    for name, column in (("input", IMAGE), ("noisy input", NOISY)):
        latent = model.predict_on_batch(unit_images(shown[column]))
        redrawn, _ = redraw_errors(drawing, drawing.factors.snap(scales.from_latent(latent)), shown[IMAGE])
        rows += [(name, shown[column]), ("reconstructed", at_rest(half.predict_on_batch(latent))), ("redrawn", redrawn)]
    units = [(f"{name}, {f['unit']}", [f"{f['clean']:.2f}", f"{f['noisy']:.2f}"]) for name, f in factors.items()]
    _write(
        folder,
        report,
        rows,
        title=f"Encoder of the {drawing.name}",
        summary=f"A network that reads a picture back into the spec that draws it, measured on {table.rows:,} test examples it "
        "has never seen, clean and noisy. Errors are always against the clean picture and the true spec, in the better order "
        "where the order of points does not matter; image errors are those of the decoder's reconstruction; redrawn is what "
        "the true draw method makes of the read spec, rounded to its steps.",
        caption="input | reconstructed by the decoder | redrawn by the true method from the read spec, clean above noisy",
        tables=[
            figure_table("On test", figures),
            Table("Mean error of each factor", ["clean", "noisy"], units),
            figure_table("Clean pictures by contrast, in grey levels", contrasts),
            figure_table("Noisy pictures by noise level, in grey levels", noise_levels),
        ],
        facts=_facts(encoder, circle.training_of(encoder), read),
    )
