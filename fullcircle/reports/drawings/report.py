"""What a report on a drawing class is, and what all of them share.

Belongs here: the description that assets, steps and checks are derived from, and the files and facts of every report.
Does not belong here: which figures and pictures one of them gives.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fullcircle.core.progress import duration
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import spec_columns
from fullcircle.images.sheets import contact_sheet, data_uri, png, small_webp
from fullcircle.models.stored import training_of
from fullcircle.reports.charts import loss_curves
from fullcircle.reports.figures import DRAWING
from fullcircle.reports.files import CONTACT_SHEET, PAGE, REPORT
from fullcircle.reports.page import Listing, Table, page, page_version
from fullcircle.reports.settings import ReportSettings
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader

Write = Callable[[Path, Drawing, Mapping[str, StoredObject], ReportSettings], None]
"""Writes a report into a folder, of a drawing class, from what is read by name, by settings."""


@dataclasses.dataclass(frozen=True)
class Report:
    """A report on a drawing class.

    Attributes:
        write: writes its three files into a folder. The function's name is the asset's.
        sentence: what Dagster shows of it.
        takes: names of the assets that it reads, of examples, the splits, decoder, encoder and readings. A decoder beside an
            encoder is the one that the encoder was trained through. One that takes test and valid compares the two, under
            "split_differences", for the check that they agree.
    """

    write: Write
    sentence: str
    takes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The asset's, without its prefix."""
        return self.write.__name__

    @property
    def code(self) -> str:
        """What decides its figures, pictures and page, as `code_version` takes it."""
        return f"{self.write.__module__}:{self.write.__name__}"

    @property
    def compares(self) -> bool:
        """Whether it says how far valid and test lie apart."""
        return {"test", "valid"} <= set(self.takes)


SHEET_COLUMNS = 10
"""Examples in a row, and at most on the contact sheet that Dagster shows; the page shows all."""


def chosen_examples(test: TableReader, drawing: Drawing, settings: ReportSettings) -> dict[str, np.ndarray]:
    """Random examples of test to show, the same for every model: chosen by the seed alone."""
    rng = np.random.default_rng(settings.seed)
    columns = [ID, *spec_columns(drawing), IMAGE]
    block = next(test.blocks(columns, rng, pool=1))
    return {name: values[: settings.pictures] for name, values in block.items()}


def facts_of(model: StoredObject, read: Mapping[str, StoredObject]) -> dict[str, str]:
    """How a model came about, for its page."""
    training = training_of(model)
    timing = training[TIMING]
    return {
        "model": f"{training['settings']['model']}, {training['parameters']:,} parameters, {training['trainable']:,} trainable",
        "trained": f"{duration(timing['seconds'])} min, {timing['examples_per_s']:,.0f} examples/s, "
        f"{len(training['history'])} epochs, the best weights on valid kept",
        "settings": ", ".join(f"{k} {v}" for k, v in training["settings"].items()),
        "version": model.hash,
        **{f"read: {name}": stored.hash for name, stored in read.items()},
    }


def results_of(
    write: Write, drawing: Drawing, read: Mapping[str, StoredObject], model: StoredObject | None = None, **parts: Any
) -> dict[str, Any]:
    """What ``report.json`` holds.

    Args:
        write: the report's own function.
        drawing: the drawing class.
        read: all that was read, by name.
        model: that is reported on; its training is shown. None where the report is on no model.
        **parts: figures, under "metrics" those of the index page and of ``make results``.
    """
    results = {
        "asset": f"drawings/{write.__name__}",
        "drawing": drawing.name,
        "page_version": page_version(write),
        **parts,
        "read": {name: stored.hash for name, stored in read.items()},
    }
    if model is not None:
        training = training_of(model)
        results |= {
            "history": training["history"],
            "training": {name: training[name] for name in ("settings", "parameters", "trainable")},
            TIMING: training[TIMING],
        }
    return results


def write_files(
    folder: Path,
    results: Mapping[str, Any],
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
    (folder / REPORT).write_text(json.dumps(results, indent=1))
    (folder / CONTACT_SHEET).write_bytes(small_webp(small, SHEET_COLUMNS))
    starts = range(0, len(rows[0][1]), SHEET_COLUMNS)
    sheets = [contact_sheet([(name, p[i : i + SHEET_COLUMNS]) for name, p in rows], scale=2) for i in starts]
    (folder / PAGE).write_text(
        page(
            title=title,
            summary=summary,
            pictures=[(caption, data_uri(png(s), "image/png")) for s in sheets],
            tables=tables,
            curves=loss_curves(results["history"]) if "history" in results else "",
            facts=facts,
            figures=DRAWING,
            listings=listings,
        )
    )
