"""Recipes: what something is made by, and whether what is there was made by the same.

Belongs here: the one comparison of a ledger entry with what would make it now, in words.
Does not belong here: where a recipe's parts come from, and what is done about a difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from fullcircle.store.hashing import canonical_json, digest

WITHOUT_EFFECT = "workers"
"""The setting that changes nothing but the time; entries of older versions hold it, recipes do not."""

SHOWN = 3
"""How many differing settings or libraries are named before the others are only counted."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what an asset's version holds. Two runs of one recipe make the same content.

    Attributes:
        asset: ``drawings/decoder``.
        partition: of the asset.
        code_version: hash of the source code that can change the content.
        config: the settings that decide the content, as plain data; the number of workers does not belong to them.
        read: the version of each input, by asset.
        libraries: the version of each library that takes part, by name.
    """

    asset: str
    partition: str
    code_version: str
    config: Mapping[str, Any]
    read: Mapping[str, str]
    libraries: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Hex SHA-256 of all parts. Settings that compare equal hash the same (10 and 10.0, a tuple and a list)."""
        parts = (self.asset, self.partition, self.key)
        return digest([*(part.encode() for part in parts), canonical_json(dict(self.libraries))])

    @property
    def key(self) -> str:
        """Hex SHA-256 of code version, settings and inputs: what the ledger finds entries by, older ones without libraries too."""
        return _key(self.code_version, self.config, self.read)

    def entry(self) -> dict[str, Any]:
        """The fields of a ledger entry that say how something was made."""
        return {
            "asset": self.asset,
            "partition": self.partition,
            "code_version": self.code_version,
            "config": dict(self.config),
            "read": dict(self.read),
            "libraries": dict(self.libraries),
        }


def entry_key(entry: Mapping[str, Any]) -> str | None:
    """`Recipe.key` of the recipe that an entry was made by; None for an entry that does not say."""
    if "code_version" not in entry or "config" not in entry or "read" not in entry:
        return None
    return _key(entry["code_version"], entry["config"], entry["read"])


def difference(entry: Mapping[str, Any], recipe: Recipe) -> str | None:
    """Why something would come out differently now: None when the entry was made by this very recipe.

    Libraries are compared as far as both sides name them. Entries of older versions name none: that is unknown, not different, so
    that adding a library to the list of those that count makes nothing stale. Code, settings and inputs that are not on record
    count as different.

    Args:
        entry: a materialisation, from the ledger.
        recipe: what would make it now.

    Returns:
        The first reason, to be put after "was made": ``with other settings (epochs was 6, is now 12)``.

    Example:
        >>> difference(recipe.entry() | {"code_version": "0"}, recipe)
        'by other code'
    """
    if (entry["asset"], entry["partition"]) != (recipe.asset, recipe.partition):
        then, now = f"{entry['asset']} ({entry['partition']})", f"{recipe.asset} ({recipe.partition})"
        return f"as another asset ({then} then, {now} now)"
    if "config" not in entry:
        return "with settings that are not on record"
    if settings := list(differing_settings(entry["config"], recipe.config)):
        return f"with other settings ({_listed(settings)})"
    if "code_version" not in entry:
        return "by code that is not on record"
    if entry["code_version"] != recipe.code_version:
        return "by other code"
    if "read" not in entry:
        return "from inputs that are not on record"
    for name, version in sorted({**entry["read"], **recipe.read}.items()):
        if name not in recipe.read:
            return f"from {name}, which is not read now"
        if name not in entry["read"]:
            return f"without {name}, which is read now"
        if (then := entry["read"][name]) != version:
            return f"from another version of {name} ({then[:12]} then, {version[:12]} now)"
    before = entry.get("libraries", {})
    changed = {name: version for name, version in recipe.libraries.items() if before.get(name, version) != version}
    if changed:
        return f"with other libraries ({_listed([f'{n} {before[n]} then, {v} now' for n, v in sorted(changed.items())])})"
    return None


def _key(code_version: str, config: Mapping[str, Any], read: Mapping[str, str]) -> str:
    return digest([code_version.encode(), canonical_json(_plain(config)), canonical_json(dict(read))])


def _plain(value: Any) -> Any:
    """Settings such that equal ones look equal: no workers, whole numbers as such, lists for tuples."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if name != WITHOUT_EFFECT}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def differing_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A phrase for each setting that differs, ``epochs was 6, is now 12``; the number of workers is none."""
    # Compared as JSON: to Python, True is 1.
    then, today = dict(_flat(_plain(before))), dict(_flat(_plain(now)))
    for name in sorted(then.keys() | today.keys()):
        if name not in today:
            yield f"{name} was {_shown(then[name])}, is no setting now"
        elif name not in then:
            yield f"{name} is new, {_shown(today[name])}"
        elif canonical_json(then[name]) != canonical_json(today[name]):
            yield f"{name} was {_shown(then[name])}, is now {_shown(today[name])}"


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}..."


def _listed(reasons: list[str]) -> str:
    more = len(reasons) - SHOWN
    return "; ".join(reasons[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
