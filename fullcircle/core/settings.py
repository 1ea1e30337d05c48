"""Settings: what a run can be given, with its rules. Checked before anything is made.

Belongs here: plain data and the rules it must keep. The Dagster configuration and the profiles are derived from these classes.
Does not belong here: anything that is slow to import; this module is read whenever definitions are loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, Self

LARGEST_SEED = 2**32 - 1
"""Keras and scikit-learn take no larger one."""

LARGEST_WHOLE = 2**63 - 1
"""What a column of a table and NumPy's counters hold."""


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

    What kind of number, or whether it is text, or true or false, its annotation says; ``int | str`` is text for which a whole
    number may be given. With `dataclasses.MISSING` for a default it must be given; with None it may be left out. An `idle` one
    changes nothing but the time that things take.
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
            if value is None and field.default is None:
                continue
            if kind_of(field) == "int | str" and isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
                object.__setattr__(self, field.name, value)
            if (expected := _expected(kind_of(field), rule, value)) is not None:
                raise SettingsError(f"{self.section()}.{field.name} is expected to be {expected}. Received: {value!r}.")

    @classmethod
    def section(cls) -> str:
        """What messages call these settings: ``examples`` of ``examples.n``."""
        return cls.__name__.removesuffix("Settings").lower()

    @classmethod
    def summary(cls) -> str:
        """First line of the class's docstring: what the settings are, for the launchpad."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON; 10 for a fraction is 10.0, as Dagster has it, so that both say and hash the same."""
        fractions = {f.name for f in dataclasses.fields(self) if kind_of(f) in ("float", "float | None")}
        return {
            name: float(value) if name in fractions and value is not None else value
            for name, value in dataclasses.asdict(self).items()
        }

    def content(self) -> dict[str, Any]:
        """What decides what is made: `as_dict` without idle settings."""
        idle = {f.name for f in dataclasses.fields(self) if f.metadata.get("idle")}
        return {name: value for name, value in self.as_dict().items() if name not in idle}


def kind_of(field: dataclasses.Field[Any]) -> str:
    """The annotation of a setting as text, ``"int | None"``."""
    return field.type if isinstance(field.type, str) else field.type.__name__


def is_text(field: dataclasses.Field[Any]) -> bool:
    """Whether a setting holds text, one of its choices included."""
    return kind_of(field) in ("str", "int | str")


def _expected(kind: str, rule: Mapping[str, Any], value: Any) -> str | None:
    """What a value is expected to be, where it is something else."""
    if kind == "bool":
        return None if isinstance(value, bool) else "true or false"
    if rule["choices"] is not None:
        return None if value in rule["choices"] else f"one of {', '.join(rule['choices'])}"
    if kind in ("str", "int | str"):
        if not isinstance(value, str):
            return "text"
        # A lone half of a surrogate pair, as from an argument that is not UTF-8, cannot be written to any file.
        return None if _is_unicode(value) else "text in UTF-8"
    whole = kind.startswith("int")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return f"a {'whole ' * whole}number"
    if whole and abs(value) > LARGEST_WHOLE:
        return f"at most {LARGEST_WHOLE}"
    if not whole and not _is_finite(value):
        return "a finite number"
    if value == 0 and math.copysign(1, value) < 0:
        return "0 without a sign"  # equal to 0, but not when it is hashed or printed
    if rule["low"] <= value <= rule["high"] and value > rule["above"]:
        return None
    bounds = [f"at least {_plain(rule['low'])}"] if rule["low"] > -math.inf else []
    bounds += [f"greater than {_plain(rule['above'])}"] if rule["above"] > -math.inf else []
    bounds += [f"at most {_plain(rule['high'])}"] if rule["high"] < math.inf else []
    return " and ".join(bounds)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number that is larger than any fraction
        return False


def _plain(bound: float) -> str:
    """``4294967295``, where ``:g`` says 4.29497e+09."""
    return str(int(bound)) if float(bound).is_integer() else f"{bound:g}"


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
