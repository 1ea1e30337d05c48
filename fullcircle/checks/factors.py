"""Checks of a drawing class's factors: can each be seen, can any two be distinguished?"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from fullcircle.checks.check import Check
from fullcircle.checks.drawing import SPECS, picture_digest
from fullcircle.drawings.base import Drawing

COMPARED = 65
"""Of those so many, evenly spaced, are compared by their pictures' error; all of them by equality."""

APART_SPECS, APART_ENOUGH = 12, 3
"""Specs on which a pair of factors is compared; so many that tell the two apart settle it."""

IMITATED, HARDLY = 0.8, 0.1
"""A factor imitates another where this share of that one's changes can be had by changing it (at the end of a range none can); one
that leaves less than a tenth of the changed picture's error hardly differs."""

VALUES = 257
"""Of a factor with more values so many stand for all: the nearest to the one in question, and others over the range."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What random pictures tell of a factor.

    Attributes:
        factor: its name.
        step_unseen: share of specs on which one step of it changes no pixel.
        unseen: share of specs on which another value of it, any, changes no pixel.
        blank: share of specs on which it is unseen because the whole picture is one plain colour.
        whenever: values of other factors with which it was never seen, ``"filled = 1"``.
    """

    factor: str
    step_unseen: float
    unseen: float
    blank: float
    whenever: tuple[str, ...]

    def because(self) -> str:
        """Why it is not always seen, in words."""
        reasons = [f"never seen with {w}" for w in self.whenever]
        if self.blank:
            reasons.append(f"nothing differs from the ground on {self.blank:.1%} of specs")
        if self.step_unseen > self.unseen + 0.02:
            reasons.append("a step may be too small to change a pixel")
        return "; ".join(reasons)


def seen_of(drawing: Drawing, i: int, specs: np.ndarray, images: np.ndarray, rng: np.random.Generator) -> Seen:
    factor = drawing.factors[i]
    steps = np.round((specs[:, i] - factor.low) / factor.step).astype(int)
    by_one = steps + rng.choice((-1, 1), len(steps))
    by_one = (
        by_one % factor.count
        if factor.periodic
        else np.where(by_one < 0, 1, np.where(by_one < factor.count, by_one, steps - 1))
    )
    by_any = (steps + rng.integers(1, factor.count, len(steps))) % factor.count
    one, any_ = (_changed(drawing, specs, images, i, factor.low + factor.step * to) for to in (by_one, by_any))
    plain = images.reshape(len(images), -1, drawing.channels)
    blank = ~any_ & (plain == plain[:, :1]).all(axis=(1, 2))
    whenever = []
    for j, other in enumerate(drawing.factors):
        if j != i and other.count <= 16 and any_.any():
            for value in np.unique(specs[:, j]):
                rows = specs[:, j] == value
                if rows.sum() >= 5 and not any_[rows].any():
                    whenever.append(f"{other.name} = {value:g}")
    return Seen(factor.name, float((~one).mean()), float((~(any_ | one)).mean()), float(blank.mean()), tuple(whenever))


def _changed(drawing: Drawing, specs: np.ndarray, images: np.ndarray, i: int, values: np.ndarray) -> np.ndarray:
    """Whether any pixel differs with another value of the factor, ``bool (n,)``."""
    moved = specs.copy()
    moved[:, i] = values
    return np.asarray((drawing.render(moved) != images).reshape(len(images), -1).any(axis=1))


def no_factor_is_ignored(seen: Sequence[Seen]) -> Check:
    """Every factor changes some picture."""
    ignored = [s.factor for s in seen if s.unseen == 1]
    if ignored:
        return Check(
            False,
            f"No pixel of {SPECS} pictures changes with {' or '.join(ignored)}, by one step or by any. Nothing can be read that is "
            "not drawn: draw it, or take it out of the factors.",
            {"ignored": len(ignored)},
        )
    return Check(True, f"Each of the {len(seen)} factors changes pictures.")


def factors_are_distinguishable(drawing: Drawing, specs: np.ndarray, names: Sequence[str]) -> Check:
    """No factor does what another does: where one changes the picture, no value of the other gives that picture.

    For each spec, the pictures with one factor changed by a step, up and down, are looked for among those with the other at any
    value. Where that is so on nearly every spec, the two are one; where the nearest of them leaves next to nothing of the change,
    they hardly differ, of which this warns.
    """
    names_of = {drawing.factors.index(name): name for name in names}
    left: dict[tuple[int, int], list[float]] = {pair: [] for pair in itertools.permutations(names_of, 2)}
    open_pairs = set(left)
    for spec in specs:
        if not open_pairs:
            break
        for pair, residual in _residuals(drawing, spec, open_pairs).items():
            left[pair].append(residual)
        open_pairs = {p for p in open_pairs if sum(r > HARDLY for r in left[p]) < APART_ENOUGH}
    compared = {p: np.array(left[p]) for p in sorted(open_pairs) if len(left[p]) >= APART_ENOUGH}
    same = [p for p, r in compared.items() if (r == 0).mean() >= IMITATED]
    hardly = [p for p, r in compared.items() if p not in same and np.median(r) <= HARDLY]

    def say(pairs: Sequence[tuple[int, int]]) -> str:
        unordered = dict.fromkeys(tuple(sorted(p)) for p in pairs)
        return ", ".join(f"{names_of[a]} and {names_of[b]}" for a, b in unordered)

    if same:
        return Check(
            False,
            f"Factors that cannot be distinguished: {say(same)}. Changing one is the same as changing the other, so no picture "
            "shows which it was. Make one factor of the two.",
            {"pairs": len(same)},
        )
    if hardly:
        return Check(
            False,
            f"Factors that can hardly be distinguished: {say(hardly)}. Changing the one makes up for nine tenths of changing the "
            "other; expect either to be read badly.",
            {"pairs": len(hardly)},
            warns=True,
        )
    return Check(True, f"No factor does what another does; {len(left)} ordered pairs were compared.")


def _residuals(drawing: Drawing, spec: np.ndarray, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """How little of a change of a factor another can make, 0: all of it; of the pairs on which this spec says anything."""
    base = drawing.render(spec[None])[0]
    by_factor = {i: _pictures(drawing, spec, i) for i in sorted({i for pair in pairs for i in pair})}
    none = picture_digest(base)
    residuals: dict[tuple[int, int], float] = {}
    small, large, digests = {}, {}, {}
    for i, (steps, pictures) in by_factor.items():
        factor = drawing.factors[i]
        now = round((spec[i] - factor.low) / factor.step)
        digests[i] = {picture_digest(p) for p in pictures}
        away = np.abs(steps - now)
        away = np.minimum(away, factor.count - away) if factor.periodic else away
        small[i] = {d for d in (picture_digest(p) for p in pictures[away == 1]) if d != none}
        eighth = np.abs(away - max(1, factor.count // 8))
        moved = (pictures[eighth == eighth.min()].astype(np.float32) - base).reshape(-1, base.size)
        large[i] = moved[(moved != 0).any(axis=1)]
    for b, (_, pictures) in by_factor.items():
        changes = [a for a in by_factor if (a, b) in pairs and small[a]]
        residuals |= {(a, b): 0.0 for a in changes if small[a] & digests[b]}
        rest = [a for a in changes if (a, b) not in residuals and len(large[a])]
        if not rest:
            continue
        had = (pictures[:: -(-len(pictures) // COMPARED)].astype(np.float32) - base).reshape(-1, base.size)
        moved = np.concatenate([large[a] for a in rest])
        own = (moved**2).sum(axis=1)
        shares = ((own[:, None] + (had**2).sum(axis=1) - 2 * moved @ had.T).min(axis=1)) / own
        first = np.cumsum([0, *(len(large[a]) for a in rest)])
        # What is not the very same picture is never nothing, whatever the rounding of float32 says.
        residuals |= {(a, b): max(float(shares[i:j].min()), 1e-6) for a, i, j in zip(rest, first, first[1:], strict=False)}
    return residuals


def _pictures(drawing: Drawing, spec: np.ndarray, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of one factor, as numbers of steps, and the pictures with them."""
    factor = drawing.factors[i]
    steps = np.arange(factor.count)
    if factor.count > VALUES:
        now = round((spec[i] - factor.low) / factor.step)
        near = np.argsort(np.abs(steps - now), kind="stable")[: VALUES // 2]
        steps = np.unique([*near, *np.linspace(0, factor.count - 1, VALUES - len(near)).round().astype(int)])
    moved = np.tile(spec, (len(steps), 1))
    moved[:, i] = factor.low + factor.step * steps
    return steps, drawing.render(moved)
