"""The report on a decoder: how well it draws.

Belongs here: which figures, pictures and groups it gives. Everything is measured on test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import specs_of
from fullcircle.evaluation.bootstrap import split_differences
from fullcircle.evaluation.drawings import CONTRASTS, by_group, decoder_errors
from fullcircle.evaluation.metrics import summarise_image_errors
from fullcircle.images.arrays import at_rest
from fullcircle.models.stored import model_of, scaling_of
from fullcircle.reports.drawings.report import Report, chosen_examples, facts_of, results_of, write_files
from fullcircle.reports.figures import DRAWING
from fullcircle.reports.page import figure_table, split_difference_tables
from fullcircle.reports.settings import ReportSettings
from fullcircle.store.columns import IMAGE
from fullcircle.store.objects import StoredObject


def decoder_report(folder: Path, drawing: Drawing, read: Mapping[str, StoredObject], settings: ReportSettings) -> None:
    """Write the decoder's report: truth | decoded, and how far apart they are.

    Args:
        folder: to write into.
        drawing: the drawing class.
        read: ``test``, which is measured, ``valid`` to compare with, ``decoder``.
        settings: how many examples are shown.
    """
    decoder, table = read["decoder"], read["test"].table()
    model, scales = model_of(decoder), scaling_of(decoder, drawing)
    errors, on_valid = (decoder_errors(t, drawing, scales, model) for t in (table, read["valid"].table()))
    metrics = summarise_image_errors(errors)
    contrasts = by_group(errors, "contrast", CONTRASTS, summarise_image_errors)
    differences = split_differences({"decoder": (on_valid, errors, summarise_image_errors)}, settings.seed)
    results = results_of(
        decoder_report, drawing, read, decoder, metrics=metrics, by_contrast=contrasts, split_differences=differences
    )

    shown = chosen_examples(table, drawing, settings)
    decoded = at_rest(model.predict_on_batch(scales.to_latent(specs_of(drawing, shown))))
    difference = np.abs(decoded.astype(np.int16) - shown[IMAGE]).astype(np.uint8)
    rows = [("truth", shown[IMAGE]), ("decoded", decoded), ("difference", difference)]
    write_files(
        folder,
        results,
        rows,
        rows,
        title=f"Decoder of the {drawing.name}",
        summary=f"A network that draws the {drawing.name} from its spec, measured on {table.rows:,} test examples it has never "
        "seen. It can be differentiated, which the true draw method cannot.",
        caption="truth | decoded | absolute difference, random test examples",
        tables=[
            figure_table("On test", {"all": metrics}, DRAWING),
            figure_table("By contrast, in grey levels", contrasts, DRAWING),
            *split_difference_tables(differences, DRAWING),
        ],
        facts=facts_of(decoder, read),
    )


DECODER_REPORT = Report(
    decoder_report,
    "How well the decoder draws, on test: truth beside decoded, figures by contrast, valid against test.",
    ("test", "valid", "decoder"),
)
