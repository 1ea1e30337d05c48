"""A figure back to its parents: which report has it, what it was measured on, by which seeds, and what makes it again.

Belongs here: putting together what the ledger and the report hold. Nothing is computed.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from fullcircle.core.settings import Parts, SettingsError, unknown_name
from fullcircle.lineage.code import commit_of
from fullcircle.lineage.history import SHORT, History, Made
from fullcircle.lineage.steps import step_of
from fullcircle.lineage.tree import Tree, upstream
from fullcircle.models.autoencoders import AUTOENCODERS
from fullcircle.reports.figures import ALL, VARIANTS
from fullcircle.reports.files import PAGE, REPORT
from fullcircle.steps.profiles import AUTOENCODER_PROFILES, GLYPH_PROFILES, PROFILES
from fullcircle.steps.step import command_for
from fullcircle.store.objects import Store, StoredObject
from fullcircle.store.recipe import differing_settings

OF_DRAWINGS, OF_GLYPHS = "drawings", "glyphs"


@dataclasses.dataclass(frozen=True)
class Number:
    """A figure of a report.

    Attributes:
        report: the record of the report.
        metric: its name there.
        value: it; None where it could not be computed.
        shown: the value as tables have it.
        meaning: one sentence.
        page: of the report.
        parents: what the report was made from, by the name of the input.
        tables: how many rows each table among those has, by the name of the input; only of those that are in the store.
        seeds: of everything upstream that has one, by asset.
        commit: that the report was made by; None where it is not on record.
        command: makes all of it again by today's code.
        reproduce: makes it again from the ledger and compares.
    """

    report: Made
    metric: str
    value: float | None
    shown: str
    meaning: str
    page: str
    parents: Mapping[str, str]
    tables: Mapping[str, int]
    seeds: Mapping[str, int]
    commit: str | None
    command: str
    reproduce: str

    def text(self) -> str:
        """For a terminal."""
        lines = [
            f"{self.metric} = {self.shown}",
            *([f"  {self.meaning}"] if self.meaning else []),
            f"report    {self.report.name}, made {self.report.time}, run {self.report.entry['run_id']}",
            f"page      {self.page}",
        ]
        for name, version in self.parents.items():
            rows = f", {self.tables[name]:,} rows" if name in self.tables else ""
            lines.append(f"from      {name} {version[:SHORT]}{rows}")
        lines += [f"seed      {seed} of {asset}" for asset, seed in self.seeds.items()]
        lines.append(
            f"code      {self.report.entry.get('code_version', 'not on record')}, commit {self.commit or 'not on record'}"
        )
        lines += [f"again     {self.command}", f"compared  {self.reproduce}"]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "report"}
        names = {"asset": self.report.asset, "partition": self.report.partition, "version": self.report.version}
        return names | {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}


def number(store: Store, history: History, report: Made, metric: str) -> Number:
    """Where a figure comes from.

    Args:
        store: has the report.
        history: of its ledger.
        report: the report's version.
        metric: name of the figure.

    Raises:
        SettingsError: when the asset is no report, or has no such figure, naming the nearest.
        StoredObjectError: when the report is not whole.
    """
    stored = store.open(report.version, f"{report.asset} ({report.partition})", command_for(report.asset, report.partition))
    figures = stored.json(REPORT).get("metrics") if stored.file(REPORT).exists() else None
    if not isinstance(figures, dict):
        raise SettingsError(f"A report with figures is expected, drawings/encoder_report for one. Received: {report.name}.")
    if metric not in figures:
        raise SettingsError(unknown_name(f"figure of {report.asset}", metric, figures))
    tree = upstream(store, history, report)
    value = figures[metric]
    figure = ALL.get(next((metric.removeprefix(v) for v in VARIANTS if metric.startswith(v)), metric))
    commit = commit_of(report)
    return Number(
        report,
        metric,
        value,
        figure.text(value) if figure else str(value),
        figure.meaning if figure else "",
        str(stored.file(PAGE)),
        dict(sorted(report.read.items())),
        _rows(store, report),
        _seeds(tree),
        None if commit is None else commit["hash"],
        command(tree),
        f"fullcircle audit reproduce {report.version[:SHORT]}",
    )


def command(tree: Tree) -> str:
    """What makes a version again, and everything upstream, by the settings on record: those of a profile, and what differs."""
    root = tree.nodes[tree.root]
    prefix, _, name = root.asset.partition("/")
    configs: dict[str, Mapping[str, Any]] = {}
    for node in tree.nodes.values():
        step = step_of(node.asset)
        if step is not None and node.made is not None and node.partition == root.partition and step.prefix == prefix:
            configs.setdefault(step.part, node.made.config)
    profiles = _profiles(prefix, name)
    candidates = ((profile, list(_assignments(configs, parts))) for profile, parts in profiles.items())
    best, assignments = min(candidates, key=lambda found: len(found[1]), default=("", []))
    again = command_for(root.asset, root.partition)
    if not best:
        return again
    given = f" SET={shlex.quote(' '.join(assignments))}" if assignments else ""
    return f"{again} PROFILE={best}{given}"


def _profiles(prefix: str, name: str) -> Mapping[str, list[Parts]]:
    """The settings of each profile of what is launched to make an asset."""
    if prefix == OF_DRAWINGS:
        return {profile: [of.settings] for profile, of in PROFILES.items()}
    if prefix != OF_GLYPHS:
        return {}
    model = next((m for m in AUTOENCODERS if name == m or name.startswith(f"{m}_")), None)
    own = AUTOENCODER_PROFILES[model] if model else {}
    return {profile: [of.settings, *([own[profile].settings] if model else [])] for profile, of in GLYPH_PROFILES.items()}


def _assignments(configs: Mapping[str, Mapping[str, Any]], parts: list[Parts]) -> Iterator[str]:
    """What is to be set beside a profile, as ``make run SET`` takes it."""
    for part, config in sorted(configs.items()):
        settings = next((getattr(of, part) for of in parts if hasattr(of, part)), None)
        default = {} if settings is None else settings.as_dict()
        for name, value in sorted(config.items()):
            if name in default and list(differing_settings({name: default[name]}, {name: value})):
                yield f"{part}.{name}={value if isinstance(value, str) else json.dumps(value, separators=(',', ':'))}"


def _rows(store: Store, report: Made) -> dict[str, int]:
    found = {}
    for name, version in sorted(report.read.items()):
        tables = list(store.path_of(version).glob("*.parquet"))
        if len(tables) == 1:
            found[name] = StoredObject(version, tables[0].parent).table().rows
    return found


def _seeds(tree: Tree) -> dict[str, int]:
    return {node.asset: node.made.config["seed"] for node in tree.nodes.values() if node.made and "seed" in node.made.config}
