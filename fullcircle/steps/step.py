"""A step: what makes one asset, or several at once, from which inputs, by which settings and which code.

Belongs here: what all steps share: their recipe, running one or taking what is stored already, and the plan of what a run has to
make anew. The assets are derived from steps, and so can a plain script run them; both make the same objects with the same hashes.
Does not belong here: any particular step (the modules beside this one), when and where a step runs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fullcircle.core.progress import Progress, silent
from fullcircle.core.settings import Parts, Settings, SettingsError
from fullcircle.drawings import drawing_class
from fullcircle.drawings.base import Drawing
from fullcircle.steps.columns import Rule, column_lineage, handed_on
from fullcircle.store.code_version import class_version, code_version, libraries_behind
from fullcircle.store.hashing import digest
from fullcircle.store.objects import NothingMaterializedError, Store, StoredObject, StoredObjectError
from fullcircle.store.recipe import Recipe, difference

Inputs = Mapping[str, StoredObject]
"""What a step reads, by asset."""

WHOLE = "all"
"""What stands for the partition of an asset that has none."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What a step is given.

    Attributes:
        store: to read from and to commit to.
        partition: drawing class or picture source.
        inputs: all that is read, by asset.
        settings: of the step's class.
        progress: where to say how far it is.
        key: of the recipe; the same whenever the very same is made, as after a kill.
    """

    store: Store
    partition: str
    inputs: Inputs
    settings: Any
    progress: Progress
    key: str

    @property
    def drawing(self) -> Drawing:
        """The drawing class that the partition is."""
        return drawing_class(self.partition, self.store.root)


def no_roots(settings: Any, inputs: Inputs) -> tuple[str, ...]:
    """Of a step whose code is the same whatever it is given."""
    return ()


def no_classes(store: Store, partition: str, inputs: Inputs) -> Sequence[object]:
    """Of a step that is the same for every drawing class and picture source."""
    return ()


def the_drawing_class(store: Store, partition: str, inputs: Inputs) -> Sequence[object]:
    """Of a step that draws: the drawing class that the partition is."""
    return (drawing_class(partition, store.root),)


def no_files(store: Store, partition: str) -> Mapping[str, str]:
    """Of a step that reads nothing but what is in the store."""
    return {}


def no_more_inputs(store: Store, partition: str, inputs: Inputs) -> Inputs:
    """Of a step that reads what its asset depends on, and nothing else."""
    return {}


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """What makes one asset, or several at once.

    Attributes:
        makes: keys of the assets, ``drawings/decoder``.
        part: of the settings of a whole run, the part that this step takes.
        settings: class of that part.
        make: does it.
        reads: keys of the assets of the same partition that it reads.
        more_inputs: what it reads beside those, found from them: the decoder that an encoder was trained through, for one. Raises
            `SettingsError` where the inputs do not belong together.
        roots: code that settings or inputs choose by name, as `code_version` takes it.
        classes: objects whose class's code counts too, the partition's drawing class for one; a user's own is no root.
        files: what is read beside the inputs and lies outside of the store, by name, as a hash of its state.
        columns: which columns of the tables that it reads a column of its own table comes from.
    """

    makes: tuple[str, ...]
    part: str
    settings: type[Settings]
    make: Callable[[Work], Mapping[str, StoredObject]]
    reads: tuple[str, ...] = ()
    more_inputs: Callable[[Store, str, Inputs], Inputs] = no_more_inputs
    roots: Callable[[Any, Inputs], tuple[str, ...]] = no_roots
    classes: Callable[[Store, str, Inputs], Sequence[object]] = no_classes
    files: Callable[[Store, str], Mapping[str, str]] = no_files
    columns: Rule = handed_on

    @property
    def prefix(self) -> str:
        """What the keys of its assets begin with."""
        return self.makes[0].partition("/")[0]

    @property
    def root(self) -> str:
        """The code behind it whatever it is given, as `code_version` takes it."""
        make = self.function
        return f"{make.__module__}:{make.__name__}"

    @property
    def function(self) -> Callable[..., Mapping[str, StoredObject]]:
        """The function in which `make` is written; where several steps share one, `make` is a part of it."""
        return self.make.func if isinstance(self.make, functools.partial) else self.make

    def recipes(self, store: Store, partition: str, inputs: Inputs, settings: Settings) -> dict[str, Recipe]:
        """By which recipe each of its assets would be made now.

        Args:
            store: whose register knows the partition.
            partition: drawing class or picture source.
            inputs: all that is read, `more_inputs` included.
            settings: of its class.
        """
        roots = self.root, *self.roots(settings, inputs)
        code = code_version(*roots)
        if own := [class_version(of) for of in self.classes(store, partition, inputs)]:
            code = digest([code.encode(), *(version.encode() for version in own)])[: len(code)]
        read = {**{asset: stored.hash for asset, stored in inputs.items()}, **self.files(store, partition)}
        return {
            asset: Recipe(asset, partition, code, settings.content(), read, libraries_behind(*roots)) for asset in self.makes
        }

    def column_lineage(self, asset: str, stored: StoredObject, inputs: Inputs) -> dict[str, list[tuple[str, str]]]:
        """Asset and name of the columns that each column of what it made comes from; none where that is no table.

        Args:
            asset: one of `makes`.
            stored: what was made.
            inputs: all that was read; what is not in `reads` counts for no column.
        """
        return column_lineage(self.columns, asset, stored, {name: inputs[name] for name in self.reads})

    def all_inputs(self, store: Store, partition: str, inputs: Inputs) -> Inputs:
        """The inputs, and what is found from them."""
        return {**inputs, **self.more_inputs(store, partition, inputs)}


@dataclasses.dataclass(frozen=True)
class Result:
    """What a step gave.

    Attributes:
        objects: by asset.
        inputs: what was really read, by asset.
        recipes: by which each was made.
        reused: whether it was stored already, made by the very same recipe.
    """

    objects: Mapping[str, StoredObject]
    inputs: Inputs
    recipes: Mapping[str, Recipe]
    reused: bool


def run(
    step: Step,
    store: Store,
    partition: str,
    inputs: Inputs,
    settings: Settings,
    progress: Progress = silent,
    *,
    force: bool = False,
) -> Result:
    """Make what a step makes, or take it from the store where the very same was made before.

    Args:
        step: which.
        store: to read from and to commit to. The ledger is the caller's to write.
        partition: drawing class or picture source.
        inputs: of `Step.reads`, by asset.
        settings: of the step's class.
        progress: where to say how far it is.
        force: make it again in any case.

    Raises:
        SettingsError: when the inputs do not belong together.
    """
    inputs = step.all_inputs(store, partition, inputs)
    recipes = step.recipes(store, partition, inputs, settings)
    if not force and (stored := _stored(store, partition, recipes)) is not None:
        versions = ", ".join(f"{asset} {o.hash[:12]}" for asset, o in stored.items())
        progress.say(f"up to date, not made again: {versions}. The same code, settings and inputs made it before.")
        return Result(stored, inputs, recipes, reused=True)
    key = digest([recipe.digest.encode() for recipe in recipes.values()])
    return Result(step.make(Work(store, partition, inputs, settings, progress, key)), inputs, recipes, reused=False)


def _stored(store: Store, partition: str, recipes: Mapping[str, Recipe]) -> dict[str, StoredObject] | None:
    """What these recipes made before, whole; None where one is missing."""
    found = {}
    for asset, recipe in recipes.items():
        entry = store.ledger.find(asset, partition, recipe)
        if entry is None:
            return None
        try:
            found[asset] = store.open(entry["version"], asset)
        except StoredObjectError:
            return None
    return found


@dataclasses.dataclass(frozen=True)
class Planned:
    """A step of a run, and why it has to run; None where all it makes is up to date."""

    step: Step
    reason: str | None


def plan(store: Store, steps: Sequence[Step], settings: Parts, partition: str, *, force: bool = False) -> list[Planned]:
    """What a run of some steps has to make anew.

    A step is up to date when what it makes was made by this code with these settings from what its inputs are now, lies whole in
    the store, and has passed its checks. A step after one that is not may still find that nothing changed: `run` looks again.

    Args:
        store: has what was made before.
        steps: in an order in which each comes after what it reads.
        settings: of the whole run.
        partition: drawing class or picture source.
        force: make everything again.
    """
    planned: list[Planned] = []
    stale: dict[str, str] = {}
    for step in steps:
        if force:
            reason: str | None = "everything is to be made again"
        else:
            reason = _stale(store, step, getattr(settings, step.part), partition, stale)
        if reason is not None:
            stale |= dict.fromkeys(step.makes, reason)
        planned.append(Planned(step, reason))
    return planned


def _stale(store: Store, step: Step, settings: Settings, partition: str, stale: Mapping[str, str]) -> str | None:
    """Why a step has to run."""
    if anew := [asset for asset in step.reads if asset in stale]:
        return f"{anew[0]} is made anew"
    try:
        inputs = {asset: store.latest(asset, partition) for asset in step.reads}
        recipes = step.recipes(store, partition, step.all_inputs(store, partition, inputs), settings)
    except (NothingMaterializedError, StoredObjectError, SettingsError) as error:
        return str(error)
    for asset, recipe in recipes.items():
        entry = store.ledger.latest(asset, partition)
        if entry is None:
            last = store.ledger.latest(asset, partition, unverified=True)
            return f"{asset} was never made" if last is None else f"{asset}: {store.ledger.withheld(last)}"
        if (other := difference(entry, recipe)) is not None:
            return f"{asset} was made {other}"
        try:
            store.open(entry["version"], asset)
        except StoredObjectError as error:
            return str(error)
    return None


def command_for(asset: str, partition: str) -> str:
    """The command that makes a version of an asset, for the message where there is none."""
    prefix, _, name = asset.partition("/")
    if prefix != "glyphs":
        return f"make run DRAWING={partition}"
    table = name in ("originals", "augmented", "train", "test", "valid")
    return f"make run SOURCE={partition}" + ("" if table else f" MODELS={name.removesuffix('_report')}")
