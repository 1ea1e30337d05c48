"""Splits of augmented pictures: what must not stand on two sides is a unit, and settings say what a unit is.

Belongs here: the units, where each goes, and the sentence that goes with figures measured on such splits.

The rule. A unit goes where the hash of its name sends it (`splits.assign`): the same place whatever else there is. As originals may
be few, a split that would stay empty takes the unit whose hash is nearest to its range, from a split that has two or more. Fewer
than three units cannot be split three ways and are refused, with one exception: of two groups the smaller is test (of equal ones
the one whose hash is lower), and valid is cut from the other one's originals.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import GlyphSplitsSettings
from fullcircle.data.splits import SPLITS, assign, positions
from fullcircle.store.columns import GROUP, ID, ORIGINAL, UNIT
from fullcircle.store.tables import TableReader, TableWriter, with_about

TRAIN, TEST, VALID = range(3)


def meaning(unit: str, valid_unit: str | None = None) -> str:
    """What figures on test prove when splits were made by this unit: for reports and metadata, in plain sight.

    Args:
        unit: one of `data.settings.UNITS`.
        valid_unit: what valid was cut from train by, where that is something else.
    """
    if unit == "sample":
        return (
            "These figures flatter: splits.unit is 'sample', so copies of the same original stand in train and in test, and "
            "what was learned by heart counts as understood. Use 'original' or 'group' for honest ones."
        )
    if unit == "group":
        valid = " Valid shares its groups with train: there were only two." if valid_unit == "original" else ""
        return f"Every group (face of type, writer) stands wholly in one split: test shows groups that train has never seen.{valid}"
    return "All copies of an original stand in one split: test shows originals that train has never seen, by known writers too."


def meaning_of(splits: Mapping[str, Any]) -> str:
    """The same of splits that were made, by what their tables hold of them; older ones have it as ``says``."""
    return str(splits["meaning"] if "meaning" in splits else splits["says"])


def flatters(about: Mapping[str, Any]) -> bool:
    """Whether figures measured on a table flatter, by what the table says of itself."""
    return bool(about["splits"]["unit"] == "sample")


def assign_units(units: Sequence[str], settings: GlyphSplitsSettings, what: str) -> np.ndarray:
    """Index into `SPLITS` of each of these different units, none empty; see the rule above.

    Raises:
        SettingsError: when there are fewer units than splits.
    """
    if len(units) < len(SPLITS):
        raise SettingsError(
            f"At least {len(SPLITS)} {what}s are expected, one for each of {', '.join(SPLITS)}. Received: {len(units)}. Add "
            "pictures, or set splits.unit to a smaller unit."
        )
    split, place = assign(units, settings), positions(units)
    edges = np.concatenate([[0], np.cumsum(settings.proportions)])
    for empty in (TEST, VALID, TRAIN):
        if (split == empty).any():
            continue
        distance = np.maximum(edges[empty] - place, place - edges[empty + 1])
        distance[np.bincount(split, minlength=len(SPLITS))[split] < 2] = np.inf
        split[np.argmin(distance)] = empty
    return split


def assign_originals(ids: Sequence[str], groups: Sequence[str], settings: GlyphSplitsSettings) -> tuple[dict[str, int], str]:
    """Where the copies of each original go.

    Returns:
        Index into `SPLITS` by id, and the unit that valid was cut from train by.

    Raises:
        SettingsError: when there are too few units, or originals without a group.
    """
    if settings.unit == "original":
        return dict(zip(ids, assign_units(ids, settings, "original").tolist(), strict=True)), "original"
    sizes = Counter(groups)
    names = sorted(sizes)
    if "" in sizes or len(names) < 2:
        found = f"{sizes['']} originals of no group" if "" in sizes else f"one, {names[0]!r}" if names else "none"
        raise SettingsError(
            "splits.unit 'group' expects at least two groups (faces of type, writers), and one for every original. "
            f"Received: {found}. Use splits.unit=original."
        )
    if len(names) > 2:
        of_group = dict(zip(names, assign_units(names, settings, "group").tolist(), strict=True))
        return {i: of_group[g] for i, g in zip(ids, groups, strict=True)}, "group"
    place = dict(zip(names, positions(names).tolist(), strict=True))
    smaller = min(names, key=lambda name: (sizes[name], place[name]))
    rest = [i for i, g in zip(ids, groups, strict=True) if g != smaller]
    if len(rest) < 2:
        raise SettingsError(
            f"Of two groups the larger one is split into train and valid. Received: {len(rest)} original in it."
        )
    # The range of valid, within what is left when test is taken out.
    at = np.array(positions(rest))
    is_valid = at >= settings.train / (settings.train + settings.valid)
    if is_valid.all() or not is_valid.any():
        is_valid = at == at.max()
    of = {i: VALID if v else TRAIN for i, v in zip(rest, is_valid.tolist(), strict=True)}
    return {i: of.get(i, TEST) for i in ids}, "original"


def write_glyph_splits(
    originals: TableReader,
    augmented: TableReader,
    folders: Sequence[Path],
    settings: GlyphSplitsSettings,
    progress: Progress = silent,
) -> dict[str, int]:
    """Write ``<split>.parquet`` into the folder of each split, and return the rows of each.

    The columns are those of the copies and ``unit``: the original, the group or the copy that stands wholly in this split.

    Raises:
        SettingsError: when a split would be empty; the message has what to do.
    """
    valid_unit = "sample"
    split_of: dict[str, int] = {}
    if settings.unit != "sample":
        read = originals.read([ID, GROUP])
        split_of, valid_unit = assign_originals(read[ID].tolist(), read[GROUP].tolist(), settings)
    unit_column = {"original": ORIGINAL, "group": GROUP, "sample": ID}[settings.unit]
    about = augmented.about | {
        "splits": {
            "unit": settings.unit,
            "valid_unit": valid_unit,
            "proportions": dict(zip(SPLITS, settings.proportions, strict=True)),
            "meaning": meaning(settings.unit, valid_unit),
        }
    }
    schema = with_about(augmented.schema.insert(1, pa.field(UNIT, pa.string())), about)
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(TableWriter(folder / f"{split}.parquet", schema))
            for split, folder in zip(SPLITS, folders, strict=True)
        ]
        done = 0
        for batch in augmented.batches():
            units = batch.column(unit_column)
            if settings.unit == "sample":
                split = assign(units.to_pylist(), settings)
            else:
                split = np.array([split_of[i] for i in batch.column(ORIGINAL).to_pylist()])
            columns = batch.columns
            with_unit = pa.RecordBatch.from_arrays([columns[0], units, *columns[1:]], schema=schema)
            for i, writer in enumerate(writers):
                rows = np.flatnonzero(split == i)
                if len(rows):
                    writer.write(with_unit.take(pa.array(rows)))
            done += batch.num_rows
            progress.step("splits", done, augmented.rows, "copies")
    rows_of = {split: writer.rows for split, writer in zip(SPLITS, writers, strict=True)}
    if empty := [name for name, rows in rows_of.items() if not rows]:
        raise SettingsError(
            f"Every split is expected to hold copies. Received: none in {', '.join(empty)}, of {augmented.rows:,} copies. Raise "
            "augmented.n, so that each original has copies, or the share of that split."
        )
    return rows_of
