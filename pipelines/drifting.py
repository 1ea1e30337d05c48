"""Whether what arrives in the inbox is still what the champion was tested on, and what to train it on where it is not.

Belongs here: which readings are held against which, as plain functions without Dagster.
Does not belong here: the test itself (`fullcircle.evaluation.drift`), ticks and runs (`sensors`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from fullcircle.core.settings import SettingsError
from fullcircle.data.settings import ExamplesSettings
from fullcircle.drawings.columns import SIGMA
from fullcircle.evaluation.drift import COLUMNS, Drift, Widening, compare, widened
from fullcircle.reading import inbox, readings
from fullcircle.store.columns import ID
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObjectError
from pipelines.watching import champion_of


@dataclasses.dataclass(frozen=True)
class Window:
    """The last readings of a drawing class by its champion.

    Attributes:
        champion: content hash of its encoder.
        end: how many readings of the class there are in all.
        rows: columns of the last ones by this champion.
    """

    champion: str
    end: int
    rows: Mapping[str, Any]

    @property
    def pictures(self) -> int:
        return len(self.rows[SIGMA])


def window_of(store: Store, name: str, first: int, size: int) -> Window:
    """The last readings of a class by its present champion.

    Args:
        store: whose.
        name: of the drawing class.
        first: number of the first reading that counts.
        size: at most so many.

    Raises:
        StoredObjectError: when the record or the last decision is not whole.
    """
    record, why = inbox.record_of(store, name)
    if why is not None:
        raise StoredObjectError(why)
    champion = champion_of(store, name)
    table = inbox.last_rows(store, record, ["encoder", *COLUMNS])
    counts = [i for i, encoder in enumerate(table.column("encoder").to_pylist()) if i >= first and encoder == champion]
    chosen = table.take(counts[-size:]) if counts else table.slice(0, 0)
    return Window(champion, table.num_rows, {column: chosen.column(column).to_numpy() for column in COLUMNS})


def tested(store: Store, name: str, window: Window, level: float) -> Drift:
    """Whether readings are of another kind than those of the champion on test.

    Raises:
        NothingMaterializedError: when there are no readings of test by the champion.
        StoredObjectError: when they are not whole.
    """
    made = [
        e
        for e in store.ledger.entries("drawings/readings", name)
        if e.get("read", {}).get("drawings/encoder") == window.champion
    ]
    if not made:
        raise NothingMaterializedError(
            f"There are no drawings/readings of {name} by the champion, encoder {window.champion[:12]}, to compare with. Make some "
            f"with: make run DRAWING={name}"
        )
    table = store.open(made[-1]["version"], f"drawings/readings ({name})").table()
    rows = table.read([ID, readings.SPLIT, readings.STEP, *COLUMNS])
    last = table.about["settings"]["steps"].split(",")[-1]
    return compare(readings.of(rows, "test", step=last), dict(window.rows), level)


def examples_behind(store: Store, name: str, encoder: str) -> ExamplesSettings:
    """The settings of the examples that an encoder was trained on; the defaults where that is not on record."""
    version, settings = encoder, ExamplesSettings()
    for asset, reads in (("encoder", "train"), ("train", "examples"), ("examples", "")):
        made = [entry for entry in store.ledger.entries(f"drawings/{asset}", name) if entry["version"] == version]
        if not made:
            return settings
        if not reads:
            try:
                return ExamplesSettings(**made[-1]["config"])
            except (KeyError, TypeError, SettingsError):
                return settings
        version = made[-1].get("read", {}).get(f"drawings/{reads}", "")
    return settings


def covering(store: Store, name: str, window: Window) -> Widening:
    """How the examples of a class are to be changed so that they cover what was seen."""
    examples = examples_behind(store, name, window.champion)
    return widened(window.rows[SIGMA], examples.noise_max_sigma, examples.noise_law)
