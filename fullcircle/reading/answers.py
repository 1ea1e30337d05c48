"""Answers: what was read, for people and for programs.

Belongs here: an answer's fields, its line of code, its row in Parquet, its overlay; and writing files so that they are whole or
not there at all.
Does not belong here: reading (`reading`), arguments and exit codes (`cli`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from fullcircle.drawings.base import Drawing
from fullcircle.images.files import printable_name, valid_name
from fullcircle.reading.pictures import Picture
from fullcircle.reading.reader import Reading
from fullcircle.store.files import whole_file
from fullcircle.store.tables import with_about, write_table

SCALE = 4  # an overlay's pixels are squares of this side
GAP = 8

LONGEST = 240
"""Bytes of an overlay's name before its number and ending: file systems take 255."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What was read from one picture; `own` is the spec in the picture's own pixels."""

    picture: Picture
    spec: np.ndarray
    own: np.ndarray
    call: str
    canvas: str
    redraw_mse: float
    pixel_exact: bool
    explained: float
    confidence: float
    redraws: int
    sigma: float

    @property
    def code(self) -> str:
        """The drawing call on one line."""
        return f"{self.call} on {self.canvas}" if self.canvas else self.call

    def without_image(self) -> Answer:
        """The same with no picture, for keeping many."""
        return dataclasses.replace(self, picture=dataclasses.replace(self.picture, image=np.empty(0, np.uint8)))

    def line(self, drawing_name: str = "") -> str:
        """The answer on one line: the picture, its code, how sure.

        Args:
            drawing_name: of the class that was recognised, where it was not given.
        """
        how = "pixel for pixel" if self.pixel_exact else f"MSE {self.redraw_mse:.2e}, {self.explained:.1%} explained"
        sure = "" if np.isnan(self.confidence) else f", confidence {self.confidence:.2f}"
        return f"{printable_name(self.picture.path)}: {drawing_name and f'{drawing_name}: '}{self.code}  # {how}{sure}"


def answers(drawing: Drawing, pictures: Sequence[Picture], reading: Reading) -> list[Answer]:
    """One answer per picture."""
    return [
        Answer(
            picture=picture,
            spec=spec,
            own=picture.own_pixels(drawing, spec),
            call=drawing.call(spec),
            canvas=drawing.canvas_call(spec),
            redraw_mse=float(reading.redraw_mse[i]),
            pixel_exact=bool(reading.pixel_exact[i]),
            explained=float(reading.explained[i]),
            confidence=float(reading.confidence[i]),
            redraws=int(reading.redraws[i]),
            sigma=float(reading.sigmas[i]),
        )
        for i, (picture, spec) in enumerate(zip(pictures, reading.specs, strict=True))
    ]


def as_dict(drawing: Drawing, answer: Answer) -> dict[str, Any]:
    """An answer as plain data, for JSON; what is not known is None."""
    columns = [f.column for f in drawing.factors]
    return {
        "path": valid_name(answer.picture.path),
        "size_px": list(answer.picture.size),
        "call": answer.call,
        "canvas": answer.canvas,
        "spec": dict(zip(columns, drawing.spec_values(answer.spec).values(), strict=True)),
        "spec_own_pixels": dict(zip(columns, answer.own.tolist(), strict=True)),
        "redraw_mse": answer.redraw_mse,
        "pixel_exact": answer.pixel_exact,
        "explained": answer.explained,
        "confidence": None if np.isnan(answer.confidence) else answer.confidence,
        "redraws": answer.redraws,
        "noise_sigma_level": answer.sigma,
    }


def as_row(drawing: Drawing, answer: Answer) -> dict[str, Any]:
    """An answer as the row of a table: path, size, a column per factor, the same with ``own_`` before it, call, and how sure."""
    row = as_dict(drawing, answer)
    width, height = row.pop("size_px")
    own = {f"own_{name}": value for name, value in row.pop("spec_own_pixels").items()}
    return {"path": row.pop("path"), "width_px": width, "height_px": height} | row.pop("spec") | own | row


def write_parquet(path: Path, drawing: Drawing, found: Sequence[Answer], about: dict[str, Any]) -> None:
    """All answers as one table, a row as in `as_row` each."""
    rows = [as_row(drawing, a) for a in found]
    text, whole, real = pa.string(), pa.int32(), pa.float64()
    fields = [("path", text), ("width_px", whole), ("height_px", whole)]
    fields += [(f.column, whole if f.integral else real) for f in drawing.factors]
    fields += [(f"own_{f.column}", real) for f in drawing.factors]
    fields += [("call", text), ("canvas", text), ("redraw_mse", real), ("pixel_exact", pa.bool_())]
    fields += [("explained", real), ("confidence", real), ("redraws", whole), ("noise_sigma_level", real)]
    schema = with_about(pa.schema(fields), about)
    with whole_file(path) as temporary:
        write_table(temporary, schema, [pa.RecordBatch.from_pylist(rows, schema=schema)])


def overlay(drawing: Drawing, answer: Answer, scale: int = SCALE) -> Image.Image:
    """Input | redrawn | difference (grey where there is none), each pixel a square of side `scale`."""
    given = answer.picture.image
    redrawn = drawing.render(answer.spec[None])[0]
    difference = 128 + (given.astype(int) - redrawn) // 2
    parts = [Image.fromarray(a.astype(np.uint8)) for a in (given, redrawn, difference)]
    width, height = drawing.width * scale, drawing.height * scale
    sheet = Image.new("RGB", (3 * width + 2 * GAP, height), "white")
    for i, part in enumerate(parts):
        sheet.paste(part.resize((width, height), Image.Resampling.NEAREST), (i * (width + GAP), 0))
    return sheet


def write_overlay(folder: Path, drawing: Drawing, answer: Answer, taken: set[str]) -> Path:
    """``<name>.png`` in a folder, which is made; a name that is `taken` gets a number, and the name chosen is added.

    The name is the picture's as it is printed, cut to `LONGEST` bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem, number = printable_name(answer.picture.path.stem).encode()[:LONGEST].decode(errors="ignore"), 1
    name = stem
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    path = folder / f"{name}.png"
    with whole_file(path) as temporary:
        overlay(drawing, answer).save(temporary, "PNG")
    return path
