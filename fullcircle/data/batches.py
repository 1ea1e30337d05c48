"""Datasets: a Parquet table of examples, or of pictures alone, as batches for a network.

Belongs here: streaming, shuffling and what is input and what is target. Memory does not grow with the table: rows are shuffled
within pools of row groups whose order is random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from fullcircle.drawings import Drawing
from fullcircle.drawings.columns import NOISY, SIGMA, spec_columns, specs_of
from fullcircle.drawings.scaling import Scaling
from fullcircle.images.arrays import Canvas
from fullcircle.images.noise import add_noise, sample_sigmas
from fullcircle.store.columns import IMAGE
from fullcircle.store.tables import TableReader

Quantity = Literal["latent", "image", "noisy_image", "noise_afresh"]
"""What columns of the table become; `noise_afresh` is the clean picture with noise drawn anew at the example's level."""


def batches(
    table: TableReader,
    drawing: Drawing,
    scaling: Scaling,
    *,
    source: Quantity,
    targets: Mapping[str, Quantity],
    batch_size: int,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
) -> tf.data.Dataset:
    """Batches of (input, {output: target}).

    Args:
        table: the examples.
        drawing: their class.
        scaling: between specs and latents.
        source: what goes into the network.
        targets: for each of the network's outputs, what it is compared with.
        batch_size: examples per step; the last batch of an epoch may be smaller.
        seed: shuffles and draws noise, differently in every epoch and the same in every run; None keeps the order of the table.
        epoch: which one begins, asked when an iteration does: a training that is resumed goes on where it was.

    Returns:
        A dataset of known length. Iterating it once is one epoch.
    """
    needed = {source, *targets.values()}
    read = needed | ({"image"} if "noise_afresh" in needed else set())
    columns = [c for c in (IMAGE, NOISY) if c in read] + (spec_columns(drawing) if "latent" in needed else [])
    columns += [SIGMA] if "noise_afresh" in needed else []

    def quantities(block: dict[str, np.ndarray], chance: np.random.Generator) -> dict[Quantity, np.ndarray]:
        made: dict[Quantity, np.ndarray] = {}
        if "latent" in needed:
            made["latent"] = scaling.to_latent(specs_of(drawing, block))
        # Pictures stay bytes until they are in their batch: a quarter of the memory moved.
        made |= {name: block[name].reshape(-1, *drawing.canvas) for name in ("image", "noisy_image") if name in needed}
        if "noise_afresh" in needed:
            made["noise_afresh"] = add_noise(block[IMAGE], block[SIGMA], chance).reshape(-1, *drawing.canvas)
        return made

    def blocks() -> Iterator[dict[Quantity, np.ndarray]]:
        key = epoch()
        order, noise = (np.random.default_rng(np.random.SeedSequence(seed or 0, spawn_key=(key, i))) for i in (0, 1))
        for block in table.blocks(columns, None if seed is None else order):
            yield quantities(block, noise)

    def spec_of(name: Quantity) -> tf.TensorSpec:
        if name == "latent":
            return tf.TensorSpec((None, len(drawing.factors)), tf.float32)
        return tf.TensorSpec((None, *drawing.canvas), tf.uint8)

    def as_unit(value: tf.Tensor) -> tf.Tensor:
        return tf.cast(value, tf.float32) / 255.0 if value.dtype == tf.uint8 else value

    def parts(row: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        return as_unit(row[source]), {output: as_unit(row[name]) for output, name in targets.items()}

    dataset = tf.data.Dataset.from_generator(blocks, output_signature={name: spec_of(name) for name in sorted(needed)})
    return _batched(dataset, parts, table.rows, batch_size)


def pictures(
    table: TableReader,
    *,
    batch_size: int,
    seed: int | None = None,
    epoch: Callable[[], int] = lambda: 0,
    noise_max_sigma: float = 0.0,
    limit: int | None = None,
) -> tf.data.Dataset:
    """Batches of (picture, picture): what goes into an autoencoder, and what it is compared with.

    Args:
        table: has a column `image`.
        batch_size: pictures per step; the last batch of an epoch may be smaller.
        seed: shuffles and draws noise, differently in every epoch and the same in every run; None keeps the order of the table,
            and every epoch's noise the same, so that losses can be compared.
        epoch: which one begins, asked when an iteration does: a training that is resumed goes on where it was.
        noise_max_sigma: above 0, what goes in has noise of a level that is uniform up to this, in grey levels, for each picture.
        limit: at most so many pictures, with a seed other ones in every epoch; None takes all.

    Returns:
        A dataset of known length, ``float32 (n, height, width, channels)`` in [0, 1]. Iterating it once is one epoch.
    """
    canvas = canvas_of(table)
    rows = table.rows if limit is None else min(limit, table.rows)

    def blocks() -> Iterator[tuple[np.ndarray, ...]]:
        key = (0,) if seed is None else (1, seed, epoch())
        order, noise = (np.random.default_rng(np.random.SeedSequence(key, spawn_key=(i,))) for i in (0, 1))
        left = rows
        for block in table.blocks([IMAGE], None if seed is None else order):
            images = block[IMAGE][:left]
            if not len(images):
                return
            left -= len(images)
            if noise_max_sigma:
                sigmas = sample_sigmas("uniform", len(images), noise_max_sigma, noise)
                yield add_noise(images, sigmas, noise).reshape(-1, *canvas), images.reshape(-1, *canvas)
            else:
                yield (images.reshape(-1, *canvas),)

    def parts(*row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        units = [tf.cast(images, tf.float32) / 255.0 for images in row]
        return units[0], units[-1]

    spec = tf.TensorSpec((None, *canvas), tf.uint8)
    dataset = tf.data.Dataset.from_generator(blocks, output_signature=(spec, spec) if noise_max_sigma else (spec,))
    return _batched(dataset, parts, rows, batch_size)


def canvas_of(table: TableReader) -> Canvas:
    """(height, width, channels) of a table's pictures."""
    height, width, *colour = table.schema.field(IMAGE).type.shape
    return height, width, colour[0] if colour else 1


def _batched(blocks: tf.data.Dataset, parts: Callable[..., Any], rows: int, batch_size: int) -> tf.data.Dataset:
    # One block ahead, so that a slow disk is read while the network works on the block before.
    dataset = blocks.prefetch(1).rebatch(batch_size).map(parts, num_parallel_calls=1)
    length = -(-rows // batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(length)).prefetch(4)
