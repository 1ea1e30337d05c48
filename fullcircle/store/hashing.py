"""Content hashes: the same content has the same hash, whatever container holds it.

Belongs here: what of a file is content. Parquet and .keras files carry stamps and depend on the library that wrote them, so
their bytes are not hashed; what they hold is.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fullcircle.core.processes import cores

TIMING = "timing"
"""Top-level key of a JSON file that says how long things took on this machine: kept, but not content."""

PAGES = frozenset({".html"})
"""Endings of files that only show what stands in other files of the same object (and their timing): not content. That a page is
made in another way is content of the file that it shows, see `reports.page.page_version`."""


def digest(parts: Iterable[bytes]) -> str:
    """Hex SHA-256 of the parts, each preceded by its length so that no two lists of parts look alike."""
    h = hashlib.sha256()
    for part in parts:
        h.update(len(part).to_bytes(8, "little"))
        h.update(part)
    return h.hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys and no white space; refuses NaN, which is not JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_hash(path: Path) -> str | None:
    """Hash of what a file holds; None for pages, which hold nothing of their own.

    ``.parquet``: column names, types, schema metadata and values, not row groups or compression. ``.keras``: the
    architecture and every weight. ``.json``: the value without its top-level `timing`. Anything else: its bytes.
    """
    if path.suffix in PAGES:
        return None
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.suffix == ".keras":
        return _keras(path)
    if path.suffix == ".json":
        value = json.loads(path.read_text())
        if isinstance(value, dict):
            value.pop(TIMING, None)
        return digest([canonical_json(value)])
    return file_sha256(path)


def _parquet(path: Path) -> str:
    def add(column: Any, chunks: pa.ChunkedArray) -> None:
        if chunks.null_count:
            raise ValueError(f"{path}: tables hold no empty cells, so their content is unambiguous.")
        for values in chunks.chunks:
            for part in _value_bytes(values):
                column.update(part)

    with pq.ParquetFile(path) as file, ThreadPoolExecutor(cores()) as pool:
        schema = file.schema_arrow
        columns = [hashlib.sha256() for _ in schema]
        for i in range(file.num_row_groups):
            # A column has a hash of its own, so they can be taken side by side: hashing leaves the interpreter free.
            list(pool.map(add, columns, file.read_row_group(i).columns))
    described = [f"{f.name}: {f.type}".encode() for f in schema]
    metadata = [k + b"=" + v for k, v in sorted((schema.metadata or {}).items())]
    return digest([*described, *metadata, *(c.digest() for c in columns)])


def _value_bytes(values: pa.Array) -> Iterable[bytes | np.ndarray]:
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if isinstance(values, pa.FixedSizeListArray):
        values = values.flatten()
    if pa.types.is_string(values.type) or pa.types.is_binary(values.type):
        for text in values.to_pylist():
            raw = text.encode() if isinstance(text, str) else text
            yield len(raw).to_bytes(8, "little")
            yield raw
    else:
        yield np.ascontiguousarray(values.to_numpy(zero_copy_only=False)).view(np.uint8)


def _keras(path: Path) -> str:
    import h5py

    parts: list[bytes] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            values = np.ascontiguousarray(item[()])
            parts.append(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())

    with zipfile.ZipFile(path) as archive:
        parts.append(canonical_json(_without_addresses(json.loads(archive.read("config.json")), {})))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as weights:
            weights.visititems(visit)
    return digest(parts)


def _without_addresses(config: Any, seen: dict[int, int]) -> Any:
    """Keras marks objects that layers share by their address in memory; numbered by first appearance they say the same."""
    if isinstance(config, list):
        return [_without_addresses(item, seen) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: seen.setdefault(value, len(seen)) if key == "shared_object_id" else _without_addresses(value, seen)
        for key, value in config.items()
    }


def weights_hash(arrays: Iterable[np.ndarray]) -> str:
    """Hash of weights in memory, in the order given: proves that a frozen model stayed as it was."""
    return digest(f"{a.dtype.str} {a.shape}".encode() + np.ascontiguousarray(a).tobytes() for a in arrays)
