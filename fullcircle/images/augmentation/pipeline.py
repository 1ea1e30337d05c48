"""A pipeline: operations in order, applied to pictures by chance.

Belongs here: drawing the chance of a block of copies, applying it, blocks in order on several processes, one copy made again.
Does not belong here: what an operation does, how maps are composed and resampled (`geometry`), files.

Copies are made in blocks of `BLOCK`, each from its own stream of chance, (seed, block): the first copies do not depend on
how many follow, nor any copy on the number of workers.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fullcircle.core.processes import in_order
from fullcircle.core.settings import SettingsError, unknown_name
from fullcircle.images.augmentation.geometry import INTERPOLATIONS, Maps, displaced, project, resized
from fullcircle.images.augmentation.operation import Bending, Colouring, Frame, Geometric, Operation
from fullcircle.images.augmentation.operations import OPERATIONS
from fullcircle.images.augmentation.records import Fired, Records

BLOCK = 1024
CHOICES = ("balanced", "random")


@dataclasses.dataclass(frozen=True)
class Copies:
    """Pictures made by a pipeline.

    Attributes:
        images: ``uint8 (n, height, width[, 3])``.
        records: how each came about; `records.originals` says from which original.
        keypoints: ``float64 (n, k, 2)``, x and y in px, where the originals' key points landed, which may be outside the frame;
            None where none were given.
        labels: the originals' labels, ``(n, ...)``; None where none were given.
    """

    images: np.ndarray
    records: Records
    keypoints: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.images)


class Pipeline:
    """Operations in order.

    All geometry of a copy is one map, and the original is resampled once through it. So what an operation moves out of the frame
    is not lost to a later one. Colours follow, in their order, in the frame of the copies.

    All copies have one size: the one that the operations leave, or, where that is a matter of chance (a crop that fires for
    half of the copies), the originals' own, to which the last map stretches them. End with `Resize` for another.

    Args:
        operations: in the order of their application.
        fill: level outside the original, 0 to 255, or "edge" to repeat its edge.
        interpolation: between pixels: "linear", "nearest" or "cubic". Where a map shrinks by more than 1.5, each pixel is the
            mean of several points (not with "nearest").

    Raises:
        SettingsError: naming the rule, what was received and the choices.

    Example:
        >>> pipeline = Pipeline([Rotate(probability=0.7, max_left_rotation=10, max_right_rotation=10), Invert(probability=0.5)])
        >>> copies = pipeline.sample(images, 1000, np.random.default_rng(1))
    """

    def __init__(self, operations: Sequence[Operation], *, fill: int | str = 0, interpolation: str = "linear") -> None:
        for operation in operations:
            if not isinstance(operation, Geometric | Bending | Colouring):
                raise SettingsError(f"A pipeline is expected to be made of operations. Received: {operation!r}.")
        if interpolation not in INTERPOLATIONS:
            raise SettingsError(unknown_name("interpolation", str(interpolation), INTERPOLATIONS))
        if fill != "edge" and not (isinstance(fill, int) and not isinstance(fill, bool) and 0 <= fill <= 255):
            raise SettingsError(f"fill is expected to be a whole number in [0, 255], or 'edge'. Received: {fill!r}.")
        self.operations = tuple(operations)
        self.fill = fill
        self.interpolation = interpolation

    def __repr__(self) -> str:
        return f"Pipeline({list(self.operations)}, fill={self.fill!r}, interpolation={self.interpolation!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((self.operations, self.fill, self.interpolation))

    @classmethod
    def from_data(
        cls, data: Sequence[Mapping[str, Mapping[str, Any]]], *, fill: int | str = 0, interpolation: str = "linear"
    ) -> Pipeline:
        """A pipeline written as ``[{"rotate": {"probability": 0.7, "max_left_rotation": 10, ...}}, ...]``.

        Raises:
            SettingsError: on an unknown operation or argument, naming the nearest, or a value that breaks its rule.
        """
        if isinstance(data, str | Mapping) or not isinstance(data, Sequence):
            raise SettingsError(f"A pipeline is expected to be a list of operations, {_FORM}. Received: {data!r}.")
        operations = []
        for item in data:
            if not isinstance(item, Mapping) or len(item) != 1:
                raise SettingsError(
                    f"An operation is expected to be written as its name and arguments, {_FORM}. Received: {item!r}."
                )
            ((name, arguments),) = item.items()
            if name not in OPERATIONS:
                raise SettingsError(unknown_name("operation", str(name), OPERATIONS))
            if not isinstance(arguments, Mapping):
                raise SettingsError(f"Arguments are expected to be given by name, {_FORM}. Received: {item!r}.")
            operations.append(OPERATIONS[name].from_arguments(arguments))
        return cls(operations, fill=fill, interpolation=interpolation)

    def as_data(self) -> list[dict[str, dict[str, Any]]]:
        """The operations as plain data, fit for JSON; `from_data` reads it."""
        return [operation.as_data() for operation in self.operations]

    def frame(self, width: int, height: int) -> Frame:
        """Width and height of the copies of originals of this size."""
        frame: Frame | None = (width, height)
        for operation in self.operations:
            if isinstance(operation, Geometric) and operation.probability > 0:
                after = operation.frame_after(frame)
                frame = after if operation.probability == 1 or after == frame else None
        return frame or (width, height)

    def sample(
        self,
        images: np.ndarray,
        n: int,
        rng: np.random.Generator,
        *,
        keypoints: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        choice: str = "balanced",
        workers: int = 1,
    ) -> Copies:
        """Make copies in memory; `stream` makes them block by block.

        Args:
            images: the originals, ``uint8 (m, height, width[, 3])``.
            n: how many copies, at least 1.
            rng: source of chance.
            keypoints: ``(m, k, 2)``, x and y of points in each original, in px; pixel centres lie at whole numbers.
            labels: ``(m, ...)``, of each original.
            choice: which originals are taken. "balanced": all in random order, then all again, so that no two differ by more
                than one copy. "random": each time any, with replacement.
            workers: processes; they change nothing but the time. More than one are started anew for the call, which takes about a
                second, and need what `multiprocessing` needs of a script: ``if __name__ == "__main__":`` around what it does.

        Raises:
            ValueError: when arrays do not fit.
            SettingsError: on an unknown choice.
        """
        seed = int(rng.integers(2**63))
        blocks = list(self.stream(images, n, seed, keypoints=keypoints, labels=labels, choice=choice, workers=workers))
        return Copies(
            np.concatenate([b.images for b in blocks]),
            Records.joined([b.records for b in blocks]),
            None if keypoints is None else np.concatenate([_given(b.keypoints) for b in blocks]),
            None if labels is None else np.concatenate([_given(b.labels) for b in blocks]),
        )

    def stream(
        self,
        images: np.ndarray,
        n: int,
        seed: int,
        *,
        keypoints: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        choice: str = "balanced",
        workers: int = 1,
    ) -> Iterator[Copies]:
        """The copies of `sample`, in blocks of `BLOCK`; memory does not grow with `n`. Arguments as there, but a seed."""
        images = _checked(images)
        if n < 1:
            raise ValueError(f"n is expected to be at least 1. Received: {n}.")
        if workers < 1:
            raise ValueError(f"workers are expected to be at least 1. Received: {workers}.")
        if choice not in CHOICES:
            raise SettingsError(unknown_name("choice", str(choice), CHOICES))
        if keypoints is not None:
            keypoints = np.asarray(keypoints, np.float64)
            if keypoints.ndim != 3 or keypoints.shape[::2] != (len(images), 2):
                raise ValueError(f"keypoints are expected as ({len(images)}, k, 2). Received: {keypoints.shape}.")
        if labels is not None and len(labels := np.asarray(labels)) != len(images):
            raise ValueError(f"{len(images)} labels are expected, one per original. Received: {len(labels)}.")
        return self._blocks(images, n, seed, keypoints, labels, choice, workers)

    def replay(self, image: np.ndarray, record: Mapping[str, Any]) -> np.ndarray:
        """One copy made again from its original and its record, equal to the byte.

        Args:
            image: the original, ``uint8 (height, width[, 3])``.
            record: as `Records.record` gives it, also from JSON.

        Returns:
            ``uint8 (height, width[, 3])``.

        Raises:
            ValueError: when the record is not of this pipeline.
        """
        entries = record["operations"]
        names = [next(iter(e)) if e else None for e in entries]
        own = [o.name for o in self.operations]
        if len(names) != len(own) or any(name not in (None, o) for name, o in zip(names, own, strict=True)):
            raise ValueError(f"A record of the operations {', '.join(own)} is expected. Received: {entries}.")
        operations = tuple(
            Fired(o, np.array([bool(e)]), {k: np.array([v]) for k, v in e[o].items()} if e else {})
            for o, e in zip(own, entries, strict=True)
        )
        image = _checked(image[None])
        return self._apply(image, Records(np.zeros(1, np.int64), operations), None)[0][0]

    def _blocks(
        self,
        images: np.ndarray,
        n: int,
        seed: int,
        keypoints: np.ndarray | None,
        labels: np.ndarray | None,
        choice: str,
        workers: int,
    ) -> Iterator[Copies]:
        for records, (copies, moved) in self._applied(images, self._drawn(images, n, seed, choice), keypoints, workers):
            yield Copies(copies, records, moved, None if labels is None else labels[records.originals])

    def _drawn(self, images: np.ndarray, n: int, seed: int, choice: str) -> Iterator[Records]:
        """The chance of every block; drawn for whole blocks, of which the last may be cut short."""
        for block in range(-(-n // BLOCK)):
            yield self._draw(images, seed, block, choice).rows(slice(n - block * BLOCK))

    def _applied(
        self, images: np.ndarray, drawn: Iterator[Records], keypoints: np.ndarray | None, workers: int
    ) -> Iterator[tuple[Records, tuple[np.ndarray, np.ndarray | None]]]:
        """What was drawn, done, block by block in order."""
        if workers == 1:
            for records in drawn:
                yield records, self._apply(images, records, keypoints)
            return
        # Processes, because threads gain nothing: OpenCV's calls are so short that they wait for the interpreter.
        waiting: deque[Records] = deque()

        def jobs() -> Iterator[_Job]:
            for records in drawn:
                waiting.append(records)
                # Each is sent the originals of its block alone.
                needed, originals = np.unique(records.originals, return_inverse=True)
                points = None if keypoints is None else keypoints[needed]
                yield _Job(self, images[needed], dataclasses.replace(records, originals=originals), points)

        for done in in_order(_apply, jobs(), workers, _begin_worker, ahead=workers):
            yield waiting.popleft(), done

    def _draw(self, images: np.ndarray, seed: int, block: int, choice: str) -> Records:
        """The chance of one whole block."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block,))))
        m, height, width = images.shape[:3]
        originals = rng.integers(0, m, BLOCK) if choice == "random" else _balanced(m, seed, block)
        frames = np.full((BLOCK, 2), (width, height))
        last = np.full((BLOCK, 2), self.frame(width, height))
        operations = []
        for operation in self.operations:
            fired = rng.random(BLOCK) < operation.probability
            drawn = operation.draw(last if isinstance(operation, Colouring) else frames, rng)
            operations.append(Fired(operation.name, fired, drawn))
            if isinstance(operation, Geometric):
                frames = np.where(fired[:, None], operation.frames_after(frames, drawn), frames)
        return Records(originals, tuple(operations))

    def _apply(
        self, images: np.ndarray, records: Records, keypoints: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """What was drawn, done: pictures, and key points if there are any."""
        n, (height, width) = len(records), images.shape[1:3]
        frames = np.full((n, 2), (width, height))
        last = self.frame(width, height)
        maps = Maps(frames)
        points = None if keypoints is None else keypoints[records.originals] + 0.5
        fills = np.full(n, -1 if self.fill == "edge" else self.fill)
        for operation, entry in zip(self.operations, records.operations, strict=True):
            rows = np.flatnonzero(entry.fired)
            if not len(rows) or isinstance(operation, Colouring):
                continue
            drawn = entry.rows(rows).drawn
            before = frames[rows]
            if isinstance(operation, Geometric):
                after = operation.frames_after(before, drawn)
                matrices = operation.matrices(before, after, drawn)
                frames[rows] = after
                maps.add(rows, matrices)
                if points is not None:
                    points[rows] = project(np.linalg.inv(matrices), points[rows])
                fillcolor = getattr(operation, "fillcolor", None)
                if fillcolor is not None:
                    fills[rows] = fillcolor
            elif isinstance(operation, Bending):
                nodes = operation.nodes(drawn)
                maps.bend(rows, nodes, before)
                if points is not None:
                    points[rows] = displaced(nodes, before, points[rows])
        after = np.full((n, 2), last)
        rows = np.flatnonzero((frames != after).any(axis=1))
        maps.add(rows, resized(frames[rows], after[rows]))
        if points is not None:
            points[rows] *= (after[rows] / frames[rows])[:, None]
            points -= 0.5
        copies = maps.warp(images, records.originals, last, fills, self.interpolation)
        for operation, entry in zip(self.operations, records.operations, strict=True):
            if isinstance(operation, Colouring) and entry.fired.any():
                if entry.fired.all():
                    copies = operation.apply(copies, entry.drawn)
                else:
                    rows = np.flatnonzero(entry.fired)
                    copies[rows] = operation.apply(copies[rows], entry.rows(rows).drawn)
        return copies, points


@dataclasses.dataclass(frozen=True)
class _Job:
    """A block for another process: what `Pipeline._apply` is given."""

    pipeline: Pipeline
    images: np.ndarray
    records: Records
    keypoints: np.ndarray | None


def _apply(job: _Job) -> tuple[np.ndarray, np.ndarray | None]:
    return job.pipeline._apply(job.images, job.records, job.keypoints)


def _begin_worker() -> None:
    """In each process: OpenCV's own threads would only compete with the other processes."""
    import cv2

    cv2.setNumThreads(1)


_FORM = '[{"rotate": {"probability": 0.7, "max_left_rotation": 10, "max_right_rotation": 10}}, ...]'


def _balanced(m: int, seed: int, block: int) -> np.ndarray:
    """The originals of a block's rows: each round takes all of them, in an order of its own."""
    first, last = block * BLOCK // m, ((block + 1) * BLOCK - 1) // m
    orders = [
        np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(r, 1)))).permutation(m)
        for r in range(first, last + 1)
    ]
    start = block * BLOCK - first * m
    return np.concatenate(orders)[start : start + BLOCK]


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.ascontiguousarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)) or not images.size:
        raise ValueError(
            "Pictures are expected as uint8 (m, height, width) or (m, height, width, 3), at least one. "
            f"Received: {images.dtype} {images.shape}."
        )
    return images


def _given(array: np.ndarray | None) -> np.ndarray:
    assert array is not None
    return array
