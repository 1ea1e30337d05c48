"""Partitions: one per name of a list of ours and of the user's own beside it.

Belongs here: what the rooms and those who launch runs share in that. Which names there are is the library's business.
"""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import dagster as dg

from fullcircle.core.default_store import default_store
from fullcircle.core.settings import SettingsError

PARTITION_TAG = "dagster/partition"
"""The tag of a run that names its partition; Dagster's, which has no public name for it."""


def partitions_of(known: Callable[[Path], Iterable[str]], ours: Iterable[str]) -> dg.StaticPartitionsDefinition:
    """Every name that is known; a register that cannot be read must not take our own with it: whoever uses it gets the error."""
    try:
        names = list(known(default_store()))
    except (OSError, SettingsError) as error:
        warnings.warn(str(error), stacklevel=2)
        names = list(ours)
    return dg.StaticPartitionsDefinition(names)
