"""Answers as Python has them: what was read from a picture, by which model, and how a notebook shows it.

Belongs here: properties, and pages for a notebook.
Does not belong here: what is read and how sure it is (`fullcircle.reading`).
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from PIL import Image

from fullcircle.drawings.base import Drawing
from fullcircle.images.files import PictureError, printable_name
from fullcircle.images.sheets import data_uri, png
from fullcircle.reading import answers

if TYPE_CHECKING:
    import pandas as pd

WIDE = 192
"""About how wide each of the three pictures of an answer is shown, in px; pixels are enlarged by whole numbers."""

SHOWN = 10
"""Answers that a notebook shows of many."""


class Answer:
    """What was read from one picture. A notebook shows it as picture | redraw | difference.

    Its figures are those of ``fullcircle read a.png --json``.
    """

    def __init__(
        self, read: answers.Answer, drawing: Drawing, models: Mapping[str, str], model: str, path: Path | None
    ) -> None:
        self._read, self._drawing, self._models, self._model, self._path = read, drawing, dict(models), model, path

    @property
    def spec(self) -> dict[str, Any]:
        """Every factor by its name, in real units on the canvas: what ``drawing.draw(**answer.spec)`` takes."""
        return self._drawing.spec_values(self._read.spec)

    @property
    def spec_own_pixels(self) -> dict[str, float]:
        """The same in the picture's own pixels, if it had another size than the canvas: points by pixel centres, lengths scaled."""
        return dict(zip(self._drawing.factors.names, self._read.own.tolist(), strict=True))

    @property
    def call(self) -> str:
        """The call that draws the picture, as code: ``draw.line([(3, 5), (60, 40)], fill=200, width=4)``."""
        return self._read.call

    @property
    def canvas(self) -> str:
        """What `call` draws on, as code: ``Image.new("L", (64, 64), 31)``; empty where the call makes its picture itself."""
        return self._read.canvas

    @property
    def confidence(self) -> float:
        """The probability that every geometry factor is within one step of the truth; NaN without the step ``redraw``."""
        return self._read.confidence

    @property
    def pixel_exact(self) -> bool:
        """Whether the redraw is the picture in every pixel."""
        return self._read.pixel_exact

    @property
    def redraw_mse(self) -> float:
        """Mean squared error of the redraw against the picture, pixels in [0, 1]."""
        return self._read.redraw_mse

    @property
    def explained(self) -> float:
        """Share of the picture's variance beyond noise that the redraw explains. Far from 1 it shows something else."""
        return self._read.explained

    @property
    def redraws(self) -> int:
        """How often the class was drawn to find the answer."""
        return self._read.redraws

    @property
    def drawing(self) -> Drawing:
        """The drawing class."""
        return self._drawing

    @property
    def path(self) -> Path | None:
        """The file that was read; None of an array or a Pillow image."""
        return self._path

    @property
    def model(self) -> str:
        """What read it: its networks by the beginning of their content hash, or that the search did alone, and why."""
        return self._model

    @property
    def models(self) -> dict[str, str]:
        """The content hash of each network that was asked; empty if the search was alone."""
        return dict(self._models)

    @property
    def picture(self) -> Image.Image:
        """The picture on the canvas, as the reader saw it."""
        return Image.fromarray(self._read.picture.image)

    @property
    def redraw(self) -> Image.Image:
        """What the class draws from `spec`."""
        return Image.fromarray(self._drawing.render(self._read.spec[None])[0])

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON, as ``fullcircle read a.png --json`` has it: factors by their columns, the names with units."""
        return self._about(answers.as_dict(self._drawing, self._read)) | {"models": self.models}

    def as_row(self) -> dict[str, Any]:
        """The row of a table, as ``fullcircle read a.png --parquet FILE`` has it."""
        return self._about(answers.as_row(self._drawing, self._read))

    def _about(self, found: dict[str, Any]) -> dict[str, Any]:
        return found if self._path is not None else found | {"path": None}

    def __repr__(self) -> str:
        """The line that ``fullcircle read`` prints."""
        return self._read.line()

    def _sheet(self) -> Image.Image:
        return answers.overlay(self._drawing, self._read, max(round(WIDE / self._drawing.width), 1))

    def _repr_png_(self) -> bytes:
        """Picture | redraw | difference, grey where there is none, for a notebook."""
        return png(self._sheet())

    def _repr_html_(self) -> str:
        """The same, with the line that is printed, and what read it."""
        sheet = self._sheet()
        columns = "".join(
            f'<span style="flex:1;text-align:center">{name}</span>' for name in ("picture", "redraw", "difference")
        )
        return (
            f'<figure style="margin:0;max-width:{sheet.width}px">'
            f'<div style="display:flex;font-size:smaller">{columns}</div>'
            f'<img style="width:100%;image-rendering:pixelated" alt="picture, redraw, difference" '
            f'src="{data_uri(png(sheet), "image/png")}">'
            f'<figcaption><code style="overflow-wrap:anywhere">{html.escape(repr(self))}</code>'
            f"<br><small>{html.escape(self.model)}</small></figcaption></figure>"
        )


class Answers(Sequence[Answer]):
    """The answers to several pictures, in their order.

    Attributes:
        failed: of files that could not be read, the error by path. They have no answer.
    """

    def __init__(self, found: Sequence[Answer], failed: Mapping[Path, PictureError] | None = None) -> None:
        self._found, self.failed = list(found), dict(failed or {})

    @overload
    def __getitem__(self, index: int) -> Answer: ...
    @overload
    def __getitem__(self, index: slice) -> Answers: ...
    def __getitem__(self, index: int | slice) -> Answer | Answers:
        """One answer, or some of them."""
        return Answers(self._found[index]) if isinstance(index, slice) else self._found[index]

    def __len__(self) -> int:
        """How many pictures were read."""
        return len(self._found)

    def frame(self) -> pd.DataFrame:
        """A row per answer, with the columns of ``fullcircle read a.png --parquet FILE``."""
        import pandas as pd

        return pd.DataFrame([answer.as_row() for answer in self])

    def __repr__(self) -> str:
        """A line for each, the first `SHOWN` of them."""
        return "\n".join([*(repr(answer) for answer in self[:SHOWN]), *self._rest()]) or "no pictures"

    def _rest(self) -> list[str]:
        """What is not shown."""
        more = [f"and {len(self) - SHOWN} more"] if len(self) > SHOWN else []
        return more + [f"not read: {printable_name(path)}: {error}" for path, error in self.failed.items()]

    def _repr_html_(self) -> str:
        """The first `SHOWN` answers as a notebook shows each."""
        rest = "".join(f"<p>{html.escape(text)}</p>" for text in self._rest())
        return "".join(answer._repr_html_() for answer in self[:SHOWN]) + rest or "no pictures"
