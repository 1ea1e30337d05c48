"""Readings: what the reader makes of test and valid, picture by picture, at known noise levels, step by step.

Belongs here: the columns of the readings table, how its rows are made, and what they say as errors.
Does not belong here: how a picture is read (`reader`), figures and pages (`reports`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from fullcircle.core.progress import Progress, silent
from fullcircle.drawings.base import Drawing
from fullcircle.drawings.columns import SIGMA, spec_columns, specs_of
from fullcircle.evaluation import metrics
from fullcircle.evaluation.metrics import within_a_step
from fullcircle.images.noise import add_noise
from fullcircle.reading.reader import Pictures, Reader, Steps
from fullcircle.store.columns import ID, IMAGE
from fullcircle.store.tables import Columns, TableReader, TableWriter, with_about

NOISES = (0.0, 0.02, 0.05, 0.10)
"""Standard deviations of the noise, of 1. The table has them in grey levels."""

SIGMAS = tuple(255 * noise for noise in NOISES)
"""The same in grey levels: what reports show. Examples with more noise are read at their largest level too, see `levels_of`."""

SPLIT, STEP, CONTRAST, TRUE, CLEAN_MSE, TRUE_MSE = (
    "split",
    "step",
    "contrast_level",
    "true_",
    "clean_redraw_mse",
    "true_redraw_mse",
)
WRITER_VERSION = 2


def schema(drawing: Drawing, reader: Reader, models: Mapping[str, str]) -> pa.Schema:
    """Columns of the readings of a drawing class: one row per picture, noise level and step of the reader.

    ``id`` and ``split`` of the example; the ``noise_sigma_level`` that was added; the ``step``, each with the answer so far;
    ``contrast_level``; a column per factor as it was read, and with ``true_`` before it as it is; the redraw's error against
    the picture that was read and against the clean one, and that of the true spec's against the one that was read; whether it
    is the clean one to the pixel; how much of the picture that was read it explains; confidence and redraws.

    Args:
        drawing: the drawing class.
        reader: whose readings they are.
        models: content hash of each network.
    """
    kinds = [pa.int32() if f.integral else pa.float64() for f in drawing.factors]
    fields = [(ID, pa.string()), (SPLIT, pa.string()), (SIGMA, pa.float32()), (STEP, pa.string()), (CONTRAST, pa.float64())]
    fields += [*zip(spec_columns(drawing), kinds, strict=True)]
    fields += [(TRUE + name, kind) for name, kind in zip(spec_columns(drawing), kinds, strict=True)]
    fields += [("redraw_mse", pa.float64()), (CLEAN_MSE, pa.float64()), (TRUE_MSE, pa.float64()), ("pixel_exact", pa.bool_())]
    fields += [("explained", pa.float64()), ("confidence", pa.float64()), ("redraws", pa.int32())]
    about = {
        "drawing": drawing.name,
        "factors": drawing.factors.table(),
        "models": dict(models),
        "settings": reader.settings.content(),
        "writer": f"fullcircle readings {WRITER_VERSION}",
    }
    return with_about(pa.schema(fields), about)


def noisy_picture(image: np.ndarray, identity: str, sigma: float, seed: int) -> tuple[np.ndarray, int]:
    """A picture with noise, and the seed of the search in it.

    Chance comes from the seed, the example's id and the noise level alone: which pictures are read beside it, and in which
    order, changes nothing.
    """
    key = int.from_bytes(blake2b(f"{identity} {sigma:g}".encode(), digest_size=8).digest(), "big")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(key,)))
    return add_noise(image[None], np.array([sigma]), rng)[0], int(rng.integers(2**63))


def levels_of(splits: Mapping[str, TableReader]) -> tuple[float, ...]:
    """The noise levels at which examples are read, in grey levels: `SIGMAS`, and the largest of their own where it is higher.

    A model that was trained for more noise is held against what it makes of that much (`fullcircle.evaluation.drift`). Only the
    uniform law has examples near its largest level.
    """
    noises = [table.about.get("noise", {}) for table in splits.values()]
    most = max((noise["max_sigma_level"] for noise in noises if noise.get("law") == "uniform"), default=0.0)
    return SIGMAS if most <= SIGMAS[-1] else (*SIGMAS, float(most))


def write_readings(
    path: Path,
    drawing: Drawing,
    reader: Reader,
    splits: Mapping[str, TableReader],
    models: Mapping[str, str],
    progress: Progress = silent,
) -> int:
    """Read the first pictures of each split at every noise level; returns the number of rows. Memory does not grow with it.

    Args:
        path: of the Parquet file.
        drawing: the drawing class.
        reader: with its settings, of which `pictures` and `seed` are used here.
        splits: the tables of examples, by name of their split.
        models: content hash of each network, for the table's metadata.
        progress: where to say how far it is.
    """
    settings, columns, levels = reader.settings, schema(drawing, reader, models), levels_of(splits)
    total = len(levels) * sum(min(table.rows, settings.pictures) for table in splits.values())
    asked: deque[tuple[str, Columns, np.ndarray]] = deque()  # blocks that are being read

    def batches() -> Iterator[Pictures]:
        for split, table in splits.items():
            for block in _blocks(table, drawing, settings.pictures, max(1, settings.batch_size // len(levels))):
                made = [
                    noisy_picture(image, identity, sigma, settings.seed)
                    for identity, image in zip(block[ID], block[IMAGE], strict=True)
                    for sigma in levels
                ]
                pictures = np.stack([picture for picture, _ in made])
                asked.append((split, block, pictures))
                yield Pictures(pictures, np.array([seed for _, seed in made]))

    done = 0
    with TableWriter(path, columns) as writer:
        for steps in reader.stream(batches(), total):
            split, block, pictures = asked.popleft()
            writer.write(_rows(drawing, columns, split, block, levels, pictures, steps))
            done += len(steps.answer.specs)
            progress.step("readings", done, total, "pictures")
    return writer.rows


def _blocks(table: TableReader, drawing: Drawing, limit: int, size: int) -> Iterator[Columns]:
    """The first `limit` rows, at most `size` at a time."""
    left = limit
    for block in table.blocks([ID, *spec_columns(drawing), IMAGE]):
        for first in range(0, min(len(block[ID]), left), size):
            yield {name: values[first : min(first + size, left)] for name, values in block.items()}
        left -= len(block[ID])
        if left <= 0:
            return


def _rows(
    drawing: Drawing,
    columns: pa.Schema,
    split: str,
    block: Columns,
    sigmas: Sequence[float],
    pictures: np.ndarray,
    steps: Steps,
) -> pa.RecordBatch:
    """Rows by picture, then noise level, then step."""
    n, levels, k = len(block[ID]), len(sigmas), len(steps.each)

    def interleaved(name: str) -> np.ndarray:
        values = np.stack([getattr(r, name) for r in steps.each.values()], axis=1)
        return values.reshape(n * levels * k, *values.shape[2:])

    specs = interleaved("specs")
    true = np.repeat(specs_of(drawing, block), levels * k, axis=0)
    clean = np.repeat(block[IMAGE], levels * k, axis=0)
    mse = ((drawing.render(specs) - clean.astype(np.float64)) ** 2).reshape(len(specs), -1).mean(axis=1) / 255**2
    _, true_mse = metrics.redraw_errors(drawing, np.repeat(specs_of(drawing, block), levels, axis=0), pictures)
    made: dict[str, object] = {
        ID: np.repeat(block[ID], levels * k),
        SPLIT: [split] * len(specs),
        SIGMA: np.tile(np.repeat(sigmas, k), n),
        STEP: [*steps.each] * (n * levels),
        CONTRAST: drawing.contrast(true),
        **dict(zip(spec_columns(drawing), specs.T, strict=True)),
        **{TRUE + name: values for name, values in zip(spec_columns(drawing), true.T, strict=True)},
        "redraw_mse": interleaved("redraw_mse"),
        CLEAN_MSE: mse,
        TRUE_MSE: np.repeat(true_mse, k),
        "pixel_exact": mse == 0,
        "explained": interleaved("explained"),
        "confidence": interleaved("confidence"),
        "redraws": interleaved("redraws"),
    }
    return pa.RecordBatch.from_arrays([pa.array(made[f.name]).cast(f.type) for f in columns], schema=columns)


def errors_of(drawing: Drawing, rows: Columns) -> Columns:
    """Errors of readings, per row: `factors`, `points`, `spec_error`, `within_step`, `redraw_mse`, `pixel_exact`, `contrast`.

    All of them against the true spec, in the better order, and against the clean picture. `truth_fits` is 1 where the truth would
    have fitted the picture that was read better than what was read: then the reader is at fault, else the noise.

    Args:
        drawing: the drawing class.
        rows: columns of the readings table.
    """
    read = specs_of(drawing, rows)
    true = np.stack([rows[TRUE + name] for name in spec_columns(drawing)], axis=1).astype(np.float64)
    errors = metrics.spec_errors(drawing, read, true)
    return {
        **errors,
        "spec_error": (errors["factors"] / (drawing.factors.high - drawing.factors.low)).mean(axis=1),
        "within_step": within_a_step(drawing, read, true).astype(np.float64),
        "redraw_mse": rows[CLEAN_MSE],
        "pixel_exact": rows["pixel_exact"].astype(np.float64),
        "truth_fits": (rows[TRUE_MSE] < rows["redraw_mse"]).astype(np.float64),
        "contrast": rows[CONTRAST],
    }


def of(rows: Columns, split: str, sigma: float | None = None, step: str | None = None) -> Columns:
    """The rows of a split, and of a noise level and a step where they are named."""
    chosen = rows[SPLIT] == split
    if sigma is not None:
        chosen &= rows[SIGMA] == np.float32(sigma)  # as precise as it is stored
    if step is not None:
        chosen &= rows[STEP] == step
    return {name: column[chosen] for name, column in rows.items()}
