"""Content hashes: the same content has the same hash, whatever container holds it.

Belongs here: what of a file is content. Parquet and .keras files carry stamps and depend on the library that wrote them, so
their bytes are not hashed; what they hold is. A page (``.html``) and the `TIMING` of a JSON file are no content: they do not
count in the name of an object, and only the SHA-256 in its ``object.json`` says that they are as they were written.

What it costs, in processor time that is spread over the cores, beside that of the bytes' SHA-256: 0.8 s and 0.08 s for 20,000
examples of two grey 64 x 64 pictures each, 4.4 s and 0.3 s for 100,000, nearly all of it for reading them, 9 ms and 1 ms for an
encoder of 1.2 MB.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fullcircle.core.processes import cores

TIMING = "timing"
"""Top-level key of a JSON file that says how long things took on this machine: kept, but not content."""

BATCH = 1024
"""Rows of a table that are in memory at a time, twice: those that are hashed and those that are read."""

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

    Raises:
        Exception: of many kinds, when the file is not what its ending says.
    """
    if path.suffix in PAGES:
        return None
    return READ.get(path.suffix, file_sha256)(path)


def is_plain(path: Path) -> bool:
    """Whether a file's content is its bytes."""
    return path.suffix not in PAGES and path.suffix not in READ


def _json(path: Path) -> str:
    value = json.loads(path.read_text())
    if isinstance(value, dict):
        value.pop(TIMING, None)
    return digest([canonical_json(value)])


def _parquet(path: Path) -> str:
    def add(column: Any, values: pa.Array) -> None:
        if values.null_count:
            raise ValueError(f"{path}: tables hold no empty cells, so their content is unambiguous.")
        for part in _value_bytes(values):
            column.update(part)

    with pq.ParquetFile(path) as file, ThreadPoolExecutor(cores()) as pool:
        schema = file.schema_arrow
        columns = [hashlib.sha256() for _ in schema]
        hashing: list[Future[None]] = []
        for batch in file.iter_batches(BATCH):
            # A column has a hash of its own, so they can be taken side by side, and while the next rows are read: hashing leaves
            # the interpreter free.
            for done in hashing:
                done.result()
            hashing = [pool.submit(add, *column) for column in zip(columns, batch.columns, strict=True)]
        for done in hashing:
            done.result()
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
            if item.attrs:  # Keras writes one only where it is to read the values as another type
                parts.append(canonical_json({key: str(value) for key, value in item.attrs.items()}))

    with zipfile.ZipFile(path) as archive:
        parts.append(canonical_json(_without_addresses(json.loads(archive.read("config.json")), {})))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as weights:
            weights.visititems(visit)
    return digest(parts)


READ: dict[str, Callable[[Path], str]] = {".parquet": _parquet, ".keras": _keras, ".json": _json}
"""How the content of a file is had, by its ending; of any other it is the bytes."""


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
