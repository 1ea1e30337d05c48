"""Splits: which example fits, which chooses, which is only looked at by reports.

Belongs here: the assignment and the writing. An example goes where the hash of its unit sends it: stable when the data grows,
disjoint by construction, and equal pictures always on one side.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import SplitsSettings
from fullcircle.store.columns import UNIT
from fullcircle.store.tables import TableReader, TableWriter

SPLITS = ("train", "test", "valid")

RISK = 0.01
"""How likely a split may be to stay empty. Where a unit goes is decided by its hash, so nobody knows before it is made."""


def positions(units: Sequence[str]) -> np.ndarray:
    """Where the hash of each unit lies in [0, 1), ``float64 (n,)``."""
    return np.array(
        [int.from_bytes(blake2b(u.encode(), digest_size=8, person=b"split").digest(), "big") / 2**64 for u in units]
    )


def assign(units: Sequence[str], settings: SplitsSettings) -> np.ndarray:
    """Index into `SPLITS` of each unit, ``int (n,)``."""
    return np.searchsorted(np.cumsum(settings.proportions)[:-1], positions(units), side="right")


def refuse_likely_empty(n: int, settings: SplitsSettings, setting: str) -> None:
    """Refuse so few units that a split would probably stay empty.

    Args:
        n: how many there will be.
        settings: the proportions.
        setting: what decides how many there are, ``examples.n``.

    Raises:
        SettingsError: naming the smallest split, how many are expected in it, and what would do.
    """
    share, split = min(zip(settings.proportions, SPLITS, strict=True))
    empty = (1 - share) ** n
    if empty > RISK:
        enough = math.ceil(math.log(RISK) / math.log1p(-max(share, 1e-15)))
        raise SettingsError(
            f"No split is expected to stay empty. Received: {setting}={n} and splits.{split}={share:g}, which lets "
            f"{n * share:.2g} be expected in {split}, and none with a probability of {empty:.0%}; at most {RISK:.0%} is allowed. "
            f"Raise {setting} to {enough}, or splits.{split} to {math.ceil(1000 * (1 - RISK ** (1 / n))) / 1000:g}."
        )


def write_splits(
    examples: Path, folders: Sequence[Path], settings: SplitsSettings, progress: Progress = silent
) -> dict[str, int]:
    """Write ``<split>.parquet`` into the folder of each split, and return the rows of each.

    Args:
        examples: the table to split.
        folders: one for each of `SPLITS`.
        settings: the proportions.
        progress: where to say how far it is, after every row group.
    """
    reader = TableReader(examples)
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(TableWriter(folder / f"{split}.parquet", reader.schema))
            for split, folder in zip(SPLITS, folders, strict=True)
        ]
        done = 0
        for batch in reader.batches():
            split = assign(batch.column(UNIT).to_pylist(), settings)
            for i, writer in enumerate(writers):
                rows = np.flatnonzero(split == i)
                if len(rows):
                    writer.write(batch.take(pa.array(rows)))
            done += batch.num_rows
            progress.step("splits", done, reader.rows, "examples")
    return {split: writer.rows for split, writer in zip(SPLITS, writers, strict=True)}
