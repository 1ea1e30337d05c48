"""The drawing classes there are. A new one is a file here and a line in `DRAWINGS`.

Belongs here: the list, and how a class of the user's own gets a name. The list is also the parameter list of the contract tests,
and with the user's own the partition set of the assets.

A user's own comes in by two doors: ``module:Class`` or ``path/to/file.py:Class``, entered into the store's register under the
class's `name`, or an entry point of the group ``fullcircle.drawings`` that is called as the class is. Its code runs when it is
used, never when its name is only listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fullcircle.core.default_store import default_store
from fullcircle.core.plugins import NAME_RULE, Register, canonical, is_name, load
from fullcircle.core.settings import SettingsError
from fullcircle.drawings.arc import Arc
from fullcircle.drawings.base import Drawing, exchange
from fullcircle.drawings.ellipse import Ellipse
from fullcircle.drawings.face import Face
from fullcircle.drawings.factors import Factor, Factors, colour_factors
from fullcircle.drawings.line import Line
from fullcircle.drawings.painted import Colour, Composite, Painted, Pen
from fullcircle.drawings.polyline import Polyline
from fullcircle.drawings.rectangle import Rectangle
from fullcircle.drawings.triangle import Triangle

__all__ = [
    "DRAWINGS",
    "Colour",
    "Composite",
    "Drawing",
    "Factor",
    "Factors",
    "Painted",
    "Pen",
    "colour_factors",
    "drawing_class",
    "drawing_of",
    "exchange",
    "known_drawings",
    "loaded",
    "reference_of",
    "register",
]

DRAWINGS: dict[str, Drawing] = {d.name: d for d in (Line(), Arc(), Rectangle(), Ellipse(), Triangle(), Polyline(), Face())}

REGISTER = Register(
    "drawings.json",
    "fullcircle.drawings",
    "drawing class",
    '{"star": "/my/classes/star.py:Star"}',
    lambda text: ":" in text,
)

RESERVED = ("all", "auto")
"""What commands say instead of a name."""


def drawing_class(name: str, root: Path | None = None) -> Drawing:
    """The drawing class called `name`: ours, or one of the user's own, whose code is run.

    Args:
        name: of `known_drawings`.
        root: folder of the store whose register counts; None: that of `default_store`.

    Raises:
        SettingsError: naming the classes there are, or why the user's own cannot be had.
    """
    if name in DRAWINGS:
        return DRAWINGS[name]
    known = known_drawings(root)
    if name not in known:
        choices = ", ".join((*known, "module:Class", "path/to/file.py:Class"))
        raise SettingsError(f"Unknown drawing class {name!r}. Choose from: {choices}.")
    drawing = loaded(known[name])
    if drawing.name != name:
        raise SettingsError(
            f"{known[name]} is expected to be called {name!r}, as when it was registered. Received: {drawing.name!r}. Give it "
            f"its old name back, or run it as a class of its own: make run DRAWING={known[name]}"
        )
    return drawing


def known_drawings(root: Path | None = None) -> dict[str, str]:
    """Every class by name, and what `loaded` takes: ours, those behind entry points, those in the store's register.

    No code of the user's is run.

    Raises:
        SettingsError: when the register cannot be read.
    """
    known = {name: name for name in DRAWINGS}
    known |= {name: f"{point.module}:{point.attr}" for name, point in REGISTER.points((*known, *RESERVED)).items()}
    registered = REGISTER.entries(root or default_store())
    return known | {name: text for name, text in registered.items() if name not in known}


def loaded(reference: str) -> Drawing:
    """The class that a name of ours, ``module:Class`` or ``path/to/file.py:Class`` stands for. This runs its code.

    Raises:
        SettingsError: when it cannot be had, or does not say its name and factors.
    """
    if reference in DRAWINGS:
        return DRAWINGS[reference]
    reference = canonical(reference)
    drawing = load(reference, Drawing)  # type: ignore[type-abstract]  # looked for, not made
    drawing.reference = reference
    name, factors = getattr(drawing, "name", None), getattr(drawing, "factors", None)
    if not isinstance(name, str) or not is_name(name) or name in RESERVED:
        raise SettingsError(
            f"{reference} is expected to have a name of {NAME_RULE} other than {' and '.join(RESERVED)}. Received: {name!r}."
        )
    if not isinstance(factors, Factors):
        raise SettingsError(f"{reference} is expected to have factors, Factors(Factor(...), ...). Received: {factors!r}.")
    return drawing


def drawing_of(text: str, root: Path | None = None) -> Drawing:
    """The class by its name, or by reference whether it is registered or not. Raises as `drawing_class` and `loaded` do."""
    return loaded(text) if ":" in text else drawing_class(text, root)


def reference_of(drawing: Drawing) -> str | None:
    """What another process can have the same class by; None where it was made in this one only."""
    return drawing.name if DRAWINGS.get(drawing.name) is drawing else drawing.reference


def register(root: Path, text: str) -> Drawing:
    """A class by its name, or by reference; one by reference is entered into the store's register under its name.

    Where the name stands for a class that can no longer be had there (its file moved), it stands for this one from now on.

    Args:
        root: folder of the store.
        text: a name, ``module:Class`` or ``path/to/file.py:Class``.

    Raises:
        SettingsError: when it cannot be had, or its name is taken.
    """
    drawing = drawing_of(text, root)
    if ":" not in text:
        return drawing
    assert drawing.reference is not None
    taken = "one of Full Circle's own" if drawing.name in DRAWINGS else _elsewhere(drawing, known_drawings(root))
    if taken:
        raise SettingsError(f"{text} is called {drawing.name!r}, which is {taken}. Give it another name.")
    REGISTER.enter(root, drawing.name, drawing.reference)
    return drawing


def _elsewhere(drawing: Drawing, known: Mapping[str, str]) -> str | None:
    """Where another class of the same name still is."""
    try:
        other = loaded(known[drawing.name])
    except (KeyError, SettingsError):
        return None
    return other.reference if other.name == drawing.name and other.reference != drawing.reference else None
