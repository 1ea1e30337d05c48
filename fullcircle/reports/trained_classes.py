"""The latest models of each drawing class on test, as a table and a picture for docs/drawings.md.

Belongs here: taking the figures from the reports of a store, and the first test examples drawn | decoded | read and redrawn.
Nothing is measured. ``python -m fullcircle.reports.trained_classes FOLDER`` prints the table and writes the pictures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fullcircle.core.default_store import default_store
from fullcircle.core.progress import duration
from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import spec_columns, specs_of
from fullcircle.evaluation.drawings import SEEN
from fullcircle.evaluation.metrics import psnr_db
from fullcircle.images.arrays import at_rest
from fullcircle.images.sheets import contact_sheet
from fullcircle.models.stored import model_of, scaling_of
from fullcircle.reading.readings import NOISES, SIGMAS, of
from fullcircle.reports.class_pictures import CONTRAST, SHOWN, TALL
from fullcircle.reports.figures import DRAWING
from fullcircle.reports.files import REPORT
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.hashing import TIMING
from fullcircle.store.objects import NothingMaterializedError, Store

Cell = Callable[[Drawing, Mapping[str, Any]], str]

COLUMNS: dict[str, Cell] = {
    "class": lambda drawing, read: f"[{drawing.name}](#{drawing.name})",
    "training: decoder, encoder": lambda drawing, read: ", ".join(duration(s) for s in read["seconds"]),
    f"decoder {DRAWING['fvu'].label}": lambda drawing, read: DRAWING["fvu"].text(read["fvu"]),
    "reader, clean: pixel for pixel": lambda drawing, read: (
        f"{DRAWING['pixel_exact'].text(read['pixel_exact'])} of {read['examples']:,}"
    ),
    "the same at contrast >= 8": lambda drawing, read: DRAWING["pixel_exact"].text(read["seen_pixel_exact"]),
    "redraw MSE as a share of the blank's": lambda drawing, read: f"{read['redraw_fvu']:.4f}",
    "redraw PSNR": lambda drawing, read: "all to the pixel" if read["psnr_db"] is None else f"{read['psnr_db']:.1f} dB",
    "points, mean": lambda drawing, read: "–" if read["endpoint_px_mean"] is None else f"{read['endpoint_px_mean']:.2f} px",
    DRAWING["spec_error"].label: lambda drawing, read: DRAWING["spec_error"].text(read["spec_error"]),
}
"""Of the table: what each cell shows of a class and of its `figures_on_test`. All on test; the blank is the best picture of
one grey for each example."""


def figures_on_test(store: Store, drawing: Drawing) -> dict[str, Any]:
    """Figures of the latest reports of a class, all on test.

    Raises:
        NothingMaterializedError: when the class has no reports yet; says how to make them.
    """
    decoder, encoder = (
        json.loads(store.latest(f"drawings/{name}_report", drawing.name).file(REPORT).read_text())
        for name in ("decoder", "encoder")
    )
    read = encoder["metrics"]
    mse, null = read["reader_redraw_mse"], decoder["metrics"]["null_mse"]
    seen = encoder["reader"][f"{NOISES[0]:g}"]["redraw"][SEEN[1][0]]
    return {
        "seconds": (decoder[TIMING]["seconds"], encoder[TIMING]["seconds"]),
        "fvu": decoder["metrics"]["fvu"],
        "pixel_exact": read["reader_pixel_exact"],
        "seen_pixel_exact": seen["pixel_exact"],
        "redraw_fvu": mse / null,
        "redraw_mse": mse,
        "psnr_db": psnr_db(mse),
        "endpoint_px_mean": read.get("reader_endpoint_px_mean"),
        "spec_error": read["reader_spec_error"],
        "examples": encoder["reader"][f"{NOISES[0]:g}"]["redraw"][SEEN[0][0]]["examples"],
    }


def row(drawing: Drawing, figures: Mapping[str, Any]) -> str:
    """A class as a row under `COLUMNS`."""
    return f"| {' | '.join(cell(drawing, figures) for cell in COLUMNS.values())} |"


def sheet(store: Store, drawing: Drawing) -> Image.Image:
    """The first examples of test that can be seen: drawn | decoded from the true spec | read and redrawn, clean.

    Raises:
        NothingMaterializedError: when the class has no reports yet; says how to make them.
    """
    report = json.loads(store.latest("drawings/encoder_report", drawing.name).file(REPORT).read_text())
    test, decoder, readings = (
        store.open(report["read"][name], f"drawings/{name} ({drawing.name})") for name in ("test", "decoder", "readings")
    )
    table = readings.table()
    found = of(table.read([n for n in table.schema.names if n != "redraws"]), "test", SIGMAS[0], "redraw")
    place = {identity: i for i, identity in enumerate(found[ID])}
    block = test.table().read([ID, *spec_columns(drawing), IMAGE], limit=len(place))
    specs = specs_of(drawing, block)
    shown = np.flatnonzero(drawing.contrast(specs) >= CONTRAST)[:SHOWN]
    scales = scaling_of(decoder, drawing)
    decoded = at_rest(model_of(decoder).predict_on_batch(scales.to_latent(specs[shown])))
    read = specs_of(drawing, found)[[place[identity] for identity in block[ID][shown]]]
    rows = [("drawn", block[IMAGE][shown]), ("decoded", decoded), ("read and\nredrawn", drawing.render(read))]
    return contact_sheet(rows, max(TALL // drawing.height, 1))


def write_trained_classes(store: Store, folder: Path) -> str:
    """Write ``trained_<name>.webp`` for every class that has reports; returns the table in Markdown."""
    rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for drawing in DRAWINGS.values():
        try:
            rows.append(row(drawing, figures_on_test(store, drawing)))
        except NothingMaterializedError:
            continue
        sheet(store, drawing).save(folder / f"trained_{drawing.name}.webp", "WEBP", quality=90, method=6)
    return "\n".join(rows)


if __name__ == "__main__":
    print(write_trained_classes(Store(default_store()), Path(sys.argv[1])))
