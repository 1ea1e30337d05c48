"""The report on an encoder and on the reader that starts from it: how well pictures are read.

Belongs here: which figures, pictures and groups it gives. Everything is measured on test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import specs_of
from fullcircle.evaluation.bootstrap import split_differences
from fullcircle.evaluation.drawings import (
    CONTRASTS,
    NOISE_LEVELS,
    SEEN,
    by_group,
    encoder_errors,
    summarise_encoder,
    summarise_readings,
)
from fullcircle.images.arrays import at_rest, unit_images
from fullcircle.models.stored import model_of, scaling_of
from fullcircle.reading.readings import NOISES, SIGMAS, STEP, errors_of, noisy_picture, of
from fullcircle.reports.drawings.report import Report, facts_of, results_of, write_files
from fullcircle.reports.figures import DRAWING
from fullcircle.reports.page import Listing, Table, figure_table, split_difference_tables
from fullcircle.reports.settings import ReportSettings
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import ROW_GROUP, Columns, TableReader

SMALL_SHEET = (0.0, 0.05)
"""Noise levels of the encoder's contact sheet; the page shows all."""


STEP_LABELS = {"encoder": "encoder", "gradient": "+ gradient", "redraw": "+ redraw"}


def encoder_report(folder: Path, drawing: Drawing, read: Mapping[str, StoredObject], settings: ReportSettings) -> None:
    """Write the encoder's report: the network on test, then the reader step by step, by its readings.

    Args:
        folder: to write into.
        drawing: the drawing class.
        read: ``test``, which is measured, ``valid`` to compare with, ``encoder``, the ``decoder`` that it was trained through, and
            ``readings`` of this test by this encoder; the caller has made sure of that.
        settings: how many examples are shown.
    """
    encoder, decoder = read["encoder"], read["decoder"]
    table, valid, rows = (read[name].table() for name in ("test", "valid", "readings"))
    model, half = model_of(encoder), model_of(decoder)
    scales = scaling_of(encoder, drawing)
    (valid_clean, clean), (valid_noisy, noisy) = (
        [encoder_errors(t, drawing, scales, model, half, noisy=noisy) for t in (valid, table)] for noisy in (False, True)
    )
    figures = {"clean": summarise_encoder(clean), "noisy": summarise_encoder(noisy)}
    contrasts = by_group(clean, "contrast", CONTRASTS, summarise_encoder)
    noise_levels = by_group(noisy, "sigma", NOISE_LEVELS, summarise_encoder)
    factors = {
        f.name: {"clean": float(clean["factors"][:, i].mean()), "noisy": float(noisy["factors"][:, i].mean()), "unit": f.unit}
        for i, f in enumerate(drawing.factors)
    }

    answered = rows.read([name for name in rows.schema.names if name != "redraws"])
    taken = [step for step in STEP_LABELS if (answered[STEP] == step).any()]
    errors = {
        (split, noise, step): errors_of(drawing, of(answered, split, sigma, step))
        for split in ("valid", "test")
        for noise, sigma in zip(NOISES, SIGMAS, strict=True)
        for step in taken
    }
    steps = {
        f"{noise:g}": {step: by_group(errors["test", noise, step], "contrast", SEEN, summarise_readings) for step in taken}
        for noise in NOISES
    }
    last = taken[-1]
    differences = split_differences(
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
    results = results_of(
        encoder_report,
        drawing,
        read,
        encoder,
        metrics=figures["clean"]
        | {f"noisy_{k}": v for k, v in figures["noisy"].items()}
        | {f"reader_{k}": v for k, v in summarise_readings(errors["test", NOISES[0], last]).items()},
        factors=factors,
        by_contrast=contrasts,
        by_noise=noise_levels,
        reader=steps,
        split_differences=differences,
    )

    shown = _shown_readings(table, drawing, of(answered, "test"), settings)
    seed = rows.about["settings"]["seed"]
    sheet: list[tuple[str, np.ndarray]] = []
    answers: dict[tuple[float, str], np.ndarray] = {}
    for noise, sigma in zip(NOISES, SIGMAS, strict=True):
        given = np.stack([noisy_picture(i, n, sigma, seed)[0] for i, n in zip(shown[IMAGE], shown[ID], strict=True)])
        sheet.append((f"sigma {noise:g}" if noise else "input", given))
        sheet.append(("reconstructed", at_rest(half.predict_on_batch(model.predict_on_batch(unit_images(given))))))
        for step in taken:
            found = of(answered, "test", sigma, step)
            place = {identity: i for i, identity in enumerate(found[ID])}
            specs = answers[noise, step] = specs_of(drawing, found)[[place[identity] for identity in shown[ID]]]
            sheet.append((STEP_LABELS[step], drawing.render(specs)))
    per_noise = len(sheet) // len(NOISES)
    small = [row for noise in SMALL_SHEET for row in sheet[NOISES.index(noise) * per_noise :][:per_noise]]
    units = [(f"{name}, {f['unit']}", [f"{f['clean']:.2f}", f"{f['noisy']:.2f}"]) for name, f in factors.items()]
    pictures = len(errors["test", NOISES[0], last]["contrast"])
    write_files(
        folder,
        results,
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
            *split_difference_tables(differences, DRAWING),
        ],
        facts=facts_of(encoder, read),
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


ENCODER_REPORT = Report(
    encoder_report,
    "How well pictures are read, on test: encoder, + gradient, + redraw, by contrast and noise, valid against test.",
    ("test", "valid", "decoder", "encoder", "readings"),
)
