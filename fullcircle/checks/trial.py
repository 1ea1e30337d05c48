"""Trial: a drawing class of the user's own is first imported, and first draws, where it can do no harm.

Belongs here: what no check can say of a class whose code never comes back, or takes its process with it. The checks of
`drawing_class` follow in the caller's own process.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from fullcircle.checks.drawing import SLOWEST_MS, SPECS, TIMED, ends
from fullcircle.checks.drawing_class import is_described
from fullcircle.core.plugins import canonical
from fullcircle.core.settings import SettingsError
from fullcircle.core.watched import Begin, watched
from fullcircle.drawings import accepted_reference, drawing_of, loaded
from fullcircle.drawings.base import Drawing

IMPORT_SECONDS = 60.0
"""What importing a class may take; a library such as TensorFlow takes ten on a busy machine."""

DRAW_SECONDS = 10.0
"""What one drawing may take before it counts as one that hangs; what takes longer than `SLOWEST_MS` is refused later."""

ENOUGH_SECONDS = 5.0
"""After so long no more drawings are tried: the checks will time them."""


def tried(text: str, root: Path | None = None) -> Drawing:
    """The class by its name or reference; one of the user's own only after a trial in another process, which takes about a second.

    Args:
        text: as `drawing_of` takes it.
        root: folder of the store whose register counts.

    Raises:
        SettingsError: as `drawing_of` does, and when its code hangs or ends its process: where, and what to do.
    """
    reference = text if ":" in text else accepted_reference(text, root)
    if ":" in reference:
        _refuse_harmful(canonical(reference))
    return drawing_of(text, root)


def _refuse_harmful(reference: str) -> None:
    trial = watched(f"{__name__}:_try", reference, str(IMPORT_SECONDS), str(DRAW_SECONDS))
    if not trial.ended:
        return
    place = reference.rpartition(":")[0]
    file = place if place.endswith(".py") else f"/{place.replace('.', '/')}.py"
    line = trial.line_in(file)
    found = trial.ended + (f", at line {line} of {Path(file).name}" if line else "")
    printed = f" The last it printed: {trial.last_printed!r}." if trial.last_printed else ""
    if trial.stage:
        rule = f"{reference} is expected to draw {trial.stage}, in {SLOWEST_MS:g} ms at most"
        advice = "Every spec within the factors is expected to be drawn: mend draw, or narrow the factors."
    else:
        rule = f"{reference} is expected to be imported, in {IMPORT_SECONDS:g} s at most"
        advice = "Importing is expected to define the class only: let draw do the rest, or a program that is run before."
    raise SettingsError(f"{rule}. Received: {found}.{printed} {advice}")


def _try(begin: Begin, reference: str, import_seconds: str, draw_seconds: str) -> None:
    """In the watched process: import, then draw what the checks will ask for first. Refusals are left to the checks."""
    begin("", float(import_seconds))
    try:
        drawing = loaded(reference)
    except SettingsError:
        return
    if not is_described(drawing).passed:
        return
    rng = np.random.default_rng(0)
    specs = drawing.factors.sample(SPECS, rng)
    until = time.monotonic() + ENOUGH_SECONDS
    for spec in (*specs[:TIMED], *ends(drawing, rng), *specs[TIMED:]):
        values = drawing.spec_values(spec)
        begin(str(values), float(draw_seconds))
        try:
            drawing.draw(**values)
        except Exception:  # the user's code may raise anything; the checks say what
            return
        if time.monotonic() > until:
            return
