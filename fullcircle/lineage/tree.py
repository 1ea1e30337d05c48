"""The upstream tree: from a version back to everything that it was made from.

Belongs here: walking the ledger upwards, and the tree as text, as plain data and as a DOT graph. The page is in `page`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from fullcircle.lineage.history import SHORT, History, Input, Made
from fullcircle.store.objects import Store
from fullcircle.store.recipe import differing_settings

Key = tuple[str, str, str]
"""Asset, partition and version."""


@dataclasses.dataclass(frozen=True)
class Node:
    """A version, and what is on record of it.

    Attributes:
        asset: its asset; of what lies outside of the store, the name of the place.
        partition: of the asset.
        version: content hash.
        made: by which record; None of what no record made.
        before: the version before it of the same asset and partition; None of the first.
        differences: of its settings against those of the version before, a phrase each.
        passed: names of the checks that passed.
        failed: of those that did not, each with what was found.
        note: what is peculiar to it: that it lies outside, that no record made it, that it was pruned, that it is not served.
        inputs: what it was made from.
    """

    asset: str
    partition: str
    version: str
    made: Made | None
    before: Made | None
    differences: tuple[str, ...]
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    note: str
    inputs: tuple[Key, ...]

    @property
    def key(self) -> Key:
        return self.asset, self.partition, self.version

    @property
    def title(self) -> str:
        """``drawings/encoder line f5ef63282af7``."""
        return f"{self.asset} {self.partition} {self.version[:SHORT]}"

    def facts(self) -> Iterator[str]:
        """What is on record of it, a line each."""
        if self.made is not None:
            entry = self.made.entry
            reused = ", taken as it was stored" if entry.get("reused") else ""
            asked = f", asked by {entry['asked_by']}" if entry.get("asked_by") else ""
            yield f"{self.made.time}, run {entry['run_id']}{reused}{asked}"
            if self.before is None:
                yield "the first version"
            elif self.differences:
                yield f"other settings than {self.before.version[:SHORT]}, the version before: {'; '.join(self.differences)}"
            else:
                yield f"the same settings as {self.before.version[:SHORT]}, the version before"
        if self.passed:
            yield f"passed: {', '.join(self.passed)}"
        for failure in self.failed:
            yield f"failed: {failure}"
        if self.note:
            yield self.note

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        entry = {} if self.made is None else self.made.entry
        return {
            "asset": self.asset,
            "partition": self.partition,
            "version": self.version,
            "line": None if self.made is None else self.made.line,
            **{name: entry.get(name) for name in ("time", "run_id", "asked_by", "reused", "code_version", "commit", "config")},
            "version_before": None if self.before is None else self.before.version,
            "config_differences": list(self.differences),
            "checks_passed": list(self.passed),
            "checks_failed": list(self.failed),
            "note": self.note,
            "inputs": [dict(zip(("asset", "partition", "version"), key, strict=True)) for key in self.inputs],
        }


@dataclasses.dataclass(frozen=True)
class Tree:
    """A version and everything upstream of it, each version once.

    Attributes:
        root: the version.
        nodes: all of them, in the order in which a walk from the root meets them.
    """

    root: Key
    nodes: dict[Key, Node]

    def text(self) -> str:
        """For a terminal; of a version that stands further up already only the name is printed again."""
        lines: list[str] = []
        shown: set[Key] = set()
        # What is still to be printed, the next last: key, what stands before its name, and what stands before what is below it.
        todo = [(self.root, "", "")]
        while todo:
            key, first, rest = todo.pop()
            node = self.nodes[key]
            if key in shown:
                lines.append(f"{first}{node.title} (see above)")
                continue
            shown.add(key)
            lines.append(f"{first}{node.title}")
            below = f"{rest}{'│  ' if node.inputs else '   '}"
            lines += [f"{below}{fact}" for fact in node.facts()]
            for i, of in enumerate(reversed(node.inputs)):
                todo.append((of, f"{rest}{'├─ ' if i else '└─ '}", f"{rest}{'│  ' if i else '   '}"))
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON: the root, and every version with the keys of its inputs."""
        root = dict(zip(("asset", "partition", "version"), self.root, strict=True))
        return {"root": root, "nodes": [node.as_dict() for node in self.nodes.values()]}

    def dot(self) -> str:
        """A graph for Graphviz, from what was read to what was made of it."""
        ids = {key: f"n{i}" for i, key in enumerate(self.nodes)}
        lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
        for key, node in self.nodes.items():
            label = f"{node.asset}\n{node.partition}\n{node.version[:SHORT]}"
            colour = ', color="red"' if node.failed or (node.made is None and node.note) else ""
            # JSON's quoting of text is understood by DOT: both know \" and \n, and \\ for a backslash.
            lines.append(f"  {ids[key]} [label={json.dumps(label, ensure_ascii=False)}{colour}];")
        lines += [f"  {ids[of]} -> {ids[key]};" for key, node in self.nodes.items() for of in node.inputs]
        return "\n".join([*lines, "}"])


def upstream(store: Store, history: History, made: Made) -> Tree:
    """Everything that a version was made from, back to what was made from nothing.

    Of a decision which models are champion these belong to it, also where a person decided and nothing was read.

    Args:
        store: whose decisions are looked into.
        history: of the ledger.
        made: the version.
    """
    nodes: dict[Key, Node] = {}
    todo = [Input("", made.asset, made.partition, made.version, made)]
    while todo:
        of = todo.pop()
        if (of.asset, of.partition, of.version) in nodes:
            continue
        inputs = [] if of.made is None else all_inputs(store, history, of.made)
        node = _node(history, of, inputs)
        nodes[node.key] = node
        todo += reversed(inputs)
    return Tree((made.asset, made.partition, made.version), nodes)


def all_inputs(store: Store, history: History, made: Made) -> list[Input]:
    """What a version was made from; of a decision, with the models that it made champion."""
    inputs = history.inputs(made)
    decision = history.decision(store, made)
    if decision is not None:
        prefix, known = made.asset.rpartition("/")[0], {of.version for of in inputs}
        for name, version in sorted(decision.champion.items()):
            if version not in known:
                inputs.append(history.lookup(name, f"{prefix}/{name}", made.partition, version, made.line))
    return inputs


def _node(history: History, of: Input, inputs: list[Input]) -> Node:
    made = of.made
    before = None if made is None else history.version_before(made)
    checks = {} if made is None else history.checks_of(made)
    failed = tuple(f"{name}: {c['description']}" for name, c in checks.items() if not c["passed"])
    return Node(
        of.asset,
        of.partition,
        of.version,
        made,
        before,
        tuple(differing_settings(before.config, made.config)) if made is not None and before is not None else (),
        tuple(name for name, check in checks.items() if check["passed"]),
        failed,
        _note(history, of),
        tuple(dict.fromkeys((i.asset, i.partition, i.version) for i in inputs)),
    )


def _note(history: History, of: Input) -> str:
    if of.outside:
        return "lies outside of the store; the version is that of its state when it was read"
    if of.made is None:
        return "NO RECORD made this version"
    if of.later:
        return "THE RECORD OF IT CAME AFTER it was read"
    notes = []
    if why := history.withheld(of.made):
        notes.append(f"not served, because {why}")
    if history.is_pruned(of.version):
        notes.append("removed since by prune")
    return "; ".join(notes)
