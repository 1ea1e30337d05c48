"""The impact of a version: everything that was made from it, and what of that is served.

Belongs here: walking the ledger downwards, decisions which models are champion included.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from fullcircle.lineage.history import SHORT, History, Made
from fullcircle.store.champions import called
from fullcircle.store.objects import Store


@dataclasses.dataclass(frozen=True)
class Affected:
    """Something that was made from a version.

    Attributes:
        made: the last record of it.
        through: what it was made from directly, that was made from the version or is it.
        served: whether it is the version of its asset and partition that is used now.
        pruned: whether it was removed since.
    """

    made: Made
    through: tuple[str, ...]
    served: bool
    pruned: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        names = {"asset": self.made.asset, "partition": self.made.partition, "version": self.made.version}
        return {**names, "through": list(self.through), "served": self.served, "pruned": self.pruned, "line": self.made.line}


@dataclasses.dataclass(frozen=True)
class Impact:
    """Everything downstream of a version.

    Attributes:
        of: the version.
        affected: what was made from it, directly or not, in the order in which it was first made.
        champions: models of champions that are served now and were made from it or are it, by what commands call the champion.
    """

    of: Made
    affected: tuple[Affected, ...]
    champions: dict[str, tuple[str, ...]]

    def text(self) -> str:
        """For a terminal."""
        if not self.affected and not self.champions:
            return f"Nothing on record was made from {self.of.name}."
        lines = [f"{len(self.affected)} versions were made from {self.of.name}, directly or not:"]
        width = max((len(f"{a.made.asset} {a.made.partition}") for a in self.affected), default=0)
        for each in self.affected:
            state = "served" if each.served else "removed since by prune" if each.pruned else "not served"
            through = ", ".join(each.through)
            name = f"{each.made.asset} {each.made.partition}"
            lines.append(f"  {name:<{width}}  {each.made.version[:SHORT]}  {state:<10}  through {through}")
        for name, models in self.champions.items():
            lines.append(f"The champion of {name} is affected: {', '.join(models)}.")
        if not self.champions:
            lines.append("No champion that is served is affected.")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "asset": self.of.asset,
            "partition": self.of.partition,
            "version": self.of.version,
            "affected": [each.as_dict() for each in self.affected],
            "champions": {name: list(models) for name, models in self.champions.items()},
        }


def impact(store: Store, history: History, made: Made) -> Impact:
    """What was made from a version.

    Args:
        store: whose decisions are looked into.
        history: of its ledger.
        made: the version.
    """
    tainted = {made.version}
    found: dict[str, set[str]] = {}
    last: dict[str, Made] = {}
    readers = {version: list(of) for version, of in history.readers.items()}
    for of in history.made:
        if (decision := history.decision(store, of)) is not None:
            for version in {*decision.champion.values(), *decision.challenger.values()}:
                readers.setdefault(version, []).append(of)
    todo = [made.version]
    while todo:
        version = todo.pop()
        for reader in readers.get(version, ()):
            if reader.version == made.version:
                continue
            found.setdefault(reader.version, set()).add(version)
            last[reader.version] = reader
            if reader.version not in tainted:
                tainted.add(reader.version)
                todo.append(reader.version)
    champions = {
        called(*served.subject): models
        for served, decision in history.champions(store)
        if (models := tuple(f"{n} {v[:SHORT]}" for n, v in sorted(decision.champion.items()) if v in tainted))
    }
    first = {version: history.by_version[version][0].line for version in found}
    affected = (
        Affected(
            last[version],
            tuple(sorted(f"{history.by_version[of][-1].asset} {of[:SHORT]}" for of in found[version])),
            (served := history.served(last[version].subject)) is not None and served.version == version,
            history.is_pruned(version),
        )
        for version in sorted(found, key=first.__getitem__)
    )
    return Impact(made, tuple(affected), champions)
