"""The search with the true draw method: from starts to the spec whose redraw is nearest to the picture."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from fullcircle.drawings import loaded
from fullcircle.drawings.base import Drawing
from fullcircle.evaluation.metrics import spec_difference, within_a_step
from fullcircle.images.noise import ROUNDING, noise_level
from fullcircle.reading.confidence import NOTHING, TEMPERATURE, block_means, explained_variance, mean_squares
from fullcircle.reading.palette import Palette
from fullcircle.reading.settings import ReaderSettings

FEW = 16  # a factor of so few values (a width) is moved together with a point's coordinate
CHUNK = 16  # candidates drawn before the search looks which is best
BLOCK = 4  # px: where something is left of a picture is looked for in squares of this side
ALONG = 10.0  # px: farthest jump of a point towards another
HOPELESS = 200  # rounds in vain that end any search: a class of few pictures never spends its budget
SAMPLED = 64  # starts without an encoder


@dataclasses.dataclass(frozen=True)
class Task:
    """Pictures to search for, `last` of their batch or not.

    `starts` are the networks', ``(n, n_starts, n_factors)``, and `more` someone else's.
    """

    images: np.ndarray
    seeds: np.ndarray
    sigmas: np.ndarray | None
    starts: np.ndarray
    more: Sequence[np.ndarray] | None
    last: bool


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found for a task: the starts in their better order, then the answer, ``specs (n, n_starts + 1, n_factors)``."""

    specs: np.ndarray
    mse: np.ndarray
    explained: np.ndarray
    near: np.ndarray
    redraws: np.ndarray
    sigmas: np.ndarray
    last: bool


class Searcher:
    """The part of a reader that needs no network: judging and searching with the true draw method.

    Args:
        drawing: the drawing class.
        settings: steps, budget.
    """

    def __init__(self, drawing: Drawing, settings: ReaderSettings) -> None:
        self.drawing, self.settings = drawing, settings
        self.palette = Palette(drawing)
        self.moves = moves(drawing, colours=not self.palette.valid)

    def search(self, task: Task) -> Found:
        """The answers to a task."""
        sigmas = np.array([noise_level(i) for i in task.images]) if task.sigmas is None else np.asarray(task.sigmas, np.float64)
        more = [np.empty((0, len(self.drawing.factors)))] * len(task.images) if task.more is None else task.more
        rows = [
            self._one(image, start, also, float(sigma), np.random.default_rng(seed))
            for image, start, also, sigma, seed in zip(task.images, task.starts, more, sigmas, task.seeds, strict=True)
        ]
        specs, mse, near, redraws = (np.array(column) for column in zip(*rows, strict=True))
        return Found(specs, mse, explained_variance(task.images, mse, sigmas), near, redraws, sigmas, task.last)

    def _one(
        self, image: np.ndarray, starts: np.ndarray, more: np.ndarray, sigma: float, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, float, int]:
        """Specs and redraw MSEs of `starts` and of the answer, to which `more` helped; how `near` it is, and its redraws."""
        drawing, n_starts = self.drawing, len(starts)
        starts = np.concatenate([starts, drawing.factors.snap(more)])
        if not len(starts):
            starts = drawing.factors.sample(SAMPLED, rng)
        orders = starts[:, drawing.permutations]
        ordered, where = np.unique(orders.reshape(-1, len(drawing.factors)), axis=0, return_inverse=True)
        near, redraws = np.nan, 0
        answers = ordered
        if "redraw" in self.settings.taken:
            search = _Search(self, image, sigma, rng)
            found = search.run(ordered)
            answers = np.concatenate([found[None], ordered])
            near, redraws = search.near(found), search.redraws
        squares = ((drawing.render(answers) - image.astype(np.float64)) ** 2).reshape(len(answers), -1)
        mse = squares.mean(axis=1) / 255**2
        alone = where.reshape(orders.shape[:2])[:n_starts] + len(answers) - len(ordered)
        chosen = [*(min(map(int, row), key=lambda i: (mse[i], i)) for row in alone), int(mse.argmin())]
        return answers[chosen], mse[chosen], near, redraws + len(answers)


_searcher: Searcher  # where this process is one of several


def begin_searching(reference: str, settings: ReaderSettings) -> None:
    global _searcher
    _searcher = Searcher(loaded(reference), settings)


def search_here(task: Task) -> Found:
    return _searcher.search(task)


def moves(drawing: Drawing, colours: bool) -> np.ndarray:
    """The steps that the search tries from where it stands, ``int (m, n_factors)``, in steps of each factor.

    Single factors by 1, 2, 3; both coordinates of a point; all points together; a coordinate with a factor of few values (a
    line's end with its width). With `colours` also single colour factors by powers of two.
    """
    factors = drawing.factors
    found: dict[tuple[int, ...], None] = {}

    def add(**by: int) -> None:
        offset = [by.get(name, 0) for name in factors.names]
        if any(offset):
            found[tuple(offset)] = None

    searched = [factors[i] for i in factors.of_kind("geometry", "count")]
    points = [[factors[i].name for i in pair] for pair in factors.point_indices()]
    few = [f for f in searched if f.point is None and f.count <= FEW]
    for size in (1, 2, 3):
        for f in searched:
            for sign in (1, -1):
                add(**{f.name: sign * size})
    around = list(itertools.product((-1, 0, 1), repeat=2))
    for x, y in points:
        for dx, dy in around:
            add(**{x: dx, y: dy})
    for dx, dy in around:
        add(**{x: dx for x, _ in points}, **{y: dy for _, y in points})
    for f, pair in itertools.product(few, points):
        for name, a, b in itertools.product(pair, (1, -1), (1, -1)):
            add(**{name: a, f.name: b})
    if colours:
        for i in factors.of_kind("colour"):
            sizes = 2 ** np.arange(int(np.log2(max(factors[i].count // 2, 1))) + 1)
            for size, sign in itertools.product(sizes.tolist(), (1, -1)):
                add(**{factors[i].name: sign * size})
    return np.array(list(found), int).reshape(-1, len(factors))


class _Search:
    """A search around some starts for one picture: downhill over `moves`, then jumps and downhill again."""

    def __init__(self, searcher: Searcher, image: np.ndarray, sigma: float, rng: np.random.Generator) -> None:
        self.factors, self.drawing, self.settings = searcher.drawing.factors, searcher.drawing, searcher.settings
        self.palette, self.moves = searcher.palette, searcher.moves
        # Sums of whole numbers are exact in float32 up to 2^24, and half the work.
        self.image = image.reshape(-1).astype(np.float32 if image.size * 255 < 2**24 else np.float64)
        self.sigma, self.rng = max(sigma, ROUNDING), rng
        self.searched = np.flatnonzero(self.moves.any(axis=0))
        self.seen: dict[bytes, tuple[np.ndarray, float]] = {}
        self.redraws = 0
        self.points = self.factors.point_indices()
        self.groups = [*self.points, *([i] for i in self.searched if i not in self.points)]

    @property
    def spent(self) -> bool:
        return self.redraws >= self.settings.redraws

    def look(self, specs: np.ndarray) -> tuple[np.ndarray, float]:
        """The best of some specs with the best colours, and its squared error; none is drawn twice, nor past the budget."""
        keys = [s.tobytes() for s in specs[:, self.searched]]
        fresh = {key: i for i, key in enumerate(keys) if key not in self.seen}
        new = list(fresh.values())[: max(self.settings.redraws - self.redraws, 0)]
        if new:
            fitted, left = self.palette.fit(specs[new], self.image)
            self.redraws += len(new)
            for i, spec, error in zip(new, fitted, left.tolist(), strict=True):
                self.seen[keys[i]] = spec, error
        return min((self.seen[k] for k in keys if k in self.seen), key=lambda s: s[1], default=(specs[0], np.inf))

    def downhill(self, spec: np.ndarray, error: float) -> tuple[np.ndarray, float]:
        """Follow `moves` until none of them helps. A move that helped is tried again first."""
        order = self.moves
        i = 0
        while i < len(order) and not self.spent:
            tried = order[i : i + CHUNK]
            found, less = self.look(self.factors.snap(spec + tried * self.factors.step))
            if less >= error:
                i += CHUNK
                continue
            step = (spec_difference(self.drawing, found, spec) / self.factors.step).round()
            spec, error = found, less
            helped = (order == step)[:, self.searched].all(axis=1)
            order = np.concatenate([order[helped], order[~helped]])
            i = 0
        return spec, error

    def run(self, starts: np.ndarray) -> np.ndarray:
        """The best spec found from all starts."""
        best, error = self.downhill(*self.look(starts))
        rest, in_vain = self.rest(best), 0
        # When stuck: what was found in its other orders, then the other starts, then jumps
        orders = self.drawing.permutations[1:]
        proposals = [*best[orders], *starts]
        while error > 0 and not self.spent and in_vain < HOPELESS:
            if in_vain >= self.settings.patience and self.is_noise(rest):
                break
            proposed = proposals.pop(0)[None] if proposals else self.jumps(best, rest)
            found, less = self.downhill(*self.look(proposed))
            in_vain += 1
            if less < error:
                best, error, rest, in_vain = found, less, self.rest(found), 0
                proposals = [*best[orders], *proposals]
        return best

    def rest(self, spec: np.ndarray) -> np.ndarray:
        """What a spec leaves of the picture, in levels, ``(height, width, channels)``."""
        self.redraws += 1
        return np.asarray((self.image - self.drawing.render(spec[None]).reshape(-1)).reshape(self.drawing.canvas), np.float64)

    def jumps(self, spec: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Random places around a spec: each point, and each factor that is none's coordinate, moves or stays.

        In every second one a point moves to where something is left: there an end is missing. In every fourth one a point moves
        towards another or away from it: a stroke too short or too long is right everywhere else.
        """
        moved = np.zeros((CHUNK, len(self.factors)), bool)
        for group in self.groups:
            moved[:, group] = self.rng.random((CHUNK, 1)) < 0.5
        reach = self.settings.jump
        by = self.rng.integers(-reach, reach, moved.shape, endpoint=True)
        jumped = spec + by * moved * self.factors.step
        half = np.arange(0, CHUNK, 2)
        blocks = block_means(rest, BLOCK)
        weights = (blocks**2).sum(axis=2).ravel() ** 2
        if len(self.points) and weights.sum() > 0:
            cells = self.rng.choice(weights.size, len(half), p=weights / weights.sum())
            corner = np.stack(np.divmod(cells, blocks.shape[1])[::-1], axis=1) * BLOCK
            to = self.points[self.rng.integers(len(self.points), size=len(half))]
            jumped[half[:, None], to] = corner + self.rng.uniform(0, BLOCK, (len(half), 2))
        if len(self.points) > 1:
            for i in range(1, CHUNK, 4):
                one, other = self.rng.permutation(len(self.points))[:2]
                apart = spec[self.points[other]] - spec[self.points[one]]
                length = max(float(np.hypot(*apart)), 1.0)
                jumped[i] = spec
                jumped[i, self.points[one]] += apart / length * self.rng.uniform(-ALONG, ALONG)
        return self.factors.snap(jumped)

    def is_noise(self, rest: np.ndarray) -> bool:
        """Whether what is left looks like noise on every scale: within three deviations of the noise level, see `mean_squares`."""
        if self.sigma <= ROUNDING:
            return False
        return all(level <= self.sigma**2 * (1 + 3 * np.sqrt(2 / n)) for n, level in mean_squares(rest))

    def near(self, best: np.ndarray) -> float:
        """Share of the weight of all alternatives that lies within one step of the best spec.

        Every spec drawn on the way is an alternative, weighed by its likelihood exp(-squared error / (2 TEMPERATURE level)), and
        so is the picture with nothing drawn, the best plain one. Level is the variance of the noise, or of what the best spec
        leaves of the picture on the scale where that is most: errors that hang together, as along an edge smoothed over, are
        worth as little as noise that would leave as much.
        """
        if len(self.moves):
            self.look(self.factors.snap(best + self.moves * self.factors.step))
        level = max(self.sigma**2, *(level for _, level in mean_squares(self.rest(best))))
        specs, errors = zip(*self.seen.values(), strict=True)
        excess = np.array(errors) - min(errors)
        weights = np.exp(-excess / (2 * TEMPERATURE * level))
        near = within_a_step(self.drawing, np.array(specs), np.broadcast_to(best, (len(specs), len(best))))
        nothing = 0.0
        if len(self.drawing.factors.of_kind("geometry", "count")):
            channels = self.image.astype(np.float64).reshape(-1, self.drawing.channels)
            plain = float(((channels - channels.mean(axis=0)) ** 2).sum()) - min(errors)
            nothing = np.exp(NOTHING - max(plain, 0) / (2 * TEMPERATURE * level))
        return float((weights * near).sum() / (weights.sum() + nothing))
