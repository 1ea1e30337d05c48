"""Examples: sampled specs and the pictures they draw.

Belongs here: the columns of the examples table and how its rows are made. Rows are made in blocks of `BLOCK`, each from its own
stream of chance, (seed, block); so the first rows do not depend on how many follow, nor any row on the number of workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from fullcircle.core.progress import Progress, silent
from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import NOISY, SIGMA
from fullcircle.images.arrays import picture_unit
from fullcircle.images.noise import add_noise, sample_sigmas
from fullcircle.store.columns import ID, IMAGE, UNIT
from fullcircle.store.tables import TableWriter, tensor_array, tensor_type, with_about

BLOCK = 1024
WRITER_VERSION = 1


def schema(drawing: Drawing, settings: ExamplesSettings) -> pa.Schema:
    """Columns of the examples of a drawing class.

    ``id``; ``unit``, the hash of the clean picture, by which splits are made; a column per factor named with its unit; per
    point its single pixel address, ``x + y * width``; ``noise_sigma_level``; the clean ``image`` and the ``noisy_image``.
    """
    fields = [pa.field(ID, pa.string()), pa.field(UNIT, pa.string())]
    fields += [pa.field(f.column, pa.int32() if f.integral else pa.float64()) for f in drawing.factors]
    fields += [pa.field(f"{point}_address", pa.int32()) for point in drawing.factors.points]
    fields += [pa.field(SIGMA, pa.float32())]
    fields += [pa.field(name, tensor_type(drawing.image_shape)) for name in (IMAGE, NOISY)]
    about = {
        "drawing": drawing.name,
        "canvas": list(drawing.canvas),
        "factors": drawing.factors.table(),
        "seed": settings.seed,
        "noise": {"law": settings.noise_law, "max_sigma_level": settings.noise_max_sigma},
        "writer": f"fullcircle examples {WRITER_VERSION}",
    }
    return with_about(pa.schema(fields), about)


def pixel_addresses(drawing: Drawing, specs: np.ndarray) -> np.ndarray:
    """Each point as one number, ``x + y * width``, ``int32 (n, n_points)``.

    An x one past the last pixel gives the address of the next row's first pixel, as in the published pipeline.
    """
    points = specs[:, drawing.factors.point_indices()]
    return (np.rint(points[..., 0]) + np.rint(points[..., 1]) * drawing.width).astype(np.int32)


def make_block(drawing: Drawing, settings: ExamplesSettings, block: int) -> pa.RecordBatch:
    """Rows ``block * BLOCK`` and on, as many as `settings.n` leaves."""
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(settings.seed, spawn_key=(block,))))
    specs = drawing.factors.sample(BLOCK, rng)
    sigmas = sample_sigmas(settings.noise_law, BLOCK, settings.noise_max_sigma, rng)
    n = min(BLOCK, settings.n - block * BLOCK)
    specs, sigmas = specs[:n], sigmas[:n]
    images = drawing.render(specs)
    noisy = add_noise(images, sigmas, rng)
    units = [picture_unit(image) for image in images]
    columns = [
        pa.array([f"{unit}-{settings.seed}-{block * BLOCK + i}" for i, unit in enumerate(units)]),
        pa.array(units),
        *(pa.array(specs[:, i].astype(np.int32) if f.integral else specs[:, i]) for i, f in enumerate(drawing.factors)),
        *(pa.array(a) for a in pixel_addresses(drawing, specs).T),
        pa.array(sigmas),
        tensor_array(images),
        tensor_array(noisy),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema(drawing, settings))


def make_examples(drawing: Drawing, settings: ExamplesSettings) -> Iterator[pa.RecordBatch]:
    """All blocks in order. Threads suffice: noise and compression, most of the work, leave the interpreter free."""
    blocks = -(-settings.n // BLOCK)
    with ThreadPoolExecutor(settings.workers) as pool:
        waiting: deque[Future[pa.RecordBatch]] = deque()
        for block in range(blocks):
            waiting.append(pool.submit(make_block, drawing, settings, block))
            if len(waiting) > 2 * settings.workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def write_examples(path: Path, drawing: Drawing, settings: ExamplesSettings, progress: Progress = silent) -> int:
    """Make the examples and write them as one Parquet file; memory does not grow with `settings.n`."""
    with TableWriter(path, schema(drawing, settings)) as writer:
        for batch in make_examples(drawing, settings):
            writer.write(batch)
            progress.step("examples", writer.rows, settings.n, "examples")
    return writer.rows
