"""Settings: everything a run may be told, with its rules. Checked before anything is made.

Belongs here: plain data and the rules it must keep. The Dagster configuration and the profiles are derived from these classes.
Does not belong here: anything that is slow to import; this module is read whenever definitions are loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Self


class SettingsError(ValueError):
    """A setting breaks a rule. The message names the rule, what was received and the choices."""


def setting(
    default: Any,
    about: str,
    *,
    choices: Iterable[str] | None = None,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    idle: bool = False,
) -> Any:
    """A field with its rule: one of `choices`, any text, or a number in [low, high] and greater than `above`.

    What kind of number, or whether it is text, or true or false, its annotation says. With `dataclasses.MISSING` for a default it
    must be given; with None it may be left out. An `idle` one changes nothing but the time that things take.
    """
    rule = {
        "about": about,
        "choices": tuple(choices) if choices is not None else None,
        "low": low,
        "high": high,
        "above": above,
        "idle": idle,
    }
    return dataclasses.field(default=default, metadata=rule)


@dataclasses.dataclass(frozen=True)
class Settings:
    """Base of all settings: checks every field against its rule when it is made."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, rule = getattr(self, field.name), field.metadata
            if "low" not in rule:
                continue  # not of `setting`: the class has a rule of its own for it
            name = f"{self.section()}.{field.name}"
            if value is None and field.default is None:
                continue
            if field.type in (bool, "bool"):
                if not isinstance(value, bool):
                    raise SettingsError(f"{name} is expected to be true or false. Received: {value!r}.")
                continue
            if rule["choices"] is not None:
                if value not in rule["choices"]:
                    raise SettingsError(f"{name} is expected to be one of {', '.join(rule['choices'])}. Received: {value!r}.")
                continue
            if field.type in (str, "str"):
                if not isinstance(value, str):
                    raise SettingsError(f"{name} is expected to be text. Received: {value!r}.")
                continue
            whole = field.type in (int, "int", "int | None")
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise SettingsError(f"{name} is expected to be a {'whole ' * whole}number. Received: {value!r}.")
            if not (rule["low"] <= value <= rule["high"] and value > rule["above"]):
                bounds = [f"at least {rule['low']:g}"] if rule["low"] > -math.inf else []
                bounds += [f"greater than {rule['above']:g}"] if rule["above"] > -math.inf else []
                bounds += [f"at most {rule['high']:g}"] if rule["high"] < math.inf else []
                raise SettingsError(f"{name} is expected to be {' and '.join(bounds)}. Received: {value!r}.")

    @classmethod
    def section(cls) -> str:
        """What messages call these settings: ``examples`` of ``examples.n``."""
        return cls.__name__.removesuffix("Settings").lower()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; 10 for a fraction is 10.0, as Dagster has it, so that both say and hash the same."""
        fractions = {f.name for f in dataclasses.fields(self) if f.type in (float, "float", "float | None")}
        return {
            name: float(value) if name in fractions and value is not None else value
            for name, value in dataclasses.asdict(self).items()
        }

    def content(self) -> dict[str, Any]:
        """What decides what is made: `as_dict` without idle settings."""
        idle = {f.name for f in dataclasses.fields(self) if f.metadata.get("idle")}
        return {name: value for name, value in self.as_dict().items() if name not in idle}


class Parts:
    """Base of the settings of a whole job: a frozen dataclass, each field of which is the `Settings` of one part."""

    def replaced(self, overrides: Mapping[str, Mapping[str, Any]]) -> Self:
        """These settings with some replaced, ``{"examples": {"n": 500}}``.

        Raises:
            SettingsError: on an unknown name, naming the nearest and the choices, or a value that breaks its rule.
        """
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]  # every subclass is one
        for part, values in overrides.items():
            if part not in parts:
                raise SettingsError(unknown_name("part of the settings", part, parts))
            known = [f.name for f in dataclasses.fields(parts[part])]
            for name in values:
                if name not in known:
                    raise SettingsError(unknown_name(f"setting of {part}", name, known))
            parts[part] = dataclasses.replace(parts[part], **values)
        return type(self)(**parts)


def unknown_name(what: str, received: str, choices: Iterable[str]) -> str:
    """The message for a name that is not among the choices: the nearest, and all of them."""
    choices = list(choices)
    near = difflib.get_close_matches(received, choices, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown {what}: {received!r}.{hint} Choose from: {', '.join(choices)}."
