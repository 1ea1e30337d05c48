"""Reproducing: making a version again from the ledger alone, in a store of its own, and comparing.

Belongs here: the order of the work, what is refused, and the comparison. What a step does is in `steps`.

Everything upstream is made again first, from what was made from nothing. Where something comes out differently it ends: what comes
after could not be the same. What a person decided cannot be made again and is taken over as it is, as is what the checks found.
Training is equal on one machine with the same libraries; on another processor the last digits of sums may differ, and then all.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import SettingsError
from fullcircle.lineage.code import commit_of
from fullcircle.lineage.history import OUTSIDE, SHORT, History, Made
from fullcircle.lineage.steps import step_of
from fullcircle.lineage.tree import all_inputs
from fullcircle.reports.files import REPORT
from fullcircle.steps.step import Inputs, Step, run
from fullcircle.store.champions import decides_champions
from fullcircle.store.objects import MANIFEST, Store, StoredObject, StoredObjectError
from fullcircle.store.provenance import provenance
from fullcircle.store.recipe import Recipe

REGISTERS = ("drawings.json", "sources.json")
"""Which classes and sources of the user's own there are: the scratch store knows them too."""

RUN = "reproduced"
"""In place of a run's id in the ledger of the scratch store."""


class OtherCodeError(SettingsError):
    """The code is not the one on record. The message says of what, and which commit to check out."""


@dataclasses.dataclass(frozen=True)
class Reproduced:
    """A version that was made again.

    Attributes:
        made: the record of it.
        version: what came out.
        by_hand: whether a person decided it, so that it was taken over.
        recipe: by which it was made now; None of what was taken over.
    """

    made: Made
    version: str
    by_hand: bool
    recipe: Recipe | None

    @property
    def identical(self) -> bool:
        """Whether the same came out."""
        return self.version == self.made.version


@dataclasses.dataclass(frozen=True)
class Reproduction:
    """What came of making a version again.

    Attributes:
        made: the version.
        steps: everything that was made again, in that order; where one came out differently it is the last.
        files: of that one, which files hold something else; the old one must be in the store for that.
        figures: of a report, the figures that differ, then and now.
        seconds: that it took.
    """

    made: Made
    steps: tuple[Reproduced, ...]
    files: tuple[str, ...]
    figures: Mapping[str, tuple[Any, Any]]
    seconds: float

    @property
    def different(self) -> Reproduced | None:
        """The first that came out differently; None where all is the same."""
        return next((step for step in self.steps if not step.identical), None)

    def text(self) -> str:
        """For a terminal."""
        lines = [
            f"{step.made.name}: {'taken over, a person decided it' if step.by_hand else 'identical'}"
            if step.identical
            else f"{step.made.name}: DIFFERENT, {step.version[:SHORT]} now"
            for step in self.steps
        ]
        if self.different is None:
            return "\n".join([*lines, f"Identical: {self.made.name} was made again in {self.seconds:.0f} s."])
        lines.append(f"Not identical. The first that differs is {self.different.made.name}.")
        if self.files:
            lines.append(f"Files that hold something else: {', '.join(self.files)}.")
        lines += [f"  {name}: {then} then, {now} now" for name, (then, now) in self.figures.items()]
        lines.append(f"  {'':<16}{'then':<34}now")
        lines += [f"  {name:<16}{then!s:<34}{now}" for name, (then, now) in self.circumstances().items()]
        return "\n".join(lines)

    def circumstances(self) -> dict[str, tuple[str, str]]:
        """Code, libraries and machine, then and now, of the first that came out differently; `-` for what is not on record."""
        of = self.different
        if of is None or of.recipe is None:
            return {}
        entry, recipe = of.made.entry, of.recipe
        libraries: Mapping[str, str] = entry.get("libraries", {})
        found = {"code": (entry.get("code_version", "-"), recipe.code_version)}
        for name in sorted(libraries.keys() | recipe.libraries.keys()):
            found[name] = libraries.get(name, "-"), recipe.libraries.get(name, "-")
        for name, now in _present().items():
            found[name] = _shown(entry.get(name)), now
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "asset": self.made.asset,
            "partition": self.made.partition,
            "version": self.made.version,
            "identical": self.different is None,
            "steps": [
                {
                    "asset": step.made.asset,
                    "partition": step.made.partition,
                    "version": step.made.version,
                    "now": step.version,
                    "identical": step.identical,
                    "by_hand": step.by_hand,
                }
                for step in self.steps
            ],
            "files": list(self.files),
            "figures": {name: list(pair) for name, pair in self.figures.items()},
            "circumstances": {name: list(pair) for name, pair in self.circumstances().items()},
            "seconds": self.seconds,
        }


def reproduce(
    store: Store,
    history: History,
    made: Made,
    scratch: Store,
    progress: Progress = silent,
    *,
    anyway: bool = False,
    step_for: Callable[[str], Step | None] = step_of,
) -> Reproduction:
    """Make a version again, everything upstream first, and compare.

    Args:
        store: whose ledger it is; its objects are only compared with, and those that a person decided taken over.
        history: of its ledger.
        made: the version.
        scratch: takes what is made; empty.
        progress: where to say what is made.
        anyway: also where the code is not the one on record.
        step_for: the step that makes an asset.

    Raises:
        OtherCodeError: when the code is another, and `anyway` is not given.
        SettingsError: when something upstream cannot be made again: its record is missing or does not say how, or no step makes it.
        StoredObjectError: when what a person decided is not in the store.
    """
    began = time.monotonic()
    ancestors = _in_order(store, history, made)
    plans = {of.version: _planned(history, of, step_for) for of in ancestors}
    if not anyway:
        for of in ancestors:
            _refuse_other_code(store, of, plans[of.version])
    _take_registers(store, scratch)
    steps: list[Reproduced] = []
    for of in ancestors:
        plan = plans[of.version]
        progress.say(f"{of.name}: {'taken over' if plan is None else 'made again'}")
        done = _taken(store, scratch, of) if plan is None else _again(scratch, of, plan, anyway, progress)
        steps.append(done)
        _enter(history, scratch, done)
        if not done.identical:
            break
    files, figures = _compared(store, scratch, steps[-1])
    return Reproduction(made, tuple(steps), files, figures, time.monotonic() - began)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """How a version is made again."""

    step: Step
    settings: Any


def _in_order(store: Store, history: History, made: Made) -> list[Made]:
    """Everything upstream, each after what it was made from, and of one asset in the order of the ledger."""
    found: dict[str, Made] = {}
    todo = [made]
    while todo:
        of = todo.pop()
        if of.version in found:
            continue
        found[of.version] = of
        for read in all_inputs(store, history, of):
            if read.outside:
                continue
            if read.made is None:
                raise SettingsError(
                    f"A record of how {read.asset} ({read.partition}) {read.version[:SHORT]} was made is expected, which {of.name} "
                    "was made from. Received: none. What is wrong with the ledger is found by: fullcircle audit verify"
                )
            todo.append(read.made)
    first = {
        version: min(m.line for m in history.by_version[version] if m.subject == of.subject) for version, of in found.items()
    }
    return sorted(found.values(), key=lambda of: first[of.version])


def _planned(history: History, made: Made, step_for: Callable[[str], Step | None]) -> _Plan | None:
    """How a version is made again; None of a decision that a person made, which says of no settings and no inputs."""
    if (
        "config" not in made.entry
        and "read" not in made.entry
        and "code_version" not in made.entry
        and decides_champions(made.asset)
    ):
        return None
    if missing := [name for name in ("code_version", "config", "read") if name not in made.entry]:
        raise SettingsError(
            f"{made.name} is expected to have {', '.join(missing)} on record. Received: a record of an older version without. It "
            f"cannot be made again from line {made.line} of the ledger alone."
        )
    step = step_for(made.asset)
    if step is None:
        raise SettingsError(
            f"A step that makes {made.asset} is expected. Received: none; the code that made it is no longer here."
        )
    try:
        return _Plan(step, step.settings(**made.config))
    except (TypeError, SettingsError) as error:
        raise SettingsError(
            f"The settings of {made.name} on record are expected to be those of today's {step.part}. {error}{_checkout(made)}"
        ) from error


def _refuse_other_code(store: Store, made: Made, plan: _Plan | None) -> None:
    """Refuse before anything is made, as far as the inputs are in the store: networks among them count as code."""
    if plan is None:
        return
    names = [name for name in made.read if not name.startswith(OUTSIDE)]
    stored = {name: StoredObject(made.read[name], store.path_of(made.read[name])) for name in names}
    if all(store.damage(of.hash) is None for of in stored.values()):
        _refuse_differing(made, _recipe(plan, store, made, stored))


def _recipe(plan: _Plan, store: Store, made: Made, inputs: Inputs) -> Recipe:
    return plan.step.recipes(store, made.partition, inputs, plan.settings)[made.asset]


def _refuse_differing(made: Made, recipe: Recipe) -> None:
    if recipe.code_version != made.entry["code_version"]:
        raise OtherCodeError(
            f"The code that makes {made.asset} is expected to be {made.entry['code_version']}, as it was for {made.name}. "
            f"Received: {recipe.code_version}.{_checkout(made)} Or make it by today's code, to see whether the same comes out: "
            "--anyway"
        )


def _checkout(made: Made) -> str:
    commit = commit_of(made)
    if commit is None:
        return f" Its commit is not on record; it was made {made.time}."
    changed = " It had changes that are in no commit." if commit.get("dirty") else ""
    return f" Check out what made it: git checkout {commit['hash']}.{changed}"


def _again(scratch: Store, made: Made, plan: _Plan, anyway: bool, progress: Progress) -> Reproduced:
    inputs = {asset: scratch.open(made.read[asset], asset) for asset in plan.step.reads if asset in made.read}
    if missing := [asset for asset in plan.step.reads if asset not in inputs]:
        raise SettingsError(
            f"{made.name} is expected to have read {', '.join(missing)}. Received: a record without{_checkout(made)}"
        )
    if not anyway:
        _refuse_differing(made, _recipe(plan, scratch, made, plan.step.all_inputs(scratch, made.partition, inputs)))
    result = run(plan.step, scratch, made.partition, inputs, plan.settings, progress)
    recipe = result.recipes[made.asset]
    for name, state in made.read.items():
        if name.startswith(OUTSIDE) and recipe.read.get(name) != state:
            raise SettingsError(
                f"The {name} are expected to be as they were for {made.name}, {state[:SHORT]}. Received: "
                f"{recipe.read.get(name, 'none')[:SHORT]}. Put them back from a copy."
            )
    for asset, stored in result.objects.items():
        if asset != made.asset:  # on record, what the same step made beside it is not made once more when its turn comes
            scratch.ledger.append({**result.recipes[asset].entry(), "version": stored.hash, "run_id": RUN, "time": time.time()})
    return Reproduced(made, result.objects[made.asset].hash, False, recipe)


def _taken(store: Store, scratch: Store, made: Made) -> Reproduced:
    source, target = store.open(made.version, made.asset), scratch.path_of(made.version)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source.path, target)
    return Reproduced(made, made.version, True, None)


def _enter(history: History, scratch: Store, done: Reproduced) -> None:
    """Into the scratch store's ledger, with what the checks found then: steps look there for what is served."""
    made = done.made
    fields = {} if done.recipe is None else done.recipe.entry()
    names = {"asset": made.asset, "partition": made.partition, "version": done.version, "run_id": RUN, "time": time.time()}
    blocking = {"blocking": made.entry["blocking"]} if "blocking" in made.entry else {}
    scratch.ledger.append({**fields, **names, **blocking})
    if done.identical:
        for record in history.checks_of(made).values():
            scratch.ledger.append(record)


def _take_registers(store: Store, scratch: Store) -> None:
    scratch.root.mkdir(parents=True, exist_ok=True)
    for name in REGISTERS:
        if (store.root / name).is_file():
            shutil.copyfile(store.root / name, scratch.root / name)


def _compared(store: Store, scratch: Store, last: Reproduced) -> tuple[tuple[str, ...], dict[str, tuple[Any, Any]]]:
    """Files and figures of what came out differently, as far as the old one is in the store."""
    if last.identical:
        return (), {}
    try:
        then = store.open(last.made.version)
    except StoredObjectError:
        return (), {}
    now = StoredObject(last.version, scratch.path_of(last.version))
    old, new = (json.loads(of.file(MANIFEST).read_text()) for of in (then, now))
    files = tuple(name for name in sorted(old.keys() | new.keys()) if _content(old, name) != _content(new, name))
    return files, dict(_figures(then, now)) if REPORT in old and REPORT in new else {}


def _content(manifest: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    return manifest.get(name, {}).get("content", "none")


def _figures(then: StoredObject, now: StoredObject) -> Iterator[tuple[str, tuple[Any, Any]]]:
    old, new = (of.json(REPORT).get("metrics", {}) for of in (then, now))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name, (old.get(name), new.get(name))


def _present() -> dict[str, str]:
    """What of this process is put beside a record."""
    now = provenance()
    return {name: _shown(now[name]) for name in ("python", "machine")}


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(str(value[name]) for name in ("platform", "processor") if name in value)
    return "-" if value is None else str(value)
