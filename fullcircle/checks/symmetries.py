"""Checks of a drawing class's symmetries: those it declares hold, and none is missing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from fullcircle.checks.check import Check
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.factors import Factor

SAME_PICTURE, OTHER_PICTURE = 0.25, 0.6
"""An exchange leaves a picture as good as it is where it changes at most this share of what one half of the exchange changes, and
plainly changes it from the second share on. The ends of a line, 0.16, and of a thin polyline, 0.48, all of it at the edges, are
rightly declared; what is no symmetry has about 1."""


def symmetries_hold(drawing: Drawing, specs: np.ndarray, images: np.ndarray) -> Check:
    """Exchanges that the class declares leave the picture as good as unchanged."""
    broken, shares = [], []
    for symmetry in drawing.symmetries:
        share = _exchanged(
            drawing, specs, images, [(drawing.factors.index(a), drawing.factors.index(b)) for a, b in symmetry.items()]
        )
        shares.append(share)
        if share >= OTHER_PICTURE:
            broken.append(f"{_exchange_words(symmetry)}: {share:.0%} of the change that one half of it makes")
    if broken:
        return Check(
            False,
            f"Exchanges that are declared as symmetries change the picture, {'; '.join(broken)}. Either order would be judged "
            "right: take them out of symmetries.",
            {"broken": len(broken)},
            warns=True,
        )
    note = f"; the most that one changes is {max(shares):.1%} of what one half of it does" if shares else ""
    return Check(True, f"Symmetries declared: {len(shares)}{note}.")


def no_symmetry_is_missing(drawing: Drawing, specs: np.ndarray, images: np.ndarray) -> Check:
    """No exchange of like factors, and no part of a turn, leaves the picture unchanged without being declared."""
    found = []
    group = {tuple(p) for p in drawing.permutations}
    for pairs in _like(drawing):
        permutation = list(range(len(drawing.factors)))
        for a, b in pairs:
            permutation[a], permutation[b] = b, a
        if tuple(permutation) not in group and _exchanged(drawing, specs, images, pairs) <= SAME_PICTURE:
            names = ", ".join(f'("{drawing.factors[a].name}", "{drawing.factors[b].name}")' for a, b in pairs)
            found.append(f"declare exchange({names})")
    for i, factor in enumerate(drawing.factors):
        if factor.periodic and (part := _part_of_a_turn(drawing, specs, images, i, factor)):
            found.append(f"let {factor.name} run over 1/{part} of its range, after which the picture is the same again")
    if found:
        return Check(
            False,
            f"Different specs draw as good as the same picture: {'; '.join(found)}. Else what is read right is judged wrong.",
            {"found": len(found)},
            warns=True,
        )
    return Check(True, "No other exchange of like factors leaves the picture as it is.")


def _exchange_words(symmetry: Mapping[str, str]) -> str:
    return " and ".join(sorted({" with ".join(sorted(pair)) for pair in symmetry.items()}))


def _mean_square(drawing: Drawing, specs: np.ndarray, images: np.ndarray) -> float:
    return float(((drawing.render(specs).astype(np.float32) - images) ** 2).mean())


def _exchanged(drawing: Drawing, specs: np.ndarray, images: np.ndarray, pairs: Sequence[tuple[int, int]]) -> float:
    """What exchanging factors changes, as a share of what is changed when only the first of each pair takes the other's value."""
    half, whole = specs.copy(), specs.copy()
    for a, b in pairs:
        if a < b:
            half[:, a] = specs[:, b]
        whole[:, [a, b]] = specs[:, [b, a]]
    one_sided = _mean_square(drawing, half, images)
    return _mean_square(drawing, whole, images) / one_sided if one_sided else 0.0


def _like(drawing: Drawing) -> list[tuple[tuple[int, int], ...]]:
    """Exchanges that may be symmetries: of two like factors, of two points, of two groups whose names differ by one word."""
    factors = drawing.factors

    def alike(pairs: Sequence[tuple[int, int]]) -> bool:
        return bool(pairs) and all(
            (f.low, f.high, f.step, f.kind, f.periodic) == (g.low, g.high, g.step, g.kind, g.periodic)
            for f, g in ((factors[a], factors[b]) for a, b in pairs)
        )

    found: list[tuple[tuple[int, int], ...]]
    found = [((a, b),) for a, b in itertools.combinations(range(len(factors)), 2) if factors[a].axis == factors[b].axis]
    found += [tuple(zip(*p, strict=True)) for p in itertools.combinations(factors.point_indices().tolist(), 2)]
    words = dict.fromkeys(word for name in factors.names for word in name.split("_"))
    for one, other in itertools.combinations(words, 2):
        renamed = {name: "_".join(other if w == one else w for w in name.split("_")) for name in factors.names}
        moved = [(a, b) for a, b in renamed.items() if a != b]
        if all(b in factors.names for _, b in moved):
            found.append(tuple((factors.index(a), factors.index(b)) for a, b in moved))
    ordered = (tuple(sorted((min(p), max(p)) for p in pairs)) for pairs in found)
    return [pairs for pairs in dict.fromkeys(ordered) if alike(pairs)]


def _part_of_a_turn(drawing: Drawing, specs: np.ndarray, images: np.ndarray, i: int, factor: Factor) -> int | None:
    """The largest number of equal parts of a periodic factor's range after each of which the picture is as good as the same."""

    def changed(steps: int) -> float:
        moved = specs.copy()
        moved[:, i] = factor.low + factor.step * ((np.round((specs[:, i] - factor.low) / factor.step) + steps) % factor.count)
        return _mean_square(drawing, moved, images)

    parts = [m for m in range(min(12, factor.count - 1), 1, -1) if factor.count % m == 0]
    for m in parts:
        between = changed(max(1, factor.count // m // 2))
        if between and changed(factor.count // m) <= SAME_PICTURE * between:
            return m
    return None
