"""The drawing classes there are. A new one is a file here and a line in `DRAWINGS`.

Belongs here: the list, and how a class of the user's own gets a name. The list is also the parameter list of the contract tests,
and with the user's own the partition set of the assets.

A user's own comes in by two doors: ``module:Class`` or ``path/to/file.py:Class``, entered into the store's register under the
class's `name`, or an entry point of the group ``fullcircle.drawings`` that is called as the class is. Its code runs when it is
used, never when its name is only listed. By its name it runs only as it was accepted: see `core.plugins`.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from fullcircle.core.default_store import default_store
from fullcircle.core.plugins import NAME_RULE, Entry, NotAcceptedError, Register, canonical, is_name, load
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
    "accepted_reference",
    "colour_factors",
    "described",
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
    accept="make run DRAWING=",
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
    entry = _entry(name, root)
    drawing = loaded(entry.text, entry)
    if drawing.name != name:
        raise SettingsError(
            f"{entry.text} is expected to be called {name!r}, as when it was registered. Received: {drawing.name!r}. Give it "
            f"its old name back, or run it as a class of its own: make run DRAWING={entry.text}"
        )
    return drawing


def accepted_reference(name: str, root: Path | None = None) -> str:
    """What `loaded` takes for a class called `name`, once its file is found to be as it was accepted. No code of it is run.

    Raises:
        SettingsError: as `drawing_class` does.
    """
    if name in DRAWINGS:
        return name
    entry = _entry(name, root)
    entry.refuse()
    return entry.text


def _entry(name: str, root: Path | None) -> Entry:
    known = known_drawings(root)
    if name not in known:
        choices = ", ".join((*known, "module:Class", "path/to/file.py:Class"))
        raise SettingsError(f"Unknown drawing class {name!r}. Choose from: {choices}.")
    registered = REGISTER.entries(root or default_store()).get(name)
    # One behind an entry point comes first.
    return registered if registered is not None and registered.text == known[name] else Entry(known[name])


def known_drawings(root: Path | None = None) -> dict[str, str]:
    """Every class by name, and what `loaded` takes: ours, those behind entry points, those in the store's register.

    No code of the user's is run.

    Raises:
        SettingsError: when the register cannot be read.
    """
    known = {name: name for name in DRAWINGS}
    known |= {name: f"{point.module}:{point.attr}" for name, point in REGISTER.points((*known, *RESERVED)).items()}
    registered = REGISTER.entries(root or default_store())
    return known | {name: entry.text for name, entry in registered.items() if name not in known}


def loaded(reference: str, accepted: Entry | None = None) -> Drawing:
    """The class that a name of ours, ``module:Class`` or ``path/to/file.py:Class`` stands for. This runs its code.

    Args:
        reference: what is run; whoever types it accepts the file as it is.
        accepted: the entry by which it was found instead; its file is run only if it is as it was accepted.

    Raises:
        SettingsError: when it cannot be had, or does not say its name and factors.
    """
    if reference in DRAWINGS:
        return DRAWINGS[reference]
    reference = canonical(reference)
    drawing = load(reference, Drawing, accepted)  # type: ignore[type-abstract]  # looked for, not made
    drawing.reference = reference
    return described(drawing, reference)


def described(drawing: Drawing, what: str) -> Drawing:
    """The same drawing class, once it says its name and factors.

    Args:
        drawing: of anyone's.
        what: it is called in messages.

    Raises:
        SettingsError: when it does not.
    """
    name, factors = getattr(drawing, "name", None), getattr(drawing, "factors", None)
    if not isinstance(name, str) or not is_name(name) or name in RESERVED:
        raise SettingsError(
            f"{what} is expected to have a name of {NAME_RULE} other than {' and '.join(RESERVED)}. Received: {name!r}."
        )
    if not isinstance(factors, Factors):
        raise SettingsError(f"{what} is expected to have factors, Factors(Factor(...), ...). Received: {factors!r}.")
    return drawing


def drawing_of(text: str, root: Path | None = None) -> Drawing:
    """The class by its name, or by reference whether it is registered or not. Raises as `drawing_class` and `loaded` do."""
    return loaded(text) if ":" in text else drawing_class(text, root)


def reference_of(drawing: Drawing) -> str | None:
    """What another process can have the same class by; None where it was made in this one only."""
    return drawing.name if DRAWINGS.get(drawing.name) is drawing else drawing.reference


def register(root: Path, text: str) -> Drawing:
    """A class by its name, or by reference; one by reference is entered into the store's register under its name.

    Where the name stands for a class that can no longer be had there (its file moved), it stands for this one from now on. A file
    that an older version registered, without its SHA-256, is accepted as it is with a warning, also by its name.

    Args:
        root: folder of the store.
        text: a name, ``module:Class`` or ``path/to/file.py:Class``, whose file is accepted as it is.

    Raises:
        SettingsError: when it cannot be had, or its name is taken.
    """
    drawing = drawing_of(text, root)
    if ":" not in text:
        entry = REGISTER.entries(root).get(text)
        if entry is not None and entry.file is not None and entry.sha256 is None and entry.text == drawing.reference:
            REGISTER.enter(root, text, entry.text)
            warnings.warn(
                f"{entry.file} was registered as {text!r} by a version that did not record its SHA-256. It is accepted as it is "
                "now; from now on a change is to be accepted.",
                stacklevel=2,
            )
        return drawing
    assert drawing.reference is not None
    taken = "one of Full Circle's own" if drawing.name in DRAWINGS else _elsewhere(drawing, root)
    if taken:
        raise SettingsError(f"{text} is called {drawing.name!r}, which is {taken}. Give it another name.")
    REGISTER.enter(root, drawing.name, drawing.reference)
    return drawing


def _elsewhere(drawing: Drawing, root: Path) -> str | None:
    """Where another class of the same name still is."""
    reference = known_drawings(root).get(drawing.name)
    if reference in (None, drawing.reference):
        return None
    try:
        return drawing_class(drawing.name, root).reference
    except NotAcceptedError:  # it is there; what it is called now is not asked of code that nobody has accepted
        return reference
    except SettingsError:
        return None
