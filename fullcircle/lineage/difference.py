"""Why two versions differ: the first of what they were made from that was not made alike, and how it was made otherwise.

Belongs here: walking two trees side by side, inputs before what was made from them.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fullcircle.core.settings import SettingsError
from fullcircle.lineage.code import commit_of, git
from fullcircle.lineage.history import SHORT, History, Input, Made
from fullcircle.lineage.tree import all_inputs
from fullcircle.store.code_version import ROOT
from fullcircle.store.objects import Store
from fullcircle.store.recipe import differing_settings

SEED, SETTINGS, CODE, DATA, LIBRARIES, MACHINE, UNEXPLAINED = (
    "seed",
    "settings",
    "code",
    "data",
    "libraries",
    "machine",
    "unexplained",
)
"""In what two versions may differ; nothing on record explains the last."""

MOST = 8
"""So many changed definitions are named."""


@dataclasses.dataclass(frozen=True)
class Reason:
    """In what the making of two versions differed.

    Attributes:
        kind: one of those above.
        text: how, as a phrase.
    """

    kind: str
    text: str


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two versions of one asset that differ.

    Attributes:
        asset: as it is recorded as an input.
        first: version of the one.
        second: version of the other.
        reasons: in what they were made otherwise, apart from inputs that are pairs themselves; none where only those differ.
    """

    asset: str
    first: str
    second: str
    reasons: tuple[Reason, ...]

    def text(self) -> str:
        """For a terminal."""
        why = "; ".join(f"{reason.kind}: {reason.text}" for reason in self.reasons) or "only because of what it was made from"
        return f"{self.asset} {self.first[:SHORT]} and {self.second[:SHORT]}: {why}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Difference:
    """Why two versions differ.

    Attributes:
        first: the one.
        second: the other.
        pairs: what differs, inputs before what was made from them, the two themselves last.
    """

    first: Made
    second: Made
    pairs: tuple[Pair, ...]

    @property
    def cause(self) -> Pair | None:
        """The first ancestors that were not made alike; None where the two are the same, or read each other by a forged ledger."""
        return next((pair for pair in self.pairs if pair.reasons), None)

    def text(self) -> str:
        """For a terminal."""
        if self.first.version == self.second.version:
            return f"{self.first.name} and {self.second.name} are the same version."
        if self.cause is None:
            return f"{self.first.name} and {self.second.name} differ, and nothing on record says why."
        others = [pair for pair in self.pairs if pair is not self.cause]
        lines = [f"{self.first.name} and {self.second.name} differ first in {self.cause.text()}."]
        if others:
            lines += ["After that differ:", *(f"  {pair.text()}" for pair in others)]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "first": self.first.version,
            "second": self.second.version,
            "cause": None if self.cause is None else self.cause.as_dict(),
            "pairs": [pair.as_dict() for pair in self.pairs],
        }


def difference(store: Store, history: History, first: Made, second: Made, root: Path = ROOT) -> Difference:
    """Why two versions of an asset differ.

    Args:
        store: whose decisions are looked into.
        history: of its ledger.
        first: the one.
        second: the other, of the same asset; its partition may be another.
        root: folder of the packages, whose repository is asked which definitions changed.

    Raises:
        SettingsError: when they are versions of different assets.
    """
    if first.asset != second.asset:
        raise SettingsError(f"Two versions of one asset are expected. Received: {first.name} and {second.name}.")
    pairs: dict[tuple[str, str], Pair] = {}
    opened: set[tuple[str, str]] = set()  # a forged ledger may have a version read itself
    todo: list[tuple[str, Made, Made, bool]] = [(first.asset, first, second, False)]
    while todo:
        name, one, other, looked = todo.pop()
        key = one.version, other.version
        if one.version == other.version or key in pairs or (key in opened and not looked):
            continue
        opened.add(key)
        ours, theirs = ({of.name: of for of in all_inputs(store, history, made)} for made in (one, other))
        if not looked:
            todo.append((name, one, other, True))
            shared = ((of, ours[of].made, theirs[of].made) for of in sorted(ours.keys() & theirs.keys(), reverse=True))
            todo += [(of, a, b, False) for of, a, b in shared if a is not None and b is not None]
            continue
        reasons = tuple(_reasons(one, other, ours, theirs, root))
        pairs[key] = Pair(name, one.version, other.version, reasons)
    return Difference(first, second, tuple(pairs.values()))


def _reasons(one: Made, other: Made, ours: dict[str, Input], theirs: dict[str, Input], root: Path) -> Iterator[Reason]:
    explained = False
    for phrase in differing_settings(one.config, other.config):
        explained = True
        yield Reason(SEED if phrase.split(" ", 1)[0].rpartition(".")[2] == "seed" else SETTINGS, phrase)
    if (then := one.entry.get("code_version")) != (now := other.entry.get("code_version")):
        explained = True
        yield Reason(CODE, f"{then or 'not on record'} and {now or 'not on record'}{_changed(one, other, root)}")
    for name in sorted(ours.keys() | theirs.keys()):
        a, b = ours.get(name), theirs.get(name)
        if a is None or b is None:
            explained = True
            yield Reason(DATA, f"{name} was read for the {'second' if a is None else 'first'} only")
        elif a.version != b.version:
            explained = True
            if a.made is None or b.made is None:
                what = "changed" if a.outside else "has other versions, whose records are missing"
                yield Reason(DATA, f"{name} {what}, {a.version[:SHORT]} and {b.version[:SHORT]}")
    if one.partition != other.partition:
        explained = True
        yield Reason(DATA, f"of {one.partition} and of {other.partition}")
    for name, kind in (("libraries", LIBRARIES), ("python", LIBRARIES), ("machine", MACHINE)):
        changed = list(_differing(name, one.entry.get(name), other.entry.get(name)))
        if changed and (kind == LIBRARIES or not explained):
            explained = True
            yield Reason(kind, ", ".join(changed))
    if not explained:
        yield Reason(
            UNEXPLAINED, "made from the same by the same code and settings: training need not come out equal on every processor"
        )


def _differing(what: str, one: Any, other: Any) -> Iterator[str]:
    """What of libraries or of a machine is on both records and differs."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        one, other = {what: one}, {what: other}
    for name in sorted(one.keys() & other.keys()):
        if one[name] is not None and other[name] is not None and one[name] != other[name]:
            yield f"{name} {one[name]} and {other[name]}"


def _changed(one: Made, other: Made, root: Path) -> str:
    """Which definitions changed between the commits of two records, where both are on record and in the repository."""
    commits = [commit for made in (one, other) if (commit := commit_of(made)) is not None]
    if len(commits) < 2:
        return ""
    uncommitted = " and changes that are in no commit" if any(commit.get("dirty") for commit in commits) else ""
    hashes = [commit["hash"] for commit in commits]
    names = changed_definitions(hashes[0], hashes[1], root) if all(h.isalnum() for h in hashes) else None
    if names is None:
        return f" (commits {hashes[0][:SHORT]} and {hashes[1][:SHORT]}, not both in the repository{uncommitted})"
    more = f", and {len(names) - MOST} more" if len(names) > MOST else ""
    listed = ", ".join(names[:MOST]) or "no definition of the library"
    return f" (changed between {hashes[0][:SHORT]} and {hashes[1][:SHORT]}: {listed}{more}{uncommitted})"


def changed_definitions(one: str, other: str, root: Path = ROOT) -> list[str] | None:
    """Definitions of the library that differ between two commits, as ``module:name``; comments do not count.

    Args:
        one: a commit.
        other: another.
        root: folder of the packages.

    Returns:
        In order; None where one of the commits is not in the repository.
    """
    listed = git(root, "diff", "--name-only", "--relative", one, other, "--", "fullcircle/")
    if listed is None:
        return None
    found = []
    for file in (name for name in listed.splitlines() if name.endswith(".py")):
        module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        then, now = (_definitions(git(root, "show", f"{commit}:./{file}") or "") for commit in (one, other))
        found += [f"{module}:{name}" for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    return found


def _definitions(text: str) -> dict[str, str]:
    """What a module defines at its top level, by name."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return {"<file>": text}
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = ["<statements>"]
        for name in names:
            found[name] = found.get(name, "") + ast.dump(node)
    return found
