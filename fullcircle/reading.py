"""Reading: from a picture back to the spec that draws it.

Belongs here: the reader's three steps, the encoder's guess, the gradient through the frozen decoder, the search with the true draw
method, and what is said of an answer. All of it follows from the factor table, the symmetries and the canvas.
Does not belong here: how a picture comes in (`incoming`), how an answer is printed (`cli`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle.drawings import Drawing, loaded, reference_of
from fullcircle.evaluation import unit_images
from fullcircle.factors import CHANNELS
from fullcircle.metrics import spec_difference
from fullcircle.processes import cores, in_order
from fullcircle.progress import Progress, silent
from fullcircle.scaling import Scaling
from fullcircle.settings import ReaderSettings

if TYPE_CHECKING:
    import keras

__all__ = ["Pictures", "Reader", "ReaderSettings", "Reading", "Steps", "noise_level", "within_a_step"]

FEW = 16  # a factor of so few values (a width) is moved together with a point's coordinate
CHUNK = 16  # candidates drawn before the search looks which is best
BLOCK = 4  # px: where something is left of a picture is looked for in squares of this side
ROUNDING = 0.3  # levels: the standard deviation of rounding, the least noise there is
ALONG = 10.0  # px: farthest jump of a point towards another
HOPELESS = 200  # rounds in vain that end any search: a class of few pictures never spends its budget
SAMPLED = 64  # starts without an encoder
PART = 10  # pictures that a process searches for at a time
WORTH = 100  # pictures that pay for starting one more process: half a second

TEMPERATURE = 4.0  # what a squared error must grow by to count is so many times what independent noise would ask for
NOTHING = 10.0  # the picture with nothing on it weighs as much as exp(10) specs: a drawing unseen could be anywhere

# Confidence as `make bench BENCH=confidence` measures it (docs/reading.md): of pictures whose alternatives leave this share of
# the weight near the answer, so many are right; and where so much of a picture is left unexplained, this part of those.
CALIBRATION = (
    (0.0, 0.0),
    (0.015, 0.0),
    (0.229, 0.269),
    (0.372, 0.37),
    (0.526, 0.686),
    (0.672, 0.8),
    (0.798, 0.848),
    (0.908, 0.879),
    (0.97, 0.97),
    (1.0, 0.993),
)
BELIEF = ((0.0, 1.0), (0.032, 0.846), (0.056, 0.735), (0.082, 0.587), (0.188, 0.483), (0.54, 0.482), (0.818, 0.098), (1.0, 0.0))


@dataclasses.dataclass(frozen=True)
class Reading:
    """What was read from n pictures.

    Attributes:
        specs: ``float64 (n, n_factors)``, valid, in real units.
        redraw_mse: error of the redraw against the picture that was given, pixels in [0, 1], ``float64 (n,)``.
        pixel_exact: whether the redraw is that picture, ``bool (n,)``.
        confidence: probability that every geometry factor is within one step of the truth, ``float64 (n,)``, see `calibrated`;
            NaN without the redraw step, which is what finds the alternatives.
        redraws: drawings spent, ``int (n,)``.
        sigmas: the noise level that was given or estimated, in grey levels, ``float64 (n,)``.
        explained: share of the picture's variance beyond noise that the redraw explains, ``float64 (n,)``, see
            `explained_variance`. Far from 1 the picture shows something else than this drawing class.
        near: what confidence was made of beside `explained`, for who calibrates it: the share of the weight of all that was
            drawn that lies within one step of the answer, ``float64 (n,)``; NaN without the redraw step.
    """

    specs: np.ndarray
    redraw_mse: np.ndarray
    pixel_exact: np.ndarray
    confidence: np.ndarray
    redraws: np.ndarray
    sigmas: np.ndarray
    explained: np.ndarray
    near: np.ndarray


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Some pictures to read at a time.

    Attributes:
        images: ``uint8 (n, height, width[, channels])``.
        seeds: of the search's jumps, a stream of chance per picture, ``int (n,)``.
        sigmas: noise levels in grey levels, ``float (n,)``; None: estimated, see `noise_level`.
        starts: per picture specs that someone else read, ``(k, n_factors)`` with any k, to search from beside the networks'.
    """

    images: np.ndarray
    seeds: np.ndarray
    sigmas: np.ndarray | None = None
    starts: Sequence[np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Steps:
    """What was read from some pictures, step by step.

    Attributes:
        each: what each step that was taken said. Of the networks that is their spec, rounded, in the order of points that fits
            the picture better; of `redraw` the reader's answer.
        answer: the reader's answer, of all steps together.
    """

    each: Mapping[str, Reading]
    answer: Reading


class Reader:
    """Reads pictures of one drawing class.

    1. encoder: its spec, rounded. With neither network nor given starts: the best of `SAMPLED` sampled specs.
    2. gradient: Adam on the latent through the frozen decoder, errors summed over a pyramid of scales.
    3. redraw: a local search with the true draw method from the best of the starts so far, in every order that the symmetries
       allow. Colours are not searched where the class paints every pixel with one colour factor or none, see `Palette`.

    Whatever was found, the answer is what the true draw method shows to be nearest to the picture.

    Args:
        drawing: the drawing class.
        scaling: what the networks speak.
        encoder, decoder: networks; None where their step is left out.
        settings: steps, budget.

    Raises:
        ValueError: when a step lacks its network.
    """

    def __init__(
        self,
        drawing: Drawing,
        scaling: Scaling,
        encoder: keras.Model | None,
        decoder: keras.Model | None,
        settings: ReaderSettings | None = None,
    ) -> None:
        self.drawing, self.scaling, self.encoder, self.decoder = drawing, scaling, encoder, decoder
        self.settings = settings or ReaderSettings()
        for step, network, name in (("encoder", encoder, "an encoder"), ("gradient", decoder, "a decoder")):
            if step in self.settings.taken and network is None:
                raise ValueError(f"The step {step} needs {name}. Received: None. Leave the step out, or give one.")
        self._searcher = Searcher(drawing, self.settings)
        self._compiled: Callable[[Any, Any], Any] | None = None

    def read(
        self,
        images: np.ndarray,
        rng: np.random.Generator,
        sigmas: np.ndarray | None = None,
        starts: Sequence[np.ndarray] | None = None,
        progress: Progress = silent,
    ) -> Reading:
        """Read pictures.

        Args:
            images: ``uint8 (n, height, width[, channels])``.
            rng: source of chance of the search's jumps, one stream per picture: what follows a picture changes nothing.
            sigmas: noise levels in grey levels, ``(n,)``; None: estimated, see `noise_level`.
            starts: per picture specs that someone else read, ``(k, n_factors)`` with any k, to begin from beside the networks'.
            progress: where to say how far it is.

        Raises:
            ValueError: when the pictures are not of the drawing class's canvas, or there are not as many starts.
        """
        self._check(images)
        if starts is not None and len(starts) != len(images):
            raise ValueError(f"Starts are expected for each of the {len(images)} pictures. Received: {len(starts)}.")
        seeds = rng.integers(2**63, size=len(images))
        size = self.settings.batch_size
        parts = [slice(first, first + size) for first in range(0, len(images), size)]
        batches = (
            Pictures(images[p], seeds[p], None if sigmas is None else sigmas[p], None if starts is None else starts[p])
            for p in parts
        )
        found: list[Reading] = []
        for part, steps in zip(parts, self.stream(batches, len(images)), strict=True):
            found.append(steps.answer)
            progress.step("reading", min(part.stop, len(images)), len(images), "pictures")
        return _joined(found, len(self.drawing.factors))

    def stream(self, batches: Iterable[Pictures], total: int) -> Iterator[Steps]:
        """Read batch after batch, in order; no more of them are open than can be worked on.

        While this process asks the networks, others search (`ReaderSettings.workers`); what is read does not depend on their
        number. They load the drawing class by its reference; one that has none is searched for here.

        Args:
            batches: asked for one after the other. Each goes through the networks as a whole.
            total: how many pictures they hold in all, to decide how many processes pay.

        Raises:
            ValueError: when pictures are not of the drawing class's canvas.
        """
        tasks = (task for batch in batches for task in self._tasks(batch))
        workers = self.settings.workers or max(1, min(cores(), total // WORTH))
        reference = reference_of(self.drawing)
        if workers > 1 and reference is not None:
            ahead = 2 * -(-self.settings.batch_size // PART)  # two batches, while the networks have the next
            arguments = (reference, self.settings)
            rows = in_order(_search_here, tasks, workers, _begin_searching, arguments, ahead)
        else:
            rows = map(self._searcher.search, tasks)
        parts: list[_Found] = []
        for found in rows:
            parts.append(found)
            if found.last:
                yield self._steps(parts)
                parts = []

    def _check(self, images: np.ndarray) -> None:
        shape = self.drawing.image_shape
        if images.shape[1:] != shape or images.dtype != np.uint8:
            raise ValueError(
                f"Pictures are expected as (n, {', '.join(map(str, shape))}) uint8. Received: {images.shape} {images.dtype}."
            )

    def _tasks(self, batch: Pictures) -> Iterator[_Task]:
        """A batch as tasks of `PART` pictures, with what the networks say of them."""
        self._check(batch.images)
        starts = self._starts(batch.images)
        for first in range(0, len(starts), PART):
            part = slice(first, first + PART)
            sigmas = None if batch.sigmas is None else batch.sigmas[part]
            more = None if batch.starts is None else batch.starts[part]
            yield _Task(batch.images[part], batch.seeds[part], sigmas, starts[part], more, first + PART >= len(starts))

    def _steps(self, parts: Sequence[_Found]) -> Steps:
        specs, mse, explained, near, redraws, sigmas = (
            np.concatenate([getattr(p, name) for p in parts])
            for name in ("specs", "mse", "explained", "near", "redraws", "sigmas")
        )
        orders = np.full(len(specs), len(self.drawing.permutations))
        unknown = np.full(len(specs), np.nan)

        def reading(i: int, near: np.ndarray, redraws: np.ndarray) -> Reading:
            sure = calibrated(near, explained[:, i])
            return Reading(specs[:, i], mse[:, i], mse[:, i] == 0, sure, redraws, sigmas, explained[:, i], near)

        answer = reading(-1, near, redraws)
        each = {step: answer if step == "redraw" else reading(i, unknown, orders) for i, step in enumerate(self.settings.taken)}
        return Steps(each, answer)

    def _starts(self, images: np.ndarray) -> np.ndarray:
        """What the networks say, valid specs ``(n, n_starts, n_factors)``; no starts where none was asked."""
        taken, n = self.settings.taken, len(images)
        latents = []
        if "encoder" in taken and self.encoder is not None:
            latents.append(np.asarray(self.encoder.predict_on_batch(unit_images(images))))
        if "gradient" in taken:
            begin = latents[0] if latents else np.tile(self.scaling.low + self.scaling.high, (n, 1)) / 2
            latents.append(self._descend(begin.astype(np.float32), unit_images(images)))
        if not latents:
            return np.empty((n, 0, len(self.drawing.factors)))
        return self.drawing.factors.snap(self.scaling.from_latent(np.stack(latents, axis=1)))

    def _descend(self, latents: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Latents after some steps of Adam, ``float32 (n, n_factors)``."""
        if self._compiled is None:
            periodic = np.array([f.periodic for f in self.drawing.factors])
            self._compiled = _descent(self.decoder, self.scaling, periodic, self.settings)
        n = len(images)
        # Few shapes, few compilations: batches are filled up to a power of two.
        size = max(n, min(1 << (n - 1).bit_length(), self.settings.batch_size))
        filled = [np.concatenate([a, np.repeat(a[:1], size - n, axis=0)]) for a in (latents, images)]
        return np.asarray(self._compiled(*filled))[:n]


def _joined(readings: Sequence[Reading], n_factors: int) -> Reading:
    number = np.empty(0)
    none = Reading(np.empty((0, n_factors)), number, number.astype(bool), number, number.astype(int), number, number, number)
    names = [f.name for f in dataclasses.fields(Reading)]
    return Reading(*(np.concatenate([getattr(r, name) for r in (none, *readings)]) for name in names))


@dataclasses.dataclass(frozen=True)
class _Task:
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
class _Found:
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

    def search(self, task: _Task) -> _Found:
        """The answers to a task."""
        sigmas = np.array([noise_level(i) for i in task.images]) if task.sigmas is None else np.asarray(task.sigmas, np.float64)
        more = [np.empty((0, len(self.drawing.factors)))] * len(task.images) if task.more is None else task.more
        rows = [
            self._one(image, start, also, float(sigma), np.random.default_rng(seed))
            for image, start, also, sigma, seed in zip(task.images, task.starts, more, sigmas, task.seeds, strict=True)
        ]
        specs, mse, near, redraws = (np.array(column) for column in zip(*rows, strict=True))
        return _Found(specs, mse, explained_variance(task.images, mse, sigmas), near, redraws, sigmas, task.last)

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


def _begin_searching(reference: str, settings: ReaderSettings) -> None:
    global _searcher
    _searcher = Searcher(loaded(reference), settings)


def _search_here(task: _Task) -> _Found:
    return _searcher.search(task)


class Palette:
    """Which pixels each colour factor paints, found out by drawing, so that colours are fitted instead of searched.

    A geometry is drawn once with a level of its own for every colour factor, the labels. Where a label shows, its factor
    paints; the colour with the least squared error there is the mean, rounded to the factor's step, which on a clean picture
    is the colour itself. Anything else in the drawing is taken as fixed. A factor that names its channel is looked for in no
    other: a third of the work, and what has its label's level elsewhere does not matter.

    That holds for classes that lay on colours as they are. Whether this is one is tried, not believed: `TRIED` specs are
    drawn, in label colours and in their own, and `valid` is False unless the first predict the second to the pixel (a blend
    or an edge smoothed over shows levels in between, and fails).
    """

    TRIED = 32

    def __init__(self, drawing: Drawing) -> None:
        self.drawing = drawing
        self.colours = drawing.factors.of_kind("colour")
        self.low, self.high, self.step = (
            v[self.colours] for v in (drawing.factors.low, drawing.factors.high, drawing.factors.step)
        )
        count = np.array([drawing.factors[i].count for i in self.colours])
        channels = [drawing.factors[i].channel for i in self.colours]
        # Where in a flattened picture each factor may show
        self.places = [slice(None) if c is None else slice(CHANNELS.index(c), None, drawing.channels) for c in channels]
        rng = np.random.default_rng(0)  # what is tried decides how, never what, is answered
        specs = drawing.factors.sample(self.TRIED, rng)
        truth = drawing.render(specs).reshape(len(specs), -1)
        k = len(self.colours)
        # In a second and third try the labels move, should one of them be a level that the class uses anyway.
        for share in (0.5, 0.37, 0.63):
            self.labels = self.low + self.step * np.floor(count * (np.arange(k) + share) / max(k, 1))
            levels = np.rint(self.labels)
            if len(set(levels)) < k or not np.array_equal(levels, self.labels):
                continue
            drawn = self.draw(specs)
            mixed = drawn.copy()
            for j, place in enumerate(self.places):
                own = specs[:, self.colours[j], None]
                mixed[:, place] = np.where(drawn[:, place] == levels[j], own, mixed[:, place])
            self.valid = bool(np.array_equal(mixed, truth))
            if self.valid:
                return
        self.valid = False

    def draw(self, specs: np.ndarray) -> np.ndarray:
        """Drawings in label colours, ``uint8 (n, pixels * channels)``."""
        labelled = specs.copy()
        labelled[:, self.colours] = self.labels
        return self.drawing.render(labelled).reshape(len(specs), -1)

    def fit(self, specs: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`specs` with the best colours for a picture, and the squared error left, in levels.

        Args:
            specs: ``(n, n_factors)``, whose colours count only where nothing is painted with them, or for a class that is not
                `valid`.
            image: ``float (pixels * channels,)`` in levels.
        """
        if not self.valid:
            drawn = self.drawing.render(specs).reshape(len(specs), -1)
            return specs, ((drawn - image) ** 2).sum(axis=1, dtype=np.float64)
        drawn = self.draw(specs)
        fitted = specs.copy()
        # (image - c)^2 summed over the pixels that a colour paints is the sum of image^2 there, - 2 c sum of image + n c^2.
        left = np.full(len(specs), (image.astype(np.float64) ** 2).sum())
        columns = np.stack([np.ones_like(image), image], axis=1)
        fixed = np.ones_like(drawn, dtype=bool)
        every = zip(self.labels, self.low, self.high, self.step, self.places, strict=True)
        for j, (label, low, high, step, place) in enumerate(every):
            painted = drawn[:, place] == label
            n, total = (painted.astype(image.dtype) @ columns[place]).T.astype(np.float64)
            mean = np.where(n > 0, total / np.maximum(n, 1), specs[:, self.colours[j]])
            colour = np.clip(low + step * np.rint((mean - low) / step), low, high)
            fitted[:, self.colours[j]] = colour
            left += n * colour**2 - 2 * colour * total
            fixed[:, place] &= ~painted
        if fixed.any():
            level = fixed * drawn.astype(np.float64)
            left += (level * (level - 2 * image)).sum(axis=1)
        return fitted, left


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
        blocks = _block_means(rest, BLOCK)
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
        """Whether what is left looks like noise on every scale: within three deviations of the noise level, see `_levels`."""
        if self.sigma <= ROUNDING:
            return False
        return all(level <= self.sigma**2 * (1 + 3 * np.sqrt(2 / n)) for n, level in _levels(rest))

    def near(self, best: np.ndarray) -> float:
        """Share of the weight of all alternatives that lies within one step of the best spec.

        Every spec drawn on the way is an alternative, weighed by its likelihood exp(-squared error / (2 TEMPERATURE level)), and
        so is the picture with nothing drawn, the best plain one. Level is the variance of the noise, or of what the best spec
        leaves of the picture on the scale where that is most: errors that hang together, as along an edge smoothed over, are
        worth as little as noise that would leave as much.
        """
        if len(self.moves):
            self.look(self.factors.snap(best + self.moves * self.factors.step))
        level = max(self.sigma**2, *(level for _, level in _levels(self.rest(best))))
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


def _levels(rest: np.ndarray) -> list[tuple[int, float]]:
    """How many numbers, and their mean square, of block means on four scales, scaled so that noise of variance v gives v on each.

    A stroke drawn a little off leaves little in single pixels but the same sign over many, which shows in the blocks.
    """
    scales = [(size, _block_means(rest, size)) for size in (1, 2, 4, 8) if size <= min(rest.shape[:2])]
    return [(means.size, float((means**2).mean()) * size**2) for size, means in scales]


def explained_variance(images: np.ndarray, redraw_mse: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Share of each picture's variance beyond noise that its redraws explain, ``float64 (n, k)`` in [0, 1].

    1 where no more is left than noise leaves, within three deviations: a picture of noise alone is explained.

    Args:
        images: ``uint8 (n, height, width[, channels])``.
        redraw_mse: of k redraws of each, pixels in [0, 1], ``(n, k)``.
        sigmas: noise levels in grey levels, ``(n,)``.
    """
    channels = images.reshape(len(images), images.shape[1] * images.shape[2], -1).astype(np.float64)
    variance = channels.var(axis=1).mean(axis=1)
    noise = np.maximum(sigmas, ROUNDING) ** 2
    left = redraw_mse * 255**2 - (noise * (1 + 3 * np.sqrt(2 / np.prod(images.shape[1:]))))[:, None]
    there = np.maximum((variance - noise)[:, None], ROUNDING**2)
    return np.asarray(1 - np.clip(left / there, 0, 1))


def calibrated(near: np.ndarray, explained: np.ndarray) -> np.ndarray:
    """Confidence: how often answers with so much weight near them, and so much explained, were right.

    A product of two tables, `CALIBRATION` for pictures of the class, `BELIEF` for what is left of others.

    Args:
        near: see `_Search.near`, ``(n,)``.
        explained: see `explained_variance`, ``(n,)``.
    """
    return np.asarray(np.interp(near, *np.transpose(CALIBRATION)) * np.interp(1 - explained, *np.transpose(BELIEF)))


def _block_means(rest: np.ndarray, size: int) -> np.ndarray:
    """Means over squares of `size` px, ``(height // size, width // size, channels)``; what is over at the edge is left out."""
    h, w = rest.shape[0] // size, rest.shape[1] // size
    return np.asarray(rest[: h * size, : w * size].reshape(h, size, w, size, -1).mean(axis=(1, 3)))


def _descent(decoder: Any, scaling: Scaling, periodic: np.ndarray, settings: ReaderSettings) -> Callable[[Any, Any], Any]:
    """Adam on latents through a frozen decoder, compiled; each picture by its own gradient, the rate falling as a cosine."""
    import tensorflow as tf

    from fullcircle.losses import Pyramid

    loss = Pyramid(settings.levels)
    # A periodic factor may pass its seam; `Factors.snap` brings it back.
    low, high = (tf.constant(np.where(periodic, np.sign(v) * np.inf, v), tf.float32) for v in (scaling.low, scaling.high))
    total = settings.gradient_steps

    def descend(latents: Any, images: Any) -> Any:
        first, second = tf.zeros_like(latents), tf.zeros_like(latents)
        for t in tf.range(total):
            with tf.GradientTape() as tape:
                tape.watch(latents)
                error = tf.reduce_sum(loss.call(images, decoder(latents, training=False)))
            gradient = tape.gradient(error, latents)
            now = tf.cast(t, tf.float32)
            rate = settings.learning_rate * 0.5 * (1 + tf.cos(np.pi * now / total))
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            step = first / (1 - 0.9 ** (now + 1)) / (tf.sqrt(second / (1 - 0.999 ** (now + 1))) + 1e-8)
            latents = tf.clip_by_value(latents - rate * step, low, high)
        return latents

    compiled: Callable[[Any, Any], Any] = tf.function(descend)
    return compiled


def noise_level(image: np.ndarray) -> float:
    """Standard deviation of the noise in a picture, in grey levels, from the picture alone; 0 for a clean one.

    From differences of 2 x 2 neighbours, (a - b - c + d) / 2, in which plain areas and slopes cancel. Edges remain; they are
    left out as what lies beyond three deviations, again until nothing changes.
    """
    levels = image.astype(np.float64)
    d = ((levels[:-1, :-1] - levels[1:, :-1] - levels[:-1, 1:] + levels[1:, 1:]) / 2).ravel()
    sigma = np.median(np.abs(d)) / 0.6745
    for _ in range(10):
        inside = np.abs(d) <= 3 * max(sigma, ROUNDING)
        # Cutting at three deviations takes away 1.3 % of the deviation.
        sigma, before = np.sqrt((d[inside] ** 2).mean()) / 0.987, sigma
        if sigma == before:
            break
    return float(sigma)


def within_a_step(drawing: Drawing, read: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Whether every geometry factor is at most one step off, in some order that the symmetries allow, ``bool (n,)``."""
    geometry = drawing.factors.of_kind("geometry", "count")
    off = np.abs(spec_difference(drawing, read[:, drawing.permutations], true[:, None, :]))[..., geometry]
    return np.asarray((off <= drawing.factors.step[geometry] * (1 + 1e-9)).all(axis=-1).any(axis=-1))
