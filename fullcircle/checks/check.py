"""What a check returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Check:
    """What a check found.

    Attributes:
        passed: whether the rule holds.
        says: the rule, what was found, and what to do if it does not hold.
        figures: numbers behind it.
        warns: whether it only warns where the rule does not hold, and what comes after goes on.
    """

    passed: bool
    says: str
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    warns: bool = False
