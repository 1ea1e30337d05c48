"""Recognition: which drawing class does a picture show? Every class that has been trained reads it, and the true redraw decides.

Belongs here: who takes part, and how their answers are compared across classes. How each reads stands in `reader`.
Does not belong here: figures and pages (`reports.recognition`), arguments (`cli`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fullcircle.core.progress import Progress, silent
from fullcircle.drawings import drawing_class, known_drawings
from fullcircle.drawings.base import Drawing
from fullcircle.images.noise import ROUNDING
from fullcircle.reading.answers import Answer, answers, as_dict
from fullcircle.reading.pictures import Picture
from fullcircle.reading.reader import Reader
from fullcircle.reading.settings import ReaderSettings
from fullcircle.reading.stored import champion_reader
from fullcircle.store.objects import NothingMaterializedError, Store

__all__ = ["Contender", "Ranked", "as_plain", "contenders", "description_length", "line", "ranking", "recognise", "trained"]


@dataclasses.dataclass(frozen=True)
class Contender:
    """A drawing class that can read: its reader, and the content hash of each network."""

    drawing: Drawing
    reader: Reader
    models: Mapping[str, str]


def trained(store: Store, unverified: bool = False) -> list[str]:
    """The known classes that have an encoder, in the order of their list.

    Args:
        store: where the encoders are.
        unverified: whether those count whose blocking checks did not pass.
    """
    have = {partition for asset, partition in store.ledger.latest_of_all(unverified) if asset == "drawings/encoder"}
    return [name for name in known_drawings(store.root) if name in have]


def contenders(
    store: Store,
    settings: ReaderSettings,
    *,
    unverified: bool = False,
    last_whole: bool = False,
    progress: Progress = silent,
) -> list[Contender]:
    """Every trained class, with a reader of its champion; the arguments are those of `reading.stored.champion_reader`.

    Raises:
        NothingMaterializedError: when there is none.
        StoredObjectError: when a model is not whole.
        SettingsError: when a class of the user's own can no longer be had.
    """
    names = trained(store, unverified)
    if not names and (others := trained(store, unverified=True)):
        raise NothingMaterializedError(
            f"No drawing class has an encoder in {store.root} that passed its checks. Those that did not: {', '.join(others)}. "
            "Make others with: make run DRAWING=all, or use those all the same with: --any"
        )
    if not names:
        raise NothingMaterializedError(
            f"No drawing class has an encoder yet in {store.root}. Make those of all classes with: make run DRAWING=all"
        )
    found: list[Contender] = []
    for name in names:
        drawing = drawing_class(name, store.root)
        try:
            reader, models = champion_reader(
                store, drawing, settings, unverified=unverified, last_whole=last_whole, progress=progress
            )
        except NothingMaterializedError as error:
            if name == names[-1] and not found:
                raise
            progress.say(f"{name} is left out. {error}")
            continue
        found.append(Contender(drawing, reader, models))
    return found


def pixels_judged(drawings: Sequence[Drawing], width: int, height: int) -> int:
    """How many pixels of a picture count, the same for all classes: its own, and no more than the smallest canvas has.

    A canvas that shows the same picture larger knows no more of it.
    """
    return min(width * height, *(d.height * d.width for d in drawings))


def description_length(drawing: Drawing, redraw_mse: np.ndarray | float, pixels: np.ndarray | int) -> np.ndarray:
    """What it takes to say a picture by way of a class, in nats: which spec, and what its redraw leaves.

    The least decides (Rissanen 1978). A spec is one of as many as the factors allow, all alike. What is left is taken for noise of
    unknown level, ``pixels / 2 * ln(squared error per pixel)``, at least that of rounding. So a class that leaves less wins; and
    of two that draw the very same picture, a line and a polyline whose bend is none, the one with fewer ways to do it.

    Args:
        drawing: the class.
        redraw_mse: error of its redraws, pixels in [0, 1], ``(...)``.
        pixels: of `pixels_judged`.
    """
    which = sum(np.log(f.count) for f in drawing.factors)
    left = np.asarray(redraw_mse) * 255**2 + ROUNDING**2
    return np.asarray(which + np.asarray(pixels) / 2 * np.log(left))


def ranking(lengths: Sequence[float]) -> list[int]:
    """Places of the contenders, the likeliest first, from their `description_length`; of equals the earlier."""
    return np.argsort(np.asarray(lengths), kind="stable").tolist()


@dataclasses.dataclass(frozen=True)
class Ranked:
    """What one class read from a picture, and its `description_length`."""

    contender: Contender
    answer: Answer
    nats: float


def recognise(
    contenders: Sequence[Contender], pictures: Sequence[Sequence[Picture]], seed: Sequence[int], progress: Progress = silent
) -> list[list[Ranked]]:
    """What each class reads from each picture, the likeliest class first.

    Args:
        contenders: who reads.
        pictures: per picture the same one on the canvas of each contender.
        seed: source of chance of the search.
        progress: where to say how far it is, after each class.
    """
    drawings = [c.drawing for c in contenders]
    read = []
    for done, (contender, of_contender) in enumerate(zip(contenders, zip(*pictures, strict=True), strict=True)):
        reading = contender.reader.read(np.stack([p.image for p in of_contender]), np.random.default_rng(seed))
        read.append(answers(contender.drawing, of_contender, reading))
        progress.step("reading", done + 1, len(contenders), "classes", contender.drawing.name)
    found = []
    for of_picture in zip(*read, strict=True):
        pixels = pixels_judged(drawings, *of_picture[0].picture.size)
        lengths = [float(description_length(d, a.redraw_mse, pixels)) for d, a in zip(drawings, of_picture, strict=True)]
        found.append([Ranked(contenders[i], of_picture[i], lengths[i]) for i in ranking(lengths)])
    return found


def line(ranked: Sequence[Ranked]) -> str:
    """A picture on one line: the class recognised and its answer, then how much of the picture each other class explains."""
    best, *others = ranked
    rest = ", ".join(f"{r.contender.drawing.name} {r.answer.explained:.1%}" for r in others)
    return best.answer.line(best.contender.drawing.name) + (f"; explained by {rest}" if rest else "")


def as_plain(ranked: Sequence[Ranked]) -> dict[str, Any]:
    """A picture as plain data, for JSON: the best answer, and the ranking."""
    best = ranked[0]
    drawing = best.contender.drawing
    return {
        "drawing": drawing.name,
        **as_dict(drawing, best.answer),
        "models": dict(best.contender.models),
        "ranking": [
            {
                "drawing": r.contender.drawing.name,
                "call": r.answer.call,
                "redraw_mse": r.answer.redraw_mse,
                "pixel_exact": r.answer.pixel_exact,
                "explained": r.answer.explained,
                "description_nats": r.nats,
            }
            for r in ranked
        ],
    }
