"""What a file was found to hold, remembered for as long as the file stays as it is.

Belongs here: hashing a file once in a process, however often it is opened, and not trusting that memory a moment too long.
Does not belong here: what of a file is content (`hashing`), what an object must be (`objects`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from fullcircle.store.hashing import content_hash, file_sha256, is_plain

TICK = 100_000_000  # ns
"""A file that was touched less long ago may be touched again with no other time on it: file systems count in ticks of 10 ms."""

MOST = 10_000
"""So many files are remembered."""

Stamp = tuple[str, int, int, int, int, int]

_known: dict[tuple[Callable[[Path], str | None], Stamp], str | None] = {}


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    found = _remembered(file_sha256, path)
    assert found is not None
    return found


def content_of(path: Path, sha256: str) -> str | None:
    """`content_hash` of a file whose SHA-256 is known; None for pages."""
    return sha256 if is_plain(path) else _remembered(content_hash, path)


def forget() -> None:
    """Forget everything: files are hashed anew, for who trusts nothing that was found before."""
    _known.clear()


def _remembered(compute: Callable[[Path], str | None], path: Path) -> str | None:
    began, stamp = time.time_ns(), _stamp(path)
    key = compute, stamp
    if key in _known:
        return _known[key]
    found = compute(path)
    if began - max(stamp[-2:]) > TICK and _stamp(path) == stamp:
        if len(_known) >= MOST:
            _known.clear()
        _known[key] = found
    return found


def _stamp(path: Path) -> Stamp:
    """What differs when a file is another or was written to; its name may change. The last, unlike the others, nobody can set."""
    status = os.lstat(path)
    return path.suffix, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
