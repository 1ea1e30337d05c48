"""Records: which operations fired for which copy, and with what parameters.

Belongs here: the columns, and one sample's record as plain data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Fired:
    """One operation over a block of copies.

    Attributes:
        name: of the operation.
        fired: ``bool (n,)``, the copies that it was applied to.
        drawn: its parameters by name, ``(n,)`` each; they mean nothing where it did not fire.
    """

    name: str
    fired: np.ndarray
    drawn: Mapping[str, np.ndarray]

    def rows(self, rows: Any) -> Fired:
        """Some rows of it, by slice, mask or index."""
        return Fired(self.name, self.fired[rows], {name: values[rows] for name, values in self.drawn.items()})


@dataclasses.dataclass(frozen=True)
class Records:
    """How each copy came about.

    Attributes:
        originals: ``int64 (n,)``, the row of the original it was made from.
        operations: one entry per operation of the pipeline, in its order.
    """

    originals: np.ndarray
    operations: tuple[Fired, ...]

    def __len__(self) -> int:
        return len(self.originals)

    def rows(self, rows: Any) -> Records:
        """Some rows, by slice, mask or index."""
        return Records(self.originals[rows], tuple(f.rows(rows) for f in self.operations))

    def record(self, i: int) -> dict[str, Any]:
        """One copy's record as plain data, fit for JSON.

        Returns:
            ``{"original": 3, "operations": [{"rotate": {"left_deg": 4.2}}, None, ...]}``, one entry per operation of the
            pipeline, None where it did not fire.
        """
        return {
            "original": int(self.originals[i]),
            "operations": [
                {f.name: {name: values[i].item() for name, values in f.drawn.items()}} if f.fired[i] else None
                for f in self.operations
            ],
        }

    def columns(self) -> dict[str, np.ndarray]:
        """All of it as columns of a table, ``(n,)`` each.

        ``original``; per operation ``<name>_fired`` and its parameters, ``<name>_<parameter>``, as masked arrays that hold
        nothing where it did not fire. The second ``rotate`` of a pipeline is called ``rotate_2``.
        """
        columns: dict[str, np.ndarray] = {"original": self.originals}
        seen: dict[str, int] = {}
        for operation in self.operations:
            seen[operation.name] = seen.get(operation.name, 0) + 1
            prefix = operation.name if seen[operation.name] == 1 else f"{operation.name}_{seen[operation.name]}"
            columns[f"{prefix}_fired"] = operation.fired
            for name, values in operation.drawn.items():
                columns[f"{prefix}_{name}"] = np.ma.masked_array(values, mask=~operation.fired)
        return columns

    @classmethod
    def joined(cls, parts: Sequence[Records]) -> Records:
        """Several, one after the other."""
        operations = tuple(
            Fired(
                same[0].name,
                np.concatenate([f.fired for f in same]),
                {name: np.concatenate([f.drawn[name] for f in same]) for name in same[0].drawn},
            )
            for same in zip(*(p.operations for p in parts), strict=True)
        )
        return cls(np.concatenate([p.originals for p in parts]), operations)
