"""Pictures of a drawing class, and the table of its factors, for its page in docs/drawings.md.

Belongs here: what is made from the class alone. ``python -m fullcircle.reports.class_pictures FOLDER`` writes the pictures of
all classes; a test holds that those in docs/images are what the classes draw.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fullcircle.drawings import DRAWINGS
from fullcircle.drawings.base import Drawing
from fullcircle.images.sheets import contact_sheet

SHOWN = 8
CONTRAST = 40
"""Least contrast of what is shown, in levels: a page is for looking at."""

SEED = 4
TALL = 128
"""Side of a picture on the sheet, px, or a little less: pixels are enlarged by whole numbers."""


def example_sheet(drawing: Drawing) -> Image.Image:
    """Some examples that can be seen, side by side."""
    specs = drawing.factors.sample(20 * SHOWN, np.random.default_rng(SEED))
    shown = drawing.render(specs[drawing.contrast(specs) >= CONTRAST][:SHOWN])
    return contact_sheet([(drawing.name, shown)], max(TALL // drawing.height, 1))


def factor_table(drawing: Drawing) -> str:
    """The factors as a Markdown table."""
    rows = []
    for f in drawing.factors:
        steps = f"{f.low:g} to {f.high:g}" + (f", steps of {f.step:g}" if f.step != 1 else "")
        kind = f"{f.kind}, {f.axis} of {f.point}" if f.point else f"{f.kind}, periodic" if f.periodic else f.kind
        rows.append(f"| `{f.name}` | {steps} | {f.unit} | {kind} |")
    return "\n".join(["| factor | range | unit | kind |", "|---|---|---|---|", *rows])


def write_class_pictures(folder: Path) -> None:
    """``drawing_<name>.webp``, lossless, for every class."""
    for drawing in DRAWINGS.values():
        example_sheet(drawing).save(folder / f"drawing_{drawing.name}.webp", "WEBP", lossless=True, method=6)


if __name__ == "__main__":
    write_class_pictures(Path(sys.argv[1]))
