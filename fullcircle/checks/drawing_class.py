"""Checks of a drawing class: what must hold of it before anything is made of it, and what its pictures cannot tell.

Belongs here: each rule as a `Check`, asked of the class alone, its table of factors and its draw method, on the ends of the ranges
and on random specs. None knows a class by name. What takes longest is drawing; the number of drawings is the same on every machine.
Does not belong here: checks of stored objects (`checks`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image

from fullcircle.checks.check import Check
from fullcircle.checks.drawing import SPECS, TIMED, draws, draws_in_time, draws_the_same_again, ends
from fullcircle.checks.factors import APART_SPECS, Seen, factors_are_distinguishable, no_factor_is_ignored, seen_of
from fullcircle.checks.symmetries import no_symmetry_is_missing, symmetries_hold
from fullcircle.core.settings import SettingsError
from fullcircle.data.examples import schema
from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings import reference_of
from fullcircle.drawings.base import LARGEST_CANVAS, Drawing
from fullcircle.images.sheets import contact_sheet
from fullcircle.training.settings import DecoderSettings, EncoderSettings, refuse_canvas


@dataclasses.dataclass(frozen=True)
class Examination:
    """What was found of a drawing class.

    Attributes:
        checks: each rule that could be asked, by name; without the first ones the others cannot be.
        seen: of each factor what pictures tell; empty where no picture could be had.
        milliseconds: what a drawing takes, the median; None where none could be had.
    """

    checks: Mapping[str, Check]
    seen: Sequence[Seen] = ()
    milliseconds: float | None = None

    @property
    def refused(self) -> list[str]:
        """What is wrong, for rules that do not only warn."""
        return [check.description for check in self.checks.values() if not check.passed and not check.warns]


def examine(drawing: Drawing) -> Examination:
    """Apply every rule to a class; always the same specs."""
    rng = np.random.default_rng(0)
    checks = {"is_described": is_described(drawing)}
    if not checks["is_described"].passed:
        return Examination(checks)
    checks["default_models_take_it"] = default_models_take_it(drawing)
    specs = drawing.factors.sample(SPECS, rng)
    checks["draws_in_time"], milliseconds = draws_in_time(drawing, specs[:TIMED])
    if milliseconds is None or not checks["draws_in_time"].passed:
        return Examination(checks, milliseconds=milliseconds)
    checks["draws_at_the_ends"] = draws(drawing, ends(drawing, rng), "at the ends of the ranges")
    checks["draws_everywhere"] = draws(drawing, specs, "at random specs")
    if not (checks["draws_at_the_ends"].passed and checks["draws_everywhere"].passed):
        return Examination(checks, milliseconds=milliseconds)
    images = drawing.render(specs)
    checks["draws_the_same_again"] = draws_the_same_again(drawing, specs, images)
    if not checks["draws_the_same_again"].passed:
        return Examination(checks, milliseconds=milliseconds)
    seen = [seen_of(drawing, i, specs, images, rng) for i in range(len(drawing.factors))]
    checks["no_factor_is_ignored"] = no_factor_is_ignored(seen)
    checks["factors_are_distinguishable"] = factors_are_distinguishable(
        drawing, specs[:APART_SPECS], [s.factor for s in seen if s.unseen < 1]
    )
    checks["symmetries_hold"] = symmetries_hold(drawing, specs, images)
    checks["no_symmetry_is_missing"] = no_symmetry_is_missing(drawing, specs, images)
    return Examination(checks, seen, milliseconds)


def refuse_broken(drawing: Drawing) -> None:
    """Say no to a class before anything is made of it.

    Raises:
        SettingsError: naming every rule that it breaks.
    """
    refused = examine(drawing).refused
    if refused:
        raise SettingsError(
            f"The drawing class {drawing.name!r} is refused. {' '.join(refused)} Look at it with: fullcircle check "
            f"{reference_of(drawing) or drawing.name}"
        )


def is_described(drawing: Drawing) -> Check:
    """Canvas, ground, symmetries and names are such that pictures and tables can be made."""
    name = drawing.name
    sizes = drawing.canvas
    if any(isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sizes) or drawing.channels not in (1, 3):
        return Check(
            False, f"{name}: height and width are expected in whole pixels and channels to be 1 or 3. Received: {sizes}."
        )
    if sizes[0] * sizes[1] > LARGEST_CANVAS:
        return Check(
            False,
            f"{name}: a canvas of at most {LARGEST_CANVAS:,} px is expected, 1024 x 1024 for one. Received: {sizes[0]} x "
            f"{sizes[1]} = {sizes[0] * sizes[1]:,} px. Draw it smaller: 64 x 64 is what networks learn fastest.",
        )
    unknown = [g for g in drawing.ground if g not in drawing.factors.names]
    if unknown or len(drawing.ground) not in (0, drawing.channels):
        return Check(
            False,
            f"{name}: ground is expected to name {drawing.channels} of its colour factors, one per channel, or none. Received: "
            f"{', '.join(drawing.ground)}.",
        )
    try:
        _ = drawing.permutations
    except (ValueError, KeyError) as error:
        return Check(False, f"{name}: {error.args[0]} Mend its symmetries.")
    columns = schema(drawing, ExamplesSettings()).names
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        return Check(
            False, f"{name}: two columns of its tables would be called {', '.join(twice)}. Give the factor another name."
        )
    return Check(True, f"{len(drawing.factors)} factors on a canvas of {sizes[0]} x {sizes[1]} px, {sizes[2]} channel(s).")


def default_models_take_it(drawing: Drawing) -> Check:
    """The decoder and the encoder that a run takes by default can be built for the canvas."""
    try:
        refuse_canvas(drawing, DecoderSettings(), EncoderSettings())
    except SettingsError as error:
        return Check(False, f"{error} Or change the canvas.", warns=True)
    return Check(True, "The default decoder and encoder take the canvas.")


def sheet(drawing: Drawing, columns: int = 10) -> Image.Image:
    """Random pictures, then a row per factor from one end of its range to the other, the rest as in one picture with contrast."""
    rng = np.random.default_rng(1)
    specs = drawing.factors.sample(2 * columns, rng)
    images = drawing.render(specs)
    rows = [("random\nspecs", images[:columns]), ("", images[columns:])]
    base = specs[images.reshape(len(images), -1).astype(float).std(axis=1).argmax()]
    for i, factor in enumerate(drawing.factors):
        moved = np.tile(base, (columns, 1))
        steps = np.linspace(0, factor.count - 1, columns).round()
        moved[:, i] = factor.low + factor.step * steps
        rows.append((f"{factor.name.replace('_', chr(10))}\n{factor.low:g} to {factor.high:g}", drawing.render(moved)))
    return contact_sheet(rows, scale=max(1, 64 // max(drawing.canvas[:2])))


Printer = Callable[[str], None]


def report(drawing: Drawing, found: Examination, say: Printer) -> None:
    """Each rule, passed or not, and what pictures tell of each factor, as lines people read."""
    width = max(map(len, found.checks))
    for name, check in found.checks.items():
        say(f"{'passed ' if check.passed else 'warning' if check.warns else 'FAILED '}  {name:<{width}}  {check.description}")
    if not found.seen:
        return
    width = max(map(len, drawing.factors.names))
    say(f"\nOf {SPECS} random specs, on how many is the factor not seen in the picture?")
    say(f"  {'':<{width}}  one step  any change")
    for seen in found.seen:
        say(f"  {seen.factor:<{width}}  {seen.step_unseen:>8.1%}  {seen.unseen:>10.1%}  {seen.because()}".rstrip())
