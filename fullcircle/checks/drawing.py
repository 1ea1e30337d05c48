"""Checks of a class's draw method: does it draw, in time, and the same again?"""

from __future__ import annotations

import itertools
import time
from concurrent.futures.process import BrokenProcessPool
from hashlib import blake2b

import numpy as np

from fullcircle.checks.check import Check
from fullcircle.core.processes import in_order
from fullcircle.drawings import loaded, reference_of
from fullcircle.drawings.base import Drawing

SPECS = 256
"""Random specs, and at most so many corners. What matters on 1 % of specs is missed by all of them once in 13 times, on 2 % never
to speak of (once in 176)."""

TIMED = 16
"""Drawings that are timed before any more are asked for."""

SLOWEST_MS = 20.0
"""What one drawing may take. At this rate the 20,000 examples of the smallest profile take 7 minutes on one core, and the search
for one picture, at most 3,000 drawings, a minute; a reader's evaluation has hundreds of those."""


def draws_in_time(drawing: Drawing, specs: np.ndarray) -> tuple[Check, float | None]:
    """A drawing takes no longer than training and reading can wait for; and what it takes, in milliseconds."""
    taken: list[float] = []
    for spec in specs:
        began = time.perf_counter()
        if (wrong := _wrong(drawing, spec)) is not None:
            return Check(False, wrong), None
        taken.append(1000 * (time.perf_counter() - began))
        if sum(taken) > TIMED * SLOWEST_MS:
            break
    milliseconds = float(np.median(taken))
    figures = {"milliseconds": milliseconds}
    if milliseconds > SLOWEST_MS:
        return (
            Check(
                False,
                f"{drawing.name}.draw takes {milliseconds:.0f} ms; at most {SLOWEST_MS:g} ms are allowed, for the 20,000 examples "
                f"of profile quick would take {milliseconds * 20 / 60:.0f} minutes and a search of 3,000 drawings "
                f"{milliseconds * 3:.0f} s a picture. Draw on fewer pixels, or with fewer calls.",
                figures,
            ),
            milliseconds,
        )
    return Check(True, f"A drawing takes {milliseconds:.2g} ms; at most {SLOWEST_MS:g} are allowed.", figures), milliseconds


def ends(drawing: Drawing, rng: np.random.Generator) -> np.ndarray:
    """Corners of the space of factors: all of them, or `SPECS` of them with the two where all are low and all are high."""
    k = len(drawing.factors)
    if 2**k <= SPECS:
        high = np.array(list(itertools.product((False, True), repeat=k)))
    else:
        high = rng.integers(0, 2, (SPECS, k)).astype(bool)
        high[0], high[1] = False, True
    return np.where(high, drawing.factors.high, drawing.factors.low)


def draws(drawing: Drawing, specs: np.ndarray, where: str) -> Check:
    """The draw method raises nothing and returns the canvas, whatever its factors may be."""
    for spec in specs:
        if (wrong := _wrong(drawing, spec)) is not None:
            return Check(False, f"{wrong} Found {where}: every spec within the factors is expected to be drawn.")
    return Check(True, f"{len(specs)} pictures {where} are the canvas and raise nothing.", {"specs": len(specs)})


def _wrong(drawing: Drawing, spec: np.ndarray) -> str | None:
    """What is wrong with the picture of one spec."""
    values = drawing.spec_values(spec)
    try:
        image = np.asarray(drawing.draw(**values))
    except Exception as error:  # the user's code may raise anything
        return f"{drawing.name}.draw raises {type(error).__name__}: {error} for {values}."
    if image.shape != drawing.image_shape or image.dtype != np.uint8:
        return (
            f"{drawing.name}.draw is expected to return {drawing.image_shape} uint8. Received: {image.shape} {image.dtype} for "
            f"{values}."
        )
    return None


def draws_the_same_again(drawing: Drawing, specs: np.ndarray, images: np.ndarray) -> Check:
    """The same spec gives the same picture: a second time, after other specs, and in another process."""
    again = drawing.render(specs[::-1])[::-1]
    different = (again != images).reshape(len(images), -1).any(axis=1)
    where = "drawn a second time"
    reference = reference_of(drawing)
    if not different.any() and reference is not None:
        try:
            (digests,) = in_order(_digests_here, [specs], 1, _begin_drawing, (reference,))
        except BrokenProcessPool:
            return Check(
                False,
                f"Another process cannot load {reference}, which one that searches for pictures must. See what it says above.",
            )
        different = np.array([a != b for a, b in zip(digests, map(picture_digest, images), strict=True)])
        where = "drawn by another process"
    if different.any():
        return Check(
            False,
            f"{drawing.name} draws by chance: {different.sum()} of {len(specs)} pictures are not the same when {where}, that of "
            f"{drawing.spec_values(specs[different.argmax()])} for one. Whatever varies is expected to be a factor.",
            {"different": int(different.sum())},
        )
    return Check(True, f"{len(specs)} pictures are the same again, in another order{' and process' * (reference is not None)}.")


_drawing: Drawing  # where this process draws for another


def _begin_drawing(reference: str) -> None:
    global _drawing
    _drawing = loaded(reference)


def _digests_here(specs: np.ndarray) -> list[bytes]:
    return [picture_digest(image) for image in _drawing.render(specs)]


def picture_digest(image: np.ndarray) -> bytes:
    return blake2b(image.tobytes(), digest_size=16).digest()
