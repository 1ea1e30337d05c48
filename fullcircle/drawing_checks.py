"""Checks of a drawing class: what must hold of it before anything is made of it, and what its pictures cannot tell.

Belongs here: each rule as a `Check`, asked of the class alone, its table of factors and its draw method, on the ends of the ranges
and on random specs. None knows a class by name. What takes longest is drawing; the number of drawings is the same on every machine.
Does not belong here: checks of stored objects (`checks`).
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from hashlib import blake2b

import numpy as np
from PIL import Image

from fullcircle.checks import Check
from fullcircle.drawings import Drawing, loaded, reference_of
from fullcircle.examples import schema
from fullcircle.factors import Factor
from fullcircle.processes import in_order
from fullcircle.report.pictures import contact_sheet
from fullcircle.settings import CircleSettings, ExamplesSettings, SettingsError

SPECS = 256
"""Random specs, and at most so many corners. What matters on 1 % of specs is missed by all of them once in 13 times, on 2 % never
to speak of (once in 176)."""

TIMED = 16
"""Drawings that are timed before any more are asked for."""

SLOWEST_MS = 20.0
"""What one drawing may take. At this rate the 20,000 examples of the smallest profile take 7 minutes on one core, and the search
for one picture, at most 3,000 drawings, a minute; a reader's evaluation has hundreds of those."""

VALUES = 257
"""Of a factor with more values so many stand for all: the nearest to the one in question, and others over the range."""

COMPARED = 65
"""Of those so many, evenly spaced, are compared by their pictures' error; all of them by equality."""

APART_SPECS, APART_ENOUGH = 12, 3
"""Specs on which a pair of factors is compared; so many that tell the two apart settle it."""

IMITATED, HARDLY = 0.8, 0.1
"""A factor imitates another where this share of that one's changes can be had by changing it (at the end of a range none can); one
that leaves less than a tenth of the changed picture's error hardly differs."""

SAME_PICTURE, OTHER_PICTURE = 0.25, 0.6
"""An exchange leaves a picture as good as it is where it changes at most this share of what one half of the exchange changes, and
plainly changes it from the second share on. The ends of a line, 0.16, and of a thin polyline, 0.48, all of it at the edges, are
rightly declared; what is no symmetry has about 1."""


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


@dataclasses.dataclass(frozen=True)
class Examination:
    """What was found of a drawing class.

    Attributes:
        checks: each rule that could be asked, by name; without the first ones the others cannot be.
        seen: of each factor what pictures tell; empty where no picture could be had.
        milliseconds: what a drawing takes, the median; None where none could be had.
    """

    checks: Mapping[str, Check]
    seen: Sequence[Seen] = ()
    milliseconds: float | None = None

    @property
    def refused(self) -> list[str]:
        """What is wrong, for rules that do not only warn."""
        return [check.says for check in self.checks.values() if not check.passed and not check.warns]


def examine(drawing: Drawing) -> Examination:
    """Apply every rule to a class; always the same specs."""
    rng = np.random.default_rng(0)
    checks = {"is_described": is_described(drawing)}
    if not checks["is_described"].passed:
        return Examination(checks)
    checks["default_models_take_it"] = default_models_take_it(drawing)
    specs = drawing.factors.sample(SPECS, rng)
    checks["draws_in_time"], milliseconds = draws_in_time(drawing, specs[:TIMED])
    if milliseconds is None or not checks["draws_in_time"].passed:
        return Examination(checks, milliseconds=milliseconds)
    checks["draws_at_the_ends"] = draws(drawing, ends(drawing, rng), "at the ends of the ranges")
    checks["draws_everywhere"] = draws(drawing, specs, "at random specs")
    if not (checks["draws_at_the_ends"].passed and checks["draws_everywhere"].passed):
        return Examination(checks, milliseconds=milliseconds)
    images = drawing.render(specs)
    checks["draws_the_same_again"] = draws_the_same_again(drawing, specs, images)
    if not checks["draws_the_same_again"].passed:
        return Examination(checks, milliseconds=milliseconds)
    seen = [_seen(drawing, i, specs, images, rng) for i in range(len(drawing.factors))]
    checks["no_factor_is_ignored"] = no_factor_is_ignored(seen)
    checks["factors_are_told_apart"] = factors_are_told_apart(
        drawing, specs[:APART_SPECS], [s.factor for s in seen if s.unseen < 1]
    )
    checks["symmetries_hold"] = symmetries_hold(drawing, specs, images)
    checks["no_symmetry_is_missing"] = no_symmetry_is_missing(drawing, specs, images)
    return Examination(checks, seen, milliseconds)


def refuse_broken(drawing: Drawing) -> None:
    """Say no to a class before anything is made of it.

    Raises:
        SettingsError: naming every rule that it breaks.
    """
    refused = examine(drawing).refused
    if refused:
        raise SettingsError(
            f"The drawing class {drawing.name!r} is refused. {' '.join(refused)} Look at it with: fullcircle check "
            f"{reference_of(drawing) or drawing.name}"
        )


def is_described(drawing: Drawing) -> Check:
    """Canvas, ground, symmetries and names are such that pictures and tables can be made."""
    name = drawing.name
    sizes = drawing.canvas
    if any(isinstance(s, bool) or not isinstance(s, int) or s < 1 for s in sizes) or drawing.channels not in (1, 3):
        return Check(
            False, f"{name}: height and width are expected in whole pixels and channels to be 1 or 3. Received: {sizes}."
        )
    unknown = [g for g in drawing.ground if g not in drawing.factors.names]
    if unknown or len(drawing.ground) not in (0, drawing.channels):
        return Check(
            False,
            f"{name}: ground is expected to name {drawing.channels} of its colour factors, one per channel, or none. Received: "
            f"{', '.join(drawing.ground)}.",
        )
    try:
        _ = drawing.permutations
    except (ValueError, KeyError) as error:
        return Check(False, f"{name}: {error.args[0]} Mend its symmetries.")
    columns = schema(drawing, ExamplesSettings()).names
    twice = sorted({c for c in columns if columns.count(c) > 1})
    if twice:
        return Check(
            False, f"{name}: two columns of its tables would be called {', '.join(twice)}. Give the factor another name."
        )
    return Check(True, f"{len(drawing.factors)} factors on a canvas of {sizes[0]} x {sizes[1]} px, {sizes[2]} channel(s).")


def default_models_take_it(drawing: Drawing) -> Check:
    """The decoder and the encoder that a run takes unless told otherwise can be built for the canvas."""
    try:
        CircleSettings().check(drawing)
    except SettingsError as error:
        return Check(False, f"{error} Or change the canvas.", warns=True)
    return Check(True, "The default decoder and encoder take the canvas.")


def draws_in_time(drawing: Drawing, specs: np.ndarray) -> tuple[Check, float | None]:
    """A drawing takes no longer than training and reading can wait for; and what it takes, in milliseconds."""
    taken: list[float] = []
    for spec in specs:
        began = time.perf_counter()
        if (wrong := _wrong(drawing, spec)) is not None:
            return Check(False, wrong), None
        taken.append(1000 * (time.perf_counter() - began))
        if sum(taken) > TIMED * SLOWEST_MS:
            break
    milliseconds = float(np.median(taken))
    figures = {"milliseconds": milliseconds}
    if milliseconds > SLOWEST_MS:
        return (
            Check(
                False,
                f"{drawing.name}.draw takes {milliseconds:.0f} ms; at most {SLOWEST_MS:g} ms are allowed, for the 20,000 examples "
                f"of profile quick would take {milliseconds * 20 / 60:.0f} minutes and a search of 3,000 drawings "
                f"{milliseconds * 3:.0f} s a picture. Draw on fewer pixels, or with fewer calls.",
                figures,
            ),
            milliseconds,
        )
    return Check(True, f"A drawing takes {milliseconds:.2g} ms; at most {SLOWEST_MS:g} are allowed.", figures), milliseconds


def ends(drawing: Drawing, rng: np.random.Generator) -> np.ndarray:
    """Corners of the space of factors: all of them, or `SPECS` of them with the two where all are low and all are high."""
    k = len(drawing.factors)
    if 2**k <= SPECS:
        high = np.array(list(itertools.product((False, True), repeat=k)))
    else:
        high = rng.integers(0, 2, (SPECS, k)).astype(bool)
        high[0], high[1] = False, True
    return np.where(high, drawing.factors.high, drawing.factors.low)


def draws(drawing: Drawing, specs: np.ndarray, where: str) -> Check:
    """The draw method raises nothing and returns the canvas, whatever its factors may be."""
    for spec in specs:
        if (wrong := _wrong(drawing, spec)) is not None:
            return Check(False, f"{wrong} Found {where}: every spec within the factors is expected to be drawn.")
    return Check(True, f"{len(specs)} pictures {where} are the canvas and raise nothing.", {"specs": len(specs)})


def _wrong(drawing: Drawing, spec: np.ndarray) -> str | None:
    """What is wrong with the picture of one spec."""
    values = drawing.spec_values(spec)
    try:
        image = np.asarray(drawing.draw(**values))
    except Exception as error:  # the user's code may raise anything
        return f"{drawing.name}.draw raises {type(error).__name__}: {error} for {values}."
    if image.shape != drawing.image_shape or image.dtype != np.uint8:
        return (
            f"{drawing.name}.draw is expected to return {drawing.image_shape} uint8. Received: {image.shape} {image.dtype} for "
            f"{values}."
        )
    return None


def draws_the_same_again(drawing: Drawing, specs: np.ndarray, images: np.ndarray) -> Check:
    """The same spec gives the same picture: a second time, after other specs, and in another process."""
    again = drawing.render(specs[::-1])[::-1]
    different = (again != images).reshape(len(images), -1).any(axis=1)
    where = "drawn a second time"
    reference = reference_of(drawing)
    if not different.any() and reference is not None:
        try:
            (digests,) = in_order(_digests_here, [specs], 1, _begin_drawing, (reference,))
        except BrokenProcessPool:
            return Check(
                False,
                f"Another process cannot load {reference}, which one that searches for pictures must. See what it says above.",
            )
        different = np.array([a != b for a, b in zip(digests, map(_digest, images), strict=True)])
        where = "drawn by another process"
    if different.any():
        return Check(
            False,
            f"{drawing.name} draws by chance: {different.sum()} of {len(specs)} pictures are not the same when {where}, that of "
            f"{drawing.spec_values(specs[different.argmax()])} for one. Whatever varies is expected to be a factor.",
            {"different": int(different.sum())},
        )
    return Check(True, f"{len(specs)} pictures are the same again, in another order{' and process' * (reference is not None)}.")


_drawing: Drawing  # where this process draws for another


def _begin_drawing(reference: str) -> None:
    global _drawing
    _drawing = loaded(reference)


def _digests_here(specs: np.ndarray) -> list[bytes]:
    return [_digest(image) for image in _drawing.render(specs)]


def _digest(image: np.ndarray) -> bytes:
    return blake2b(image.tobytes(), digest_size=16).digest()


def _seen(drawing: Drawing, i: int, specs: np.ndarray, images: np.ndarray, rng: np.random.Generator) -> Seen:
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


def factors_are_told_apart(drawing: Drawing, specs: np.ndarray, names: Sequence[str]) -> Check:
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
    told = {p: np.array(left[p]) for p in sorted(open_pairs) if len(left[p]) >= APART_ENOUGH}
    same = [p for p, r in told.items() if (r == 0).mean() >= IMITATED]
    hardly = [p for p, r in told.items() if p not in same and np.median(r) <= HARDLY]

    def say(pairs: Sequence[tuple[int, int]]) -> str:
        unordered = dict.fromkeys(tuple(sorted(p)) for p in pairs)
        return ", ".join(f"{names_of[a]} and {names_of[b]}" for a, b in unordered)

    if same:
        return Check(
            False,
            f"Factors that cannot be told apart: {say(same)}. Changing one is the same as changing the other, so no picture says "
            "which it was. Make one factor of the two.",
            {"pairs": len(same)},
        )
    if hardly:
        return Check(
            False,
            f"Factors that can hardly be told apart: {say(hardly)}. Changing the one makes up for nine tenths of changing the "
            "other; expect either to be read badly.",
            {"pairs": len(hardly)},
            warns=True,
        )
    return Check(True, f"No factor does what another does; {len(left)} ordered pairs were compared.")


def _residuals(drawing: Drawing, spec: np.ndarray, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """How little of a change of a factor another can make, 0: all of it; of the pairs on which this spec says anything."""
    base = drawing.render(spec[None])[0]
    by_factor = {i: _pictures(drawing, spec, i) for i in sorted({i for pair in pairs for i in pair})}
    none = _digest(base)
    residuals: dict[tuple[int, int], float] = {}
    small, large, digests = {}, {}, {}
    for i, (steps, pictures) in by_factor.items():
        factor = drawing.factors[i]
        now = round((spec[i] - factor.low) / factor.step)
        digests[i] = {_digest(p) for p in pictures}
        away = np.abs(steps - now)
        away = np.minimum(away, factor.count - away) if factor.periodic else away
        small[i] = {d for d in (_digest(p) for p in pictures[away == 1]) if d != none}
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
    said = f"; the most that one changes is {max(shares):.1%} of what one half of it does" if shares else ""
    return Check(True, f"Symmetries declared: {len(shares)}{said}.")


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


def sheet(drawing: Drawing, columns: int = 10) -> Image.Image:
    """Random pictures, then a row per factor from one end of its range to the other, the rest as in one picture with contrast."""
    rng = np.random.default_rng(1)
    specs = drawing.factors.sample(2 * columns, rng)
    images = drawing.render(specs)
    rows = [("random\nspecs", images[:columns]), ("", images[columns:])]
    base = specs[images.reshape(len(images), -1).astype(float).std(axis=1).argmax()]
    for i, factor in enumerate(drawing.factors):
        moved = np.tile(base, (columns, 1))
        steps = np.linspace(0, factor.count - 1, columns).round()
        moved[:, i] = factor.low + factor.step * steps
        rows.append((f"{factor.name.replace('_', chr(10))}\n{factor.low:g} to {factor.high:g}", drawing.render(moved)))
    return contact_sheet(rows, scale=max(1, 64 // max(drawing.canvas[:2])))


Says = Callable[[str], None]


def report(drawing: Drawing, found: Examination, say: Says) -> None:
    """Each rule, passed or not, and what pictures tell of each factor, as lines people read."""
    width = max(map(len, found.checks))
    for name, check in found.checks.items():
        say(f"{'passed ' if check.passed else 'warning' if check.warns else 'FAILED '}  {name:<{width}}  {check.says}")
    if not found.seen:
        return
    width = max(map(len, drawing.factors.names))
    say(f"\nOf {SPECS} random specs, on how many is the factor not seen in the picture?")
    say(f"  {'':<{width}}  one step  any change")
    for seen in found.seen:
        say(f"  {seen.factor:<{width}}  {seen.step_unseen:>8.1%}  {seen.unseen:>10.1%}  {seen.because()}".rstrip())
