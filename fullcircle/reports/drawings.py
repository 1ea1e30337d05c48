"""The reports on drawings: the decoder's, and the encoder's.

Belongs here: which figures, pictures and groups they give. Everything is measured on test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fullcircle.core.progress import duration
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import spec_columns, specs_of
from fullcircle.evaluation.bootstrap import gaps
from fullcircle.evaluation.drawings import (
    CONTRASTS,
    NOISE_LEVELS,
    SEEN,
    by_group,
    decoder_errors,
    encoder_errors,
    summarise_encoder,
    summarise_readings,
)
from fullcircle.evaluation.metrics import summarise_image_errors
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.images.sheets import contact_sheet, data_uri, png, small_webp
from fullcircle.models.stored import model_of, scaling_of, training_of
from fullcircle.reading.readings import NOISES, SIGMAS, STEP, errors_of, noisy_picture, of
from fullcircle.reports.charts import loss_curves
from fullcircle.reports.figures import DRAWING
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Listing, Table, figure_table, gap_tables, page, page_version
from fullcircle.reports.settings import ReportSettings
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import ROW_GROUP, Columns, TableReader

SHEET_COLUMNS = 10
"""Examples in a row, and at most on the contact sheet that Dagster shows; the page shows all."""

SMALL_SHEET = (0.0, 0.05)
"""Noise levels of the encoder's contact sheet; the page shows all."""


def chosen_examples(test: TableReader, drawing: Drawing, settings: ReportSettings) -> dict[str, np.ndarray]:
    """Random examples of test to show, the same for every model: chosen by the seed alone."""
    rng = np.random.default_rng(settings.seed)
    columns = [ID, *spec_columns(drawing), IMAGE]
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
    small: Sequence[tuple[str, np.ndarray]],
    rows: Sequence[tuple[str, np.ndarray]],
    *,
    title: str,
    summary: str,
    caption: str,
    tables: Sequence[Table],
    facts: Mapping[str, str],
    listings: Sequence[Listing] = (),
) -> None:
    """The three files of a report; the contact sheet shows the rows `small`, the page shows `rows`."""
    (folder / REPORT).write_text(json.dumps(report, indent=1))
    (folder / CONTACT_SHEET).write_bytes(small_webp(small, SHEET_COLUMNS))
    starts = range(0, len(rows[0][1]), SHEET_COLUMNS)
    sheets = [contact_sheet([(name, p[i : i + SHEET_COLUMNS]) for name, p in rows], scale=2) for i in starts]
    (folder / PAGE).write_text(
        page(
            title=title,
            summary=summary,
            pictures=[(caption, data_uri(png(s), "image/png")) for s in sheets],
            tables=tables,
            curves=loss_curves(report["history"]),
            facts=facts,
            figures=DRAWING,
            listings=listings,
        )
    )


def _report(
    report: Callable[..., None], drawing: Drawing, model: StoredObject, read: Mapping[str, str], **parts: Any
) -> dict[str, Any]:
    training = training_of(model)
    return {
        "asset": f"drawings/{report.__name__}",
        "drawing": drawing.name,
        "page_version": page_version(report),
        **parts,
        "history": training["history"],
        "training": {k: training[k] for k in ("settings", "parameters", "trainable")},
        "read": dict(read),
        TIMING: training[TIMING],
    }


def decoder_report(
    folder: Path, drawing: Drawing, test: StoredObject, valid: StoredObject, decoder: StoredObject, settings: ReportSettings
) -> None:
    """Write the decoder's report: truth | decoded, and how far apart they are."""
    table = test.table()
    model, scales = model_of(decoder), scaling_of(decoder, drawing)
    errors, on_valid = (decoder_errors(t, drawing, scales, model) for t in (table, valid.table()))
    metrics = summarise_image_errors(errors)
    contrasts = by_group(errors, "contrast", CONTRASTS, summarise_image_errors)
    differences = gaps({"decoder": (on_valid, errors, summarise_image_errors)}, settings.seed)
    read = {"test": test.hash, "valid": valid.hash, "decoder": decoder.hash}
    report = _report(decoder_report, drawing, decoder, read, metrics=metrics, by_contrast=contrasts, gaps=differences)

    shown = chosen_examples(table, drawing, settings)
    decoded = at_rest(model.predict_on_batch(scales.to_latent(specs_of(drawing, shown))))
    difference = np.abs(decoded.astype(np.int16) - shown[IMAGE]).astype(np.uint8)
    rows = [("truth", shown[IMAGE]), ("decoded", decoded), ("difference", difference)]
    _write(
        folder,
        report,
        rows,
        rows,
        title=f"Decoder of the {drawing.name}",
        summary=f"A network that draws the {drawing.name} from its spec, measured on {table.rows:,} test examples it has never "
        "seen. It can be differentiated, which the true draw method cannot.",
        caption="truth | decoded | absolute difference, random test examples",
        tables=[
            figure_table("On test", {"all": metrics}, DRAWING),
            figure_table("By contrast, in grey levels", contrasts, DRAWING),
            *gap_tables(differences, DRAWING),
        ],
        facts=_facts(decoder, training_of(decoder), read),
    )


STEP_LABELS = {"encoder": "encoder", "gradient": "+ gradient", "redraw": "+ redraw"}


def encoder_report(
    folder: Path,
    drawing: Drawing,
    test: StoredObject,
    valid: StoredObject,
    decoder: StoredObject,
    encoder: StoredObject,
    readings: StoredObject,
    settings: ReportSettings,
) -> None:
    """Write the encoder's report: the network on test, then the reader step by step, by its readings.

    Args:
        folder: to write into.
        drawing: the drawing class.
        test: what is measured.
        valid: what the figures on test are compared with.
        decoder: that the encoder was trained through.
        encoder: that is reported on.
        readings: of this test by this encoder; the caller has made sure of that.
        settings: how many examples are shown.
    """
    table, rows = test.table(), readings.table()
    model, half = model_of(encoder), model_of(decoder)
    scales = scaling_of(encoder, drawing)
    (valid_clean, clean), (valid_noisy, noisy) = (
        [encoder_errors(t, drawing, scales, model, half, noisy=noisy) for t in (valid.table(), table)]
        for noisy in (False, True)
    )
    figures = {"clean": summarise_encoder(clean), "noisy": summarise_encoder(noisy)}
    contrasts = by_group(clean, "contrast", CONTRASTS, summarise_encoder)
    noise_levels = by_group(noisy, "sigma", NOISE_LEVELS, summarise_encoder)
    factors = {
        f.name: {"clean": float(clean["factors"][:, i].mean()), "noisy": float(noisy["factors"][:, i].mean()), "unit": f.unit}
        for i, f in enumerate(drawing.factors)
    }

    read = rows.read([name for name in rows.schema.names if name != "redraws"])
    taken = [step for step in STEP_LABELS if (read[STEP] == step).any()]
    errors = {
        (split, noise, step): errors_of(drawing, of(read, split, sigma, step))
        for split in ("valid", "test")
        for noise, sigma in zip(NOISES, SIGMAS, strict=True)
        for step in taken
    }
    steps = {
        f"{noise:g}": {step: by_group(errors["test", noise, step], "contrast", SEEN, summarise_readings) for step in taken}
        for noise in NOISES
    }
    last = taken[-1]
    differences = gaps(
        {
            "encoder, clean": (valid_clean, clean, summarise_encoder),
            "encoder, noisy": (valid_noisy, noisy, summarise_encoder),
            **{
                f"reader, sigma {noise:g}": (errors["valid", noise, last], errors["test", noise, last], summarise_readings)
                for noise in NOISES
            },
        },
        settings.seed,
    )
    versions = {
        "test": test.hash,
        "valid": valid.hash,
        "decoder": decoder.hash,
        "encoder": encoder.hash,
        "readings": readings.hash,
    }
    report = _report(
        encoder_report,
        drawing,
        encoder,
        versions,
        metrics=figures["clean"]
        | {f"noisy_{k}": v for k, v in figures["noisy"].items()}
        | {f"reader_{k}": v for k, v in summarise_readings(errors["test", NOISES[0], last]).items()},
        factors=factors,
        by_contrast=contrasts,
        by_noise=noise_levels,
        reader=steps,
        gaps=differences,
    )

    shown = _shown_readings(table, drawing, of(read, "test"), settings)
    seed = rows.about["settings"]["seed"]
    sheet: list[tuple[str, np.ndarray]] = []
    answers: dict[tuple[float, str], np.ndarray] = {}
    for noise, sigma in zip(NOISES, SIGMAS, strict=True):
        given = np.stack([noisy_picture(i, n, sigma, seed)[0] for i, n in zip(shown[IMAGE], shown[ID], strict=True)])
        sheet.append((f"sigma {noise:g}" if noise else "input", given))
        sheet.append(("reconstructed", at_rest(half.predict_on_batch(model.predict_on_batch(unit_images(given))))))
        for step in taken:
            found = of(read, "test", sigma, step)
            place = {identity: i for i, identity in enumerate(found[ID])}
            specs = answers[noise, step] = specs_of(drawing, found)[[place[identity] for identity in shown[ID]]]
            sheet.append((STEP_LABELS[step], drawing.render(specs)))
    per_noise = len(sheet) // len(NOISES)
    small = [row for noise in SMALL_SHEET for row in sheet[NOISES.index(noise) * per_noise :][:per_noise]]
    units = [(f"{name}, {f['unit']}", [f"{f['clean']:.2f}", f"{f['noisy']:.2f}"]) for name, f in factors.items()]
    pictures = len(errors["test", NOISES[0], last]["contrast"])
    _write(
        folder,
        report,
        small,
        sheet,
        title=f"Encoder of the {drawing.name}",
        summary=f"A network that reads a picture back into the spec that draws it, measured on {table.rows:,} test examples it "
        "has never seen, clean and noisy; and the reader that starts from it, step by step, on the first "
        f"{pictures:,} of them, with noise added afresh. Errors are always against the clean picture and the true spec, in the "
        "better order where the order of points does not matter; image errors are those of the decoder's reconstruction; a "
        "redraw is what the true draw method makes of the read spec, rounded to its steps. sigma is the noise's deviation, of 1.",
        caption="input | reconstructed by the decoder | redrawn by the true method from what each step read, at each noise level",
        tables=[
            *(
                figure_table(
                    f"The reader step by step, {f'sigma {noise:g}' if noise else 'clean pictures'}; contrast in grey levels",
                    {
                        f"{STEP_LABELS[step]}, {group}": steps[f"{noise:g}"][step][group]
                        for group, _, _ in SEEN
                        for step in taken
                    },
                    DRAWING,
                )
                for noise in NOISES
            ),
            figure_table("The encoder on all of test", figures, DRAWING),
            Table("Mean error of each factor", ["clean", "noisy"], units),
            figure_table("Clean pictures by contrast, in grey levels", contrasts, DRAWING),
            figure_table("Noisy pictures by noise level, in grey levels", noise_levels, DRAWING),
            *gap_tables(differences, DRAWING),
        ],
        facts=_facts(encoder, training_of(encoder), versions),
        listings=part_listings(drawing, answers[NOISES[0], last]),
    )


def part_listings(drawing: Drawing, specs: np.ndarray) -> list[Listing]:
    """What was read from each example shown, part by part, each as the call that draws it; nothing where a class has no parts."""
    listings = []
    for number, spec in enumerate(specs, start=1):
        if parts := drawing.parts(spec):
            lines = [(f"{name}: {part.name}", part.call(own)) for name, (part, own) in parts.items()]
            title = f"Picture {number}, clean: the parts that were read"
            listings.append(Listing(title, [("ground", drawing.canvas_call(spec)), *lines]))
    return listings


def _shown_readings(test: TableReader, drawing: Drawing, read: Columns, settings: ReportSettings) -> Columns:
    """Random ones of the first examples of test that were read, chosen by the seed alone."""
    block = test.read([ID, IMAGE], limit=min(len(np.unique(read[ID])), ROW_GROUP))
    chosen = np.random.default_rng(settings.seed).permutation(len(block[ID]))[: settings.pictures]
    return {name: values[chosen] for name, values in block.items()}
