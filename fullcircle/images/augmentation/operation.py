"""What an operation is: arguments with their rules, what it draws by chance, and what that does.

Belongs here: the abstract classes. An operation draws first, for all copies of a block at once, and is applied afterwards, from
what was drawn alone; so what was recorded makes the same picture again.
Does not belong here: an operation (one class each in this folder), the order in which they are applied (`pipeline`).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from fullcircle.core.settings import Settings, SettingsError, setting, unknown_name

REQUIRED: Any = dataclasses.MISSING
"""In place of a default: this argument must be given."""

Parameters = Mapping[str, np.ndarray]
"""What an operation drew: an array of one value per copy under each name."""

Frame = tuple[int, int]
"""Width and height in px."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation(Settings):
    """One step of a pipeline. Subclasses are frozen dataclasses whose fields are the arguments.

    Attributes:
        name: key in the list of operations and in pipelines as data.
        example: arguments for trying it out, all that are required but the probability; documentation and tests use them.
        probability: share of the copies that it is applied to.
    """

    name: ClassVar[str]
    example: ClassVar[Mapping[str, Any]] = {}
    probability: float = setting(REQUIRED, "share of the copies that it is applied to", low=0, high=1)

    @classmethod
    def section(cls) -> str:
        return cls.name

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Operation:
        """The operation with these arguments.

        Raises:
            SettingsError: on an unknown argument, naming the nearest, one that is missing, or a value that breaks its rule.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        for name in arguments:
            if name not in fields:
                raise SettingsError(unknown_name(f"argument of {cls.name}", str(name), fields))
        missing = [n for n, f in fields.items() if f.default is dataclasses.MISSING and n not in arguments]
        if missing:
            given = ", ".join(arguments) or "no argument"
            raise SettingsError(f"{cls.name} is expected to be given {', '.join(missing)}. Received: {given}.")
        return cls(**arguments)

    def as_data(self) -> dict[str, dict[str, Any]]:
        """``{"rotate": {"probability": 0.7, ...}}``."""
        return {self.name: self.as_dict()}

    def draw(self, frames: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The chance of a block of copies.

        Args:
            frames: ``int (n, 2)``, width and height of each copy as this operation finds it.
            rng: source of chance.

        Returns:
            Parameters by name, a value per copy each; names carry units.
        """
        return {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Geometric(Operation):
    """An operation that moves pixels by a matrix."""

    @abc.abstractmethod
    def matrices(self, frames: np.ndarray, after: np.ndarray, drawn: Parameters) -> np.ndarray:
        """The maps from the frame `after` it back to the frame before, in edge coordinates, ``float64 (n, 3, 3)``."""

    def frames_after(self, frames: np.ndarray, drawn: Parameters) -> np.ndarray:
        """Width and height of each copy after it, ``int (n, 2)``."""
        return frames

    def frame_after(self, frame: Frame | None) -> Frame | None:
        """The frame it leaves whatever is drawn, when it is given `frame`; None where that is a matter of chance or not known."""
        return frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bending(Operation):
    """An operation that moves pixels by a displacement field."""

    @abc.abstractmethod
    def nodes(self, drawn: Parameters) -> np.ndarray:
        """Displacement in px at the nodes of an even grid over the frame, none on its border, ``(n, rows, columns, 2)``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Colouring(Operation):
    """An operation that changes levels and leaves pixels where they are: after all geometry, in the frame of the copies."""

    @abc.abstractmethod
    def apply(self, images: np.ndarray, drawn: Parameters) -> np.ndarray:
        """New pictures of these, ``uint8 (n, height, width[, 3])``, from what was drawn for them."""


def check_order(operation: Operation, low: str, high: str) -> None:
    """Two arguments are a range.

    Raises:
        SettingsError: naming both.
    """
    least, most = getattr(operation, low), getattr(operation, high)
    if least > most:
        raise SettingsError(
            f"{operation.name}.{low} is expected to be at most {operation.name}.{high}. Received: {least:g} and {most:g}."
        )
