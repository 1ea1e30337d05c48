"""Augmented: many pictures from a few originals, as a table that says how each came about.

Belongs here: the columns, and writing them as a pipeline makes them.
Does not belong here: what operations do and how chance is drawn (`images.augmentation`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fullcircle.core.processes import cores
from fullcircle.core.progress import Progress, silent
from fullcircle.data.settings import AugmentedSettings
from fullcircle.images.augmentation import Copies, Pipeline
from fullcircle.store.columns import GROUP, ID, IMAGE, KEYPOINTS, LABEL, OPERATIONS, ORIGINAL
from fullcircle.store.tables import TableReader, TableWriter, tensor_array, tensor_type, with_about

AUGMENTED = "augmented"
"""The table, without its ending."""
WRITER_VERSION = 1

WORTH = 20_000
"""Copies for which a process more is worth its start: it takes a second, and 20,000 copies of 64 x 64 take one and a half."""


def augmented_schema(originals: TableReader, settings: AugmentedSettings) -> pa.Schema:
    """Columns of the copies.

    ``id``; ``original``, the id of the picture that it is a copy of, and that one's ``label`` and ``group``; ``operations``, JSON,
    one entry per operation of the pipeline in its order, ``{"rotate": {"left_deg": 4.2}}`` or null where it did not fire;
    ``keypoints`` where the originals have them, moved with the picture; ``image``.
    """
    pipeline, (height, width, *colour) = _pipeline(originals, settings), _shape(originals)
    width, height = pipeline.frame(width, height)
    fields = [pa.field(name, pa.string()) for name in (ID, ORIGINAL, LABEL, GROUP, OPERATIONS)]
    if KEYPOINTS in originals.schema.names:
        fields.append(pa.field(KEYPOINTS, originals.schema.field(KEYPOINTS).type))
    fields.append(pa.field(IMAGE, tensor_type((height, width, *colour))))
    about = {
        "source": originals.about["source"],
        "canvas": [height, width, colour[0] if colour else 1],
        "keypoints": originals.about["keypoints"],
        "pipeline": pipeline.as_data(),
        "fill": pipeline.fill,
        "interpolation": pipeline.interpolation,
        "choice": settings.choice,
        "seed": settings.seed,
        "writer": f"fullcircle augmented {WRITER_VERSION}",
    }
    return with_about(pa.schema(fields), about)


def pipeline_of(about: dict[str, Any]) -> Pipeline:
    """The pipeline that made a table, from what the table says of itself."""
    return Pipeline.from_data(about["pipeline"], fill=about["fill"], interpolation=about["interpolation"])


def _shape(originals: TableReader) -> tuple[int, ...]:
    return tuple(originals.schema.field(IMAGE).type.shape)


def _pipeline(originals: TableReader, settings: AugmentedSettings) -> Pipeline:
    return settings.made(originals.about["canvas"][2])


def write_augmented(path: Path, originals: TableReader, settings: AugmentedSettings, progress: Progress = silent) -> int:
    """Make the copies and write them as one Parquet file; memory does not grow with `settings.n`, nor by the originals' pictures.

    Raises:
        ValueError: when there is no original.
    """
    schema = augmented_schema(originals, settings)
    with TableWriter(path, schema) as writer:
        for batch in make_augmented(originals, settings, schema, path.parent):
            writer.write(batch)
            progress.step(AUGMENTED, writer.rows, settings.n, "copies")
    return writer.rows


def make_augmented(
    originals: TableReader, settings: AugmentedSettings, schema: pa.Schema, folder: Path
) -> Iterator[pa.RecordBatch]:
    """The copies in order, block by block; the originals' pictures lie in an unnamed file in `folder` meanwhile."""
    if not originals.rows:
        raise ValueError("Originals are expected to augment. Received: none. See why they were rejected.")
    with_keypoints = KEYPOINTS in originals.schema.names
    read = originals.read([ID, LABEL, GROUP, *([KEYPOINTS] if with_keypoints else [])])
    words = {name: pa.array(read[name].tolist(), pa.string()) for name in (ID, LABEL, GROUP)}
    pipeline = _pipeline(originals, settings)
    first = 0
    for copies in pipeline.stream(
        _spooled(originals, folder),
        settings.n,
        settings.seed,
        keypoints=read[KEYPOINTS] if with_keypoints else None,
        choice=settings.choice,
        workers=settings.workers or max(1, min(cores(), settings.n // WORTH)),
    ):
        yield _batch(copies, first, settings.seed, words, schema)
        first += len(copies)


def _spooled(originals: TableReader, folder: Path) -> np.ndarray:
    """All pictures of the originals, mapped from a file, because copies take them in any order."""
    with tempfile.TemporaryFile(dir=folder) as file:
        for block in originals.blocks([IMAGE]):
            block[IMAGE].tofile(file)
        file.flush()
        return np.memmap(file, np.uint8, "r", shape=(originals.rows, *_shape(originals)))


def _batch(copies: Copies, first: int, seed: int, words: dict[str, pa.Array], schema: pa.Schema) -> pa.RecordBatch:
    rows = pa.array(copies.records.originals)
    taken = {name: values.take(rows) for name, values in words.items()}
    columns: dict[str, pa.Array] = {
        ID: pa.array([f"{original}-{seed}-{i}" for i, original in enumerate(taken[ID].to_pylist(), first)]),
        ORIGINAL: taken[ID],
        LABEL: taken[LABEL],
        GROUP: taken[GROUP],
        OPERATIONS: pa.array([json.dumps(copies.records.record(i)["operations"]) for i in range(len(copies))]),
        IMAGE: tensor_array(copies.images),
    }
    if copies.keypoints is not None:
        columns[KEYPOINTS] = tensor_array(copies.keypoints.astype(np.float32))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)
