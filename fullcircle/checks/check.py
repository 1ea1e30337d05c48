"""What a check is: a rule, what it found, and which assets it guards.

Belongs here: what all checks share. Each rule stands beside others of its kind, as a function from stored objects to a `Check`.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from fullcircle.drawings import drawing_class
from fullcircle.drawings.base import Drawing
from fullcircle.store.objects import Store, StoredObject


@dataclasses.dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        passed: whether the rule holds.
        description: the rule, what was found, and what to do if it does not hold.
        figures: numbers behind it.
        warns: whether it only warns where the rule does not hold, and what comes after goes on.
    """

    passed: bool
    description: str
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    warns: bool = False


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a guard looks at.

    Attributes:
        store: where the objects are, and the register of drawing classes.
        partition: drawing class or picture source.
        objects: by the last part of their asset's key, ``encoder``.
    """

    store: Store
    partition: str
    objects: Mapping[str, StoredObject]

    def __getitem__(self, name: str) -> StoredObject:
        return self.objects[name]

    @property
    def drawing(self) -> Drawing:
        """The drawing class that the partition is."""
        return drawing_class(self.partition, self.store.root)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A function that checks, and what of a subject it takes."""

    function: Callable[..., Check]
    arguments: Callable[[Subject], tuple[Any, ...]]

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def summary(self) -> str:
        """Docstring of the function."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, subject: Subject) -> Check:
        return self.function(*self.arguments(subject))


@dataclasses.dataclass(frozen=True)
class Guard:
    """The rules that an asset must keep.

    Attributes:
        asset: its key.
        reads: keys of what the rules look at, itself included.
        rules: in order.
        blocking: whether a rule that does not hold stops what comes after, unless the check warns only.
        together: keys of other assets made by the same step, which are not served either where a rule does not hold.
    """

    asset: str
    reads: tuple[str, ...]
    rules: tuple[Rule, ...]
    blocking: bool = True
    together: tuple[str, ...] = ()
