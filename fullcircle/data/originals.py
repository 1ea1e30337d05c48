"""Originals: the pictures of a source on one canvas, and what was refused, with the reason.

Belongs here: the columns of both tables and how a candidate becomes a row of one of them. A bad picture never stops the work
and never vanishes.
Does not belong here: where pictures come from (`data.sources`), how a file is opened and brought to a canvas (`images.files`).

What happens to a candidate, in this order: the rule of `images.files`, points 1 to 5; point 6, enlarging by a triangle filter
(Pillow's "bilinear"), which rings as little as the box does; point 7 where settings say so; its polarity is found and, unless
settings say otherwise, made light on dark; a picture of one plain colour is refused, and one whose pixels another had before it.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from fullcircle.core.progress import Progress, silent
from fullcircle.data.settings import OriginalsSettings
from fullcircle.data.sources.base import Candidate, Source
from fullcircle.images.arrays import Canvas, image_shape, picture_unit
from fullcircle.images.files import PictureError, border, eight_bits, few_at_a_time, fit
from fullcircle.store.columns import GROUP, ID, IMAGE, KEYPOINTS, LABEL
from fullcircle.store.objects import StoredObject
from fullcircle.store.tables import TableReader, TableWriter, tensor_array, tensor_type, with_about

ORIGINALS, REJECTED = "originals", "rejected"
"""The two tables, without their ending."""

ORIGIN, FILE, SHA256 = "origin", "source_file", "source_sha256"

POLARITY, INVERTED, REASON = "polarity", "inverted", "reason"
DARK_ON_LIGHT, LIGHT_ON_DARK = "dark on light", "light on dark"

PLAIN_LEVELS = 8
"""A picture whose grey levels all lie closer together than this shows nothing."""

BLOCK = 256
WRITER_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Original:
    """A picture on the canvas; what its columns say."""

    candidate: Candidate
    sha256: str
    image: np.ndarray
    size: tuple[int, int]
    polarity: str
    inverted: bool
    keypoints: np.ndarray | None

    @property
    def id(self) -> str:
        return picture_unit(self.image)


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A candidate that could not be had, and why."""

    candidate: Candidate
    reason: str


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many candidates became what."""

    originals: int
    rejected: int
    inverted: int


def originals_schema(source: Source, settings: OriginalsSettings) -> pa.Schema:
    """Columns of the originals.

    ``id``, the hash of the picture; ``label``, ``group``; ``origin``, ``source_file``, ``source_sha256``; its own ``width_px`` and
    ``height_px``; ``polarity`` as found and whether it was ``inverted``; ``keypoints`` of sources that know them, ``float32
    (k, 2)``, x and y in the image's pixels; ``image``.
    """
    canvas = source.canvas_for(settings)
    fields = [pa.field(name, pa.string()) for name in (ID, LABEL, GROUP, ORIGIN, FILE, SHA256)]
    fields += [pa.field("width_px", pa.int32()), pa.field("height_px", pa.int32())]
    fields += [pa.field(POLARITY, pa.string()), pa.field(INVERTED, pa.bool_())]
    if source.keypoints:
        fields.append(pa.field(KEYPOINTS, tensor_type((len(source.keypoints), 2), pa.float32())))
    fields.append(pa.field(IMAGE, tensor_type(image_shape(canvas))))
    return with_about(pa.schema(fields), _about(source, settings) | {"writer": f"fullcircle originals {WRITER_VERSION}"})


def rejected_schema(source: Source, settings: OriginalsSettings) -> pa.Schema:
    """Columns of what was refused: ``origin``, ``source_file``, ``label``, ``reason``."""
    fields = [pa.field(name, pa.string()) for name in (ORIGIN, FILE, LABEL, REASON)]
    about = {"max_rejected": settings.max_rejected, "writer": f"fullcircle rejected {WRITER_VERSION}"}
    return with_about(pa.schema(fields), _about(source, settings) | about)


def _about(source: Source, settings: OriginalsSettings) -> dict[str, Any]:
    return {
        "source": source.name,
        **source.about,
        "canvas": list(source.canvas_for(settings)),
        "polarity": settings.polarity,
        "even_light": settings.even_light,
        "keypoints": list(source.keypoints),
        "resampling": "box; triangle where enlarged; centred, filled with the border's median",
    }


def polarity_of(image: np.ndarray) -> str:
    """Whether a picture is dark on light or light on dark, by its border.

    The ground is the median grey of the border. What is darker than the ground is weighed against what is lighter, each pixel by
    how far it is from it; so a grey ground, uneven light or a little noise do not matter.

    Args:
        image: ``uint8 (height, width[, 3])``.
    """
    grey = image.astype(np.float64).mean(axis=2) if image.ndim == 3 else image.astype(np.float64)
    difference = grey - np.median(border(grey))
    darker, lighter = -difference[difference < 0].sum(), difference[difference > 0].sum()
    return DARK_ON_LIGHT if darker > lighter else LIGHT_ON_DARK


def examine(candidate: Candidate, canvas: Canvas, polarity: str, even: bool = False) -> Original | Rejected:
    """What becomes of one candidate, except that it may still be a duplicate."""
    height, width, channels = canvas
    try:
        loaded = candidate.load()
        picture = eight_bits(loaded.picture, channels)
        fitted = fit(picture, height, width, even=even, enlarge=Image.Resampling.BILINEAR)
    except PictureError as error:
        return Rejected(candidate, str(error))
    except Exception as error:  # of a source of the user's own, or a decoder: one bad picture must not end the others
        return Rejected(candidate, f"A picture is expected. Received: {type(error).__name__}: {error}.")
    image = fitted.image
    levels = int(np.ptp(image.reshape(height * width, -1), axis=0).max())
    if levels < PLAIN_LEVELS:
        return Rejected(
            candidate,
            f"A picture that shows something is expected. Received: one plain colour, within {levels + 1} levels; what is "
            "transparent is laid on white.",
        )
    found = polarity_of(image)
    decides = polarity == "border" or (polarity == "auto" and channels == 1)
    inverted = polarity == "invert" or (decides and found == DARK_ON_LIGHT)
    keypoints = None
    if loaded.keypoints is not None:
        keypoints = (np.asarray(loaded.keypoints, np.float64) + 0.5) * fitted.scale + fitted.offset - 0.5
    return Original(candidate, loaded.sha256, 255 - image if inverted else image, picture.size, found, inverted, keypoints)


def _examine_within_bounds(candidate: Candidate, canvas: Canvas, polarity: str, even: bool) -> Original | Rejected:
    with few_at_a_time():
        return examine(candidate, canvas, polarity, even)


def _examined(source: Source, settings: OriginalsSettings) -> Iterator[Original | Rejected]:
    """Every candidate in order, opened by several threads; what is open at a time does not grow with the number of either."""
    canvas = source.canvas_for(settings)
    with ThreadPoolExecutor(settings.workers) as pool:
        waiting: deque[Future[Original | Rejected]] = deque()
        for candidate in source.candidates(settings, canvas):
            waiting.append(pool.submit(_examine_within_bounds, candidate, canvas, settings.polarity, settings.even_light))
            if len(waiting) > 8 * settings.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_originals(folder: Path, source: Source, settings: OriginalsSettings, progress: Progress = silent) -> Counts:
    """Write ``originals.parquet`` and ``rejected.parquet``; memory grows by one hash for each picture.

    Raises:
        SettingsError: when the source does not take a setting.
        SourceError: when the source as a whole cannot be had.
    """
    source.check(settings)
    schemas = originals_schema(source, settings), rejected_schema(source, settings)
    kept: list[Original] = []
    first: dict[str, Candidate] = {}
    inverted = 0
    with (
        TableWriter(folder / f"{ORIGINALS}.parquet", schemas[0]) as originals,
        TableWriter(folder / f"{REJECTED}.parquet", schemas[1]) as rejected,
    ):
        for done, found in enumerate(_examined(source, settings), 1):
            if isinstance(found, Original) and (before := first.setdefault(found.id, found.candidate)) is not found.candidate:
                found = Rejected(found.candidate, _duplicate(found.candidate, before))
            if isinstance(found, Rejected):
                rejected.write(_rejected_row(found, schemas[1]))
            else:
                inverted += found.inverted
                kept.append(found)
                if len(kept) == BLOCK:
                    originals.write(_originals_rows(kept, schemas[0]))
                    kept.clear()
            if done % BLOCK == 0:
                progress.say(f"originals: {done:,} pictures looked at, {rejected.rows:,} rejected")
        if kept:
            originals.write(_originals_rows(kept, schemas[0]))
        counts = Counts(originals.rows, rejected.rows, inverted)
    progress.say(f"originals: {counts.originals:,} kept, {counts.inverted:,} of them inverted; {counts.rejected:,} rejected")
    return counts


def _duplicate(candidate: Candidate, before: Candidate) -> str:
    other = "" if candidate.label == before.label else f", which is labelled {before.label!r} and not {candidate.label!r}"
    return f"A picture that no other shows is expected. Received: pixel for pixel that of {before.origin}{other}."


def _originals_rows(rows: list[Original], schema: pa.Schema) -> pa.RecordBatch:
    columns: dict[str, pa.Array] = {
        ID: pa.array([r.id for r in rows]),
        LABEL: pa.array([r.candidate.label for r in rows]),
        GROUP: pa.array([r.candidate.group for r in rows]),
        ORIGIN: pa.array([r.candidate.origin for r in rows]),
        FILE: pa.array([r.candidate.file for r in rows]),
        SHA256: pa.array([r.sha256 for r in rows]),
        "width_px": pa.array([r.size[0] for r in rows], pa.int32()),
        "height_px": pa.array([r.size[1] for r in rows], pa.int32()),
        POLARITY: pa.array([r.polarity for r in rows]),
        INVERTED: pa.array([r.inverted for r in rows]),
        IMAGE: tensor_array(np.stack([r.image for r in rows])),
    }
    if KEYPOINTS in schema.names:
        columns[KEYPOINTS] = tensor_array(np.stack([np.asarray(r.keypoints, np.float32) for r in rows]))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _rejected_row(rejected: Rejected, schema: pa.Schema) -> pa.RecordBatch:
    c = rejected.candidate
    return pa.RecordBatch.from_pylist([{ORIGIN: c.origin, FILE: c.file, LABEL: c.label, REASON: rejected.reason}], schema)


def rejects(stored: StoredObject) -> TableReader:
    """What was refused when these originals were made."""
    return stored.table(REJECTED)


def pictures_of(originals: StoredObject, ids: Collection[str]) -> dict[str, np.ndarray]:
    """The pictures of some originals, by id; those that there are not are left out."""
    found: dict[str, np.ndarray] = {}
    for block in originals.table(ORIGINALS).blocks([ID, IMAGE]):
        rows = [i for i, name in enumerate(block[ID]) if name in ids]
        found |= {str(block[ID][i]): block[IMAGE][i].copy() for i in rows}
    return found
