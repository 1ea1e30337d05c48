"""The ledger: one line for every version ever made, appended and never changed.

Belongs here: appending and looking up. Dagster's own history can be deleted with its runs; this record cannot be lost that way.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fullcircle.store.hashing import canonical_json


class Ledger:
    """Append-only JSON lines, each ``{"asset", "partition", "version", "run_id", ...}``.

    Args:
        path: the file; made by the first entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: dict[str, Any]) -> None:
        """Add one entry, whole, also when several processes append at once.

        A line that a kill left unfinished is closed first, so it spoils nothing but itself.
        """
        missing = {"asset", "partition", "version", "run_id"} - entry.keys()
        if missing:
            raise ValueError(f"A ledger entry needs {', '.join(sorted(missing))}. Received: {', '.join(entry)}.")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            unfinished = False
            if file.tell():
                file.seek(-1, os.SEEK_END)
                unfinished = file.read(1) != b"\n"
            file.write(b"\n" * unfinished + canonical_json(entry) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def entries(self) -> Iterator[dict[str, Any]]:
        """All entries, oldest first; a line that a kill left unfinished is passed over."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in file:
                try:
                    yield json.loads(line)
                except ValueError:
                    continue

    def latest(self, asset: str, partition: str, run_id: str | None = None) -> dict[str, Any] | None:
        """The last entry for an asset's partition; the last that `run_id` made where it made one."""
        latest = of_run = None
        for entry in self.entries():
            if (entry["asset"], entry["partition"]) == (asset, partition):
                latest = entry
                if run_id is not None and entry["run_id"] == run_id:
                    of_run = entry
        return of_run or latest

    def latest_of_all(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The last entry of every asset's partition, by (asset, partition)."""
        return {(entry["asset"], entry["partition"]): entry for entry in self.entries()}
