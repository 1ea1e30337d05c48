"""The library from Python: what ``import fullcircle as fc`` offers, and nothing that is not offered there.

Belongs here: taking what a user has (a path, an array, a class) to the functions that the command ``fullcircle`` calls too, and
showing what comes back in a notebook.
Does not belong here: how anything is read, drawn or stored; that is in the rooms below.
"""

from __future__ import annotations

from fullcircle.api.answer import Answer, Answers
from fullcircle.api.examples import Examples, examples
from fullcircle.api.reader import Reader, read
from fullcircle.api.stored import load, table
from fullcircle.drawings import Drawing, Factor, Factors, exchange

__all__ = [
    "Answer",
    "Answers",
    "Drawing",
    "Examples",
    "Factor",
    "Factors",
    "Reader",
    "examples",
    "exchange",
    "load",
    "read",
    "table",
]
