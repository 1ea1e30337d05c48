"""Full Circle, the library: write a class that draws, get back its inverse.

Belongs here: everything that needs no orchestrator (factors, drawings, examples, models, training, reports), and the names that
``import fullcircle as fc`` offers, each from `fullcircle.api` when it is first asked for: importing this costs next to nothing.
Does not belong here: Dagster. Imports point one way, ``pipelines -> assets -> fullcircle``; a test holds them to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullcircle.api import (
        Answer,
        Answers,
        Drawing,
        Examples,
        Factor,
        Factors,
        Reader,
        examples,
        exchange,
        load,
        read,
        table,
    )

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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fullcircle import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
