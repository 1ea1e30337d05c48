"""Reading: from a picture back to the spec that draws it.

Belongs here: the reader's three steps, the encoder's guess, the gradient through the frozen decoder, the search with the true draw
method, and what an answer holds. All of it follows from the factor table, the symmetries and the canvas.
Does not belong here: how a picture is opened (`pictures`), how an answer is printed (`cli`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fullcircle.core.processes import cores, in_order
from fullcircle.core.progress import Progress, silent
from fullcircle.drawings import reference_of
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.scaling import Scaling
from fullcircle.images.arrays import unit_images
from fullcircle.reading.confidence import calibrated
from fullcircle.reading.refine import descent
from fullcircle.reading.search import Found, Searcher, Task, begin_searching, search_here
from fullcircle.reading.settings import ReaderSettings

if TYPE_CHECKING:
    import keras

PART = 10  # pictures that a process searches for at a time
WORTH = 100  # pictures that pay for starting one more process: half a second


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
        each: the answer of each step that was taken. Of the networks that is their spec, rounded, in the order of points that fits
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
            rows = in_order(search_here, tasks, workers, begin_searching, arguments, ahead)
        else:
            rows = map(self._searcher.search, tasks)
        parts: list[Found] = []
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

    def _tasks(self, batch: Pictures) -> Iterator[Task]:
        """A batch as tasks of `PART` pictures, with what the networks say of them."""
        self._check(batch.images)
        starts = self._starts(batch.images)
        for first in range(0, len(starts), PART):
            part = slice(first, first + PART)
            sigmas = None if batch.sigmas is None else batch.sigmas[part]
            more = None if batch.starts is None else batch.starts[part]
            yield Task(batch.images[part], batch.seeds[part], sigmas, starts[part], more, first + PART >= len(starts))

    def _steps(self, parts: Sequence[Found]) -> Steps:
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
            self._compiled = descent(self.decoder, self.scaling, periodic, self.settings)
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
