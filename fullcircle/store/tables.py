"""Tables of pictures as Parquet that others can read.

Belongs here: pictures as Arrow's fixed-shape tensors, writing in even row groups, reading block by block.
Does not belong here: what the columns mean (`columns`), where files lie and how they are proved whole (`objects`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, np.ndarray]

ROW_GROUP = 1024
"""Rows in a row group: 4 MiB for a grey 64 x 64 picture, small enough to stream, large enough to compress."""

METADATA_KEY = b"fullcircle"


def tensor_type(shape: Sequence[int], value: pa.DataType | None = None) -> pa.DataType:
    """Arrow's canonical fixed-shape tensor, of `uint8` pictures of this shape or of another `value` type."""
    return pa.fixed_shape_tensor(value or pa.uint8(), list(shape))


def tensor_array(images: np.ndarray) -> pa.Array:
    """Pictures ``uint8 (n, ...)``, or points, as one Arrow array, without a copy where they are contiguous."""
    flat = pa.array(np.ascontiguousarray(images).reshape(-1))
    storage = pa.FixedSizeListArray.from_arrays(flat, int(np.prod(images.shape[1:])))
    return pa.ExtensionArray.from_storage(tensor_type(images.shape[1:], flat.type), storage)


def to_numpy(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """One column as NumPy: pictures as ``uint8 (n, ...)``, text as objects, numbers as they are."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array.type, pa.FixedShapeTensorType):
        return np.asarray(array.to_numpy_ndarray())
    return np.asarray(array.to_numpy(zero_copy_only=False))


class TableWriter:
    """Writes batches of any size as row groups of `ROW_GROUP` rows; memory stays at a few row groups.

    Example:
        >>> with TableWriter(path, schema) as writer:
        ...     for batch in batches:
        ...         writer.write(batch)
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        # Parquet's smallest number has four bytes, three of which are zero in a pixel. Split by byte they cost nothing: a third
        # less time to write and to read, a sixth less on disk. Nobody asks for the least pixel of a row group.
        tensors = [f.name for f in schema if isinstance(f.type, pa.FixedShapeTensorType)]
        words = [f.name for f in schema if f.name not in tensors]
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=words,
            write_statistics=words,
            column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in tensors},
        )
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._n_waiting = 0
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._n_waiting += batch.num_rows
        self.rows += batch.num_rows
        if self._n_waiting >= ROW_GROUP:
            self._flush(self._n_waiting // ROW_GROUP * ROW_GROUP)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        if rows:
            self._writer.write_table(table.slice(0, rows), row_group_size=ROW_GROUP)
        self._waiting = table.slice(rows).to_batches()
        self._n_waiting = table.num_rows - rows

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self._flush(self._n_waiting)
        self._writer.close()


class TableReader:
    """One Parquet table, read block by block.

    Attributes:
        rows: number of rows.
        schema: the Arrow schema.
        about: what the writer put down of the table (drawing class, factors, seed, noise law, writer version).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with pq.ParquetFile(path) as file:
            self.schema = file.schema_arrow
            self.rows = file.metadata.num_rows
            self._row_groups = file.num_row_groups
        self.about: dict[str, Any] = json.loads((self.schema.metadata or {}).get(METADATA_KEY, b"{}"))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Record batches in order, one row group at a time."""
        with pq.ParquetFile(self.path) as file:
            for i in range(file.num_row_groups):
                yield from file.read_row_group(i, columns=columns).combine_chunks().to_batches()

    def blocks(
        self, columns: Sequence[str], rng: np.random.Generator | None = None, pool: int = 8
    ) -> Iterator[dict[str, np.ndarray]]:
        """Blocks of rows as NumPy columns.

        With `rng` the row groups come in random order and the rows are shuffled within pools of `pool` row groups, so
        memory does not grow with the table. Without it the order is that of the file, a row group at a time.
        """
        order = np.arange(self._row_groups) if rng is None else rng.permutation(self._row_groups)
        pool = 1 if rng is None else pool
        with pq.ParquetFile(self.path) as file:
            for start in range(0, len(order), pool):
                table = file.read_row_groups([int(i) for i in order[start : start + pool]], columns=list(columns))
                block = {name: to_numpy(table.column(name)) for name in columns}
                if rng is not None:
                    shuffled = rng.permutation(table.num_rows)
                    block = {name: values[shuffled] for name, values in block.items()}
                yield block

    def read(self, columns: Sequence[str], limit: int | None = None) -> dict[str, np.ndarray]:
        """The first `limit` rows (all by default) of these columns in memory."""
        parts: list[dict[str, np.ndarray]] = []
        n = 0
        for block in self.blocks(columns):
            parts.append(block)
            n += len(block[columns[0]])
            if limit is not None and n >= limit:
                break
        if not parts:
            empty = self.schema.empty_table().select(list(columns))
            return {name: to_numpy(empty.column(name)) for name in columns}
        return {name: np.concatenate([p[name] for p in parts])[:limit] for name in columns}

    def frame(self, columns: Sequence[str] | None = None, limit: int | None = None) -> pd.DataFrame:
        """Rows as a pandas frame.

        Args:
            columns: which; without it all but pictures, which a frame holds as objects, one array a row.
            limit: only the first so many rows.

        Example:
            >>> readings = store.latest("drawings/readings", "line").table().frame()
            >>> readings.groupby(["noise_sigma_level", "step"])["pixel_exact"].mean()
        """
        import pandas as pd

        if columns is None:
            columns = [field.name for field in self.schema if not isinstance(field.type, pa.FixedShapeTensorType)]
        read = self.read(columns, limit) if columns else {}
        return pd.DataFrame({name: list(values) if values.ndim > 1 else values for name, values in read.items()})


def with_about(schema: pa.Schema, about: dict[str, Any]) -> pa.Schema:
    """`schema` with what its metadata is to hold of the table."""
    return schema.with_metadata({METADATA_KEY: json.dumps(about, sort_keys=True).encode()})


def write_table(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write `batches` to `path` and return the number of rows."""
    with TableWriter(path, schema) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.rows
