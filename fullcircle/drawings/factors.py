"""Factors: what can vary in a drawing.

Belongs here: ranges, steps, units, what is geometry and what is colour, which factors make a point. This is their only
home; losses, checks, reports and the reader ask here and never by a drawing's name.
Does not belong here: how anything is drawn (`drawings`), how a spec is scaled for a network (`scaling`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

Kind = Literal["geometry", "colour", "count"]
Axis = Literal["x", "y"]
Channel = Literal["red", "green", "blue"]

CHANNELS: tuple[str, ...] = get_args(Channel)
GREY = "grey"

MOST_VALUES = 10**9
"""Of one factor. Networks compute with 24 bits, which tell 17 million values apart."""


@dataclasses.dataclass(frozen=True)
class Factor:
    """One parameter of a drawing: its range, step and unit.

    Both ends of the range are included. `point` and `axis` say that the factor is one coordinate of a named point
    (``point="start", axis="x"``), which is how endpoint errors and paired moves are derived. A `periodic` factor is an
    angle-like one: `high` is followed by `low` again. A colour of an RGB class is three factors, each with its `channel` and named
    after it, ``skin_red``; without a channel a colour factor may show in any.

    Raises:
        ValueError: when the range is empty or not finite, the step does not divide it or makes more than `MOST_VALUES` of it, or
            the description contradicts itself.
    """

    name: str
    low: float
    high: float
    step: float = 1
    unit: str = "px"
    kind: Kind = "geometry"
    point: str | None = None
    axis: Axis | None = None
    periodic: bool = False
    channel: Channel | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"A factor's name is a Python identifier. Received: {self.name!r}.")
        if self.kind not in get_args(Kind):
            raise ValueError(f"{self.name}: kind is one of {', '.join(get_args(Kind))}. Received: {self.kind!r}.")
        for what in ("low", "high", "step"):
            if not math.isfinite(value := getattr(self, what)):
                raise ValueError(f"{self.name}: {what} is expected to be a finite number. Received: {value}.")
        if not self.step > 0:
            raise ValueError(f"{self.name}: step is expected to be positive. Received: {self.step}.")
        if not self.high > self.low:
            raise ValueError(f"{self.name}: the range [{self.low:g}, {self.high:g}] is empty; high must exceed low.")
        steps = (self.high - self.low) / self.step
        if steps >= MOST_VALUES:
            raise ValueError(
                f"{self.name}: step {self.step:g} makes {steps:.3g} values of [{self.low:g}, {self.high:g}]; at most "
                f"{MOST_VALUES:,} are expected. Take a larger step: what changes no pixel cannot be read."
            )
        if abs(steps - round(steps)) > 1e-6:
            raise ValueError(f"{self.name}: step {self.step:g} does not divide [{self.low:g}, {self.high:g}] into whole steps.")
        if (self.point is None) != (self.axis is None):
            raise ValueError(f"{self.name}: point and axis are given together or not at all.")
        if self.channel is not None and (self.kind != "colour" or not self.name.endswith(f"_{self.channel}")):
            raise ValueError(f"{self.name}: a factor of the channel {self.channel} is a colour named <colour>_{self.channel}.")

    @property
    def colour(self) -> str:
        """The colour that the factor belongs to: ``skin`` of ``skin_red``, ``line`` of ``line_grey``."""
        return self.name.removesuffix(f"_{self.channel or GREY}")

    @property
    def count(self) -> int:
        """How many values the factor can take."""
        return round((self.high - self.low) / self.step) + 1

    @property
    def integral(self) -> bool:
        """Whether every value is a whole number; such factors are handed to `draw` as `int`."""
        return float(self.low).is_integer() and float(self.step).is_integer()

    @property
    def column(self) -> str:
        """Column name in Parquet: the name with its unit."""
        return f"{self.name}_{self.unit}" if self.unit else self.name


class Factors(Sequence[Factor]):
    """The ordered table of a drawing class's factors.

    A *spec* is one row of values in real units; specs are ``float64 (n, n_factors)`` in the order of this table.

    Raises:
        ValueError: when two factors share a name, or a point has not exactly one x and one y.
    """

    def __init__(self, *factors: Factor) -> None:
        self._factors = tuple(factors)
        if not factors:
            raise ValueError("A drawing has at least one factor. Received: none.")
        names = [f.name for f in factors]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"Factor names are unique. Received twice: {', '.join(twice)}.")
        for point in self.points:
            axes = sorted(str(f.axis) for f in factors if f.point == point)
            if axes != ["x", "y"]:
                raise ValueError(f"Point {point!r} needs one x factor and one y factor. Received axes: {axes}.")
        for colour, where in self.colours().items():
            channels = [factors[i].channel for i in where]
            if channels not in ([None], list(CHANNELS)):
                raise ValueError(
                    f"The colour {colour!r} needs one factor, or one each for {', '.join(CHANNELS)}. Received: {channels}."
                )

    def __getitem__(self, i: Any) -> Any:
        return self._factors[i]

    def __len__(self) -> int:
        return len(self._factors)

    def __iter__(self) -> Iterator[Factor]:
        return iter(self._factors)

    def __repr__(self) -> str:
        return f"Factors({', '.join(self.names)})"

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self._factors)

    @cached_property
    def low(self) -> np.ndarray:
        return np.array([f.low for f in self._factors], np.float64)

    @cached_property
    def high(self) -> np.ndarray:
        return np.array([f.high for f in self._factors], np.float64)

    @cached_property
    def step(self) -> np.ndarray:
        return np.array([f.step for f in self._factors], np.float64)

    @property
    def points(self) -> tuple[str, ...]:
        """Names of the points, in order of first mention."""
        return tuple(dict.fromkeys(f.point for f in self._factors if f.point is not None))

    def index(self, name: Any, *_: Any) -> int:
        """Position of the factor called `name`."""
        try:
            return self.names.index(name)
        except ValueError:
            raise KeyError(f"No factor {name!r}. There are: {', '.join(self.names)}.") from None

    def of_kind(self, *kinds: Kind) -> np.ndarray:
        """Indices of the factors of these kinds, ``int (k,)``."""
        return np.array([i for i, f in enumerate(self._factors) if f.kind in kinds], int)

    def colours(self) -> dict[str, list[int]]:
        """Where the factors of each colour stand: one index, or those of red, green and blue."""
        found: dict[str, list[int]] = {}
        for i in self.of_kind("colour").tolist():
            found.setdefault(self._factors[i].colour, []).append(i)
        return found

    def point_indices(self) -> np.ndarray:
        """Where the points' coordinates stand, ``int (n_points, 2)``: column of x, column of y."""
        return np.array(
            [
                [next(i for i, f in enumerate(self._factors) if f.point == p and f.axis == a) for a in ("x", "y")]
                for p in self.points
            ],
            int,
        ).reshape(-1, 2)

    def check(self, specs: np.ndarray) -> np.ndarray:
        """Return `specs` as ``float64 (n, n_factors)``, or say which value breaks which rule.

        Raises:
            ValueError: naming factor, range, value and row.
        """
        specs = np.asarray(specs, np.float64)
        if specs.ndim != 2 or specs.shape[1] != len(self):
            raise ValueError(
                f"Specs are expected as (n, {len(self)}), one column each for {', '.join(self.names)}. "
                f"Received shape: {specs.shape}."
            )
        with np.errstate(invalid="ignore"):
            outside = ~((specs >= self.low) & (specs <= self.high))
            steps = (specs - self.low) / self.step
            between = ~outside & (np.abs(steps - np.round(steps)) > 1e-6)
        for bad, rule in ((outside, "in [{low:g}, {high:g}]"), (between, "on a step of {step:g} from {low:g}")):
            if bad.any():
                row, column = (int(v) for v in np.argwhere(bad)[0])
                f = self._factors[column]
                expected = rule.format(low=f.low, high=f.high, step=f.step)
                raise ValueError(f"{f.name} is expected {expected} {f.unit}. Received: {specs[row, column]:g} at row {row}.")
        return specs

    def snap(self, specs: np.ndarray) -> np.ndarray:
        """The nearest valid specs: rounded to each factor's step, kept in (or, if periodic, wrapped into) its range."""
        specs = np.nan_to_num(np.asarray(specs, np.float64))
        count = np.array([f.count for f in self._factors])
        steps = np.round((specs - self.low) / self.step)
        periodic = np.array([f.periodic for f in self._factors])
        steps = np.where(periodic, np.mod(steps, count), np.clip(steps, 0, count - 1))
        return self.low + steps * self.step

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """`n` specs, every value of every factor equally likely and independent, ``float64 (n, n_factors)``."""
        columns = [f.low + f.step * rng.integers(0, f.count, n) for f in self._factors]
        return np.stack(columns, axis=1).astype(np.float64)

    def table(self) -> list[dict[str, Any]]:
        """The factors as plain data, for schema metadata and reports; a channel only where there is one."""
        return [{k: v for k, v in dataclasses.asdict(f).items() if (k, v) != ("channel", None)} for f in self._factors]


def colour_factors(name: str, channels: int, low: int = 0, high: int = 255) -> tuple[Factor, ...]:
    """A colour as factors: ``<name>_grey`` for one channel, ``<name>_red``, ``_green`` and ``_blue`` for three."""
    if channels == 1:
        return (Factor(f"{name}_{GREY}", low, high, unit="level", kind="colour"),)
    return tuple(Factor(f"{name}_{c}", low, high, unit="level", kind="colour", channel=c) for c in get_args(Channel))
