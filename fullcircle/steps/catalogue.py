"""The catalogue: what there is to choose from, and which of it was made already.

Belongs here: reading the lists and the ledger. No code of a user's drawing class is run for it: such a one says where it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from fullcircle.data.sources import known_sources
from fullcircle.drawings import DRAWINGS, known_drawings
from fullcircle.images.augmentation import OPERATIONS
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.models.decoders import DECODERS
from fullcircle.models.encoders import ENCODERS
from fullcircle.models.networks import Architecture
from fullcircle.store.objects import Store

MODELS: dict[str, Mapping[str, Architecture]] = {"decoder": DECODERS, "encoder": ENCODERS}
"""The lists of models by the name of the asset that is one of them."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One thing that can be chosen.

    Attributes:
        kind: of which list.
        name: what to choose it by.
        summary: one line.
        made: the latest version, as a short content hash: of a partition's by asset, of a model's by partition.
    """

    kind: str
    name: str
    summary: str
    made: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return dataclasses.asdict(self)


def catalogue(store: Store) -> list[Entry]:
    """Everything, list by list.

    Raises:
        SettingsError: when a register cannot be read.
    """
    return list(_entries(store))


def _entries(store: Store) -> Iterator[Entry]:
    latest = store.ledger.latest_of_all()

    def of(prefix: str, partition: str, assets: Sequence[str]) -> dict[str, str]:
        return {a: e["version"][:12] for a in assets if (e := latest.get((f"{prefix}/{a}", partition)))}

    for name, reference in known_drawings(store.root).items():
        summary = DRAWINGS[name].summary if name in DRAWINGS else f"your own: {reference}"
        yield Entry("drawing class", name, summary, of("drawings", name, list(MODELS)))
    for name, source in known_sources(store.root).items():
        yield Entry("picture source", name, source.summary, of("glyphs", name, ("augmented", *AUTOENCODERS)))
    for name, operation in OPERATIONS.items():
        yield Entry("operation", name, operation.summary())
    for kind, models in MODELS.items():
        for name, architecture in models.items():
            made = {
                partition: entry["version"][:12]
                for (asset, partition), entry in latest.items()
                if asset.rpartition("/")[2] == kind and entry.get("config", {}).get("model") == name
            }
            yield Entry(kind, name, architecture.summary, made)
    for name, chosen in AUTOENCODERS.items():
        made = {partition: e["version"][:12] for (asset, partition), e in latest.items() if asset == f"glyphs/{name}"}
        yield Entry("autoencoder", name, f"{chosen.summary}; takes {chosen.rule}", made)


def catalogue_text(entries: Sequence[Entry]) -> str:
    """A line for each, under its list's heading, with what was made of it."""
    lines = []
    width = max(len(entry.name) for entry in entries)
    for kind, group in groupby(entries, lambda entry: entry.kind):
        lines.append(kind)
        for entry in group:
            made = ", ".join(f"{what} {version}" for what, version in entry.made.items())
            lines.append(f"  {entry.name:<{width}}  {entry.summary.rstrip('.')}{f'; made: {made}' if made else ''}")
    return "\n".join(lines)
