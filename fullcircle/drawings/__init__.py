"""The drawing classes there are. A new one is a file here and a line in `DRAWINGS`.

The list is also the partition set of the assets and the parameter list of the contract tests.
"""

from __future__ import annotations

from fullcircle.drawings.arc import Arc
from fullcircle.drawings.base import Drawing, exchange
from fullcircle.drawings.ellipse import Ellipse
from fullcircle.drawings.face import Face
from fullcircle.drawings.line import Line
from fullcircle.drawings.polyline import Polyline
from fullcircle.drawings.rectangle import Rectangle
from fullcircle.drawings.triangle import Triangle

__all__ = ["DRAWINGS", "Drawing", "drawing_class", "exchange"]

DRAWINGS: dict[str, Drawing] = {d.name: d for d in (Line(), Arc(), Rectangle(), Ellipse(), Triangle(), Polyline(), Face())}


def drawing_class(name: str) -> Drawing:
    """The drawing class called `name`.

    Raises:
        ValueError: naming the classes there are.
    """
    if name not in DRAWINGS:
        raise ValueError(f"Unknown drawing class {name!r}. Choose from: {', '.join(DRAWINGS)}.")
    return DRAWINGS[name]
